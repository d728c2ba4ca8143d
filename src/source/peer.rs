//! Two addresses, two types: what the kernel names, and what a proxy says.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use crate::net::PeerAddr;

/// The address at the other end of a socket. IPv4-mapped forms are unmapped; a link-local IPv6 address keeps its zone, since
/// the same address is somebody else on every link. No value in a header or a preamble becomes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Peer {
    ip: IpAddr,
    zone: u32,
}

impl Peer {
    /// The address.
    pub const fn ip(self) -> IpAddr {
        self.ip
    }

    /// The index of the interface that a link-local IPv6 address is on; `None` for every other address.
    pub fn zone(self) -> Option<u32> {
        (self.zone != 0).then_some(self.zone)
    }
}

impl From<SocketAddr> for Peer {
    fn from(socket: SocketAddr) -> Self {
        let zone = match socket {
            SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => v6.scope_id(),
            _ => 0,
        };
        Self { ip: socket.ip().to_canonical(), zone }
    }
}

impl From<PeerAddr> for Peer {
    fn from(peer: PeerAddr) -> Self {
        peer.socket().into()
    }
}

/// An address without a zone: of a link-local one it is not known which link it is on, so it is nobody's that we know.
impl From<IpAddr> for Peer {
    fn from(ip: IpAddr) -> Self {
        Self { ip: ip.to_canonical(), zone: 0 }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip.fmt(f)?;
        if self.zone == 0 { Ok(()) } else { write!(f, "%{}", self.zone) }
    }
}

/// The client that a trusted proxy names. It may be anything that the proxy was made to believe, so no rule about where a
/// peer stands takes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ForwardedClient(IpAddr);

impl ForwardedClient {
    pub(super) fn new(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }

    /// The address.
    pub const fn ip(self) -> IpAddr {
        self.0
    }
}

impl fmt::Display for ForwardedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_canonical_and_keeps_its_zone() {
        use std::net::{Ipv6Addr, SocketAddrV6};
        let v6 = |text: &str, zone| {
            let ip: Ipv6Addr = text.parse().expect("an address");
            SocketAddr::V6(SocketAddrV6::new(ip, 1, 0, zone))
        };
        #[rustfmt::skip]
        let rows = [
            (v6("::ffff:172.17.0.1", 0), "172.17.0.1", None),
            (v6("fe80::1", 2),           "fe80::1%2",  Some(2)),
            (v6("fe80::1", 0),           "fe80::1",    None),
            (v6("2001:db8::1", 2),       "2001:db8::1", None), // the kernel names a zone for link-local addresses only
        ];
        for (socket, shown, zone) in rows {
            let peer = Peer::from(PeerAddr::new(socket));
            assert_eq!((peer.to_string().as_str(), peer.zone()), (shown, zone), "{socket}");
        }
        assert_ne!(Peer::from(v6("fe80::1", 2)), Peer::from(v6("fe80::1", 3)));
    }
}
