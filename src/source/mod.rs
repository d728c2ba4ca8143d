//! Stage 2: where a connection comes from, and what that grants.
//!
//! [`classify`] is a pure function from the other end of the socket, the request's headers and what is known of our own
//! network to a [`Source`]: a class, the client it is attributed to, and the rule that decided. The class is computed once,
//! at the HTTP upgrade, and travels with the connection. Nothing that a peer writes ever changes its address or earns a
//! grant: headers can only take a grant away.

mod class;
mod evidence;
mod trust;

pub use class::{Silence, SourceClass};
pub use evidence::{ProxyHeader, Rule};
pub use trust::{PublishedOn, Trust, TrustedBridges, TrustedName, TrustedProxies};

use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;
use ipnet::IpNet;

/// The other end of a connection, as the kernel names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Through the Unix socket, with credentials that were checked.
    UnixSocket,
    /// Over TCP, from this address (IPv4-mapped forms already unmapped).
    Tcp(IpAddr),
    /// Over TCP, on a listener that requires a PROXY preamble, from a proxy that is listed there.
    Preamble {
        /// The proxy's address.
        peer: IpAddr,
        /// What its preamble said.
        preamble: Preamble,
    },
}

/// What a PROXY protocol preamble says (the PROXY protocol, versions 1 and 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preamble {
    /// The client for whom the proxy connects.
    Client(SocketAddr),
    /// The proxy speaks for itself, or of nobody with an address: LOCAL, UNKNOWN, a Unix socket.
    Itself,
}

/// What is known of the network that we stand in. A fact about this machine, not a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Our own interface addresses with their subnets.
    pub interfaces: Vec<IpNet>,
    /// Whether we stand in a container that has a network of its own: then remote clients can come from our own address.
    pub in_container: bool,
    /// The addresses of the host in the container's network, where the facts show them beyond doubt.
    pub hops: Vec<IpAddr>,
}

impl Surroundings {
    /// Our own interface addresses.
    pub fn own_addresses(&self) -> Vec<IpAddr> {
        self.interfaces.iter().map(IpNet::addr).collect()
    }

    fn owns(&self, address: IpAddr) -> bool {
        self.interfaces.iter().any(|interface| interface.addr() == address)
    }

    fn neighbours(&self, address: IpAddr) -> bool {
        self.interfaces.iter().any(|interface| interface.contains(&address))
    }
}

/// Where a client is, and what makes us think so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The class that grants are given to.
    pub class: SourceClass,
    /// The other end of the socket; `None` for the Unix socket.
    pub peer: Option<IpAddr>,
    /// The client that the connection is attributed to: throttling and limits count by it. `None` where many clients stand
    /// behind one address.
    pub client: Option<IpAddr>,
    /// The rule that decided.
    pub rule: Rule,
    /// What the class grants here, with all that the configuration says of it.
    pub silence: Silence,
}

impl Source {
    /// The client's address as records and logs show it: nothing for clients on this machine.
    pub fn remote_address(&self) -> Option<IpAddr> {
        match self.class {
            SourceClass::UnixSocket | SourceClass::Loopback | SourceClass::OwnAddress => None,
            _ => self.client.or(self.peer),
        }
    }

    /// One line of evidence for refusals and logs, without anything that a peer wrote except a header's name from our own
    /// list.
    pub fn explain(&self) -> String {
        match self.peer {
            Some(peer) => format!("seen as {} from {peer}: {}", self.class, self.rule),
            None => format!("seen as {}: {}", self.class, self.rule),
        }
    }
}

/// Says where a connection comes from.
///
/// The order of the rules matters: a header that speaks of a proxy counts before any address does, since whoever forwards
/// for others must never look local.
pub fn classify(arrival: Arrival, headers: &HeaderMap, _trust: &Trust, surroundings: &Surroundings) -> Source {
    let (Arrival::Tcp(peer) | Arrival::Preamble { peer, .. }) = arrival else {
        return Source {
            class: SourceClass::UnixSocket,
            peer: None,
            client: None,
            rule: Rule::PeerCredentials,
            silence: Silence::Always,
        };
    };
    let (class, rule) = if let Some(header) = ProxyHeader::first_in(headers) {
        (SourceClass::Unattributable, Rule::ProxyHeader(header))
    } else if is_mesh_inbound(peer) {
        (SourceClass::ProxyDirect, Rule::MeshAddress)
    } else if peer.is_loopback() {
        (SourceClass::Loopback, Rule::LoopbackPeer)
    } else if surroundings.owns(peer) {
        (SourceClass::OwnAddress, Rule::OwnAddress)
    } else if surroundings.neighbours(peer) {
        (SourceClass::Neighbour, Rule::OwnSubnet)
    } else {
        class::by_address(peer)
    };
    Source { class, peer: Some(peer), client: Some(peer), rule, silence: class.silence() }
}

