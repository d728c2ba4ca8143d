//! What the gateway has seen of where connections come from, and what of it speaks against the trust that is configured.
//!
//! Only in memory, and bounded: one entry for each class, rule and kind of peer, with a few examples. What to do about it is
//! said when somebody asks, by the policy of that moment.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    advice::{PeerKind, Place, Reader, Situation},
    clock::now_ms,
    defaults::{MAX_OBSERVED_EXAMPLES, MAX_OBSERVED_KINDS},
    logs::sanitize::field,
    protocol::{Remedy, SeenSource, SourceFinding, SourcesReport},
    source::{Caveat, ChainDefect, PublishedOn, Rule, Silence, Source, SourceClass, Trust},
};

/// A connection that asked for a WebSocket.
#[derive(Debug, Clone, Copy)]
pub struct Sighting<'a> {
    /// Where it comes from.
    pub source: &'a Source,
    /// Of what kind its peer is by the address alone.
    pub peer_kind: PeerKind,
    /// The Host that it asked for, where that is not this machine's.
    pub foreign_host: Option<&'a str>,
    /// The policy that it was judged by.
    pub epoch: u64,
}

/// What speaks against the trust that is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Finding {
    /// A proxy's header from a peer that is none.
    UntrustedProxy,
    /// `gateway.trustedProxies` covers the clients: the walk found none.
    CoversClients,
    /// A trusted proxy's headers contradict each other, or cannot be read.
    UnreadableChain,
    /// A trusted proxy that names no client.
    SilentProxy,
    /// A trusted bridge brought a Host that is not this machine's.
    BridgeForeignHost,
    /// A bridge is used, and nobody said where the port is published.
    PublishedOnUnset,
    /// Loopback brought a Host that is not this machine's.
    LoopbackForeignHost,
}

impl Finding {
    /// The name in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UntrustedProxy => "untrusted-proxy",
            Self::CoversClients => "covers-clients",
            Self::UnreadableChain => "unreadable-chain",
            Self::SilentProxy => "silent-proxy",
            Self::BridgeForeignHost => "bridge-foreign-host",
            Self::PublishedOnUnset => "published-on-unset",
            Self::LoopbackForeignHost => "loopback-foreign-host",
        }
    }

    /// What it means.
    const fn text(self) -> &'static str {
        match self {
            Self::UntrustedProxy => {
                "connections brought headers that only proxies send, from a peer that is no trusted proxy: a reverse proxy \
                 that gateway.trustedProxies does not name, or somebody who makes them up"
            }
            Self::CoversClients => {
                "trusted proxies brought clients that are trusted proxies themselves: gateway.trustedProxies covers the \
                 clients, so none of them can be told apart"
            }
            Self::UnreadableChain => {
                "a trusted proxy sends forwarding headers that contradict each other or cannot be read: it passes on what \
                 its clients wrote"
            }
            Self::SilentProxy => {
                "a trusted proxy connects without saying for whom: its clients cannot be told apart, and none is paired \
                 silently"
            }
            Self::BridgeForeignHost => {
                "connections through the container's bridge asked for a Host that is not this machine's: the port is \
                 reachable from elsewhere, or a proxy that sends no header stands in front of it"
            }
            Self::PublishedOnUnset => {
                "connections through the container's bridge are treated as the host's own users, and nobody said where the \
                 port is published: on more than 127.0.0.1, remote IPv6 clients come from the same address"
            }
            Self::LoopbackForeignHost => {
                "connections from loopback asked for a Host that is not this machine's: a forwarder that sends no header may \
                 stand there"
            }
        }
    }

    /// Everything that a connection shows.
    fn of(sighting: &Sighting<'_>) -> Vec<Self> {
        let source = sighting.source;
        let foreign = sighting.foreign_host.is_some();
        let mut findings = Vec::new();
        match source.rule {
            Rule::ProxyHeader(_) => findings.push(Self::UntrustedProxy),
            Rule::Chain { defect: ChainDefect::Exhausted, .. } => findings.push(Self::CoversClients),
            Rule::Chain { .. } | Rule::HeaderBesidePreamble(_) => findings.push(Self::UnreadableChain),
            Rule::TrustedProxyAlone { .. } => findings.push(Self::SilentProxy),
            _ if source.class == SourceClass::Loopback && foreign => findings.push(Self::LoopbackForeignHost),
            _ => {}
        }
        if source.class == SourceClass::Bridge && source.silence == Silence::WithSharedSecret && foreign {
            findings.push(Self::BridgeForeignHost);
        }
        if source.caveat == Some(Caveat::PublishedUnknown) {
            findings.push(Self::PublishedOnUnset);
        }
        findings
    }

    /// What to do about it, most likely first.
    fn remedies(self, situation: &Situation<'_>) -> Vec<Remedy> {
        match self {
            Self::UntrustedProxy
            | Self::CoversClients
            | Self::UnreadableChain
            | Self::SilentProxy
            | Self::PublishedOnUnset => situation.remedies(),
            Self::BridgeForeignHost => vec![situation.distrust_bridge()],
            Self::LoopbackForeignHost => vec![situation.distrust_loopback()],
        }
    }

    /// Whether the policy of this moment makes it impossible, so that it need not be told any more.
    fn is_settled(self, trust: &Trust, example: &Source) -> bool {
        let peer_is_trusted = || example.peer.is_some_and(|peer| trust.proxies.contains(peer.ip()));
        match self {
            Self::UntrustedProxy => peer_is_trusted(),
            Self::CoversClients | Self::UnreadableChain | Self::SilentProxy => {
                !peer_is_trusted() && !matches!(example.rule, Rule::HeaderBesidePreamble(_))
            }
            Self::PublishedOnUnset => trust.published_on.is_some(),
            Self::BridgeForeignHost => matches!(trust.published_on, Some(PublishedOn::Wider(_))),
            Self::LoopbackForeignHost => trust.loopback_is_proxy,
        }
    }
}

