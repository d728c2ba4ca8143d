//! For whom failures are counted.

use std::net::IpAddr;

use crate::{
    device::DeviceId,
    net::customer,
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
        source.client.map_or(Self::Class(source.class), |client| Self::Client(customer(client)))
    }
}
