//! Which pages may connect. Only browsers are asked: a program without `Origin` and `Sec-Fetch-*` is none.

use std::net::{IpAddr, Ipv6Addr};

/// The name and port in a `Host` header or an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName {
    /// Lower case, without brackets.
    pub name: String,
    /// The port, where one is written.
    pub port: Option<u16>,
}

impl HostName {
    /// Reads `name`, `name:port`, `[v6]` or `[v6]:port`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (name, rest) = rest.split_once(']')?;
                name.parse::<Ipv6Addr>().ok()?;
                (name, rest.strip_prefix(':').map_or_else(|| rest.is_empty().then_some(None), |port| Some(Some(port)))?)
            }
            None => match text.split_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (text, None),
            },
        };
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if name.is_empty() || !name.chars().all(fits) {
            return None;
        }
        // `parse` alone would take a sign; a port that is left empty is none (RFC 3986, section 3.2.3).
        let port = match port {
            None | Some("") => None,
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => Some(digits.parse().ok()?),
            Some(_) => return None,
        };
        Some(Self { name: name.to_ascii_lowercase(), port })
    }

    /// Whether it names this machine: `localhost`, `*.localhost`, a loopback address, or one of `own`.
    pub fn is_local(&self, own: &[IpAddr]) -> bool {
        self.is_loopback() || self.name.parse::<IpAddr>().is_ok_and(|address| own.contains(&address.to_canonical()))
    }

    fn is_loopback(&self) -> bool {
        self.name == "localhost"
            || self.name.ends_with(".localhost")
            || self.name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
    }
}

/// Why a page may not connect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginRefusal {
    /// No origin, `null`, of an extension, or unreadable.
    #[error("origin missing or invalid")]
    Invalid,
    /// Not this gateway's own, and not on the list.
    #[error("origin not allowed")]
    NotAllowed {
        /// The origin, printed anew.
        origin: String,
    },
}

impl OriginRefusal {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::Invalid => "open the page over http:// or https://".to_owned(),
            Self::NotAllowed { origin } => {
                format!("to allow this page, add \"{origin}\" to gateway.controlUi.allowedOrigins")
            }
        }
    }
}

/// Checks the origin of a browser's request.
///
/// Allowed are origins on the list (`*` stands for all), a page on a loopback name that asks for a local Host, and the page
/// that this gateway itself served under a local Host. Whoever can make a name point here cannot make it local, which is
/// the defence against DNS rebinding.
///
/// # Errors
/// [`OriginRefusal`].
pub fn check(
    origin: Option<&str>,
    host: Option<&str>,
    allowed: &[String],
    own: &[IpAddr],
) -> Result<(), OriginRefusal> {
    let origin = origin.map(str::trim).ok_or(OriginRefusal::Invalid)?;
    let (scheme, rest) = origin.split_once("://").ok_or(OriginRefusal::Invalid)?;
    if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
        return Err(OriginRefusal::Invalid);
    }
    let page = HostName::parse(rest).ok_or(OriginRefusal::Invalid)?;
    let printed = origin.to_ascii_lowercase();
    if allowed.iter().any(|listed| listed == "*" || listed.trim_end_matches('/').eq_ignore_ascii_case(&printed)) {
        return Ok(());
    }
    let host = host.and_then(HostName::parse);
    let same_page = host.as_ref().is_some_and(|host| {
        let port = page.port.unwrap_or(if printed.starts_with("https") { 443 } else { 80 });
        host.name == page.name && host.port.unwrap_or(port) == port
    });
    let local_host = host.is_some_and(|host| host.is_local(own));
    if local_host && (page.is_loopback() || same_page) {
        Ok(())
    } else {
        Err(OriginRefusal::NotAllowed { origin: printed })
    }
}

