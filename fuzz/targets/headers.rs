//! Headers of a request, from trusted proxies and from everybody else.
//!
//! The first byte chooses the policy; every line after it is one field line, its first byte the name.

#![no_main]

use std::net::IpAddr;

use hyper::{HeaderMap, header::HeaderValue};
use libfuzzer_sys::fuzz_target;
use openclaw_fuzz::source::{
    Arrival, Silence, SourceClass, Surroundings, Trust, TrustedBridges, TrustedProxies, classify,
};

const NAMES: [&str; 12] = [
    "x-forwarded-for",
    "forwarded",
    "x-real-ip",
    "x_forwarded_for",
    "x-forwarded-proto",
    "via",
    "cf-connecting-ip",
    "tailscale-user-login",
    "host",
    "origin",
    "x-envoy-external-address",
    "x-any",
];

fn headers(data: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        let Some((name, value)) = line.split_first() else { continue };
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(NAMES[usize::from(*name) % NAMES.len()], value);
        }
    }
    headers
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, data)) = data.split_first() else { return };
    let headers = headers(data);
    let trust = Trust {
        proxies: TrustedProxies {
            networks: vec!["10.0.0.0/8".parse().expect("a network"), "2001:db8::/64".parse().expect("a network")],
            ..TrustedProxies::default()
        },
        bridges: if choice & 1 == 0 { TrustedBridges::Auto } else { TrustedBridges::Off },
        real_ip_fallback: choice & 2 != 0,
        loopback_is_proxy: choice & 4 != 0,
        ..Trust::default()
    };
    let surroundings = Surroundings {
        interfaces: vec!["172.17.0.2/16".parse().expect("a network")],
        hops: vec![IpAddr::from([172, 17, 0, 1])],
        in_container: choice & 8 != 0,
        ..Surroundings::default()
    };
    for peer in [[10, 0, 0, 1], [127, 0, 0, 1], [172, 17, 0, 1], [172, 17, 0, 2], [203, 0, 113, 7]] {
        let peer = IpAddr::from(peer);
        let source = classify(Arrival::Tcp(peer.into()), &headers, &trust, &surroundings);
        let bare = classify(Arrival::Tcp(peer.into()), &HeaderMap::new(), &trust, &surroundings);
        assert!(source == bare || source.silence == Silence::Never, "{source:?}");
        assert_eq!(source.peer.map(|peer| peer.ip()), Some(peer));
        assert!(source.hops.len() < 32);
        let trusted = trust.proxies.contains(peer);
        assert!(source.forwarded.is_none() || (trusted && source.class == SourceClass::Proxied), "{source:?}");
        if let Some(client) = source.forwarded {
            assert!(!trust.proxies.contains(client.ip()), "{source:?}");
            assert!(source.hops.iter().all(|hop| trust.proxies.contains(*hop)), "{source:?}");
        }
        assert!(!source.explain().is_empty());
    }
});
