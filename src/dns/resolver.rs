//! The resolver: hosts file, then name servers.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use tokio::time::timeout;
use trust_dns_resolver::{
    Hosts, TokioResolver,
    config::{LookupIpStrategy, ResolveHosts},
    net::NetError,
    proto::{
        op::Query,
        rr::{Name, RecordType},
    },
};

use crate::hint::Hint;

/// Why a host name gave no address.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// It cannot be a host name.
    #[error("{host:?} is not a host name")]
    NotAName {
        /// What was asked for.
        host: String,
    },
    /// The name servers say that there is none.
    #[error("no address for host {host:?}")]
    NoAddress {
        /// The name.
        host: String,
    },
    /// The name servers could not be asked, or did not answer sensibly.
    #[error("cannot resolve host {host:?}")]
    Failed {
        /// The name.
        host: String,
        /// What went wrong.
        source: NetError,
    },
    /// No answer in time.
    #[error("cannot resolve host {host:?}: no answer from the name servers after {}ms", .after.as_millis())]
    Timeout {
        /// The name.
        host: String,
        /// How long was waited.
        after: Duration,
    },
}

impl Hint for ResolveError {
    fn hint(&self) -> String {
        match self {
            Self::NotAName { .. } => "give a host name or an IP address".into(),
            Self::NoAddress { .. } => {
                "check the spelling; a compose service or a pod is known by name only inside its own network".into()
            }
            Self::Failed { .. } | Self::Timeout { .. } => {
                "check /etc/resolv.conf, or give the IP address instead of the name".into()
            }
        }
    }
}

/// Looks names up in the hosts file and with the system's name servers, and caches what these say for as long as they
/// permit.
pub struct Resolver {
    hosts: Hosts,
    servers: Result<TokioResolver, NetError>,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver").field("servers", &self.servers.is_ok()).finish_non_exhaustive()
    }
}

impl Resolver {
    /// Reads the hosts file and `resolv.conf`. Either may be missing: then the other one answers alone.
    pub fn from_system() -> Self {
        let servers = TokioResolver::builder_tokio().and_then(|mut builder| {
            let options = builder.options_mut();
            options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
            options.use_hosts_file = ResolveHosts::Never;
            builder.build()
        });
        Self { hosts: Hosts::from_system().unwrap_or_default(), servers }
    }

    /// A resolver that knows only the lines of `hosts`, in the format of `/etc/hosts`.
    ///
    /// # Errors
    /// The error of reading `hosts`.
    pub fn from_hosts(hosts: impl io::Read) -> io::Result<Self> {
        let mut known = Hosts::default();
        known.read_hosts_conf(hosts)?;
        Ok(Self { hosts: known, servers: Err(NetError::NoConnections) })
    }

    /// Every address of `host`, IPv4 before IPv6.
    ///
    /// # Errors
    /// [`ResolveError`], at the latest after `within`.
    pub async fn lookup(&self, host: &str, within: Duration) -> Result<Vec<IpAddr>, ResolveError> {
        if let Some(addresses) = without_asking(host) {
            return Ok(addresses);
        }
        let name = Name::from_str_relaxed(host).map_err(|_| ResolveError::NotAName { host: host.into() })?;
        let known = self.in_hosts_file(&name);
        if !known.is_empty() {
            return Ok(known);
        }
        let servers =
            self.servers.as_ref().map_err(|error| ResolveError::Failed { host: host.into(), source: error.clone() })?;
        let answer = timeout(within, servers.lookup_ip(name))
            .await
            .map_err(|_| ResolveError::Timeout { host: host.into(), after: within })?;
        match answer {
            Ok(answer) if answer.iter().next().is_some() => Ok(in_order(answer.iter())),
            Ok(_) => Err(ResolveError::NoAddress { host: host.into() }),
            Err(error) if error.is_no_records_found() => Err(ResolveError::NoAddress { host: host.into() }),
            Err(source) => Err(ResolveError::Failed { host: host.into(), source }),
        }
    }

    fn in_hosts_file(&self, name: &Name) -> Vec<IpAddr> {
        let answers = [RecordType::A, RecordType::AAAA]
            .map(|family| self.hosts.lookup_static_host(&Query::query(name.clone(), family)));
        let addresses = |lookup: &trust_dns_resolver::lookup::Lookup| {
            lookup.answers().iter().filter_map(|record| record.data.ip_addr()).collect::<Vec<_>>()
        };
        in_order(answers.iter().flatten().flat_map(addresses))
    }
}

/// IPv4 first: container networks carry it always, IPv6 sometimes. Without repeats.
fn in_order(addresses: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut ordered = Vec::new();
    for address in addresses {
        if !ordered.contains(&address) {
            ordered.push(address);
        }
    }
    ordered.sort_by_key(IpAddr::is_ipv6);
    ordered
}

/// The addresses of hosts that nobody needs to be asked for.
pub(super) fn without_asking(host: &str) -> Option<Vec<IpAddr>> {
    if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse() {
        return Some(vec![address]);
    }
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    (name == "localhost" || name.ends_with(".localhost"))
        .then(|| vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()])
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTS: &str = "\
127.0.1.1 workstation   # a machine name on loopback
10.0.0.7  gateway gw.example.test
fd00::7   gateway
";

    #[tokio::test]
    async fn hosts_file_and_special_names() {
        let resolver = Resolver::from_hosts(HOSTS.as_bytes()).expect("in memory");
        #[rustfmt::skip]
        let rows = [
            ("127.0.0.1",       Some("127.0.0.1")),
            ("[::1]",           Some("::1")),
            ("fd00::1",         Some("fd00::1")),
            ("localhost",       Some("127.0.0.1 ::1")),
            ("App.LocalHost.",  Some("127.0.0.1 ::1")),
            ("workstation",     Some("127.0.1.1")),
            ("gateway",         Some("10.0.0.7 fd00::7")),
            ("GATEWAY",         Some("10.0.0.7 fd00::7")),
            ("gw.example.test", Some("10.0.0.7")),
            ("nowhere",         None),
            ("notlocalhost",    None),
        ];
        for (host, expected) in rows {
            let found = resolver.lookup(host, Duration::from_secs(1)).await.ok();
            let found = found.map(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
            assert_eq!(found.as_deref(), expected, "{host}");
        }
    }

    #[tokio::test]
    async fn a_text_that_is_no_name_is_told_apart() {
        let resolver = Resolver::from_hosts(io::empty()).expect("in memory");
        let label = "x".repeat(64);
        let error = resolver.lookup(&label, Duration::from_secs(1)).await.expect_err("a label holds 63 bytes");
        assert!(matches!(error, ResolveError::NotAName { .. }), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_at_the_deadline() {
        use trust_dns_resolver::{
            config::{NameServerConfig, ResolverConfig},
            net::runtime::TokioRuntimeProvider,
        };
        // Bound and never read: every query goes unanswered.
        let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback");
        let mut server = NameServerConfig::udp(Ipv4Addr::LOCALHOST.into());
        server.connections[0].port = silent.local_addr().expect("bound").port();
        let config = ResolverConfig::from_parts(None, vec![], vec![server]);
        let servers = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).build();
        let resolver = Resolver { hosts: Hosts::default(), servers };
        let error = resolver.lookup("gateway", Duration::from_millis(300)).await.expect_err("nobody answers");
        assert!(matches!(error, ResolveError::Timeout { .. }), "{error}");
    }
}
