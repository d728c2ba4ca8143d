//! Default routes, from the kernel's tables in text form.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
};

/// A route to everywhere that has no better one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultRoute {
    /// The next hop; `None` where the route has none, as through a tunnel.
    pub router: Option<IpAddr>,
    /// The name of the interface that it leaves over.
    pub interface: String,
    /// The kind of that interface, as `ip -details link` shows it (`veth`, `macvlan`); `None` for hardware, and where the
    /// kernel does not tell.
    pub kind: Option<String>,
}

/// Usable, and through a router (`RTF_UP`, `RTF_GATEWAY`, `RTF_REJECT` of the kernel's `route.h`).
const UP: u32 = 0x1;
const GATEWAY: u32 = 0x2;
const REJECT: u32 = 0x200;

/// The best default route of each family, IPv4 first, without the kinds of their links. Tables that cannot be read hold none.
pub(super) fn defaults(root: &Path) -> Vec<DefaultRoute> {
    let table = |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_default();
    let v4 = best(table("proc/net/route").lines().filter_map(v4_default));
    let v6 = best(table("proc/net/ipv6_route").lines().filter_map(v6_default));
    v4.into_iter().chain(v6).collect()
}

/// The one that the kernel takes: of several with the same metric the first in the table.
fn best(routes: impl Iterator<Item = (u32, DefaultRoute)>) -> Option<DefaultRoute> {
    routes.min_by_key(|(metric, _)| *metric).map(|(_, route)| route)
}

/// One line of `/proc/net/route`: interface, destination, gateway, flags, three columns, mask. Addresses are printed as the
/// number that their bytes make in memory.
fn v4_default(line: &str) -> Option<(u32, DefaultRoute)> {
    let columns: Vec<&str> = line.split_ascii_whitespace().collect();
    let &[interface, destination, gateway, flags, _, _, metric, mask, ..] = columns.as_slice() else { return None };
    let address = |text| Some(Ipv4Addr::from(u32::from_str_radix(text, 16).ok()?.to_ne_bytes()));
    let everywhere = address(destination)?.is_unspecified() && address(mask)?.is_unspecified();
    let flags = u32::from_str_radix(flags, 16).ok()?;
    if !everywhere || flags & UP == 0 || flags & REJECT != 0 {
        return None;
    }
    let router = if flags & GATEWAY == 0 { None } else { Some(address(gateway)?.into()) };
    Some((metric.parse().ok()?, DefaultRoute { router, interface: interface.to_owned(), kind: None }))
}

/// One line of `/proc/net/ipv6_route`: destination and length, source and length, next hop, metric, two columns, flags,
/// interface; all numbers in hexadecimal.
fn v6_default(line: &str) -> Option<(u32, DefaultRoute)> {
    let columns: Vec<&str> = line.split_ascii_whitespace().collect();
    let &[destination, length, _, source_length, gateway, metric, _, _, flags, interface] = columns.as_slice() else {
        return None;
    };
    let address = |text| Some(Ipv6Addr::from(u128::from_str_radix(text, 16).ok()?));
    let number = |text| u32::from_str_radix(text, 16).ok();
    let everywhere = address(destination)?.is_unspecified() && number(length)? == 0 && number(source_length)? == 0;
    let flags = number(flags)?;
    if !everywhere || flags & UP == 0 || flags & REJECT != 0 {
        return None;
    }
    let router = if flags & GATEWAY == 0 { None } else { Some(address(gateway)?.into()) };
    Some((number(metric)?, DefaultRoute { router, interface: interface.to_owned(), kind: None }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(route: Option<(u32, DefaultRoute)>) -> String {
        route.map_or_else(String::new, |(metric, route)| {
            let router = route.router.map_or_else(|| "none".to_owned(), |router| router.to_string());
            format!("{router} {} {metric}", route.interface)
        })
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn lines_of_both_tables() {
        #[rustfmt::skip]
        let rows = [
            // interface destination gateway flags … metric mask
            ("Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT", ""),
            ("eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0",   "172.17.0.1 eth0 0"),
            ("eth0\t00000000\t010011AC\t0003\t0\t0\t600\t00000000\t0\t0\t0", "172.17.0.1 eth0 600"),
            ("eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0",   ""), // its own subnet
            ("eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000080\t0\t0\t0",   ""), // 0.0.0.0/1, as VPNs set it
            ("eth0\t00000000\t010011AC\t0002\t0\t0\t0\t00000000\t0\t0\t0",   ""), // down
            ("*\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0",      ""), // unreachable
            ("tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0",   "none tun0 0"),
            ("eth0\t00000000\tzz\t0003\t0\t0\t0\t00000000\t0\t0\t0",         ""),
            ("",                                                             ""),
        ];
        for (line, expected) in rows {
            assert_eq!(shown(v4_default(line)), expected, "{line}");
        }
        let zero = "0".repeat(32);
        let v6 = |destination: &str, length: &str, gateway: &str, metric: &str, flags: &str, interface: &str| {
            format!("{destination} {length} {zero} 00 {gateway} {metric} 00000002 00000000 {flags} {interface:>8}")
        };
        let router = "fd000000000000000000000000000001";
        #[rustfmt::skip]
        let rows = [
            (v6(&zero,  "00", router, "00000400", "00000003", "eth0"), "fd00::1 eth0 1024"),
            (v6(router, "40", &zero,  "00000100", "00000001", "eth0"), ""),
            (v6(&zero,  "00", &zero,  "ffffffff", "00200200", "lo"),   ""), // the kernel's own refusal
            (v6(&zero,  "00", &zero,  "00000400", "00000001", "tun0"), "none tun0 1024"),
            (v6(&zero,  "00", "fe80", "00000400", "00000003", ""),     ""), // a column is missing
        ];
        for (line, expected) in rows {
            assert_eq!(shown(v6_default(&line)), expected, "{line}");
        }
    }

    #[test]
    fn the_lowest_metric_and_then_the_first_counts() {
        let route = |metric, interface: &str| {
            (metric, DefaultRoute { router: None, interface: interface.to_owned(), kind: None })
        };
        let best = |routes: Vec<_>| super::best(routes.into_iter()).map(|route| route.interface);
        assert_eq!(best(vec![route(100, "a"), route(0, "b"), route(0, "c")]).as_deref(), Some("b"));
        assert_eq!(best(vec![]), None);
    }
}