/// What the gateway has seen.
#[derive(Debug, Clone, Default)]
pub struct Observed(Arc<Mutex<Record>>);

#[derive(Debug)]
struct Record {
    since: i64,
    seen: HashMap<Kind, Count>,
    findings: HashMap<(Finding, Kind), Noted>,
}

impl Default for Record {
    fn default() -> Self {
        Self { since: now_ms(), seen: HashMap::new(), findings: HashMap::new() }
    }
}

/// What is counted together. The rule counts by its words, which hold nothing that a peer wrote.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Kind {
    class: SourceClass,
    rule: String,
    peer: PeerKind,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    times: u64,
    last_at: i64,
}

#[derive(Debug)]
struct Noted {
    count: Count,
    first_at: i64,
    epoch: u64,
    peers: Vec<IpAddr>,
    hosts: Vec<String>,
    example: Source,
}

impl Observed {
    /// Counts a connection.
    pub fn note(&self, sighting: &Sighting<'_>) {
        let now = now_ms();
        let source = sighting.source;
        let kind = Kind { class: source.class, rule: source.rule.to_string(), peer: sighting.peer_kind };
        let mut record = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for finding in Finding::of(sighting) {
            let key = (finding, kind.clone());
            if record.findings.len() >= MAX_OBSERVED_KINDS && !record.findings.contains_key(&key) {
                continue;
            }
            let noted = record.findings.entry(key).or_insert_with(|| Noted {
                count: Count { times: 0, last_at: now },
                first_at: now,
                epoch: sighting.epoch,
                peers: Vec::new(),
                hosts: Vec::new(),
                example: source.clone(),
            });
            noted.count = Count { times: noted.count.times + 1, last_at: now };
            noted.epoch = sighting.epoch;
            if let Some(peer) = source.peer {
                remember(&mut noted.peers, peer.ip());
            }
            if let Some(host) = sighting.foreign_host {
                remember(&mut noted.hosts, field(host).chars().take(MAX_HOST_SHOWN_CHARS).collect());
            }
        }
        if record.seen.len() < MAX_OBSERVED_KINDS || record.seen.contains_key(&kind) {
            let count = record.seen.entry(kind).or_insert(Count { times: 0, last_at: now });
            *count = Count { times: count.times + 1, last_at: now };
        }
    }

    /// All of it, with what to do by the policy of this moment.
    pub fn report(&self, view: View<'_>) -> SourcesReport {
        let record = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut connections: Vec<SeenSource> = record
            .seen
            .iter()
            .map(|(kind, count)| SeenSource {
                class: kind.class.as_str().to_owned(),
                rule: kind.rule.clone(),
                peer_kind: kind.peer.as_str().to_owned(),
                count: count.times,
                last_at: count.last_at,
            })
            .collect();
        connections.sort_by(|one, other| {
            (other.last_at, &one.class, &one.rule).cmp(&(one.last_at, &other.class, &other.rule))
        });
        let mut findings: Vec<SourceFinding> = record
            .findings
            .iter()
            .filter(|((finding, _), noted)| !finding.is_settled(view.trust, &noted.example))
            .map(|((finding, kind), noted)| SourceFinding {
                kind: finding.as_str().to_owned(),
                class: kind.class.as_str().to_owned(),
                rule: kind.rule.clone(),
                peer_kind: kind.peer.as_str().to_owned(),
                count: noted.count.times,
                first_at: noted.first_at,
                last_at: noted.count.last_at,
                peers: noted.peers.clone(),
                hosts: noted.hosts.clone(),
                before_change: noted.epoch < view.epoch,
                text: finding.text().to_owned(),
                remedies: finding.remedies(&view.situation(&noted.example, kind.peer)),
            })
            .collect();
        findings
            .sort_by(|one, other| (other.last_at, &one.kind, &one.rule).cmp(&(one.last_at, &other.kind, &other.rule)));
        SourcesReport { since: record.since, connections, findings }
    }
}

