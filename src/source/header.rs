//! Headers that only proxies send.

use hyper::HeaderMap;

/// A header that only proxies send. Its name comes from our own list, so it can be shown anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProxyHeader(&'static str);

/// Names that end in a hyphen stand for every header that begins so.
const PROXY_HEADERS: [&str; 12] = [
    "forwarded",
    "via",
    "x-forwarded-",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-",
    "true-client-ip",
    "cf-",
    "fly-client-ip",
    "tailscale-",
    "x-original-",
];

/// Those of them that name a client, most telling first.
const CLIENT_HEADERS: [&str; 10] = [
    "x-forwarded-for",
    "forwarded",
    "x-real-ip",
    "cf-connecting-ip",
    "true-client-ip",
    "fly-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-external-address",
    "x-original-forwarded-for",
];

impl ProxyHeader {
    /// The first header that speaks of a proxy. An empty value speaks of one too, and so does a name with underscores, which
    /// some servers read as hyphens.
    pub fn first_in(headers: &HeaderMap) -> Option<Self> {
        headers.keys().find_map(|name| {
            PROXY_HEADERS.iter().find(|listed| is_named(name.as_str(), listed)).map(|listed| Self(listed))
        })
    }

    /// The first header that names a client.
    pub(super) fn naming_a_client(headers: &HeaderMap) -> Option<Self> {
        CLIENT_HEADERS
            .iter()
            .find(|listed| headers.keys().any(|name| is_named(name.as_str(), listed)))
            .map(|listed| Self(listed))
    }

    /// The name, or the prefix with an asterisk.
    pub fn name(self) -> String {
        if self.0.ends_with('-') { format!("{}*", self.0) } else { self.0.to_owned() }
    }
}

/// Whether a header's name is the listed one, or begins with it where that ends in a hyphen.
fn is_named(name: &str, listed: &str) -> bool {
    let (name, listed_bytes) = (name.as_bytes(), listed.as_bytes());
    let same = |(a, b): (&u8, &u8)| a == b || (*a == b'_' && *b == b'-');
    let long_enough = if listed.ends_with('-') { name.len() >= listed.len() } else { name.len() == listed.len() };
    long_enough && name.iter().zip(listed_bytes).all(same)
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn names_and_their_aliases() {
        #[rustfmt::skip]
        let rows = [
            ("forwarded",            Some("forwarded")),
            ("via",                  Some("via")),
            ("x-forwarded-for",      Some("x-forwarded-*")),
            ("X-Forwarded-For",      Some("x-forwarded-*")),
            ("x_forwarded_for",      Some("x-forwarded-*")), // CGI and some proxies read it as the same
            ("x-forwarded_for",      Some("x-forwarded-*")),
            ("x-forwarded-",         Some("x-forwarded-*")),
            ("x-real-ip",            Some("x-real-ip")),
            ("x_real_ip",            Some("x-real-ip")),
            ("x-client-ip",          Some("x-client-ip")),
            ("x-cluster-client-ip",  Some("x-cluster-client-ip")),
            ("x-envoy-external-address", Some("x-envoy-*")),
            ("true-client-ip",       Some("true-client-ip")),
            ("cf-connecting-ip",     Some("cf-*")),
            ("cf-ray",               Some("cf-*")),
            ("fly-client-ip",        Some("fly-client-ip")),
            ("tailscale-user-login", Some("tailscale-*")),
            ("tailscale-funnel-request", Some("tailscale-*")),
            ("x-original-forwarded-for", Some("x-original-*")),
            // Not ours to judge by.
            ("host",                 None),
            ("forwarded-for",        None),
            ("x-forwarded",          None),
            ("x-real-ip-2",          None),
            ("cfg",                  None),
            ("viaduct",              None),
            ("origin",               None),
        ];
        for (name, expected) in rows {
            let name: HeaderName = name.parse().expect("a name");
            let headers: HeaderMap = [(name.clone(), HeaderValue::from_static(""))].into_iter().collect();
            assert_eq!(ProxyHeader::first_in(&headers).map(ProxyHeader::name).as_deref(), expected, "{name}");
        }
    }
}
