//! Our own addresses, and whether we stand in a container with a network of its own.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
};

use ipnet::IpNet;
use nix::{ifaddrs::getifaddrs, net::if_::InterfaceFlags};

/// Our own interface addresses with their subnets, loopback left out. Empty where the kernel does not tell.
pub fn own_interfaces() -> Vec<IpNet> {
    let Ok(interfaces) = getifaddrs() else { return Vec::new() };
    interfaces
        .filter(|interface| {
            interface.flags.contains(InterfaceFlags::IFF_UP) && !interface.flags.contains(InterfaceFlags::IFF_LOOPBACK)
        })
        .filter_map(|interface| {
            let address = interface.address?;
            let mask = interface.netmask?;
            if let (Some(v4), Some(mask)) = (address.as_sockaddr_in(), mask.as_sockaddr_in()) {
                let (ip, mask): (Ipv4Addr, Ipv4Addr) = (v4.ip(), mask.ip());
                return IpNet::with_netmask(ip.into(), mask.into()).ok();
            }
            let (ip, mask): (Ipv6Addr, Ipv6Addr) = (address.as_sockaddr_in6()?.ip(), mask.as_sockaddr_in6()?.ip());
            IpNet::with_netmask(ip.into(), mask.into()).ok()
        })
        .collect()
}

/// What a container runtime leaves behind, below `root` (`/` outside tests).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContainerMarks {
    /// `/.dockerenv` or `/run/.containerenv` exists.
    pub container: bool,
    /// A network interface has a hardware device behind it: the host's network is shared.
    pub hardware_interface: bool,
}

impl ContainerMarks {
    /// Looks below `root`.
    pub fn read(root: &Path) -> Self {
        let exists = |path: &str| root.join(path).exists();
        let hardware_interface = std::fs::read_dir(root.join("sys/class/net"))
            .is_ok_and(|interfaces| interfaces.flatten().any(|interface| interface.path().join("device").exists()));
        Self { container: exists(".dockerenv") || exists("run/.containerenv"), hardware_interface }
    }
}

/// Whether `address` is of a Tailscale network.
pub(super) fn is_tailnet(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1]))
}
