//! Which addresses are container bridges, and what `gateway.trustedProxies` must not hold.

use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, Ipv4Addr},
    path::Path,
};

use ipnet::IpNet;
use nix::ifaddrs::getifaddrs;

use crate::net::ContainerMarks;

/// What is known of the network that this command runs in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Network {
    /// Whether we stand in a container with a network of its own.
    pub(crate) in_container: bool,
    /// The next hops of the default routes.
    pub(crate) routers: Vec<IpAddr>,
    /// Bridge interfaces and their addresses.
    pub(crate) bridges: BTreeMap<String, Vec<IpAddr>>,
}

/// An item of `gateway.trustedProxies` that is no proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bridge {
    /// The address, printed anew.
    pub(crate) address: IpAddr,
    /// What makes us think so.
    pub(crate) why: String,
}

impl Network {
    /// Looks below `root` (`/` outside tests), and asks the kernel for its interfaces.
    pub(crate) fn read(root: &Path) -> Self {
        let marks = ContainerMarks::read(root);
        let mut bridges = BTreeMap::<String, Vec<IpAddr>>::new();
        let is_bridge = |name: &str| root.join("sys/class/net").join(name).join("bridge").exists();
        for interface in getifaddrs().into_iter().flatten().filter(|interface| is_bridge(&interface.interface_name)) {
            let Some(address) = interface.address else { continue };
            let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
            if let Some(address) = v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip()))) {
                bridges.entry(interface.interface_name).or_default().push(address);
            }
        }
        let routes = fs::read_to_string(root.join("proc/net/route")).unwrap_or_default();
        Self {
            in_container: marks.is_container() && !marks.hardware_interface,
            routers: default_routers(&routes),
            bridges,
        }
    }

    /// What makes `address` a bridge, if it is one.
    fn why_bridge(&self, address: IpAddr) -> Option<String> {
        if let Some((name, _)) = self.bridges.iter().find(|(_, addresses)| addresses.contains(&address)) {
            return Some(format!("it is the address of the bridge {name} here"));
        }
        if self.in_container && self.routers.contains(&address) {
            return Some("it is the default router of this container".into());
        }
        let IpAddr::V4(v4) = address else { return None };
        is_pool_bridge(v4).then(|| "container engines give that address to a bridge".into())
    }
}

/// The addresses that Docker and Podman give to bridges of their own pools. A private network elsewhere may use them too,
/// so this is reason enough for a question and for no more.
fn is_pool_bridge(address: Ipv4Addr) -> bool {
    let [a, b, _, d] = address.octets();
    let docker = a == 172 && (16..32).contains(&b) && d == 1;
    docker || address == Ipv4Addr::new(10, 88, 0, 1) || address == Ipv4Addr::new(192, 168, 65, 1)
}

/// The bridges among the items of `gateway.trustedProxies`.
pub(crate) fn bridges_among(items: &[&str], network: &Network) -> Vec<Bridge> {
    let single = |item: &&str| match item.parse::<IpNet>() {
        Ok(network) if network.prefix_len() == network.max_prefix_len() => Some(network.addr()),
        Ok(_) => None,
        Err(_) => item.parse().ok(),
    };
    let bridge = |address: IpAddr| network.why_bridge(address).map(|why| Bridge { address, why });
    items.iter().filter_map(single).map(|address: IpAddr| address.to_canonical()).filter_map(bridge).collect()
}

/// The next hops of the default routes of `/proc/net/route`, where addresses are little-endian hexadecimal numbers.
fn default_routers(table: &str) -> Vec<IpAddr> {
    let router = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let (destination, gateway) = (fields.next()?, fields.next()?);
        let gateway = u32::from_str_radix(gateway, 16).ok()?;
        (destination == "00000000" && gateway != 0).then(|| IpAddr::from(gateway.to_ne_bytes()))
    };
    table.lines().skip(1).filter_map(router).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bridge_is_no_proxy() {
        let ip = |text: &str| text.parse::<IpAddr>().expect(text);
        let host = Network {
            in_container: false,
            routers: vec![ip("192.168.1.1")],
            bridges: BTreeMap::from([("br-abc".to_owned(), vec![ip("10.9.0.1"), ip("fd00::1")])]),
        };
        let container = Network { in_container: true, routers: vec![ip("10.5.0.1")], bridges: BTreeMap::new() };
        #[rustfmt::skip]
        let rows = [
            // item               on the host                                          in a container
            ("172.17.0.1",        Some("container engines give that address to a bridge"), Some("container engines give that address to a bridge")),
            ("172.17.0.1/32",     Some("container engines give that address to a bridge"), Some("container engines give that address to a bridge")),
            ("::ffff:172.17.0.1", Some("container engines give that address to a bridge"), Some("container engines give that address to a bridge")),
            ("10.9.0.1",          Some("it is the address of the bridge br-abc here"),     None),
            ("fd00::1",           Some("it is the address of the bridge br-abc here"),     None),
            ("192.168.1.1",       None,                                                    None),
            ("10.5.0.1",          None,                                                    Some("it is the default router of this container")),
            ("10.0.0.0/8",        None,                                                    None),
            ("proxy.example",     None,                                                    None),
            ("172.17.0.9",        None,                                                    None),
        ];
        for (item, on_host, in_container) in rows {
            let found = |network| bridges_among(&[item], network).pop().map(|bridge| bridge.why);
            assert_eq!(found(&host).as_deref(), on_host, "{item} on the host");
            assert_eq!(found(&container).as_deref(), in_container, "{item} in a container");
        }
    }

    #[test]
    fn routes() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
            eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\neth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
        let expected: Vec<IpAddr> = if cfg!(target_endian = "little") {
            vec!["172.17.0.1".parse().expect("an address")]
        } else {
            default_routers(table)
        };
        assert_eq!(default_routers(table), expected);
        assert_eq!(default_routers("garbage\nx\ny z"), Vec::<IpAddr>::new());
    }
}
