//! The rule about container hops, over the files that real containers have.

use std::fs;

use super::*;

/// What a container or a machine has.
struct Place {
    name: &'static str,
    /// Paths below the root, with what is in them.
    files: &'static [(&'static str, &'static str)],
    /// Whether the environment speaks of Kubernetes.
    in_pod: bool,
    /// The kinds of links, by name.
    kinds: &'static [(&'static str, &'static str)],
    /// What `host.docker.internal` stands for.
    host_name: &'static [&'static str],
}

const HEAD: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
const DOCKER: &str = "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\neth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
const PROJECT: &str = "eth0\t00000000\t010012AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\neth0\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\neth1\t000013AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
const PODMAN: &str = "eth0\t00000000\t0100580A\t0003\t0\t0\t100\t00000000\t0\t0\t0\neth0\t0000580A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
const LAN: &str = "eth0\t00000000\t010AA8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\neth0\t000AA8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n";
const POD: &str = "eth0\t00000000\t0100F40A\t0003\t0\t0\t0\t00000000\t0\t0\t0\neth0\t0000F40A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
const V6: &str = "\
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd00000000000000000000000000d001 00000400 00000001 00000000 00000003     eth0
fd00000000000000000000000000d000 74 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
";
const V6_LINK_LOCAL: &str = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n";

#[rustfmt::skip]
const PLACES: &[(Place, Result<&str, &str>)] = &[
    (Place { name: "docker, default bridge", files: &[(".dockerenv", ""), ("proc/net/route", DOCKER)], in_pod: false, kinds: &[("eth0", "veth")], host_name: &[] },
        Ok("172.17.0.1")),
    (Place { name: "docker, two project networks", files: &[(".dockerenv", ""), ("proc/net/route", PROJECT)], in_pod: false, kinds: &[("eth0", "veth"), ("eth1", "veth")], host_name: &[] },
        Ok("172.18.0.1")),
    (Place { name: "docker, both families", files: &[(".dockerenv", ""), ("proc/net/route", DOCKER), ("proc/net/ipv6_route", V6)], in_pod: false, kinds: &[("eth0", "veth")], host_name: &[] },
        Ok("172.17.0.1 fd00::d001")),
    (Place { name: "docker, IPv6 only", files: &[(".dockerenv", ""), ("proc/net/route", ""), ("proc/net/ipv6_route", V6)], in_pod: false, kinds: &[("eth0", "veth")], host_name: &[] },
        Ok("fd00::d001")),
    (Place { name: "a link-local router has a zone", files: &[(".dockerenv", ""), ("proc/net/route", DOCKER), ("proc/net/ipv6_route", V6_LINK_LOCAL)], in_pod: false, kinds: &[("eth0", "veth")], host_name: &[] },
        Ok("172.17.0.1")),
    (Place { name: "docker, the host's name is the default router, as with host-gateway", files: &[(".dockerenv", ""), ("proc/net/route", DOCKER)], in_pod: false, kinds: &[("eth0", "veth")], host_name: &["172.17.0.1"] },
        Ok("172.17.0.1")),
    (Place { name: "docker desktop", files: &[(".dockerenv", ""), ("proc/net/route", PROJECT)], in_pod: false, kinds: &[("eth0", "veth")], host_name: &["192.168.65.254", "fdc4:f303:9324::254"] },
        Ok("172.18.0.1 192.168.65.1")),
    (Place { name: "docker, internal network", files: &[(".dockerenv", ""), ("proc/net/route", "")], in_pod: false, kinds: &[("eth0", "veth")], host_name: &["192.168.65.254"] },
        Err("there is no default route through a router")),
    (Place { name: "docker, macvlan", files: &[(".dockerenv", ""), ("proc/net/route", LAN)], in_pod: false, kinds: &[("eth0", "macvlan")], host_name: &[] },
        Err("the default route leaves over eth0, which is macvlan and not veth")),
    (Place { name: "docker desktop's name changes nothing there", files: &[(".dockerenv", ""), ("proc/net/route", LAN)], in_pod: false, kinds: &[("eth0", "macvlan")], host_name: &["192.168.65.254"] },
        Err("the default route leaves over eth0, which is macvlan and not veth")),
    (Place { name: "docker, ipvlan", files: &[(".dockerenv", ""), ("proc/net/route", LAN)], in_pod: false, kinds: &[("eth0", "ipvlan")], host_name: &[] },
        Err("the default route leaves over eth0, which is ipvlan and not veth")),
    (Place { name: "docker, host network", files: &[(".dockerenv", ""), ("sys/class/net/eth0/device/vendor", "0x1af4"), ("proc/net/route", LAN)], in_pod: false, kinds: &[("docker0", "bridge")], host_name: &[] },
        Err("the default route leaves over eth0, which is a link of unknown kind and not veth")),
    (Place { name: "docker, macvlan beside a bridge: the better route decides", files: &[(".dockerenv", ""), ("proc/net/route", "eth1\t00000000\t010011AC\t0003\t0\t0\t10\t00000000\t0\t0\t0\neth0\t00000000\t010AA8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n")], in_pod: false, kinds: &[("eth0", "macvlan"), ("eth1", "veth")], host_name: &[] },
        Err("the default route leaves over eth0, which is macvlan and not veth")),
    (Place { name: "a kernel that does not tell", files: &[(".dockerenv", ""), ("proc/net/route", DOCKER)], in_pod: false, kinds: &[], host_name: &[] },
        Err("the default route leaves over eth0, which is a link of unknown kind and not veth")),
    (Place { name: "podman, root", files: &[("run/.containerenv", "engine=\"podman-4.3.1\"\n"), ("proc/net/route", PODMAN)], in_pod: false, kinds: &[("eth0", "veth")], host_name: &[] },
        Ok("10.88.0.1")),
    (Place { name: "podman, pasta", files: &[("run/.containerenv", ""), ("proc/net/route", LAN)], in_pod: false, kinds: &[("eth0", "tun")], host_name: &[] },
        Err("the default route leaves over eth0, which is tun and not veth")),
    (Place { name: "a pod, by its environment", files: &[(".dockerenv", ""), ("proc/net/route", POD)], in_pod: true, kinds: &[("eth0", "veth")], host_name: &[] },
        Err("this is a pod, where the default router stands for every client")),
    (Place { name: "a pod, by its account", files: &[("run/.containerenv", ""), ("var/run/secrets/kubernetes.io/serviceaccount/token", "x"), ("proc/net/route", POD)], in_pod: false, kinds: &[("eth0", "veth")], host_name: &[] },
        Err("this is a pod, where the default router stands for every client")),
    (Place { name: "a pod, by its hosts file", files: &[(".dockerenv", ""), ("etc/hosts", "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n"), ("proc/net/route", POD)], in_pod: false, kinds: &[("eth0", "veth")], host_name: &[] },
        Err("this is a pod, where the default router stands for every client")),
    (Place { name: "a virtual machine, or a namespace, without marks", files: &[("proc/net/route", DOCKER)], in_pod: false, kinds: &[("eth0", "veth")], host_name: &["192.168.65.254"] },
        Err("neither /.dockerenv nor /run/.containerenv exists")),
];

