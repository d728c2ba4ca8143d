//! Classes by the peer alone.

use super::*;
use crate::source::{Caveat, LinkNetwork, Rule, Silence, SourceClass as C};

#[test]
fn by_address() {
    #[rustfmt::skip]
    let rows = [
        ("127.0.0.1",         C::Loopback),
        ("127.0.1.1",         C::Loopback),     // a machine name
        ("::1",               C::Loopback),
        ("[::ffff:127.0.0.1]:9", C::Loopback),  // a dual-stack listener
        ("127.0.0.6",         C::ProxyDirect),  // a mesh's sidecar
        ("[::ffff:127.0.0.6]:9", C::ProxyDirect),
        ("192.0.2.1",         C::OwnAddress),
        ("[::ffff:192.0.2.1]:9", C::OwnAddress),
        ("2001:db8:1::2",     C::OwnAddress),
        ("192.0.2.50",        C::Neighbour),
        ("172.17.0.3",        C::Neighbour),
        ("2001:db8:1::9",     C::Neighbour),
        ("10.1.2.3",          C::Private),
        ("192.168.1.2",       C::Private),
        ("169.254.7.127",     C::Private),      // a mesh's probes
        ("fd00::1",           C::Private),
        ("100.64.0.9",        C::Tailnet),
        ("100.127.255.255",   C::Tailnet),
        ("100.128.0.9",       C::Public),
        ("fd7a:115c:a1e0::1", C::Tailnet),
        ("fd7a:115c:a1e1::1", C::Private),
        ("203.0.113.7",       C::Public),
        ("2001:db8::50",      C::Public),
        ("0.0.0.0",           C::Public),
        // Forms that carry an IPv4 address in them and are none.
        ("::127.0.0.1",       C::Public),       // IPv4-compatible
        ("64:ff9b::7f00:1",   C::Public),       // NAT64
        ("2002:7f00:1::",     C::Public),       // 6to4
        // A link-local address is one on its link only.
        ("fe80::a%2",         C::OwnAddress),
        ("fe80::a%3",         C::Neighbour),    // the address of our other card, taken by somebody there
        ("fe80::b%3",         C::OwnAddress),
        ("fe80::9%2",         C::Neighbour),
        ("fe80::a%9",         C::Private),
        ("fe80::a",           C::Private),
    ];
    for (text, class) in rows {
        let source = classify(tcp(text), &headers(&[("host", "example.com")]), &Trust::default(), &host());
        assert_eq!(source.class, class, "{text}");
        assert_eq!(source.peer, Some(peer(text)), "{text}");
        assert_eq!(source.silence, class.silence(), "{text}");
        assert_eq!(source.forwarded, None, "{text}");
    }
}

#[test]
fn the_unix_socket_is_its_owners_whatever_is_configured() {
    let trust = Trust { loopback_is_proxy: true, refuse_unattributed: true, ..behind(&["0.0.0.0/0", "::/0"]) };
    let source = classify(Arrival::UnixSocket, &headers(&[("x-forwarded-for", "192.0.2.9")]), &trust, &container());
    assert_eq!((source.class, source.silence, source.client), (C::UnixSocket, Silence::Always, None));
}

#[test]
fn what_is_configured_of_places_without_headers() {
    use Silence::{Never, WithSharedSecret as Secret};
    let wide = |text: &str| Some(PublishedOn::Wider(text.parse().expect("an address")));
    let all = Some(Caveat::PublishedWider(IpAddr::from([0, 0, 0, 0])));
    let unknown = Some(Caveat::PublishedUnknown);
    let of = |bridges: TrustedBridges, published_on| Trust { bridges, published_on, ..Trust::default() };
    let list = |texts: &[&str]| TrustedBridges::Listed(networks(texts));
    let (auto, off, local) = (TrustedBridges::Auto, TrustedBridges::Off, Some(PublishedOn::Loopback));
    let meshed = || Trust { loopback_is_proxy: true, ..Trust::default() };
    #[rustfmt::skip]
    let rows = [
        // A bridge that the facts show.
        ("found",                  "172.17.0.1", container(), of(auto.clone(), local),            C::Bridge,      Secret, None,    None),
        ("found, unset",           "172.17.0.1", container(), of(auto.clone(), None),             C::Bridge,      Secret, unknown, None),
        ("found, wide",            "172.17.0.1", container(), of(auto.clone(), wide("0.0.0.0")),  C::Bridge,      Never,  all,     None),
        ("switched off",           "172.17.0.1", container(), of(off.clone(), local),             C::Neighbour,   Never,  None,    None),
        ("mapped",      "[::ffff:172.17.0.1]:9", container(), of(auto.clone(), local),            C::Bridge,      Secret, None,    None),
        ("nothing is found",       "10.244.0.1", pod(),       of(auto.clone(), local),            C::Neighbour,   Never,  None,    Some("10.244.0.1")),
        // One that is listed.
        ("listed",                 "172.17.0.1", container(), of(list(&["172.17.0.1/32"]), local), C::Bridge,     Secret, None,    None),
        ("listed, wide",           "172.17.0.1", container(), of(list(&["172.17.0.1/32"]), wide("192.0.2.1")), C::Bridge, Never, Some(Caveat::PublishedWider([192, 0, 2, 1].into())), None),
        ("another is listed",      "172.17.0.1", container(), of(list(&["172.18.0.1/32"]), local), C::Neighbour,  Never,  None,    None),
        ("listed without marks",   "10.89.0.1",  host(),      of(list(&["10.89.0.0/24"]), None),  C::Bridge,      Secret, unknown, None),
        // Our own address.
        ("on a host",              "192.0.2.1",  host(),      of(auto.clone(), None),             C::OwnAddress,  Secret, None,    Some("192.0.2.1")),
        ("on a host, wide",        "192.0.2.1",  host(),      of(off.clone(), wide("::")),        C::OwnAddress,  Secret, None,    Some("192.0.2.1")),
        ("in a container",         "172.17.0.2", container(), of(auto.clone(), local),            C::OwnAddress,  Secret, None,    None),
        ("in a container, unset",  "172.17.0.2", container(), of(auto.clone(), None),             C::OwnAddress,  Secret, unknown, None),
        ("in a container, wide",   "172.17.0.2", container(), of(auto.clone(), wide("0.0.0.0")),  C::OwnAddress,  Never,  all,     None),
        ("in a container, off",    "172.17.0.2", container(), of(off, local),                     C::OwnAddress,  Never,  Some(Caveat::BridgesUntrusted), None),
        ("in a container, others", "172.17.0.2", container(), of(list(&["172.17.0.1/32"]), local), C::OwnAddress, Never,  Some(Caveat::BridgesUntrusted), None),
        ("in a container, listed", "172.17.0.2", container(), of(list(&["172.17.0.0/16"]), local), C::OwnAddress, Secret, None,    None),
        // A forwarder on this machine.
        ("a mesh, IPv4",           "127.0.0.1",  pod(),       meshed(),                           C::ProxyDirect, Never,  None,    None),
        ("a mesh, IPv6",           "::1",        pod(),       meshed(),                           C::ProxyDirect, Never,  None,    None),
        ("a mesh, own address",    "10.244.0.7", pod(),       meshed(),                           C::OwnAddress,  Never,  Some(Caveat::LoopbackIsProxy), None),
        ("a mesh, its address",    "127.0.0.6",  pod(),       Trust::default(),                   C::ProxyDirect, Never,  None,    None),
        // Docker Desktop, where its host's name leads there.
        ("a desktop", "192.168.65.1", Surroundings { hops: addresses(&["172.17.0.1", "192.168.65.1"]), ..container() }, of(auto.clone(), local), C::Bridge, Secret, None, None),
        ("no desktop",             "192.168.65.1", container(), of(auto, local),                  C::Private,     Never,  None,    Some("192.168.65.1")),
    ];
    for (name, text, surroundings, trust, class, silence, caveat, client) in rows {
        let source = classify(tcp(text), &HeaderMap::new(), &trust, &surroundings);
        let client = client.map(|text: &str| text.parse::<IpAddr>().expect("an address"));
        assert_eq!(
            (source.class, source.silence, source.caveat, source.client),
            (class, silence, caveat, client),
            "{name}: {source:?}"
        );
    }
}

