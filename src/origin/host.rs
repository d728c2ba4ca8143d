//! What a request's Host is held to be.
//!
//! A page from anywhere can point a name of its own at this machine (DNS rebinding): the browser then takes the gateway for
//! the page's own server. It cannot choose which name it does that to: the name has to be one that the attacker answers for.
//! So what counts is whether a stranger could answer for the name:
//!
//! | Host | judged | a page of the same Host | a browser is paired silently, where its class grants it |
//! | --- | --- | --- | --- |
//! | `localhost`, `*.localhost`, 127.0.0.0/8, `[::1]`, our own addresses | local | may connect | yes |
//! | that of an entry of `gateway.controlUi.allowedOrigins` | listed | may connect | yes |
//! | the machine's name, names that /etc/hosts has for our addresses, `host.docker.internal`, `host.containers.internal`; in a pod every name of its own namespace below `svc` | own name | may connect | yes |
//! | another address; a single label (a compose service, a container's name); the machine's name below `.local` | fixed | may connect | no |
//! | any other name | foreign | only over HTTPS | no |
//!
//! No resolver asks the public DNS for an address, and public names have two labels at least. Names of other namespaces are
//! foreign: whoever may make Services there answers for them. So is `SERVICE.NAMESPACE`: some namespaces are called like a
//! public domain.

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

    /// Whether it is an address and no name.
    pub(super) fn is_address(&self) -> bool {
        self.name.parse::<IpAddr>().is_ok()
    }

    pub(super) fn is_loopback(&self) -> bool {
        self.name == "localhost"
            || self.name.ends_with(".localhost")
            || self.name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
    }
}

/// What a request's Host is held to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HostJudgement {
    /// This machine, by a name that is nobody else's.
    Local,
    /// That of a page on the list.
    Listed,
    /// A name of this machine in its own network.
    OwnName,
    /// Nothing that a stranger could point here: an address, or a name that the public DNS does not have.
    Fixed,
    /// A name that anybody may have made point here, or none.
    Foreign,
}

impl HostJudgement {
    /// The name in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Listed => "listed",
            Self::OwnName => "own-name",
            Self::Fixed => "fixed",
            Self::Foreign => "foreign",
        }
    }

    /// Whether a browser that came to it came to this gateway beyond doubt, so that its page may be paired silently.
    pub const fn is_ours(self) -> bool {
        matches!(self, Self::Local | Self::Listed | Self::OwnName)
    }
}

/// What a Host is compared with.
#[derive(Debug, Clone, Copy)]
pub struct Hosts<'a> {
    /// Our own addresses.
    pub addresses: &'a [IpAddr],
    /// Our own names.
    pub names: &'a OwnNames,
    /// `gateway.controlUi.allowedOrigins`.
    pub origins: &'a [String],
}

impl Hosts<'_> {
    /// Judges the `Host` header of a request.
    pub fn judge(&self, host: Option<&str>) -> HostJudgement {
        let Some(host) = host.and_then(HostName::parse) else { return HostJudgement::Foreign };
        if host.is_local(self.addresses) {
            HostJudgement::Local
        } else if self.lists(&host) {
            HostJudgement::Listed
        } else if self.names.has(&host.name) {
            HostJudgement::OwnName
        } else if host.is_address() || is_single_label(&host.name) || self.names.has_in_mdns(&host.name) {
            HostJudgement::Fixed
        } else {
            HostJudgement::Foreign
        }
    }

    fn lists(&self, host: &HostName) -> bool {
        self.origins.iter().any(|listed| {
            let Some((scheme, rest)) = listed.trim_end_matches('/').split_once("://") else { return false };
            let port = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
            HostName::parse(rest)
                .is_some_and(|page| page.name == host.name && page.port.unwrap_or(port) == host.port.unwrap_or(port))
        })
    }
}

/// A name without a dot that is no number: browsers take `2130706433` and `0x7f000001` for addresses and never send them.
fn is_single_label(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && !name.contains(['.', ':'])
}

/// The names that this machine has in its own network, in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnNames {
    names: Vec<String>,
    /// Below these everything is ours: `.NAMESPACE.svc` in a pod.
    suffixes: Vec<String>,
}

/// What is read to find the names.
#[derive(Debug, Clone, Copy, Default)]
pub struct NameFacts<'a> {
    /// The machine's name.
    pub hostname: &'a str,
    /// The content of /etc/hosts.
    pub hosts_file: &'a str,
    /// Our own addresses.
    pub addresses: &'a [IpAddr],
    /// The pod's namespace.
    pub namespace: Option<&'a str>,
    /// The content of /etc/resolv.conf, whose search list names the cluster's domain.
    pub resolv_conf: &'a str,
}

/// The names by which a container engine's host is known in its containers.
const ENGINE_NAMES: [&str; 2] = ["host.docker.internal", "host.containers.internal"];

