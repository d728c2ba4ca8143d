//! What is advised for every kind of source, at each of the four places where a gateway runs.

use std::{fmt::Write as _, net::IpAddr};

use hyper::{
    HeaderMap,
    header::{HeaderName, HeaderValue},
};

use super::{Marks, PeerKind, Place, Reader, Situation};
use crate::source::{
    Arrival, Preamble, PublishedOn, Source, SourceClass, Surroundings, Trust, TrustedBridges, TrustedName, classify,
};

type Header = (&'static str, &'static str);

/// A connection, and what the gateway goes by.
struct Row {
    name: &'static str,
    peer: &'static str,
    headers: &'static [Header],
    preamble: Option<Preamble>,
    trust: Trust,
}

fn trusting(proxies: &[&str]) -> Trust {
    let mut trust = Trust::default();
    trust.proxies.networks = proxies.iter().map(|network| network.parse().expect("a network")).collect();
    trust
}

fn published(on: PublishedOn) -> Trust {
    Trust { published_on: Some(on), ..Trust::default() }
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// In a container: its own address, its host's, and its network.
fn surroundings() -> Surroundings {
    Surroundings {
        interfaces: vec!["172.18.0.2/16".parse().expect("a network")],
        in_container: true,
        hops: vec![ip("172.18.0.1")],
        ..Surroundings::default()
    }
}

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    const XFF: &[Header] = &[("x-forwarded-for", "203.0.113.7")];
    let none = Trust::default;
    let row = |name, peer, headers, trust| Row { name, peer, headers, preamble: None, trust };
    let wide = published(PublishedOn::Wider(ip("0.0.0.0")));
    let client = |text: &str| Some(Preamble::Client((ip(text), 1).into()));
    vec![
        row("loopback",                          "127.0.0.1",    &[], none()),
        row("loopback that is a proxy",          "127.0.0.1",    &[], Trust { loopback_is_proxy: true, ..none() }),
        row("a mesh",                            "127.0.0.6",    &[], none()),
        row("a proxy on loopback",               "127.0.0.1",    XFF, none()),
        row("Tailscale Serve",                   "127.0.0.1",    &[("tailscale-user-login", "a@b")], none()),
        row("cloudflared",                       "127.0.0.1",    &[("cf-ray", "1")], none()),
        row("an Envoy",                          "127.0.0.1",    &[("x-envoy-internal", "true")], none()),
        row("a second proxy",                    "10.0.0.9",     XFF, trusting(&["10.0.0.1/32", "10.4.0.0/16"])),
        row("our own address",                   "172.18.0.2",   &[], none()),
        row("our own address, bridges off",      "172.18.0.2",   &[], Trust { bridges: TrustedBridges::Off, ..none() }),
        row("a bridge",                          "172.18.0.1",   &[], none()),
        row("a bridge, published on loopback",   "172.18.0.1",   &[], published(PublishedOn::Loopback)),
        row("a bridge, published wider",         "172.18.0.1",   &[], wide),
        row("a bridge that forwards",            "172.18.0.1",   XFF, none()),
        row("a bridge that forwards, published on loopback", "172.18.0.1", XFF, published(PublishedOn::Loopback)),
        row("a neighbour",                       "172.18.0.3",   &[], none()),
        row("a neighbour that forwards",         "172.18.0.3",   XFF, none()),
        row("private",                           "10.1.2.3",     &[], none()),
        row("private, forwards",                 "10.1.2.3",     XFF, none()),
        row("tailnet",                           "100.64.0.9",   &[], none()),
        row("public",                            "203.0.113.50", &[], none()),
        row("public, forwards",                  "203.0.113.50", XFF, none()),
        row("proxied",                           "10.0.0.1",     XFF, trusting(&["10.0.0.0/24"])),
        row("a proxy alone",                     "10.0.0.1",     &[], trusting(&["10.0.0.0/24"])),
        row("a proxy with X-Real-IP",            "10.0.0.1",     &[("x-real-ip", "203.0.113.7")], trusting(&["10.0.0.0/24"])),
        row("trusted ranges cover the clients",  "10.0.0.1",     &[("x-forwarded-for", "10.0.0.7")], trusting(&["10.0.0.0/24"])),
        row("a malformed chain",                 "10.0.0.1",     &[("x-forwarded-for", "nobody")], trusting(&["10.0.0.0/24"])),
        row("a contradiction",                   "10.0.0.1",     &[("x-forwarded-for", "203.0.113.7"), ("forwarded", "for=203.0.113.8")], trusting(&["10.0.0.0/24"])),
        Row { preamble: client("203.0.113.7"),      ..row("a preamble",              "10.0.0.1", &[], none()) },
        Row { preamble: Some(Preamble::Itself),     ..row("a preamble of nobody",    "10.0.0.1", &[], none()) },
        Row { preamble: client("203.0.113.7"),      ..row("a header beside it",      "10.0.0.1", XFF, none()) },
    ]
}

