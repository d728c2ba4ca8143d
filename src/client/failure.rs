//! What went wrong between us and a gateway, told apart by what can be done about it.

use std::{fmt, io, net::SocketAddr, path::PathBuf, time::Duration};

use tokio_rustls::rustls;

use super::{Answer, Fingerprint, GatewayUrl};
use crate::{
    dns::ResolveError,
    protocol::{ErrorShape, SourceReport},
};

/// How far a connection attempt had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Opening the TCP connection or the socket.
    Dialing,
    /// The TLS handshake.
    Tls,
    /// The HTTP upgrade.
    Upgrade,
    /// Waiting for the gateway's challenge.
    Challenge,
    /// Waiting for the answer to `connect`.
    Connect,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dialing => "opening the connection",
            Self::Tls => "in the TLS handshake",
            Self::Upgrade => "waiting for the answer to the WebSocket upgrade",
            Self::Challenge => "waiting for the gateway's challenge",
            Self::Connect => "waiting for the answer to connect",
        })
    }
}

/// How a WebSocket ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The status of the close frame; `None` where the connection was cut without one.
    pub code: Option<u16>,
    /// The reason of the close frame.
    pub reason: String,
}

impl Closed {
    /// Cut without a close frame, which clients call 1006.
    pub const fn cut() -> Self {
        Self { code: None, reason: String::new() }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = if self.reason.is_empty() { "no close reason" } else { &self.reason };
        match self.code {
            None => write!(f, "gateway closed (1006 abnormal closure (no close frame)): {reason}"),
            Some(1000) => write!(f, "gateway closed (1000 normal closure): {reason}"),
            Some(code) => write!(f, "gateway closed ({code}): {reason}"),
        }
    }
}

/// Why there is no connection to a gateway.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The host's name has no address.
    #[error("the gateway's host name gives no address")]
    Unresolved(#[source] ResolveError),
    /// Every address refused the connection.
    #[error("Gateway not reachable at {at} (ECONNREFUSED): nothing listens there")]
    NothingListens {
        /// Address and port, or the socket's path.
        at: String,
    },
    /// There is no socket.
    #[error("Gateway not reachable at {path}: there is no such socket", path = .path.display())]
    NoSocket {
        /// Where it would be.
        path: PathBuf,
    },
    /// No connection, and not for want of a listener.
    #[error("Gateway not reachable at {at}")]
    Unreachable {
        /// Address and port, or the socket's path.
        at: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// The socket file is not open to us.
    #[error("no permission to use the socket {path}", path = .path.display())]
    PermissionDenied {
        /// The socket.
        path: PathBuf,
    },
    /// Somebody else listens on the socket.
    #[error("the socket {path} is served by uid {owner}, and we are uid {own}", path = .path.display())]
    ForeignSocket {
        /// The socket.
        path: PathBuf,
        /// Who serves it.
        owner: u32,
        /// Who we are.
        own: u32,
    },
    /// A host that is not certainly private was to be asked without TLS.
    #[error(
        "SECURITY ERROR: Gateway URL \"{url}\" uses plaintext ws:// to a non-loopback address{}",
        .public.map(|address| format!(" ({})", address.ip())).unwrap_or_default()
    )]
    Plaintext {
        /// The URL.
        url: GatewayUrl,
        /// The first of its addresses that is not private.
        public: Option<SocketAddr>,
    },
    /// We spoke plainly to a TLS port.
    #[error("the port speaks TLS, and ws:// was used")]
    SpeaksTls {
        /// The URL with the right scheme.
        right: GatewayUrl,
    },
    /// We spoke TLS to a plain port.
    #[error("the port speaks plain HTTP, and wss:// was used")]
    SpeaksPlain {
        /// The URL with the right scheme.
        right: GatewayUrl,
    },
    /// The certificate is not one that we trust.
    #[error("the gateway's certificate is not trusted")]
    Untrusted {
        /// The fingerprint of what was presented.
        presented: Option<Fingerprint>,
        /// What is wrong with it.
        source: Option<rustls::Error>,
    },
    /// The certificate is not the one that was named.
    #[error("the gateway's certificate has fingerprint {presented}, expected {}", list(.expected))]
    OtherCertificate {
        /// What was presented.
        presented: Fingerprint,
        /// What was named.
        expected: Vec<Fingerprint>,
    },
    /// The named file of authorities cannot be used.
    #[error("cannot read the certificates in {path}", path = .path.display())]
    Authorities {
        /// The file, from `SSL_CERT_FILE`.
        path: PathBuf,
        /// Why.
        source: rustls_pki_types::pem::Error,
    },
    /// Something answered that is no gateway, or a gateway that does not take us.
    #[error("{0}")]
    NotAGateway(Answer),
    /// Something answered that is not even HTTP.
    #[error("not a gateway: the answer to the WebSocket upgrade began with {:?}", beginning(.0))]
    NotHttp(Vec<u8>),
    /// It took our upgrade with a key that was not ours.
    #[error("not a gateway: the WebSocket upgrade was answered with another connection's key")]
    WrongKey,
    /// The WebSocket works, and what comes over it is not this protocol.
    #[error("not a gateway: {0}")]
    NotTheProtocol(String),
    /// The connection ended before the gateway had greeted us.
    #[error("{closed}{}", at_step(.closed, *.step))]
    Closed {
        /// How far it had come.
        step: Step,
        /// How it ended.
        closed: Closed,
    },
    /// Nothing came in time.
    #[error("gateway timeout after {}ms ({step})", .after.as_millis())]
    Timeout {
        /// How far it had come.
        step: Step,
        /// How long was waited.
        after: Duration,
    },
    /// The gateway refused `connect`.
    #[error("gateway connect failed: {}", .error.message)]
    Refused {
        /// Its answer.
        error: Box<ErrorShape>,
        /// The close frame that followed.
        closed: Option<Closed>,
    },
}

