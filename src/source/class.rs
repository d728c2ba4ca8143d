//! The classes of source and what each may do: the table of grants, as data.

use std::{fmt, net::IpAddr};

use super::Rule;

/// Where a client is. *Local* is no class: it is what a class, a secret and a Host may together be granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SourceClass {
    /// The Unix socket, as the gateway's own user or root.
    UnixSocket,
    /// A loopback address, and nothing speaks of a proxy.
    Loopback,
    /// One of our own interface addresses.
    OwnAddress,
    /// The container network's address of the host, behind which anyone may stand.
    Bridge,
    /// A client that a trusted proxy vouches for.
    Proxied,
    /// A trusted proxy, or a forwarder in front of loopback, that speaks of no client.
    ProxyDirect,
    /// An address on one of our own subnets.
    Neighbour,
    /// A private address elsewhere.
    Private,
    /// An address of a Tailscale network.
    Tailnet,
    /// Any other address.
    Public,
    /// Somebody forwards for others, and nobody vouches for whom.
    Unattributable,
}

/// Whether a device that proved its key and passed authentication is approved at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// Neither pairing nor a secret is needed.
    Always,
    /// When this very connect carries the shared secret.
    WithSharedSecret,
    /// Never: an operator decides.
    Never,
}

impl SourceClass {
    /// The name in logs, refusals and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnixSocket => "unix-socket",
            Self::Loopback => "loopback",
            Self::OwnAddress => "own-address",
            Self::Bridge => "bridge",
            Self::Proxied => "proxied",
            Self::ProxyDirect => "proxy-direct",
            Self::Neighbour => "neighbour",
            Self::Private => "private",
            Self::Tailnet => "tailnet",
            Self::Public => "public",
            Self::Unattributable => "unattributable",
        }
    }

    /// What the class grants.
    pub const fn silence(self) -> Silence {
        match self {
            Self::UnixSocket => Silence::Always,
            Self::Loopback | Self::OwnAddress | Self::Bridge => Silence::WithSharedSecret,
            Self::Proxied
            | Self::ProxyDirect
            | Self::Neighbour
            | Self::Private
            | Self::Tailnet
            | Self::Public
            | Self::Unattributable => Silence::Never,
        }
    }

    /// Whether a signature without a nonce counts: only where nobody can listen in and replay.
    pub const fn accepts_signature_without_nonce(self) -> bool {
        matches!(self, Self::UnixSocket | Self::Loopback)
    }
}

impl fmt::Display for SourceClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The class of an address that nothing nearer explains.
pub(super) fn by_address(peer: IpAddr) -> (SourceClass, Rule) {
    let (tailnet, private) = match peer {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            (a == 100 && (64..128).contains(&b), v4.is_private() || v4.is_link_local())
        }
        IpAddr::V6(v6) => {
            (v6.segments()[..3] == [0xfd7a, 0x115c, 0xa1e0], v6.is_unique_local() || v6.is_unicast_link_local())
        }
    };
    if tailnet {
        (SourceClass::Tailnet, Rule::TailnetRange)
    } else if private {
        (SourceClass::Private, Rule::PrivateRange)
    } else {
        (SourceClass::Public, Rule::OtherAddress)
    }
}
