//! The decision: pure.

use std::net::IpAddr;

use hyper::HeaderMap;
use ipnet::IpNet;

use super::{
    Arrival, Caveat, ForwardedClient, Peer, Preamble, ProxyHeader, PublishedOn, Rule, Silence, Source, SourceClass,
    Surroundings, Trust, TrustedBridges, TrustedEntry,
    chain::{self, Walk},
    class,
};

/// Says where a connection comes from.
///
/// The order of the rules matters: what a proxy says, and what speaks of a proxy, counts before any address does, since
/// whoever forwards for others must never look local.
pub fn classify(arrival: Arrival, headers: &HeaderMap, trust: &Trust, surroundings: &Surroundings) -> Source {
    let decision = Decision { trust, surroundings };
    match arrival {
        Arrival::UnixSocket => Source::of(SourceClass::UnixSocket, None, Rule::PeerCredentials),
        Arrival::Preamble { peer, preamble } => decision.by_preamble(peer, preamble, headers),
        Arrival::Tcp(peer) => {
            decision.by_trusted_proxy(peer, headers).unwrap_or_else(|| match ProxyHeader::first_in(headers) {
                Some(header) => decision.by_untrusted_header(peer, header),
                None => decision.by_peer(peer),
            })
        }
    }
}

struct Decision<'a> {
    trust: &'a Trust,
    surroundings: &'a Surroundings,
}

