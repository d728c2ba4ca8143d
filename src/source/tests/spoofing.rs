//! Headers of everybody who is no trusted proxy (pitfall 8).

use super::*;
use crate::source::{Rule, Silence, SourceClass as C};

const PROXY_LINES: &[(&str, &str)] = &[
    ("forwarded", "for=127.0.0.1"),
    ("via", "1.1 proxy"),
    ("x-forwarded-for", "127.0.0.1"),
    ("x-forwarded-for", ""),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "localhost"),
    ("x-forwarded-user", "root"),
    ("x-real-ip", "127.0.0.1"),
    ("x-client-ip", "127.0.0.1"),
    ("x-cluster-client-ip", "127.0.0.1"),
    ("x-envoy-external-address", "127.0.0.1"),
    ("x-envoy-internal", "true"),
    ("true-client-ip", "127.0.0.1"),
    ("cf-connecting-ip", "127.0.0.1"),
    ("cf-ray", "1"),
    ("fly-client-ip", "127.0.0.1"),
    ("tailscale-user-login", "a@b"),
    ("tailscale-funnel-request", "?1"),
    ("x-original-forwarded-for", "127.0.0.1"),
    ("x_forwarded_for", "127.0.0.1"),
    ("x_real_ip", "127.0.0.1"),
];

#[test]
fn a_header_takes_away_what_the_address_had() {
    let trusts =
        [Trust::default(), behind(&["10.0.0.0/8"]), Trust { real_ip_fallback: true, ..behind(&["10.0.0.0/8"]) }];
    for from in [
        "127.0.0.1",
        "::1",
        "127.0.0.6",
        "172.17.0.1",
        "172.17.0.2",
        "172.17.0.3",
        "192.168.1.2",
        "100.64.0.9",
        "203.0.113.7",
    ] {
        for line in PROXY_LINES {
            for trust in &trusts {
                let source = classify(tcp(from), &headers(&[("host", "localhost"), *line]), trust, &container());
                assert_eq!((source.class, source.silence), (C::Unattributable, Silence::Never), "{from} {line:?}");
                assert_eq!((source.peer, source.forwarded), (Some(peer(from)), None), "{from} {line:?}");
                assert!(matches!(source.rule, Rule::ProxyHeader(_)), "{from} {line:?}: {:?}", source.rule);
            }
        }
    }
}

#[test]
fn an_ordinary_header_takes_nothing_away() {
    for line in [
        ("host", "example.com"),
        ("origin", "https://example.com"),
        ("user-agent", "kube-probe/1.34"),
        ("x-request-id", "1"),
    ] {
        let source = classify(tcp("127.0.0.1"), &headers(&[line]), &Trust::default(), &container());
        assert_eq!(source.class, C::Loopback, "{line:?}");
    }
}

#[test]
fn whoever_pretends_to_forward_is_not_counted_as_the_owner() {
    #[rustfmt::skip]
    let rows = [
        ("203.0.113.7", Some("203.0.113.7")),
        ("172.17.0.3",  Some("172.17.0.3")),
        ("127.0.0.1",   None), // cloudflared beside us, and the whole internet behind it
        ("172.17.0.1",  None),
        ("172.17.0.2",  None),
    ];
    for (from, counted) in rows {
        let source = classify(tcp(from), &headers(&[("cf-ray", "1")]), &Trust::default(), &container());
        assert_eq!(source.client, counted.map(|text: &str| text.parse().expect("an address")), "{from}");
    }
}

#[test]
fn evidence_holds_nothing_that_a_peer_wrote() {
    let lines = [("x-forwarded-$(reboot)", "a"), ("x-forwarded-for", "sp\u{1b}oof")];
    for line in &lines[..1] {
        let source =
            classify(tcp("203.0.113.7"), &headers(&[("x-forwarded-zzz", line.1)]), &Trust::default(), &container());
        assert_eq!(
            source.explain(),
            "seen as unattributable from 203.0.113.7: header x-forwarded-* from a peer that is no trusted proxy"
        );
    }
    let source =
        classify(tcp("10.0.0.1"), &headers(&[("x-forwarded-for", "spoof")]), &behind(&["10.0.0.1/32"]), &host());
    assert_eq!(
        source.explain(),
        "seen as unattributable from 10.0.0.1: header x-forwarded-for of a trusted proxy is malformed: member 1 from the \
         right is no address (as 10.0.0.1)"
    );
}
