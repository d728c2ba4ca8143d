//! The network that we stand in.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use super::Peer;

/// What is known of the network that we stand in. A fact about this machine, not a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Our own interface addresses with their subnets. Link-local IPv6 addresses among them say nothing: see `links`.
    pub interfaces: Vec<IpNet>,
    /// Our own link-local IPv6 addresses, each with the link that it is on.
    pub links: Vec<Link>,
    /// Whether we stand in a container that has a network of its own: then remote clients can come from our own address.
    pub in_container: bool,
    /// The addresses of the host in the container's network, where the facts show them beyond doubt.
    pub hops: Vec<IpAddr>,
}

/// An interface with a link-local IPv6 address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The interface's index, which the kernel names as the zone of a peer.
    pub zone: u32,
    /// The interface's name, which configurations name as the zone of an address.
    pub name: String,
    /// Our address there.
    pub address: Ipv6Addr,
}

impl Surroundings {
    /// Our own interface addresses.
    pub fn own_addresses(&self) -> Vec<IpAddr> {
        self.interfaces.iter().map(IpNet::addr).collect()
    }

    /// Whether the peer is one of our own addresses.
    pub fn owns(&self, peer: Peer) -> bool {
        match link_local(peer.ip()) {
            Some(address) => self.links.iter().any(|link| Some(link.zone) == peer.zone() && link.address == address),
            None => self.has(peer.ip()),
        }
    }

    /// Whether the peer is on one of our own subnets.
    pub fn neighbours(&self, peer: Peer) -> bool {
        match link_local(peer.ip()) {
            // Whoever sends from such an address is on that link.
            Some(_) => self.links.iter().any(|link| Some(link.zone) == peer.zone()),
            None => self.interfaces.iter().any(|interface| interface.contains(&peer.ip())),
        }
    }

    /// Whether an address without a zone is one of our own: what a proxy says proves nothing, but must not be mixed up.
    pub(super) fn has(&self, address: IpAddr) -> bool {
        self.interfaces.iter().any(|interface| interface.addr() == address)
    }

    /// Whether a zone as configured, a name or an index, is the peer's.
    pub(super) fn is_zone(&self, peer: Peer, zone: &str) -> bool {
        peer.zone().is_some_and(|index| {
            zone.parse() == Ok(index) || self.links.iter().any(|link| link.zone == index && link.name == zone)
        })
    }
}

fn link_local(address: IpAddr) -> Option<Ipv6Addr> {
    match address {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Some(v6),
        _ => None,
    }
}