impl Decision<'_> {
    /// On a listener where a listed proxy must say for whom it connects. Nothing it says makes anybody local.
    fn by_preamble(&self, peer: Peer, preamble: Preamble, headers: &HeaderMap) -> Source {
        let entry = self.trust.preamble.as_ref().and_then(|listener| listener.from.matching(peer, self.surroundings));
        let source = if let Some(header) = ProxyHeader::naming_a_client(headers) {
            Source::of(SourceClass::Unattributable, Some(peer), Rule::HeaderBesidePreamble(header))
        } else {
            match preamble {
                Preamble::Client(client) => {
                    self.proxied(peer, ForwardedClient::new(client.ip()), Rule::Preamble, Vec::new())
                }
                Preamble::Itself => proxy_direct(peer, Rule::PreambleWithoutClient),
            }
        };
        Source { entry, ..source }
    }

    /// `None` where the peer is no trusted proxy.
    fn by_trusted_proxy(&self, peer: Peer, headers: &HeaderMap) -> Option<Source> {
        let proxies = &self.trust.proxies;
        let entry = proxies.matching(peer, self.surroundings)?;
        let source = match chain::walk(headers, proxies, self.trust.real_ip_fallback) {
            Walk::Client { client, header, hops } => self.proxied(peer, client, Rule::TrustedProxy(header), hops),
            Walk::NoHeader => {
                proxy_direct(peer, Rule::TrustedProxyAlone { ignored: ProxyHeader::naming_a_client(headers) })
            }
            Walk::Defective { header, defect } => {
                Source::of(SourceClass::Unattributable, Some(peer), Rule::Chain { header, defect })
            }
        };
        Some(Source { entry: Some(entry), ..source })
    }

    /// Somebody forwards for others, or claims to: attributed to the peer.
    fn by_untrusted_header(&self, peer: Peer, header: ProxyHeader) -> Source {
        let source = Source::of(SourceClass::Unattributable, Some(peer), Rule::ProxyHeader(header));
        let client = source.client.filter(|address| !self.is_shared(*address));
        Source { client, ..source }
    }

    fn proxied(&self, peer: Peer, client: ForwardedClient, rule: Rule, hops: Vec<IpAddr>) -> Source {
        Source {
            client: Some(client.ip()).filter(|address| !self.is_shared(*address)),
            forwarded: Some(client),
            hops,
            ..Source::of(SourceClass::Proxied, Some(peer), rule)
        }
    }

    /// Where nobody forwards for anybody, as far as can be seen.
    fn by_peer(&self, peer: Peer) -> Source {
        if is_mesh_inbound(peer) {
            proxy_direct(peer, Rule::MeshAddress)
        } else if peer.ip().is_loopback() {
            if self.trust.loopback_is_proxy {
                proxy_direct(peer, Rule::LoopbackIsProxy)
            } else {
                Source::of(SourceClass::Loopback, Some(peer), Rule::LoopbackPeer)
            }
        } else if self.surroundings.owns(peer) {
            self.own_address(peer)
        } else if let Some((rule, entry)) = self.bridge(peer) {
            let (silence, caveat) = self.grant_of_bridge();
            let source = Source::of(SourceClass::Bridge, Some(peer), rule);
            Source { client: None, silence, caveat, entry, ..source }
        } else {
            let (class, rule) = if self.surroundings.neighbours(peer) {
                (SourceClass::Neighbour, Rule::OwnSubnet)
            } else {
                class::by_address(peer.ip())
            };
            let source = Source::of(class, Some(peer), rule);
            // A bridge that is not trusted still is no single client.
            if self.is_hop(peer.ip()) { Source { client: None, ..source } } else { source }
        }
    }

    /// On a host, whoever uses our address is on this machine. In a container anybody may be, since some engines bring every
    /// remote client from there: as from a bridge.
    fn own_address(&self, peer: Peer) -> Source {
        let source = Source::of(SourceClass::OwnAddress, Some(peer), Rule::OwnAddress);
        let trusted = match &self.trust.bridges {
            TrustedBridges::Off => false,
            TrustedBridges::Auto => true,
            TrustedBridges::Listed(listed) => listed.iter().any(|network| network.contains(&peer.ip())),
        };
        let (silence, caveat) = if self.trust.loopback_is_proxy {
            (Silence::Never, Some(Caveat::LoopbackIsProxy))
        } else if !self.surroundings.in_container {
            return source;
        } else if !trusted {
            (Silence::Never, Some(Caveat::BridgesUntrusted))
        } else {
            self.grant_of_bridge()
        };
        let client = if self.surroundings.in_container { None } else { source.client };
        Source { client, silence, caveat, ..source }
    }

    fn bridge(&self, peer: Peer) -> Option<(Rule, Option<TrustedEntry>)> {
        match &self.trust.bridges {
            TrustedBridges::Off => None,
            TrustedBridges::Auto => self.is_hop(peer.ip()).then_some((Rule::FoundBridge, None)),
            TrustedBridges::Listed(listed) => listed
                .iter()
                .find(|network| network.contains(&peer.ip()))
                .map(|network| (Rule::ListedBridge, Some(TrustedEntry::Network(*network)))),
        }
    }

    fn grant_of_bridge(&self) -> (Silence, Option<Caveat>) {
        match self.trust.published_on {
            Some(PublishedOn::Loopback) => (SourceClass::Bridge.silence(), None),
            Some(PublishedOn::Wider(address)) => {
                (SourceClass::Neighbour.silence(), Some(Caveat::PublishedWider(address)))
            }
            None => (SourceClass::Bridge.silence(), Some(Caveat::PublishedUnknown)),
        }
    }

    /// Whether others than a client of this connection have the address, who are nearer: counting by it would let somebody far
    /// away use up what those have.
    fn is_shared(&self, address: IpAddr) -> bool {
        let is_listed = |listed: &[IpNet]| listed.iter().any(|network| network.contains(&address));
        address.is_loopback()
            || self.surroundings.has(address)
            || self.is_hop(address)
            || matches!(&self.trust.bridges, TrustedBridges::Listed(listed) if is_listed(listed))
    }

    fn is_hop(&self, address: IpAddr) -> bool {
        self.surroundings.hops.contains(&address)
    }
}

/// Whoever stands behind a proxy that names nobody cannot be told from anybody else there.
fn proxy_direct(peer: Peer, rule: Rule) -> Source {
    Source { client: None, ..Source::of(SourceClass::ProxyDirect, Some(peer), rule) }
}

/// Istio's sidecar brings every remote caller of the mesh from this address.
fn is_mesh_inbound(peer: Peer) -> bool {
    peer.ip() == IpAddr::from([127, 0, 0, 6])
}