impl Row {
    fn seen(&self) -> (Source, PeerKind) {
        let headers: HeaderMap = self
            .headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let peer = ip(self.peer).into();
        let arrival = match self.preamble {
            Some(preamble) => Arrival::Preamble { peer, preamble },
            None => Arrival::Tcp(peer),
        };
        let source = classify(arrival, &headers, &self.trust, &surroundings());
        let bare = classify(Arrival::Tcp(peer), &HeaderMap::new(), &Trust::default(), &surroundings());
        (source, PeerKind::of(Some(peer), bare.class))
    }
}

fn places() -> [Place; 4] {
    let of = |container, kubernetes, compose_service, hostname| {
        Place::of(Marks { container, kubernetes, compose_service, hostname })
    };
    [
        of(false, false, None, "box"),
        of(true, false, Some("openclaw-cli"), "0123456789ab"),
        of(true, false, None, "0123456789ab"),
        of(true, true, None, "openclaw-0"),
    ]
}

#[test]
fn every_kind_of_source_is_explained_with_what_changes_it() {
    let mut text = String::new();
    for row in rows() {
        let (source, peer_kind) = row.seen();
        let _ = writeln!(text, "## {}\n{}", row.name, source.explain());
        for (at, place) in places().iter().enumerate() {
            let (trust, reader) = (&row.trust, Reader::Operator);
            let situation = Situation { source: &source, peer_kind, trust, in_container: true, place, reader };
            if at == 0 {
                let _ = writeln!(text, "granted: {}", situation.grant());
            }
            for remedy in situation.remedies() {
                if at == 0 {
                    let _ = writeln!(text, "{}: {}", remedy.setting.as_deref().unwrap_or("elsewhere"), remedy.text);
                }
                if let Some(command) = remedy.command {
                    let _ = writeln!(text, "  {}: {command}", place.kind());
                }
            }
        }
        text.push('\n');
    }
    insta::assert_snapshot!(text);
}

#[test]
fn no_command_trusts_a_stranger_and_strangers_learn_no_setting() {
    for row in rows() {
        let (source, peer_kind) = row.seen();
        let mut trust = row.trust.clone();
        trust.proxies.names.push(TrustedName { name: "secret-proxy".into(), addresses: Vec::new() });
        for reader in [Reader::Stranger, Reader::Operator] {
            let place = &Place::Host;
            let situation = Situation { source: &source, peer_kind, trust: &trust, in_container: true, place, reader };
            for remedy in situation.remedies() {
                let name = row.name;
                assert!(remedy.setting.is_some() || remedy.command.is_none(), "{name}: {remedy:?}");
                if let Some(command) = &remedy.command {
                    let trusts = command.contains(row.peer);
                    assert!(
                        !(trusts && matches!(peer_kind, PeerKind::Public | PeerKind::Neighbour)),
                        "{name}: {command}"
                    );
                    assert!(!(reader == Reader::Stranger && command.contains("secret-proxy")), "{name}: {command}");
                    assert!(!command.contains("203.0.113.7"), "{name}: what a header says is in no command: {command}");
                }
                assert!(reader == Reader::Operator || !remedy.text.contains("0.0.0.0)"), "{name}: {remedy:?}");
            }
        }
    }
}

#[test]
fn a_list_that_is_too_long_or_odd_is_in_no_command() {
    let row = Row { name: "", peer: "127.0.0.1", headers: &[("via", "x")], preamble: None, trust: Trust::default() };
    let (source, peer_kind) = row.seen();
    assert_eq!(source.class, SourceClass::Unattributable);
    let command = |trust: &Trust| {
        let (place, reader) = (&Place::Host, Reader::Operator);
        Situation { source: &source, peer_kind, trust, in_container: false, place, reader }.remedies()[0]
            .command
            .clone()
    };
    let named = |name: &str| {
        let mut trust = Trust::default();
        trust.proxies.names.push(TrustedName { name: name.into(), addresses: Vec::new() });
        trust
    };
    assert_eq!(
        command(&named("traefik")).as_deref(),
        Some(r#"openclaw config set gateway.trustedProxies '["traefik","127.0.0.1"]'"#)
    );
    assert_eq!(command(&named("$(reboot)")), None);
    let networks: Vec<String> = (0..8).map(|number| format!("10.{number}.0.0/16")).collect();
    assert_eq!(command(&trusting(&networks.iter().map(String::as_str).collect::<Vec<_>>())), None);
}
