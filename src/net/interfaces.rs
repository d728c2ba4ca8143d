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

/// One of our own link-local IPv6 addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkAddress {
    /// The index of its interface, which the kernel names as the zone of a peer there.
    pub zone: u32,
    /// The name of its interface.
    pub name: String,
    /// The address.
    pub address: Ipv6Addr,
}

/// Our own link-local IPv6 addresses. Empty where the kernel does not tell.
pub fn own_links() -> Vec<LinkAddress> {
    let Ok(interfaces) = getifaddrs() else { return Vec::new() };
    interfaces
        .filter(|interface| interface.flags.contains(InterfaceFlags::IFF_UP))
        .filter_map(|interface| {
            let v6 = *interface.address?.as_sockaddr_in6()?;
            let link = LinkAddress { zone: v6.scope_id(), name: interface.interface_name, address: v6.ip() };
            (link.address.is_unicast_link_local() && link.zone != 0).then_some(link)
        })
        .collect()
}

/// What a container runtime leaves behind, below `root` (`/` outside tests).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContainerMarks {
    /// Docker or Podman left its file.
    pub runtime: bool,
    /// Kubernetes left its mark.
    pub kubernetes: bool,
    /// A network interface has a hardware device behind it: the host's network is shared.
    pub hardware_interface: bool,
}

impl ContainerMarks {
    /// Looks below `root`.
    pub fn read(root: &Path) -> Self {
        let exists = |path: &str| root.join(path).exists();
        let hardware_interface = std::fs::read_dir(root.join("sys/class/net"))
            .is_ok_and(|interfaces| interfaces.flatten().any(|interface| interface.path().join("device").exists()));
        Self {
            // Some runtimes of Kubernetes leave these in pods too.
            runtime: exists(".dockerenv") || exists("run/.containerenv"),
            kubernetes: exists("var/run/secrets/kubernetes.io/serviceaccount")
                || has_kubelet_hosts(&root.join("etc/hosts")),
            hardware_interface,
        }
    }

    /// Whether this is a container at all.
    pub fn is_container(self) -> bool {
        self.runtime || self.kubernetes
    }
}

fn has_kubelet_hosts(path: &Path) -> bool {
    std::fs::read_to_string(path).is_ok_and(|text| text.starts_with("# Kubernetes-managed hosts file"))
}

/// Whether `address` is of a Tailscale network.
pub(super) fn is_tailnet(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1]))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Paths below the root, with what is in them.
    type Files = &'static [(&'static str, &'static str)];

    #[test]
    fn marks() {
        #[rustfmt::skip]
        let rows: &[(Files, [bool; 3])] = &[
            // files                                                            runtime  kubernetes  hardware
            (&[],                                                                  [false, false,      false]),
            (&[("etc/hosts", "127.0.0.1 localhost\n")],                            [false, false,      false]),
            (&[(".dockerenv", "")],                                                [true,  false,      false]),
            (&[("run/.containerenv", "")],                                         [true,  false,      false]),
            (&[("etc/hosts", "# Kubernetes-managed hosts file.\n127.0.0.1\n")],    [false, true,       false]),
            (&[("etc/hosts", "127.0.0.1\n# Kubernetes-managed hosts file.\n")],    [false, false,      false]),
            (&[("var/run/secrets/kubernetes.io/serviceaccount/namespace", "x")],   [false, true,       false]),
            (&[("sys/class/net/lo/type", "772")],                                  [false, false,      false]),
            (&[("sys/class/net/eth0/device/vendor", "x")],                         [false, false,      true]),
            (&[(".dockerenv", ""), ("sys/class/net/eth0/device/vendor", "x")],     [true,  false,      true]),
        ];
        for (files, [runtime, kubernetes, hardware_interface]) in rows {
            let root = tempfile::tempdir().expect("a directory");
            for (path, text) in *files {
                let path = root.path().join(path);
                fs::create_dir_all(path.parent().expect("below the root")).expect("writable");
                fs::write(path, text).expect("writable");
            }
            let expected =
                ContainerMarks { runtime: *runtime, kubernetes: *kubernetes, hardware_interface: *hardware_interface };
            assert_eq!(ContainerMarks::read(root.path()), expected, "{files:?}");
        }
    }

    #[test]
    fn loopback_is_not_an_address_of_ours_and_subnets_come_along() {
        for interface in own_interfaces() {
            assert!(!interface.addr().is_loopback() && interface.contains(&interface.addr()), "{interface}");
        }
    }

    #[test]
    fn tailnet_addresses() {
        for (text, expected) in
            [("100.64.0.1", true), ("100.127.255.254", true), ("100.128.0.1", false), ("fd7a:115c:a1e0::1", false)]
        {
            assert_eq!(is_tailnet(text.parse().expect("an address")), expected, "{text}");
        }
    }
}