#[test]
fn a_trusted_link_local_address_is_one_on_its_link_only() {
    let link = |text: &str, zone: &str| LinkNetwork { network: text.parse().expect("a network"), zone: zone.into() };
    let trust = Trust {
        proxies: TrustedProxies {
            links: vec![link("fe80::99/128", "eth0"), link("fe80::1:0/112", "3")],
            ..TrustedProxies::default()
        },
        ..Trust::default()
    };
    #[rustfmt::skip]
    let rows = [
        ("fe80::99%2",  C::Proxied,        Some("fe80::99%eth0")),
        ("fe80::99%3",  C::Unattributable, None),
        ("fe80::99",    C::Unattributable, None),
        ("fe80::1:7%3", C::Proxied,        Some("fe80::1:0%3/112")),
        ("fe80::1:7%2", C::Unattributable, None),
    ];
    for (text, class, entry) in rows {
        let source = classify(tcp(text), &headers(&[("x-forwarded-for", "203.0.113.7")]), &trust, &host());
        assert_eq!((source.class, source.entry.map(|entry| entry.to_string()).as_deref()), (class, entry), "{text}");
    }
}

#[test]
fn every_class_says_what_it_grants() {
    use Silence::{Always, Never, WithSharedSecret as Secret};
    #[rustfmt::skip]
    let rows = [
        // class              silent  a signature without a nonce counts
        (C::UnixSocket,     Always, true),
        (C::Loopback,       Secret, true),
        (C::OwnAddress,     Secret, false),
        (C::Bridge,         Secret, false),
        (C::Proxied,        Never,  false),
        (C::ProxyDirect,    Never,  false),
        (C::Neighbour,      Never,  false),
        (C::Private,        Never,  false),
        (C::Tailnet,        Never,  false),
        (C::Public,         Never,  false),
        (C::Unattributable, Never,  false),
    ];
    for (class, silence, without_nonce) in rows {
        assert_eq!((class.silence(), class.accepts_signature_without_nonce()), (silence, without_nonce), "{class}");
    }
}

#[test]
fn evidence_names_the_entry_the_client_and_the_hops() {
    let trust = Trust {
        proxies: TrustedProxies {
            names: vec![TrustedName { name: "traefik".into(), addresses: addresses(&["172.17.0.9"]) }],
            ..proxies(&["10.0.0.0/8"])
        },
        ..Trust::default()
    };
    let source = classify(
        tcp("172.17.0.9"),
        &headers(&[("x-forwarded-for", "203.0.113.7, 10.0.0.3, 10.0.0.2")]),
        &trust,
        &container(),
    );
    assert_eq!(
        source.explain(),
        "seen as proxied from 172.17.0.9: a trusted proxy names the client in x-forwarded-for (as traefik), \
         client 203.0.113.7 through 10.0.0.2, 10.0.0.3"
    );
    assert_eq!(source.rule, Rule::TrustedProxy(crate::source::ForwardingHeader::XForwardedFor));
    let bridge = classify(tcp("172.17.0.1"), &HeaderMap::new(), &Trust::default(), &container());
    assert_eq!(
        bridge.explain(),
        "seen as bridge from 172.17.0.1: the host's address in the container's network; gateway.publishedOn does not say \
         where the port is published"
    );
}
