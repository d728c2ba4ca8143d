//! Whom the configuration trusts: the policy half of what [`classify`](super::classify()) decides by.

use std::{fmt, net::IpAddr};

use ipnet::{IpNet, Ipv6Net};

use super::{Peer, Surroundings};

/// Whom the configuration trusts. Parsed once, immutable; a change makes a new one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// Proxies whose forwarding headers count.
    pub proxies: TrustedProxies,
    /// Which container hops count as bridges.
    pub bridges: TrustedBridges,
    /// Where the container's port is published; `None` where nobody said.
    pub published_on: Option<PublishedOn>,
    /// Whether a forwarder that leaves no evidence connects from loopback.
    pub loopback_is_proxy: bool,
    /// Whether `X-Real-IP` counts where a trusted proxy sends no other forwarding header.
    pub real_ip_fallback: bool,
    /// Whether a connection that nobody vouches for is refused before the WebSocket.
    pub refuse_unattributed: bool,
    /// The listener that requires a PROXY preamble; `None` where there is none.
    pub preamble: Option<PreambleListener>,
}

/// A listener that requires a PROXY preamble (`gateway.proxyProtocol`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreambleListener {
    /// Its port, on the addresses that the gateway's own port is on.
    pub port: u16,
    /// Who may connect there; everybody else is cut.
    pub from: TrustedProxies,
}

/// Proxies whose word counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    /// Addresses and networks, as configured. None of them is link-local IPv6.
    pub networks: Vec<IpNet>,
    /// Link-local IPv6 addresses and networks, each on one link.
    pub links: Vec<LinkNetwork>,
    /// DNS names, as configured, each with the addresses that it stands for now.
    pub names: Vec<TrustedName>,
}

/// A link-local IPv6 network on one link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkNetwork {
    /// The network.
    pub network: Ipv6Net,
    /// The interface's name or index.
    pub zone: String,
}

/// A trusted proxy that is known by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedName {
    /// The name, as configured.
    pub name: String,
    /// What it stands for now; empty until it was resolved, and when it no longer resolves.
    pub addresses: Vec<IpAddr>,
}

/// The entry of the configuration that a peer matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustedEntry {
    /// An address or a network.
    Network(IpNet),
    /// A link-local address or network.
    Link(LinkNetwork),
    /// A DNS name.
    Name(String),
}

/// Which container hops count as bridges (`gateway.trustedBridges`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TrustedBridges {
    /// None.
    Off,
    /// Those that the network's facts show beyond doubt: [`Surroundings::hops`].
    #[default]
    Auto,
    /// These.
    Listed(Vec<IpNet>),
}

/// Where the container's port is published (`gateway.publishedOn`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishedOn {
    /// On loopback addresses of the host only.
    Loopback,
    /// On this address, or on all of them where it is unspecified: others than the host's own users come through the bridge.
    Wider(IpAddr),
}

impl TrustedProxies {
    /// Whether any proxy is trusted.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty() && self.links.is_empty() && self.names.is_empty()
    }

    /// Whether an address is one of them. Link-local addresses are told apart by [`TrustedProxies::matching`] only.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| covers(network, address))
            || self.names.iter().any(|name| name.addresses.contains(&address))
    }

    /// The entry that the peer matches.
    pub fn matching(&self, peer: Peer, surroundings: &Surroundings) -> Option<TrustedEntry> {
        let ip = peer.ip();
        if let Some(network) = self.networks.iter().find(|network| covers(network, ip)) {
            return Some(TrustedEntry::Network(*network));
        }
        if let Some(name) = self.names.iter().find(|name| name.addresses.contains(&ip)) {
            return Some(TrustedEntry::Name(name.name.clone()));
        }
        let IpAddr::V6(v6) = ip else { return None };
        self.links
            .iter()
            .find(|link| link.network.contains(&v6) && surroundings.is_zone(peer, &link.zone))
            .map(|link| TrustedEntry::Link(link.clone()))
    }
}

/// Whether the address is in the network. [`IpNet::contains`] computes both ends of the network first, which is most of what a
/// classification with a long list would cost.
fn covers(network: &IpNet, address: IpAddr) -> bool {
    match (network, address) {
        (IpNet::V4(network), IpAddr::V4(v4)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(network.prefix_len())).unwrap_or(0);
            (network.addr().to_bits() ^ v4.to_bits()) & mask == 0
        }
        (IpNet::V6(network), IpAddr::V6(v6)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(network.prefix_len())).unwrap_or(0);
            (network.addr().to_bits() ^ v6.to_bits()) & mask == 0
        }
        _ => false,
    }
}

impl fmt::Display for TrustedEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) if network.prefix_len() == network.max_prefix_len() => network.addr().fmt(f),
            Self::Network(network) => network.fmt(f),
            Self::Link(link) => link.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for LinkNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { network, zone } = self;
        match network.prefix_len() {
            128 => write!(f, "{}%{zone}", network.addr()),
            prefix => write!(f, "{}%{zone}/{prefix}", network.addr()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_network_covers_what_is_between_its_ends(address: IpAddr, near: bool, other: IpAddr, flip in 0_u32..128, prefix in 0_u8..=128) {
            let prefix = if address.is_ipv4() { prefix % 33 } else { prefix };
            let network = IpNet::new(address, prefix).expect("a prefix of its family");
            // An address that differs in one bit is on the edge more often than any.
            let other = match address {
                IpAddr::V4(v4) if near => (v4.to_bits() ^ (1 << (flip % 32))).to_be_bytes().into(),
                IpAddr::V6(v6) if near => (v6.to_bits() ^ (1 << flip)).to_be_bytes().into(),
                _ => other,
            };
            for address in [address, other] {
                prop_assert_eq!(covers(&network, address), network.contains(&address), "{} {}", network, address);
            }
        }
    }
}