impl OwnNames {
    /// The names that `facts` tell of.
    pub fn of(facts: NameFacts<'_>) -> Self {
        let mut names: Vec<String> = ENGINE_NAMES.map(str::to_owned).to_vec();
        names.push(facts.hostname.to_ascii_lowercase());
        for line in facts.hosts_file.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let address = words.next().and_then(|word| word.parse::<IpAddr>().ok());
            if address.is_some_and(|address| facts.addresses.contains(&address.to_canonical())) {
                names.extend(words.map(str::to_ascii_lowercase));
            }
        }
        names.retain(|name| !name.is_empty());
        names.sort_unstable();
        names.dedup();
        let mut suffixes = Vec::new();
        if let Some(namespace) = facts.namespace.map(str::trim).filter(|namespace| is_label(namespace)) {
            suffixes.push(format!(".{namespace}.svc"));
            let search = facts.resolv_conf.lines().filter_map(|line| line.trim().strip_prefix("search"));
            let domains = search.flat_map(str::split_whitespace).map(|domain| domain.trim_end_matches('.'));
            let of_namespace = domains.filter(|domain| domain.starts_with(&format!("{namespace}.svc.")));
            suffixes.extend(of_namespace.map(|domain| format!(".{}", domain.to_ascii_lowercase())));
        }
        Self { names, suffixes }
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|own| own == name)
            || self
                .suffixes
                .iter()
                .any(|suffix| name.strip_suffix(suffix.as_str()).is_some_and(|rest| !rest.is_empty()))
    }

    /// Whether it is one of our single labels below `.local`, which everybody on the same link may answer for.
    fn has_in_mdns(&self, name: &str) -> bool {
        name.strip_suffix(".local").is_some_and(|label| is_single_label(label) && self.has(label))
    }
}

fn is_label(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn in_a_pod() -> OwnNames {
        OwnNames::of(NameFacts {
            hostname: "openclaw-0",
            hosts_file: "127.0.0.1 localhost\n10.1.2.3\topenclaw-0.openclaw.apps.svc.cluster.local\topenclaw-0\n\
                         192.0.2.9 evil.example # 10.1.2.3 no.example\nno-address x.example\n",
            addresses: &["10.1.2.3".parse().expect("an address")],
            namespace: Some("apps\n"),
            resolv_conf: "nameserver 10.96.0.10\nsearch apps.svc.corp.internal. svc.corp.internal corp.internal\n",
        })
    }

    #[test]
    fn what_each_host_is() {
        use HostJudgement as J;
        let addresses = ["192.0.2.1".parse().expect("an address"), "10.1.2.3".parse().expect("an address")];
        let origins = ["https://ui.example".to_owned(), "http://other.example:8080/".to_owned(), "*".to_owned()];
        let names = in_a_pod();
        let hosts = Hosts { addresses: &addresses, names: &names, origins: &origins };
        #[rustfmt::skip]
        let rows = [
            ("localhost",                                   J::Local),
            ("LOCALHOST:18789",                             J::Local),
            ("app.localhost",                               J::Local),
            ("127.0.1.1:1",                                 J::Local),
            ("[::1]:18789",                                 J::Local),
            ("[::ffff:127.0.0.1]",                          J::Local),
            ("192.0.2.1:18789",                             J::Local),
            ("ui.example",                                  J::Listed),
            ("UI.example:443",                              J::Listed),
            ("ui.example:80",                               J::Foreign),
            ("other.example:8080",                          J::Listed),
            ("other.example",                               J::Foreign),
            ("openclaw-0:18789",                            J::OwnName),
            ("openclaw-0.openclaw.apps.svc.cluster.local",  J::OwnName),
            ("openclaw.apps.svc",                           J::OwnName),
            ("openclaw.apps.svc.corp.internal:18789",       J::OwnName),
            ("openclaw.apps.svc.cluster.local",             J::Foreign), // not this cluster's domain
            ("openclaw.other.svc.corp.internal",            J::Foreign), // another namespace: others make Services there
            ("apps.svc",                                    J::Foreign),
            (".apps.svc",                                   J::Foreign),
            ("openclaw.apps",                               J::Foreign), // a namespace may be called like a public domain
            ("host.docker.internal:18789",                  J::OwnName),
            ("host.containers.internal",                    J::OwnName),
            ("gateway:18789",                               J::Fixed),   // a compose service
            ("openclaw_gateway_1",                          J::Fixed),   // a container
            ("openclaw-0.local",                            J::Fixed),
            ("printer.local",                               J::Foreign),
            ("203.0.113.7:18789",                           J::Fixed),   // the host's address in its LAN, seen from a container
            ("[2001:db8::7]:18789",                         J::Fixed),
            ("2130706433",                                  J::Foreign),
            ("0x7f000001",                                  J::Foreign),
            ("127.1",                                       J::Foreign),
            ("gateway.",                                    J::Foreign),
            ("evil.example",                                J::Foreign),
            ("no.example",                                  J::Foreign), // in a comment
            ("x.example",                                   J::Foreign),
            ("localhost.evil.example",                      J::Foreign),
            ("a b",                                         J::Foreign),
            ("",                                            J::Foreign),
        ];
        for (host, judgement) in rows {
            assert_eq!(hosts.judge(Some(host)), judgement, "{host}");
        }
        assert_eq!(hosts.judge(None), J::Foreign);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parsers_panic(host in ".{0,60}", file in "(.{0,40}\n){0,3}", namespace in ".{0,20}") {
            let facts = NameFacts { hosts_file: &file, resolv_conf: &file, namespace: Some(&namespace), ..NameFacts::default() };
            let names = OwnNames::of(facts);
            let _ = Hosts { addresses: &[], names: &names, origins: &[file] }.judge(Some(&host));
        }

        #[test]
        fn a_public_name_is_foreign_whatever_it_begins_with(label in "[a-z0-9.-]{0,20}", domain in "[a-z]{1,10}\\.(com|dev|app|example)") {
            let names = in_a_pod();
            let host = format!("{label}{domain}");
            prop_assert_eq!(
                Hosts { addresses: &[], names: &names, origins: &[] }.judge(Some(&host)), HostJudgement::Foreign, "{}", host
            );
        }
    }
}