/// Istio's sidecar brings every remote caller of the mesh from this address.
fn is_mesh_inbound(peer: IpAddr) -> bool {
    peer == IpAddr::from([127, 0, 0, 6])
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| {
                (HeaderName::try_from(*name).expect("a name"), HeaderValue::try_from(*value).expect("a value"))
            })
            .collect()
    }

    fn surroundings() -> Surroundings {
        Surroundings {
            interfaces: vec!["172.17.0.2/16".parse().expect("net"), "2001:db8:1::2/64".parse().expect("net")],
            ..Surroundings::default()
        }
    }

    #[test]
    fn classes() {
        use SourceClass as C;
        type Row = (&'static str, &'static [(&'static str, &'static str)], C);
        #[rustfmt::skip]
        let rows: &[Row] = &[
            ("127.0.0.1",      &[],                                  C::Loopback),
            ("127.0.1.1",      &[],                                  C::Loopback),      // a machine name
            ("::1",            &[],                                  C::Loopback),
            ("127.0.0.1",      &[("host", "example.com")],           C::Loopback),      // a Host demotes nobody
            ("127.0.0.6",      &[],                                  C::ProxyDirect),   // a mesh stands there
            ("127.0.0.1",      &[("x-forwarded-for", "127.0.0.1")],  C::Unattributable),
            ("127.0.0.1",      &[("x-forwarded-for", "")],           C::Unattributable),
            ("127.0.0.1",      &[("forwarded", "for=127.0.0.1")],    C::Unattributable),
            ("127.0.0.1",      &[("x-real-ip", "127.0.0.1")],        C::Unattributable),
            ("127.0.0.1",      &[("via", "1.1 proxy")],              C::Unattributable),
            ("127.0.0.1",      &[("cf-ray", "1")],                   C::Unattributable),
            ("127.0.0.1",      &[("tailscale-user-login", "a@b")],   C::Unattributable),
            ("127.0.0.1",      &[("x-envoy-internal", "true")],      C::Unattributable),
            ("127.0.0.1",      &[("x-original-forwarded-for", "1")], C::Unattributable),
            ("172.17.0.2",     &[],                                  C::OwnAddress),
            ("172.17.0.2",     &[("x-forwarded-proto", "https")],    C::Unattributable),
            ("172.17.0.1",     &[],                                  C::Neighbour),     // a bridge, until one is told
            ("2001:db8:1::9",  &[],                                  C::Neighbour),
            ("10.1.2.3",       &[],                                  C::Private),
            ("192.168.1.2",    &[],                                  C::Private),
            ("169.254.7.127",  &[],                                  C::Private),
            ("fe80::1",        &[],                                  C::Private),
            ("fd00::1",        &[],                                  C::Private),
            ("100.64.0.9",     &[],                                  C::Tailnet),
            ("100.128.0.9",    &[],                                  C::Public),
            ("fd7a:115c:a1e0::1", &[],                               C::Tailnet),
            ("192.0.2.50",     &[],                                  C::Public),
            ("2001:db8::50",   &[],                                  C::Public),
        ];
        for (peer, lines, class) in rows {
            let source = classify(
                Arrival::Tcp(peer.parse().expect("an address")),
                &headers(lines),
                &Trust::default(),
                &surroundings(),
            );
            assert_eq!(source.class, *class, "{peer} {lines:?}");
            assert_eq!(source.peer, Some(peer.parse().expect("an address")), "{peer} {lines:?}");
        }
        assert_eq!(
            classify(Arrival::UnixSocket, &HeaderMap::new(), &Trust::default(), &surroundings()).class,
            SourceClass::UnixSocket
        );
    }

    proptest! {
        #[test]
        fn no_header_ever_earns_a_grant(
            peer in any::<IpAddr>(),
            name in prop::sample::select(vec!["x-forwarded-for", "forwarded", "x-real-ip", "host", "origin", "x-any", "via"]),
            value in "[ -~]{0,40}",
        ) {
            let bare = classify(Arrival::Tcp(peer), &HeaderMap::new(), &Trust::default(), &surroundings());
            let with = classify(Arrival::Tcp(peer), &headers(&[(name, &value)]), &Trust::default(), &surroundings());
            prop_assert!(
                with.class == bare.class || with.class.silence() == Silence::Never,
                "{name}: {value} turned {:?} into {:?}", bare.class, with.class
            );
            prop_assert_eq!(with.peer, bare.peer);
        }
    }
}
