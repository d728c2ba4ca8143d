//! What the kernel and the container runtime tell of the network that we stand in.
//!
//! The address of the host in a container's network is told apart from every other router by what nobody on that network
//! can change: the runtime's marks, and the kind of the link that the default route leaves over.

mod bridge;
mod link;
mod route;
#[cfg(test)]
mod tests;

pub use bridge::NoBridge;
pub use route::DefaultRoute;

use std::path::Path;

use ipnet::IpNet;

use self::link::kind_of;
use super::interfaces::{ContainerMarks, own_interfaces};

/// Facts about the network that we stand in, as they were when they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkFacts {
    /// Our own interface addresses with their subnets.
    pub interfaces: Vec<IpNet>,
    /// What the container runtime left behind.
    pub marks: ContainerMarks,
    /// The best default route of each family.
    pub default_routes: Vec<DefaultRoute>,
}

impl NetworkFacts {
    /// Those of this process. `in_pod`: the environment speaks of Kubernetes.
    pub fn of_system(in_pod: bool) -> Self {
        Self::read(Path::new("/"), in_pod, own_interfaces(), kind_of)
    }

    /// Those below `root`, with what only the kernel's sockets tell: our addresses, and the kind of a link by its name.
    pub fn read(root: &Path, in_pod: bool, interfaces: Vec<IpNet>, kind_of: impl Fn(&str) -> Option<String>) -> Self {
        let mut marks = ContainerMarks::read(root);
        marks.kubernetes |= in_pod;
        let mut default_routes = route::defaults(root);
        for route in &mut default_routes {
            route.kind = kind_of(&route.interface);
        }
        Self { interfaces, marks, default_routes }
    }

    /// Whether we stand in a container that has a network of its own.
    pub fn own_network(&self) -> bool {
        self.marks.is_container() && !self.marks.hardware_interface
    }
}
