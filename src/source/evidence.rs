//! What decided a class, in words that carry nothing a peer wrote.

use std::fmt;

use hyper::HeaderMap;

/// A header that only proxies send. Its name comes from our own list, so it can be shown anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProxyHeader(&'static str);

/// Names that end in a hyphen stand for every header that begins so.
const PROXY_HEADERS: [&str; 12] = [
    "forwarded",
    "via",
    "x-forwarded-",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-",
    "true-client-ip",
    "cf-",
    "fly-client-ip",
    "tailscale-",
    "x-original-",
];

impl ProxyHeader {
    /// The first header that speaks of a proxy. An empty value speaks of one too.
    pub fn first_in(headers: &HeaderMap) -> Option<Self> {
        headers.keys().find_map(|name| {
            let name = name.as_str();
            PROXY_HEADERS
                .iter()
                .find(|listed| if listed.ends_with('-') { name.starts_with(**listed) } else { name == **listed })
                .map(|listed| Self(listed))
        })
    }

    /// The name, or the prefix with an asterisk.
    pub fn name(self) -> String {
        if self.0.ends_with('-') { format!("{}*", self.0) } else { self.0.to_owned() }
    }
}

/// The rule that decided a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The kernel vouches for the user at the other end of the Unix socket.
    PeerCredentials,
    /// A peer that is no trusted proxy sent this header.
    ProxyHeader(ProxyHeader),
    /// 127.0.0.6, from which a mesh sidecar brings remote callers.
    MeshAddress,
    /// The peer is a loopback address.
    LoopbackPeer,
    /// The peer is one of our own addresses.
    OwnAddress,
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
            Self::ProxyHeader(header) => write!(f, "header {} from a peer that is no trusted proxy", header.name()),
            Self::MeshAddress => f.write_str("127.0.0.6 is a mesh sidecar's address"),
            Self::LoopbackPeer => f.write_str("loopback peer without proxy headers"),
            Self::OwnAddress => f.write_str("one of the gateway's own addresses"),
            Self::OwnSubnet => f.write_str("an address on one of the gateway's own subnets"),
            Self::TailnetRange => f.write_str("an address of a Tailscale network"),
            Self::PrivateRange => f.write_str("a private address"),
            Self::OtherAddress => f.write_str("an address outside every known network"),
        }
    }
}
