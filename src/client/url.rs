//! Where a gateway is, as people write it.

use std::{fmt, net::IpAddr, str::FromStr};

use hyper::http::Uri;

use crate::hint::Hint;

/// What a gateway's port speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP and WebSocket.
    Ws,
    /// The same within TLS.
    Wss,
}

impl Scheme {
    /// The name in a URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }
}

/// A gateway's URL, `ws://host:port/path` or `wss://…`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GatewayUrl {
    scheme: Scheme,
    /// Lower case, an IPv6 address without brackets.
    host: String,
    port: u16,
    /// Begins with a slash, with the query.
    path: String,
}

/// A text that is no gateway URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a gateway URL: {problem}")]
pub struct InvalidUrl {
    text: String,
    problem: &'static str,
}

impl Hint for InvalidUrl {
    fn hint(&self) -> String {
        "write it as ws://HOST:PORT, or wss://HOST:PORT where the gateway has TLS".into()
    }
}

impl GatewayUrl {
    /// The URL of `host` and `port`.
    pub fn new(scheme: Scheme, host: &str, port: u16) -> Self {
        Self { scheme, host: host.to_ascii_lowercase(), port, path: "/".into() }
    }

    /// What the port is expected to speak.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path and query of the upgrade request.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The host as an address, where it is written as one.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// `host:port` as it stands in a `Host` header.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Scheme, host and port: what a stored token belongs to.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme.as_str(), self.authority())
    }

    /// The same place with the other scheme, for advice.
    #[must_use]
    pub fn other_scheme(&self) -> Self {
        let scheme = match self.scheme {
            Scheme::Ws => Scheme::Wss,
            Scheme::Wss => Scheme::Ws,
        };
        Self { scheme, ..self.clone() }
    }

    /// The same, with the address that stands for every interface replaced by loopback: one listens there, nobody is there.
    #[must_use]
    pub fn dialable(&self) -> Self {
        let host = match self.address() {
            // A gateway that listens on every address listens on this one; ::1 is missing where IPv6 is switched off.
            Some(address) if address.is_unspecified() => "127.0.0.1".to_owned(),
            _ => self.host.clone(),
        };
        Self { host, ..self.clone() }
    }

    /// Whether the host is this machine by what it is called: `localhost`, a name below it, or a loopback address.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self.host.ends_with(".localhost")
            || self.address().is_some_and(|address| address.to_canonical().is_loopback())
    }
}

impl fmt::Display for GatewayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())?;
        if self.path == "/" { Ok(()) } else { f.write_str(&self.path) }
    }
}

impl FromStr for GatewayUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The text is repeated to whoever typed it; user and password of a URL are the only secrets in one.
        let refuse = |problem| InvalidUrl { text: without_user(text), problem };
        let uri: Uri = text.trim().parse().map_err(|_| refuse("it cannot be read"))?;
        let scheme = match uri.scheme_str() {
            Some("ws" | "http") => Scheme::Ws,
            Some("wss" | "https") => Scheme::Wss,
            Some(_) => return Err(refuse("the scheme is neither ws nor wss")),
            None => return Err(refuse("it has no scheme")),
        };
        let authority = uri.authority().ok_or_else(|| refuse("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(refuse("a user or password does not belong there; use --token or --password"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if host.is_empty() {
            return Err(refuse("it has no host"));
        }
        let port = match authority.port() {
            Some(port) => port.as_str().parse().ok().filter(|port| *port != 0).ok_or_else(|| refuse("bad port"))?,
            None if authority.as_str() != authority.host() => return Err(refuse("bad port")),
            None => scheme.default_port(),
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { scheme, host, port, path })
    }
}

fn without_user(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(start), Some(end)) if end > start => format!("{}://…{}", &text[..start], &text[end..]),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn urls() {
        #[rustfmt::skip]
        let rows = [
            // text                              printed                                    loopback
            ("ws://127.0.0.1:18789",             Some("ws://127.0.0.1:18789"),              true),
            ("ws://127.9.9.9:1",                 Some("ws://127.9.9.9:1"),                  true),
            ("  ws://LOCALHOST:18789/ ",         Some("ws://localhost:18789"),              true),
            ("wss://gw.example.test",            Some("wss://gw.example.test:443"),         false),
            ("https://gw.example.test/base?x=1", Some("wss://gw.example.test:443/base?x=1"), false),
            ("http://gateway",                   Some("ws://gateway:80"),                   false),
            ("ws://[::1]:18789",                 Some("ws://[::1]:18789"),                  true),
            ("ws://[::ffff:127.0.0.1]:1",        Some("ws://[::ffff:127.0.0.1]:1"),         true),
            ("ws://[fd00::1]:18789/",            Some("ws://[fd00::1]:18789"),              false),
            ("gateway:18789",                    None,                                      false),
            ("127.0.0.1:18789",                  None,                                      false),
            ("ftp://gateway",                    None,                                      false),
            ("ws://",                            None,                                      false),
            ("ws://gateway:0",                   None,                                      false),
            ("ws://gateway:99999",               None,                                      false),
            ("ws://gateway:",                    None,                                      false),
            ("ws://me:secret@gateway:1",         None,                                      false),
            ("",                                 None,                                      false),
        ];
        for (text, printed, loopback) in rows {
            let url = text.parse::<GatewayUrl>().ok();
            assert_eq!(url.as_ref().map(ToString::to_string).as_deref(), printed, "{text}");
            assert_eq!(url.is_some_and(|url| url.is_loopback()), loopback, "{text}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_not_repeated() {
        let error = "ws://me:secret@gateway:1".parse::<GatewayUrl>().expect_err("refused");
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "(ws://)?.{0,60}") {
            if let Ok(url) = text.parse::<GatewayUrl>() {
                prop_assert_eq!(url.to_string().parse::<GatewayUrl>(), Ok(url));
            }
        }
    }
}
