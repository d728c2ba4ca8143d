//! The other end of a connection, as the kernel names it.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

/// The far end of a TCP connection. Never taken from a header. IPv4-mapped addresses are unmapped here, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddr(SocketAddr);

impl PeerAddr {
    /// The address that `accept` returned. A link-local one keeps its zone.
    pub fn new(address: SocketAddr) -> Self {
        match address.ip().to_canonical() {
            unmapped @ IpAddr::V4(_) => Self(SocketAddr::new(unmapped, address.port())),
            IpAddr::V6(_) => Self(address),
        }
    }

    /// The address.
    pub fn ip(self) -> IpAddr {
        self.0.ip()
    }

    /// Address and port.
    pub fn socket(self) -> SocketAddr {
        self.0
    }
}

impl fmt::Display for PeerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