#[test]
#[cfg(target_endian = "little")]
fn only_the_host_behind_a_bridge_is_a_container_hop() {
    for (place, expected) in PLACES {
        let root = tempfile::tempdir().expect("a directory");
        for (path, text) in place.files {
            let text = if *path == "proc/net/route" { format!("{HEAD}{text}") } else { (*text).to_owned() };
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("below the root")).expect("writable");
            fs::write(path, text).expect("writable");
        }
        let kind_of =
            |name: &str| place.kinds.iter().find(|(link, _)| *link == name).map(|(_, kind)| (*kind).to_owned());
        let facts = NetworkFacts::read(root.path(), place.in_pod, Vec::new(), kind_of);
        let host_name: Vec<_> = place.host_name.iter().map(|text| text.parse().expect("an address")).collect();
        let hops = facts.hops(&host_name);
        let found = hops.map(|hops| hops.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        let found = found.map_err(|reason| reason.to_string());
        assert_eq!(found, expected.map(ToOwned::to_owned).map_err(ToOwned::to_owned), "{}", place.name);
    }
}

#[test]
fn a_container_has_its_own_network_unless_hardware_is_seen() {
    #[rustfmt::skip]
    let rows: &[(&[&str], bool, bool)] = &[
        // files                                           in a pod  own network
        (&[],                                              false,    false),
        (&[".dockerenv"],                                  false,    true),
        (&[".dockerenv", "sys/class/net/eth0/device/x"],   false,    false),
        (&[],                                              true,     true),
        (&["sys/class/net/eth0/device/x"],                 true,     false), // a pod on its node's network
    ];
    for (files, in_pod, expected) in rows {
        let root = tempfile::tempdir().expect("a directory");
        for path in *files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("below the root")).expect("writable");
            fs::write(path, "").expect("writable");
        }
        let facts = NetworkFacts::read(root.path(), *in_pod, Vec::new(), |_| None);
        assert_eq!(facts.own_network(), *expected, "{files:?} {in_pod}");
    }
}