/// Longest Host that is kept as an example, in characters: the longest name that DNS has is little longer.
const MAX_HOST_SHOWN_CHARS: usize = 200;

fn remember<T: PartialEq>(examples: &mut Vec<T>, example: T) {
    if examples.len() < MAX_OBSERVED_EXAMPLES && !examples.contains(&example) {
        examples.push(example);
    }
}

/// What the report is made by.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// Whom the configuration trusts now.
    pub trust: &'a Trust,
    /// The policy of this moment.
    pub epoch: u64,
    /// Whether the gateway stands in a container with a network of its own.
    pub in_container: bool,
    /// Where its command line is reached.
    pub place: &'a Place,
}

impl<'a> View<'a> {
    /// A source in it, for the operator.
    pub const fn situation(&self, source: &'a Source, peer_kind: PeerKind) -> Situation<'a> {
        Situation {
            source,
            peer_kind,
            trust: self.trust,
            in_container: self.in_container,
            place: self.place,
            reader: Reader::Operator,
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::{HeaderMap, header::HeaderValue};

    use super::*;
    use crate::source::{Arrival, Surroundings, classify};

    fn source(peer: &str, header: Option<&'static str>) -> Source {
        let mut headers = HeaderMap::new();
        if let Some(name) = header {
            headers.insert(name, HeaderValue::from_static("x"));
        }
        let arrival = Arrival::Tcp(peer.parse::<IpAddr>().expect("an address").into());
        classify(arrival, &headers, &Trust::default(), &Surroundings::default())
    }

    fn view<'a>(trust: &'a Trust, place: &'a Place) -> View<'a> {
        View { trust, epoch: 2, in_container: false, place }
    }

    fn sighting<'a>(source: &'a Source, foreign_host: Option<&'a str>) -> Sighting<'a> {
        let peer_kind =
            PeerKind::of(source.peer, self::source(&source.peer.expect("TCP").ip().to_string(), None).class);
        Sighting { source, peer_kind, foreign_host, epoch: 1 }
    }

    #[test]
    fn what_speaks_against_the_configuration_is_told_with_its_remedy() {
        let observed = Observed::default();
        let (plain, proxied) = (source("127.0.0.1", None), source("127.0.0.1", Some("x-forwarded-for")));
        observed.note(&sighting(&plain, None));
        observed.note(&sighting(&plain, Some("gw.example\u{1b} x=1")));
        for _ in 0..3 {
            observed.note(&sighting(&proxied, Some("gw.example")));
        }
        let (trust, place) = (Trust::default(), Place::Host);
        let report = observed.report(view(&trust, &place));
        let counts: Vec<_> = report.connections.iter().map(|seen| (seen.class.as_str(), seen.count)).collect();
        assert_eq!(counts.len(), 2);
        assert!(counts.contains(&("loopback", 2)) && counts.contains(&("unattributable", 3)), "{counts:?}");
        let find = |kind: &str| report.findings.iter().find(|finding| finding.kind == kind).expect(kind);
        let untrusted = find("untrusted-proxy");
        assert_eq!((untrusted.count, untrusted.peer_kind.as_str(), untrusted.before_change), (3, "loopback", true));
        assert_eq!(
            untrusted.remedies[0].command.as_deref(),
            Some(r#"openclaw config set gateway.trustedProxies '["127.0.0.1"]'"#)
        );
        let foreign = find("loopback-foreign-host");
        assert_eq!(foreign.hosts, ["gw.example_x_1"], "nothing that could pass for more than a name");
        assert_eq!(foreign.remedies[0].command.as_deref(), Some("openclaw config set gateway.loopbackIsProxy true"));

        let mut settled = Trust { loopback_is_proxy: true, ..Trust::default() };
        settled.proxies.networks.push("127.0.0.0/8".parse().expect("a network"));
        assert_eq!(observed.report(view(&settled, &place)).findings, [], "what cannot happen any more is not told");
    }

    #[test]
    fn nothing_that_strangers_do_makes_it_grow() {
        let observed = Observed::default();
        for number in 0..5000_u32 {
            let peer = std::net::Ipv4Addr::from(0xcb00_7100 + number).to_string();
            let source = source(&peer, Some("via"));
            let host = format!("{}.example", "x".repeat(number as usize % 300));
            observed.note(&sighting(&source, Some(&host)));
        }
        let (trust, place) = (Trust::default(), Place::Host);
        let report = observed.report(view(&trust, &place));
        assert_eq!((report.connections.len(), report.connections[0].count), (1, 5000));
        let finding = &report.findings[0];
        assert_eq!((finding.count, finding.peers.len(), finding.hosts.len()), (5000, 4, 4));
        assert_eq!(finding.remedies[0].command, None, "a stranger is not to be trusted by a command that he caused");
    }
}
