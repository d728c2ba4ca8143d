//! Whether the default router is the host of the container that we stand in: the narrow rule.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
};

use super::NetworkFacts;

/// From where Docker Desktop brings everybody, and the network in which its name for the host lies.
const DESKTOP_HOP: Ipv4Addr = Ipv4Addr::new(192, 168, 65, 1);

/// The kind of link by which engines join a container to a bridge.
const VETH: &str = "veth";

/// Why no container hop can be told from the facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoBridge {
    /// Neither Docker nor Podman left its mark.
    NoContainer,
    /// In a pod every client of a NodePort or a LoadBalancer comes from the default router.
    Kubernetes,
    /// There is no way out.
    NoDefaultRoute,
    /// The default route leaves over something else than a bridge's cable, so that its router may be anybody's.
    OtherLink {
        /// The interface.
        interface: String,
        /// What it is, as far as the kernel tells.
        kind: Option<String>,
    },
}

impl fmt::Display for NoBridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoContainer => f.write_str("neither /.dockerenv nor /run/.containerenv exists"),
            Self::Kubernetes => f.write_str("this is a pod, where the default router stands for every client"),
            Self::NoDefaultRoute => f.write_str("there is no default route through a router"),
            Self::OtherLink { interface, kind } => {
                let kind = kind.as_deref().unwrap_or("a link of unknown kind");
                write!(f, "the default route leaves over {interface}, which is {kind} and not veth")
            }
        }
    }
}

impl NetworkFacts {
    /// The addresses of the host in the network of the container that we stand in. `host_name` holds what the name
    /// `host.docker.internal` stands for.
    ///
    /// # Errors
    /// [`NoBridge`] says why they cannot be told beyond doubt.
    pub fn hops(&self, host_name: &[IpAddr]) -> Result<Vec<IpAddr>, NoBridge> {
        if self.marks.kubernetes {
            return Err(NoBridge::Kubernetes);
        }
        if !self.marks.runtime {
            return Err(NoBridge::NoContainer);
        }
        let over_veth = |kind: &Option<String>| kind.as_deref() == Some(VETH);
        let routers =
            self.default_routes.iter().filter(|route| over_veth(&route.kind)).filter_map(|route| route.router);
        // A link-local address means nothing without its zone, and nobody dials from it.
        let mut hops: Vec<IpAddr> = routers.filter(|router| !is_link_local(*router)).collect();
        if hops.is_empty() {
            let other = self.default_routes.iter().find(|route| !over_veth(&route.kind));
            return Err(other.map_or(NoBridge::NoDefaultRoute, |route| NoBridge::OtherLink {
                interface: route.interface.clone(),
                kind: route.kind.clone(),
            }));
        }
        if host_name.iter().any(|address| is_in_desktop_network(*address)) && !hops.contains(&DESKTOP_HOP.into()) {
            hops.push(DESKTOP_HOP.into());
        }
        Ok(hops)
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

fn is_in_desktop_network(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(v4) if v4.octets()[..3] == DESKTOP_HOP.octets()[..3])
}
