//! The other end of a connection, as the kernel names it.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
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

/// Whom an address stands for: of IPv6 the network of 64 bits, since one customer gets all of it.
pub fn customer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        other => other,
    }
}

impl fmt::Display for PeerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_customer_is_one_client() {
        #[rustfmt::skip]
        let rows = [
            ("192.0.2.1",        "192.0.2.1",   true),
            ("192.0.2.1",        "192.0.2.2",   false),
            ("::ffff:192.0.2.1", "192.0.2.1",   true),
            ("2001:db8:1:2::1",  "2001:db8:1:2:ffff::9", true),
            ("2001:db8:1:2::1",  "2001:db8:1:3::1", false),
            ("::1",              "::2",         false),
        ];
        for (one, other, same) in rows {
            let [a, b] = [one, other].map(|text| customer(text.parse().expect("an address")));
            assert_eq!(a == b, same, "{one} {other}");
        }
    }
}
