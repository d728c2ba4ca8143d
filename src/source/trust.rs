//! Whom the configuration trusts: the policy half of what [`classify`](super::classify) decides by.

use std::net::IpAddr;

use ipnet::IpNet;

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
}

/// Proxies whose forwarding headers count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    /// Addresses and networks, as configured.
    pub networks: Vec<IpNet>,
    /// DNS names, as configured, each with the addresses that it stands for now.
    pub names: Vec<TrustedName>,
}

/// A trusted proxy that is known by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedName {
    /// The name, as configured.
    pub name: String,
    /// What it stands for now; empty until it was resolved, and when it no longer resolves.
    pub addresses: Vec<IpAddr>,
}

/// Which container hops count as bridges (`gateway.trustedBridges`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TrustedBridges {
    /// None.
    Off,
    /// Those that the network's facts show beyond doubt: [`Surroundings::hops`](super::Surroundings::hops).
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
        self.networks.is_empty() && self.names.is_empty()
    }

    /// Whether the peer is one of them.
    pub fn contains(&self, peer: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&peer))
            || self.names.iter().any(|name| name.addresses.contains(&peer))
    }
}
