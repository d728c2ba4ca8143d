//! One question to the name servers.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use tokio::time::timeout;
use trust_dns_resolver::{
    Hosts, TokioResolver,
    config::{ResolveHosts, ResolverConfig, ResolverOpts},
    lookup::Lookup,
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::{Query, ResponseCode},
        rr::{Name, RecordType},
    },
    system_conf::read_system_conf,
};

use super::question::{candidates, cluster_domains};
use crate::defaults::{NAME_TTL_MAX, RESOLVE_TIMEOUT};

/// What came of asking for a name, by family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// IPv4.
    pub v4: Answer,
    /// IPv6.
    pub v6: Answer,
}

/// What came of asking for the addresses of one family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// These.
    Addresses {
        /// At least one.
        addresses: Vec<IpAddr>,
        /// How long the name server says that they hold.
        ttl: Duration,
    },
    /// There are none.
    Nothing,
    /// Nobody answered sensibly, and why.
    Unanswered(String),
}

impl Answer {
    pub(super) fn ttl(&self) -> Option<Duration> {
        if let Self::Addresses { ttl, .. } = self { Some(*ttl) } else { None }
    }

    pub(super) fn unanswered(&self) -> Option<&str> {
        if let Self::Unanswered(why) = self { Some(why) } else { None }
    }
}

impl Reply {
    pub(super) fn unanswered(why: &str) -> Self {
        Self { v4: Answer::Unanswered(why.to_owned()), v6: Answer::Unanswered(why.to_owned()) }
    }

    fn found_something(&self) -> bool {
        self.v4.ttl().is_some() || self.v6.ttl().is_some()
    }

    fn is_a_no(&self) -> bool {
        self.v4 == Answer::Nothing && self.v6 == Answer::Nothing
    }
}

/// The name servers and the hosts file of a moment. Answers are not remembered: whoever asks wants to know anew.
pub struct NameServers {
    hosts: Hosts,
    servers: Result<TokioResolver, NetError>,
    cluster: Vec<Name>,
}

impl std::fmt::Debug for NameServers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NameServers").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

impl NameServers {
    /// Those of the system, read anew. `in_cluster`: names without a dot mean services, and only those.
    pub fn of_system(in_cluster: bool) -> Self {
        let hosts = Hosts::from_system().unwrap_or_default();
        match read_system_conf() {
            Ok((config, options)) => Self::with(hosts, config, options, in_cluster),
            Err(error) => Self { hosts, servers: Err(error), cluster: Vec::new() },
        }
    }

    pub(super) fn with(hosts: Hosts, config: ResolverConfig, mut options: ResolverOpts, in_cluster: bool) -> Self {
        let cluster = if in_cluster { cluster_domains(&config.search) } else { Vec::new() };
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        let servers =
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).with_options(options).build();
        Self { hosts, servers, cluster }
    }

    /// Asks for a name, and for the next of what it may mean only where the answer is a no.
    pub async fn ask(&self, name: &str) -> Reply {
        let Ok(name) = Name::from_str_relaxed(name) else { return Reply::unanswered("not a host name") };
        let known = self.in_hosts_file(&name);
        if known.found_something() {
            return known;
        }
        let servers = match &self.servers {
            Ok(servers) => servers,
            Err(error) => return Reply::unanswered(&error.to_string()),
        };
        let asked = timeout(RESOLVE_TIMEOUT, async {
            let mut reply = Reply { v4: Answer::Nothing, v6: Answer::Nothing };
            for candidate in candidates(&name, &self.cluster) {
                let (v4, v6) = tokio::join!(
                    ask(servers, candidate.clone(), RecordType::A),
                    ask(servers, candidate.clone(), RecordType::AAAA)
                );
                reply = Reply { v4, v6 };
                if !reply.is_a_no() {
                    break;
                }
            }
            reply
        });
        asked.await.unwrap_or_else(|_| {
            let why = format!("no answer from the name servers after {} ms", RESOLVE_TIMEOUT.as_millis());
            Reply::unanswered(&why)
        })
    }

    fn in_hosts_file(&self, name: &Name) -> Reply {
        let family = |family| {
            let found = self.hosts.lookup_static_host(&Query::query(name.clone(), family));
            let addresses = found.iter().flat_map(Lookup::answers).filter_map(|record| record.data.ip_addr());
            // The file may be written anew, like a name server's answer.
            answer(addresses.collect(), NAME_TTL_MAX)
        };
        Reply { v4: family(RecordType::A), v6: family(RecordType::AAAA) }
    }
}

fn answer(mut addresses: Vec<IpAddr>, ttl: Duration) -> Answer {
    // What the name servers say first changes from answer to answer, and means nothing.
    addresses.sort_unstable();
    addresses.dedup();
    addresses.retain(|address| ![IpAddr::from(Ipv4Addr::UNSPECIFIED), Ipv6Addr::UNSPECIFIED.into()].contains(address));
    if addresses.is_empty() { Answer::Nothing } else { Answer::Addresses { addresses, ttl } }
}

async fn ask(servers: &TokioResolver, name: Name, family: RecordType) -> Answer {
    match servers.lookup(name, family).await {
        Ok(lookup) => {
            let records = || lookup.answers().iter().filter(|record| record.data.ip_addr().is_some());
            let ttl = records().map(|record| record.ttl).min().unwrap_or_default();
            let addresses = records().filter_map(|record| record.data.ip_addr()).map(|address| address.to_canonical());
            answer(addresses.collect(), Duration::from_secs(ttl.into()))
        }
        // A name server that is at a loss says so in the same form as one that knows of no such name.
        Err(NetError::Dns(DnsError::NoRecordsFound(none)))
            if matches!(none.response_code, ResponseCode::NoError | ResponseCode::NXDomain) =>
        {
            Answer::Nothing
        }
        Err(error) => Answer::Unanswered(error.to_string()),
    }
}