impl Failure {
    /// How the gateway that refused us sees us, where it tells: one of ours does, in the answer to `connect` and in the HTTP
    /// answer to the upgrade.
    pub fn source_report(&self) -> Option<SourceReport> {
        let told = match self {
            Self::Refused { error, .. } => error.details.as_ref()?.get("source")?.clone(),
            Self::NotAGateway(answer) => {
                serde_json::from_str::<serde_json::Value>(&answer.body).ok()?.get("error")?.get("source")?.clone()
            }
            _ => return None,
        };
        serde_json::from_value(told).ok()
    }

    /// The close frame that the gateway ended the connection with.
    pub fn closed(&self) -> Option<&Closed> {
        match self {
            Self::Closed { closed, .. } => Some(closed),
            Self::Refused { closed, .. } => closed.as_ref(),
            _ => None,
        }
    }

    /// Whether nobody is there at all: not even something that refuses us.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::NothingListens { .. } | Self::NoSocket { .. })
    }

    /// Whether a gateway is there and does not take us.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Refused { .. } => true,
            Self::Closed { closed, .. } => closed.code == Some(1008),
            _ => false,
        }
    }

    /// Whether the device token that we presented no longer counts: the text that tells clients to forget it.
    pub fn is_stale_device_token(&self) -> bool {
        let says_so = |text: &str| text.contains("device token mismatch");
        match self {
            Self::Refused { error, closed } => {
                says_so(&error.message) || closed.as_ref().is_some_and(|closed| says_so(&closed.reason))
            }
            Self::Closed { closed, .. } => closed.code == Some(1008) && says_so(&closed.reason),
            _ => false,
        }
    }

    /// When the gateway would have us come back, where it said so: it is starting.
    pub fn retry_after(&self) -> Option<Duration> {
        let Self::Refused { error, .. } = self else { return None };
        error.retry_after_ms.filter(|_| error.retryable == Some(true)).map(Duration::from_millis)
    }

    /// Whether the gateway does not take the shared secret that we presented.
    pub fn is_wrong_secret(&self) -> bool {
        let Self::Refused { error, .. } = self else { return false };
        let message = error.message.as_str();
        message.starts_with("unauthorized") && message.contains("mismatch")
    }
}

/// Why an admitted connection gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallFailure {
    /// The gateway answered with an error.
    #[error("{}", .0.message)]
    Refused(Box<ErrorShape>),
    /// The answer is not what the method returns.
    #[error("the gateway's answer to {method} cannot be read")]
    Unreadable {
        /// The method.
        method: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The connection ended.
    #[error("{0}")]
    Lost(Closed),
    /// No answer in time.
    #[error("gateway timeout after {}ms (waiting for the answer to {method})", .after.as_millis())]
    Timeout {
        /// The method.
        method: String,
        /// How long was waited.
        after: Duration,
    },
}

fn list(fingerprints: &[Fingerprint]) -> String {
    fingerprints.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

fn beginning(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]);
    text.lines().next().unwrap_or_default().to_owned()
}

/// A cut says nothing of itself, so where it happened is all that is known.
fn at_step(closed: &Closed, step: Step) -> String {
    if closed.code.is_none() || closed.reason.is_empty() { format!(" ({step})") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closes_read_as_operators_grep_for_them() {
        #[rustfmt::skip]
        let rows = [
            (Some(1008), "pairing required", "gateway closed (1008): pairing required"),
            (Some(1012), "",                 "gateway closed (1012): no close reason"),
            (Some(1000), "",                 "gateway closed (1000 normal closure): no close reason"),
            (None,       "",                 "gateway closed (1006 abnormal closure (no close frame)): no close reason"),
        ];
        for (code, reason, text) in rows {
            assert_eq!(Closed { code, reason: reason.into() }.to_string(), text);
        }
    }

    #[test]
    fn a_stale_device_token_is_known_by_its_text() {
        let refused = |message: &str, reason: &str| Failure::Refused {
            error: Box::new(ErrorShape::invalid(message)),
            closed: Some(Closed { code: Some(1008), reason: reason.into() }),
        };
        #[rustfmt::skip]
        let rows = [
            (refused("unauthorized: device token mismatch (rotate/reissue device token)", ""), true),
            (refused("connect failed", "unauthorized: device token mismatch (rotate/reis"),    true),
            (refused("unauthorized: gateway token mismatch (x)", "x"),                         false),
            (Failure::Closed { step: Step::Connect, closed: Closed { code: Some(1008), reason: "device token mismatch".into() } }, true),
            (Failure::Closed { step: Step::Connect, closed: Closed { code: Some(1000), reason: "device token mismatch".into() } }, false),
        ];
        for (failure, stale) in rows {
            assert_eq!(failure.is_stale_device_token(), stale, "{failure}");
        }
    }
}