/// Whether the request's Host is that of a listed origin: then a page of that origin came to where it was served from.
pub fn is_listed_host(host: Option<&str>, allowed: &[String]) -> bool {
    let Some(host) = host.and_then(HostName::parse) else { return false };
    allowed.iter().any(|listed| {
        let Some((scheme, rest)) = listed.trim_end_matches('/').split_once("://") else { return false };
        let port = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
        HostName::parse(rest)
            .is_some_and(|page| page.name == host.name && page.port.unwrap_or(port) == host.port.unwrap_or(port))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn which_pages_may_connect() {
        let own = ["192.0.2.1".parse().expect("an address")];
        #[rustfmt::skip]
        let rows = [
            // origin                        Host                   allowed
            (Some("http://localhost:5173"),  "127.0.0.1:18789",     true),
            (Some("http://127.0.0.1:18789"), "127.0.0.1:18789",     true),
            (Some("http://[::1]:18789"),     "[::1]:18789",         true),
            (Some("http://app.localhost"),   "localhost:18789",     true),
            (Some("http://192.0.2.1:18789"), "192.0.2.1:18789",     true),  // the page that we served
            (Some("http://192.0.2.1:9999"),  "192.0.2.1:18789",     false), // another page of this machine's address
            (Some("http://localhost:5173"),  "evil.example:18789",  false), // a name that was made to point here
            (Some("http://evil.example:18789"), "evil.example:18789", false), // the same, from its own page
            (Some("http://192.0.2.1:18789"), "[::ffff:192.0.2.1]:18789", false), // another name than the page's
            (Some("http://[::ffff:127.0.0.1]"), "localhost",        true),
            (Some("http://localhost:"),      "localhost:",          true),
            (Some("http://localhost:+80"),   "localhost",           false),
            (Some("http://localhost:99999"), "localhost",           false),
            (Some("http://localhost/x"),     "localhost",           false),
            (Some("http://a@localhost"),     "localhost",           false),
            (Some("http://localhost"),       "127.1",               false), // not an address as programs write it
            (Some("http://localhost"),       "evil.localhost.example", false),
            (Some("https://ui.example"),     "gateway.example",     true),  // on the list
            (Some("https://UI.example"),     "gateway.example",     true),
            (Some("https://ui.example:444"), "gateway.example",     false),
            (Some("http://evil.example"),    "localhost:18789",     false),
            (Some("null"),                   "localhost:18789",     false),
            (Some("chrome-extension://abc"), "localhost:18789",     false),
            (Some("http://"),                "localhost:18789",     false),
            (Some("http://a b"),             "localhost:18789",     false),
            (Some(""),                       "localhost:18789",     false),
            (None,                           "localhost:18789",     false),
        ];
        let allowed = ["https://ui.example/".to_owned()];
        for (origin, host, expected) in rows {
            assert_eq!(check(origin, Some(host), &allowed, &own).is_ok(), expected, "{origin:?} at {host}");
        }
        assert!(check(Some("https://any.example"), Some("x"), &["*".to_owned()], &[]).is_ok());
        assert!(check(Some("null"), Some("x"), &["*".to_owned()], &[]).is_err(), "null is nobody's origin");
    }

    #[test]
    fn which_hosts_are_listed() {
        let allowed = ["https://ui.example".to_owned(), "http://other.example:8080/".to_owned(), "*".to_owned()];
        #[rustfmt::skip]
        let rows = [
            ("ui.example",          true),
            ("UI.example:443",      true),
            ("ui.example:80",       false),
            ("other.example:8080",  true),
            ("other.example",       false),
            ("gateway.example",     false),
            ("",                    false),
        ];
        for (host, expected) in rows {
            assert_eq!(is_listed_host(Some(host), &allowed), expected, "{host}");
        }
        assert!(!is_listed_host(None, &allowed));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parsers_panic(origin in ".{0,60}", host in ".{0,60}") {
            let _ = check(Some(&origin), Some(&host), &[], &[]);
            let _ = is_listed_host(Some(&host), &[origin]);
        }
    }
}
