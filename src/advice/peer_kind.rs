//! What a peer is by its address alone.

use crate::source::{Peer, SourceClass};

/// Of what kind the other end of a socket is by its address alone, whatever was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PeerKind {
    /// The Unix socket.
    Socket,
    /// A loopback address.
    Loopback,
    /// One of our own addresses.
    Own,
    /// The container's hop to its host.
    Bridge,
    /// An address on one of our own subnets.
    Neighbour,
    /// A private address elsewhere.
    Private,
    /// An address of a Tailscale network.
    Tailnet,
    /// Any other address.
    Public,
}

impl PeerKind {
    /// The kind that stands for the class which a connection from `peer` has when it brings no header at all.
    pub fn of(peer: Option<Peer>, bare: SourceClass) -> Self {
        match (peer, bare) {
            (None, _) | (_, SourceClass::UnixSocket) => Self::Socket,
            (Some(peer), _) if peer.ip().is_loopback() => Self::Loopback,
            (_, SourceClass::OwnAddress) => Self::Own,
            (_, SourceClass::Bridge) => Self::Bridge,
            (_, SourceClass::Neighbour) => Self::Neighbour,
            (_, SourceClass::Private) => Self::Private,
            (_, SourceClass::Tailnet) => Self::Tailnet,
            _ => Self::Public,
        }
    }

    /// The name in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Loopback => "loopback",
            Self::Own => "own-address",
            Self::Bridge => "bridge",
            Self::Neighbour => "neighbour",
            Self::Private => "private",
            Self::Tailnet => "tailnet",
            Self::Public => "public",
        }
    }

    /// Whether a command that trusts such a peer may be suggested.
    pub(super) const fn may_be_suggested(self) -> bool {
        !matches!(self, Self::Neighbour | Self::Public)
    }
}
