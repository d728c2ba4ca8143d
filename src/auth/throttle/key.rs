//! For whom failures are counted.

use std::net::{IpAddr, Ipv6Addr};

use crate::{
    device::DeviceId,
    source::{Source, SourceClass},
};

/// For whom failures are counted: never a bridge or a proxy as if it were one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ThrottleKey {
    /// One client: its address, of IPv6 the network of 64 bits that one customer gets. Made by [`ThrottleKey::of`].
    Client(IpAddr),
    /// Everybody of a class whose clients cannot be told apart.
    Class(SourceClass),
    /// A device that proved its key and has a token.
    Device(DeviceId),
}

impl ThrottleKey {
    /// The key of a connection that has proved no device.
    pub fn of(source: &Source) -> Self {
        source.client.map_or(Self::Class(source.class), |client| Self::Client(network(client)))
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        other => other,
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
            let [a, b] = [one, other].map(|text| network(text.parse().expect("an address")));
            assert_eq!(a == b, same, "{one} {other}");
        }
    }
}
