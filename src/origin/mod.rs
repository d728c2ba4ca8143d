//! Which names are this gateway's, and which pages may connect. Only browsers are asked: a program without `Origin` and
//! `Sec-Fetch-*` is none.

mod host;

pub use host::{HostJudgement, HostName, Hosts, NameFacts, OwnNames};

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

/// The page from which a browser's request comes, and how it came.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The `Origin` header.
    pub origin: Option<&'a str>,
    /// The `Host` header.
    pub host: Option<&'a str>,
    /// Whether TLS ended at this gateway, or before something that stands in front of it: a page that came over HTTPS under a
    /// name then came from whoever has the certificate for that name.
    pub behind_tls: bool,
}

/// Checks the origin of a browser's request.
///
/// Allowed are origins on the list (`*` stands for all), a page on a loopback name that asks for a local Host, and the page
/// that this gateway itself served: one of the same Host, where that is no name that a stranger can make point here, or where
/// a certificate for the name stood in between. Whoever rebinds a name of his has neither.
///
/// # Errors
/// [`OriginRefusal`].
pub fn check(page: Page<'_>, hosts: Hosts<'_>) -> Result<(), OriginRefusal> {
    let origin = page.origin.map(str::trim).ok_or(OriginRefusal::Invalid)?;
    let (scheme, rest) = origin.split_once("://").ok_or(OriginRefusal::Invalid)?;
    let secure = scheme.eq_ignore_ascii_case("https");
    if !secure && !scheme.eq_ignore_ascii_case("http") {
        return Err(OriginRefusal::Invalid);
    }
    let from = HostName::parse(rest).ok_or(OriginRefusal::Invalid)?;
    let printed = origin.to_ascii_lowercase();
    if hosts.origins.iter().any(|listed| listed == "*" || listed.trim_end_matches('/').eq_ignore_ascii_case(&printed)) {
        return Ok(());
    }
    let same_page = page.host.and_then(HostName::parse).is_some_and(|host| {
        let port = from.port.unwrap_or(if secure { 443 } else { 80 });
        host.name == from.name && host.port.unwrap_or(port) == port
    });
    let allowed = match hosts.judge(page.host) {
        HostJudgement::Local => from.is_loopback() || same_page,
        HostJudgement::Listed | HostJudgement::OwnName | HostJudgement::Fixed => same_page,
        HostJudgement::Foreign => same_page && secure && page.behind_tls,
    };
    if allowed { Ok(()) } else { Err(OriginRefusal::NotAllowed { origin: printed }) }
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
            (Some("http://gw:18789"),        "gw:18789",            true),  // the machine's name
            (Some("http://gateway:18789"),   "gateway:18789",       true),  // a compose service
            (Some("http://gateway:18789"),   "gw:18789",            false), // another name than the page's
            (Some("http://203.0.113.7:1"),   "203.0.113.7:1",       true),  // the host's address, seen from a container
            (Some("http://203.0.113.7:1"),   "203.0.113.7:2",       false),
            (Some("http://host.docker.internal:18789"), "host.docker.internal:18789", true),
            (Some("http://localhost"),       "gateway:18789",       false),
            (Some("https://evil.example"),   "evil.example",        false),
        ];
        let names = OwnNames::of(NameFacts { hostname: "gw", ..NameFacts::default() });
        let origins = ["https://ui.example/".to_owned()];
        let hosts = Hosts { addresses: &own, names: &names, origins: &origins };
        for (origin, host, expected) in rows {
            let page = Page { origin, host: Some(host), behind_tls: false };
            assert_eq!(check(page, hosts).is_ok(), expected, "{origin:?} at {host}");
        }
        let everywhere = Hosts { origins: &["*".to_owned()], ..hosts };
        for (origin, expected) in [("https://any.example", true), ("null", false)] {
            let page = Page { origin: Some(origin), host: Some("x"), behind_tls: false };
            assert_eq!(check(page, everywhere).is_ok(), expected, "{origin} where all are listed");
        }
    }

    #[test]
    fn a_certificate_shows_that_a_name_is_ours() {
        #[rustfmt::skip]
        let rows = [
            // origin                     Host                 TLS    allowed
            ("https://gw.example",        "gw.example",        true,  true),
            ("https://gw.example",        "gw.example:443",    true,  true),
            ("https://gw.example:8443",   "gw.example:8443",   true,  true),
            ("https://gw.example",        "gw.example",        false, false), // no browser sends it so
            ("http://gw.example",         "gw.example",        true,  false), // rebound, then brought by a proxy
            ("https://evil.example",      "gw.example",        true,  false),
            ("https://gw.example:8443",   "gw.example",        true,  true),  // the proxy drops the port
            ("https://gw.example",        "gw.example:8443",   true,  false),
        ];
        let names = OwnNames::default();
        for (origin, host, behind_tls, expected) in rows {
            let page = Page { origin: Some(origin), host: Some(host), behind_tls };
            let hosts = Hosts { addresses: &[], names: &names, origins: &[] };
            assert_eq!(check(page, hosts).is_ok(), expected, "{origin} at {host}, TLS {behind_tls}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parsers_panic(origin in ".{0,60}", host in ".{0,60}") {
            let names = OwnNames::default();
            let hosts = Hosts { addresses: &[], names: &names, origins: &[] };
            let _ = check(Page { origin: Some(&origin), host: Some(&host), behind_tls: true }, hosts);
        }
    }
}
