//! What decided a class, in words that carry nothing a peer wrote.

use std::{fmt, net::IpAddr};

use super::ProxyHeader;

/// A header whose chain of hops is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardingHeader {
    /// `X-Forwarded-For`.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// `X-Real-IP`, where the configuration allows it.
    XRealIp,
}

impl ForwardingHeader {
    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
            Self::XRealIp => "x-real-ip",
        }
    }
}

impl fmt::Display for ForwardingHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a chain of hops names no client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainDefect {
    /// A member is no address.
    Malformed {
        /// Which, counted from the right, where the nearest proxy wrote; the first is 1. 0 where that cannot be told.
        member: usize,
    },
    /// A member hides its address (`unknown`, `_name`).
    Hidden {
        /// Which, counted from the right; the first is 1.
        member: usize,
    },
    /// `X-Forwarded-For` and `Forwarded` name different clients.
    Contradictory,
    /// Every hop is a trusted proxy: the trusted ranges cover the clients.
    Exhausted,
    /// More hops than the limit.
    TooManyHops,
    /// More bytes than the limit.
    TooLong,
}

impl fmt::Display for ChainDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { member: 0 } => f.write_str("is malformed"),
            Self::Malformed { member } => write!(f, "is malformed: member {member} from the right is no address"),
            Self::Hidden { member } => write!(f, "hides a hop: member {member} from the right is no address"),
            Self::Contradictory => f.write_str("and another forwarding header name different clients"),
            Self::Exhausted => {
                f.write_str("names only trusted proxies, so the trusted ranges cover the clients themselves")
            }
            Self::TooManyHops => f.write_str("has more hops than any real chain"),
            Self::TooLong => f.write_str("is longer than any real chain"),
        }
    }
}

/// The rule that decided a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The kernel vouches for the user at the other end of the Unix socket.
    PeerCredentials,
    /// The PROXY preamble of a listed proxy names the client.
    Preamble,
    /// The PROXY preamble of a listed proxy names no client.
    PreambleWithoutClient,
    /// A header that names a client, on a listener where the PROXY preamble does.
    HeaderBesidePreamble(ProxyHeader),
    /// A trusted proxy names the client in this header.
    TrustedProxy(ForwardingHeader),
    /// A trusted proxy names no client.
    TrustedProxyAlone {
        /// The header in which it seems to name one, and which does not count.
        ignored: Option<ProxyHeader>,
    },
    /// A trusted proxy names a client, but it cannot be told which.
    Chain {
        /// The header.
        header: ForwardingHeader,
        /// What is wrong with it.
        defect: ChainDefect,
    },
    /// A peer that is no trusted proxy sent this header.
    ProxyHeader(ProxyHeader),
    /// 127.0.0.6, from which a mesh sidecar brings remote callers.
    MeshAddress,
    /// The configuration says that a forwarder connects from loopback.
    LoopbackIsProxy,
    /// The peer is a loopback address.
    LoopbackPeer,
    /// The peer is one of our own addresses.
    OwnAddress,
    /// The peer is listed as a bridge.
    ListedBridge,
    /// The network's facts show that the peer is the container's way to its host.
    FoundBridge,
    /// The peer is on one of our own subnets.
    OwnSubnet,
    /// 100.64.0.0/10 or fd7a:115c:a1e0::/48.
    TailnetRange,
    /// A private or link-local address.
    PrivateRange,
    /// Nothing nearer explains the address.
    OtherAddress,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerCredentials => f.write_str("peer credentials of the Unix socket"),
            Self::Preamble => f.write_str("the PROXY preamble of a listed proxy names the client"),
            Self::PreambleWithoutClient => f.write_str("the PROXY preamble of a listed proxy names no client"),
            Self::HeaderBesidePreamble(header) => {
                write!(f, "header {} on a listener that requires a PROXY preamble", header.name())
            }
            Self::TrustedProxy(header) => write!(f, "a trusted proxy names the client in {header}"),
            Self::TrustedProxyAlone { ignored: None } => f.write_str("a trusted proxy that names no client"),
            Self::TrustedProxyAlone { ignored: Some(header) } => {
                write!(f, "a trusted proxy that names no client, and whose header {} does not count", header.name())
            }
            Self::Chain { header, defect } => write!(f, "header {header} of a trusted proxy {defect}"),
            Self::ProxyHeader(header) => write!(f, "header {} from a peer that is no trusted proxy", header.name()),
            Self::MeshAddress => f.write_str("127.0.0.6 is a mesh sidecar's address"),
            Self::LoopbackIsProxy => f.write_str("gateway.loopbackIsProxy: a forwarder connects from loopback"),
            Self::LoopbackPeer => f.write_str("loopback peer without proxy headers"),
            Self::OwnAddress => f.write_str("one of the gateway's own addresses"),
            Self::ListedBridge => f.write_str("listed in gateway.trustedBridges"),
            Self::FoundBridge => f.write_str("the host's address in the container's network"),
            Self::OwnSubnet => f.write_str("an address on one of the gateway's own subnets"),
            Self::TailnetRange => f.write_str("an address of a Tailscale network"),
            Self::PrivateRange => f.write_str("a private address"),
            Self::OtherAddress => f.write_str("an address outside every known network"),
        }
    }
}

/// What else bears on the grant of a class whose address stands for more than one party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caveat {
    /// Nobody said where the container's port is published: granted, since the images publish it on loopback.
    PublishedUnknown,
    /// The container's port is published on this address, so others than the host's own users come this way: nothing is
    /// granted.
    PublishedWider(IpAddr),
    /// Our own address in a container, from which remote clients can come, and no bridge is trusted that it could be one of:
    /// nothing is granted.
    BridgesUntrusted,
    /// A forwarder connects from this machine: nothing is granted.
    LoopbackIsProxy,
}

impl fmt::Display for Caveat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PublishedUnknown => f.write_str("gateway.publishedOn does not say where the port is published"),
            Self::PublishedWider(address) => write!(f, "the port is published on {address}"),
            Self::BridgesUntrusted => f.write_str("gateway.trustedBridges does not list this address"),
            Self::LoopbackIsProxy => f.write_str("gateway.loopbackIsProxy says that a forwarder is on this machine"),
        }
    }
}
