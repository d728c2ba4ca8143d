//! What `accept` sees in the networks that the gateway lives in, measured or told by their manuals, and what becomes of it.
//!
//! The container has the address 172.17.0.2 on a bridge whose host is 172.17.0.1, a sibling 172.17.0.3; the host has 192.0.2.1 in
//! its LAN. Where a network cannot be told from another by what `accept` sees, its row says so by having the same outcome.

use super::*;
use crate::source::{Preamble, Silence, SourceClass as C};

struct Row(&'static str, Arrival, Lines, Trust, Surroundings, C, Silence);

const NO: Silence = Silence::Never;
const SECRET: Silence = Silence::WithSharedSecret;

const SERVE: Lines =
    &[("x-forwarded-for", "100.64.0.9"), ("x-forwarded-proto", "https"), ("tailscale-user-login", "a@b")];
const FUNNEL: Lines = &[("x-forwarded-for", "203.0.113.7"), ("tailscale-funnel-request", "?1")];
const CLOUDFLARED: Lines =
    &[("cf-connecting-ip", "203.0.113.7"), ("x-forwarded-for", "127.0.0.1,203.0.113.7"), ("cf-ray", "1")];

fn published(on: Option<&str>) -> Trust {
    let published_on = on.map(|text| match text {
        "loopback" => PublishedOn::Loopback,
        address => PublishedOn::Wider(address.parse().expect("an address")),
    });
    Trust { published_on, ..Trust::default() }
}

fn check(rows: Vec<Row>) {
    for Row(name, arrival, lines, trust, surroundings, class, silence) in rows {
        let source = classify(arrival, &headers(lines), &trust, &surroundings);
        assert_eq!((source.class, source.silence), (class, silence), "{name}: {source:?}");
    }
}

#[test]
fn a_container_on_a_bridge() {
    let local = || published(Some("loopback"));
    let wide = || published(Some("0.0.0.0"));
    #[rustfmt::skip]
    check(vec![
        // The founding case.
        Row("host to localhost through docker-proxy",      tcp("172.17.0.1"),   &[], local(),         container(), C::Bridge,     SECRET),
        Row("the same on a dual-stack listener",           tcp("[::ffff:172.17.0.1]:4"), &[], local(), container(), C::Bridge,    SECRET),
        Row("the same on a project network",               tcp("172.18.0.1"),   &[], local(),
            Surroundings { interfaces: networks(&["172.18.0.2/16"]), hops: addresses(&["172.18.0.1"]), ..container() },                C::Bridge,     SECRET),
        Row("host to localhost, nobody said where it is published", tcp("172.17.0.1"), &[], published(None), container(), C::Bridge, SECRET),
        Row("host to its LAN address",                     tcp("192.0.2.1"),    &[], wide(),          container(), C::Public,     NO),
        Row("host to the container's address",             tcp("172.17.0.1"),   &[], local(),         container(), C::Bridge,     SECRET),
        Row("LAN client, IPv4",                            tcp("192.0.2.50"),   &[], wide(),          container(), C::Public,     NO),
        Row("LAN client, IPv6, IPv4-only bridge",          tcp("172.17.0.1"),   &[], wide(),          container(), C::Bridge,     NO),
        Row("sibling to the container or its name",        tcp("172.17.0.3"),   &[], local(),         container(), C::Neighbour,  NO),
        Row("sibling to the host's published port",        tcp("172.17.0.1"),   &[], wide(),          container(), C::Bridge,     NO),
        Row("docker exec",                                 tcp("127.0.0.1"),    &[], local(),         container(), C::Loopback,   SECRET),
        Row("docker exec, IPv6",                           tcp("::1"),          &[], local(),         container(), C::Loopback,   SECRET),
        Row("docker exec to the container's own name",     tcp("172.17.0.2"),   &[], local(),         container(), C::OwnAddress, SECRET),
        Row("no userland proxy: host to localhost",        tcp("172.17.0.1"),   &[], local(),         container(), C::Bridge,     SECRET),
        Row("no userland proxy: host to its LAN address",  tcp("172.17.0.1"),   &[], wide(),          container(), C::Bridge,     NO),
        Row("no userland proxy: LAN client, IPv4",         tcp("192.0.2.50"),   &[], wide(),          container(), C::Public,     NO),
        Row("no userland proxy: sibling to the host's LAN address", tcp("172.17.0.3"), &[], wide(),   container(), C::Neighbour,  NO),
        Row("an engine before 28: a machine on the host's segment", tcp("192.0.2.50"), &[], local(),  container(), C::Public,     NO),
        Row("a browser on the host",                       tcp("172.17.0.1"),   &[("origin", "http://localhost:18789")], local(), container(), C::Bridge, SECRET),
        Row("a proxy on the host that nobody trusts",      tcp("172.17.0.1"),   &[("x-forwarded-for", "203.0.113.7")], local(), container(), C::Unattributable, NO),
        Row("a proxy on the host that is trusted",         tcp("172.17.0.1"),   &[("x-forwarded-for", "203.0.113.7")],
            Trust { published_on: Some(PublishedOn::Loopback), ..behind(&["172.17.0.1/32"]) },                        container(), C::Proxied, NO),
    ]);
}

#[test]
fn other_engines() {
    let mine = |interface: &str, hops: &[&str]| Surroundings {
        interfaces: networks(&[interface]),
        hops: addresses(hops),
        ..container()
    };
    let local = || published(Some("loopback"));
    let wide = || published(Some("0.0.0.0"));
    #[rustfmt::skip]
    check(vec![
        Row("Swarm: everybody through the ingress network", tcp("10.0.0.2"),    &[], published(None), mine("10.0.0.9/24", &[]), C::Neighbour, NO),
        Row("Docker Desktop, published on loopback",       tcp("192.168.65.1"), &[], local(), mine("172.17.0.2/16", &["172.17.0.1", "192.168.65.1"]), C::Bridge, SECRET),
        Row("Docker Desktop, published widely",            tcp("192.168.65.1"), &[], wide(),  mine("172.17.0.2/16", &["172.17.0.1", "192.168.65.1"]), C::Bridge, NO),
        Row("Docker Desktop, through the project's bridge", tcp("172.18.0.1"),  &[], wide(),  mine("172.18.0.2/16", &["172.18.0.1"]),     C::Bridge,     NO),
        Row("rootless Docker, builtin: everybody",         tcp("172.17.0.1"),   &[], wide(),  container(),                               C::Bridge,     NO),
        Row("RootlessKit: everybody from our own address", tcp("172.17.0.2"),   &[], wide(),  container(),                               C::OwnAddress, NO),
        Row("RootlessKit 3 without userland proxy",        tcp("203.0.113.7"),  &[], wide(),  container(),                               C::Public,     NO),
        Row("rootless Docker with slirp4netns or pasta",   tcp("203.0.113.7"),  &[], wide(),  container(),                               C::Public,     NO),
        Row("rootful Podman: host to localhost",           tcp("10.88.0.1"),    &[], local(), mine("10.88.0.2/16", &["10.88.0.1"]),       C::Bridge,     SECRET),
        Row("rootful Podman: a remote client",             tcp("203.0.113.7"),  &[], wide(),  mine("10.88.0.2/16", &["10.88.0.1"]),       C::Public,     NO),
        Row("rootless Podman, slirp4netns: everybody from our own address", tcp("10.0.2.100"), &[], wide(), mine("10.0.2.100/24", &[]),   C::OwnAddress, NO),
        Row("rootless Podman, slirp4netns, earlier",       tcp("10.0.2.2"),     &[], wide(),  mine("10.0.2.100/24", &[]),                C::Neighbour,  NO),
        // What no address tells: the operator has to say that a forwarder is there.
        Row("rootless Podman 1.8 to 3.0 (CVE-2021-20199)", tcp("127.0.0.1"),    &[], Trust { loopback_is_proxy: true, ..wide() }, mine("10.0.2.100/24", &[]), C::ProxyDirect, NO),
        Row("rootless Podman, pasta",                      tcp("203.0.113.7"),  &[], wide(),  mine("192.0.2.1/24", &[]),                 C::Public,     NO),
        Row("rootless Podman, pasta: the LAN's router",    tcp("192.0.2.254"),  &[], wide(),  mine("192.0.2.1/24", &[]),                 C::Neighbour,  NO),
        Row("rootless Podman, user network",               tcp("10.89.0.5"),    &[], wide(),  mine("10.89.0.2/24", &[]),                 C::Neighbour,  NO),
        Row("a pod of Podman, --network container:",       tcp("127.0.0.1"),    &[], local(), container(),                               C::Loopback,   SECRET),
        Row("macvlan or ipvlan: the LAN's router",         tcp("192.0.2.254"),  &[], wide(),  mine("192.0.2.9/24", &[]),                 C::Neighbour,  NO),
        Row("host network: a program on the host",         tcp("127.0.0.1"),    &[], published(None), host(),                            C::Loopback,   SECRET),
        Row("host network: the host's own address",        tcp("192.0.2.1"),    &[], published(None), host(),                            C::OwnAddress, SECRET),
        Row("host network: a LAN client",                  tcp("192.0.2.50"),   &[], published(None), host(),                            C::Neighbour,  NO),
    ]);
}

#[test]
fn kubernetes() {
    let none = || published(None);
    let forwarder = || Trust { loopback_is_proxy: true, ..Trust::default() };
    let ingress = || Trust {
        proxies: TrustedProxies {
            names: vec![TrustedName { name: "ingress.kube-system".into(), addresses: addresses(&["10.244.0.20"]) }],
            ..TrustedProxies::default()
        },
        ..Trust::default()
    };
    #[rustfmt::skip]
    check(vec![
        Row("another pod",                                 tcp("10.244.0.9"),   &[], none(), pod(),      C::Neighbour,  NO),
        Row("a pod on another node",                       tcp("10.244.3.9"),   &[], none(), pod(),      C::Private,    NO),
        Row("NodePort, LoadBalancer, probes and our own Service: the default router", tcp("10.244.0.1"), &[], none(), pod(), C::Neighbour, NO),
        Row("the same, mapped",                            tcp("[::ffff:10.244.0.1]:4"), &[], none(), pod(), C::Neighbour, NO),
        Row("a node's address",                            tcp("192.168.1.10"), &[], none(), pod(),      C::Private,    NO),
        Row("policy Local: a client by its address",       tcp("203.0.113.7"),  &[], none(), pod(),      C::Public,     NO),
        Row("an ambient mesh's probes",                    tcp("169.254.7.127"), &[("user-agent", "kube-probe/1.34")], none(), pod(), C::Private, NO),
        Row("kubectl port-forward",                        tcp("127.0.0.1"),    &[("host", "localhost:18789")], none(), pod(), C::Loopback, SECRET),
        Row("kubectl exec, a sidecar",                     tcp("::1"),          &[], none(), pod(),      C::Loopback,   SECRET),
        Row("an ingress, trusted by name",                 tcp("10.244.0.20"),  &[("x-forwarded-for", "203.0.113.7"), ("x-real-ip", "203.0.113.7"), ("x-request-id", "1")], ingress(), pod(), C::Proxied, NO),
        Row("Envoy Gateway, trusted by name",              tcp("10.244.0.20"),  &[("x-forwarded-for", "203.0.113.7"), ("x-envoy-external-address", "203.0.113.7")], ingress(), pod(), C::Proxied, NO),
        Row("the ingress after it was recreated",          tcp("10.244.0.21"),  &[("x-forwarded-for", "203.0.113.7")], ingress(), pod(), C::Unattributable, NO),
        Row("Istio's sidecar, passthrough",                tcp("127.0.0.6"),    &[], none(), pod(),      C::ProxyDirect, NO),
        Row("Istio's sidecar, passthrough, with headers",  tcp("127.0.0.6"),    &[("x-envoy-attempt-count", "1")], none(), pod(), C::Unattributable, NO),
        Row("Istio's sidecar, declared port, with headers", tcp("127.0.0.1"),   &[("x-envoy-attempt-count", "1")], none(), pod(), C::Unattributable, NO),
        Row("Istio's sidecar, declared port, asserted",    tcp("127.0.0.1"),    &[], forwarder(), pod(), C::ProxyDirect, NO),
        Row("an L4 sidecar (socat, nginx stream), asserted", tcp("127.0.0.1"),  &[], forwarder(), pod(), C::ProxyDirect, NO),
        Row("an L4 sidecar that dials the pod's address",  tcp("10.244.0.7"),   &[], forwarder(), pod(), C::OwnAddress, NO),
    ]);
}

#[test]
fn tunnels_and_load_balancers() {
    let none = || published(None);
    let at_home = || behind(&["127.0.0.1/32"]);
    let balancer = || Trust {
        preamble: Some(crate::source::PreambleListener { port: 18790, from: proxies(&["10.0.0.5/32"]) }),
        ..Trust::default()
    };
    let preamble = |text: Option<&str>| Arrival::Preamble {
        peer: peer("10.0.0.5"),
        preamble: text.map_or(Preamble::Itself, |text| Preamble::Client(text.parse().expect("a socket address"))),
    };
    #[rustfmt::skip]
    check(vec![
        Row("Tailscale Serve, trusted by nobody",          tcp("127.0.0.1"),    SERVE,  none(), host(),             C::Unattributable, NO),
        Row("Tailscale Serve, trusted",                    tcp("127.0.0.1"),    SERVE,  at_home(), host(),          C::Proxied,        NO),
        Row("Tailscale Funnel, trusted by nobody",         tcp("127.0.0.1"),    FUNNEL, none(), host(),             C::Unattributable, NO),
        Row("Tailscale Funnel, trusted",                   tcp("127.0.0.1"),    FUNNEL, at_home(), host(),          C::Proxied,        NO),
        Row("Tailscale in a sidecar, kernel mode",         tcp("100.64.0.9"),   &[],    none(), pod(),              C::Tailnet,        NO),
        Row("Tailscale, IPv6",                             tcp("fd7a:115c:a1e0::9"), &[], none(), pod(),            C::Tailnet,        NO),
        Row("forged Tailscale headers",                    tcp("100.64.0.9"),   SERVE,  at_home(), pod(),           C::Unattributable, NO),
        Row("cloudflared beside us",                       tcp("127.0.0.1"),    CLOUDFLARED, none(), host(),        C::Unattributable, NO),
        Row("cloudflared in a sibling container",          tcp("172.17.0.3"),   CLOUDFLARED, none(), container(),   C::Unattributable, NO),
        Row("cloudflared, trusted",                        tcp("127.0.0.1"),    CLOUDFLARED, at_home(), host(),     C::Proxied,        NO),
        Row("ngrok",                                       tcp("127.0.0.1"),    &[("x-forwarded-for", "203.0.113.7")], none(), host(), C::Unattributable, NO),
        Row("ssh -L: as good as a shell",                  tcp("127.0.0.1"),    &[],    none(), host(),             C::Loopback,       SECRET),
        Row("frp or ssh -R without headers, asserted",     tcp("127.0.0.1"),    &[],    Trust { loopback_is_proxy: true, ..none() }, host(), C::ProxyDirect, NO),
        Row("PROXY protocol, a client",                    preamble(Some("203.0.113.7:4")),  &[], balancer(), host(), C::Proxied,      NO),
        Row("PROXY protocol, loopback as client",          preamble(Some("127.0.0.1:4")),    &[], balancer(), host(), C::Proxied,      NO),
        Row("PROXY protocol, a bridge as client",          preamble(Some("172.17.0.1:4")),   &[], balancer(), container(), C::Proxied, NO),
        Row("PROXY protocol, the proxy's own checks",      preamble(None),                   &[], balancer(), host(), C::ProxyDirect,  NO),
        Row("PROXY protocol and X-Forwarded-For",          preamble(Some("203.0.113.7:4")),  &[("x-forwarded-for", "203.0.113.7")], balancer(), host(), C::Unattributable, NO),
        Row("PROXY protocol and Forwarded",                preamble(None),                   &[("forwarded", "for=127.0.0.1")], balancer(), host(), C::Unattributable, NO),
        Row("PROXY protocol and an alias",                 preamble(Some("203.0.113.7:4")),  &[("x_real_ip", "127.0.0.1")], balancer(), host(), C::Unattributable, NO),
        Row("PROXY protocol and a scheme",                 preamble(Some("203.0.113.7:4")),  &[("x-forwarded-proto", "https")], balancer(), host(), C::Proxied, NO),
    ]);
}
