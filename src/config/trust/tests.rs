//! Entries of lists, and what lists come to.

use super::{
    OneOrMany, ProxyProtocol, Trust,
    entry::{Entry, EntryDefect as D, are_most_of_the_internet, read},
    parse::EntryOddity as O,
};
use crate::{
    config::{ConfigError, Environment, Flags, Settings, WarningKind, load},
    source::{self, PublishedOn, TrustedBridges},
};

#[test]
fn an_entry_is_an_address_a_network_or_a_name() {
    let shown = |entry: Entry| match entry {
        Entry::Network(network) => network.to_string(),
        Entry::Link(link) => link.to_string(),
        Entry::Name(name) => format!("name {name}"),
        Entry::Everything => "everything".into(),
    };
    let long = "a".repeat(64);
    #[rustfmt::skip]
    let rows = [
        ("10.0.0.1",               Ok("10.0.0.1/32")),
        (" 10.0.0.1 ",             Ok("10.0.0.1/32")),
        ("10.42.0.0/16",           Ok("10.42.0.0/16")),
        ("10.42.0.9/16",           Ok("10.42.0.0/16 (bits)")),
        ("2001:DB8::1",            Ok("2001:db8::1/128")),
        ("2001:db8::/32",          Ok("2001:db8::/32")),
        ("::ffff:10.0.0.1",        Ok("10.0.0.1/32")),        // mapped, as a dual-stack listener names it
        ("::ffff:10.0.0.0/104",    Ok("10.0.0.0/8")),
        ("::ffff:0:0/96",          Ok("0.0.0.0/0")),
        ("fe80::1%eth0",           Ok("fe80::1%eth0")),
        ("fe80::%eth0/64",         Ok("fe80::%eth0/64")),
        ("fe80::1%2",              Ok("fe80::1%2")),
        ("traefik",                Ok("name traefik")),
        ("Traefik",                Ok("name traefik")),
        ("ingress.kube-system.svc.cluster.local.", Ok("name ingress.kube-system.svc.cluster.local.")),
        ("my_proxy",               Ok("name my_proxy")),      // compose names services so
        ("1proxy",                 Ok("name 1proxy")),
        ("*",                      Ok("everything")),
        ("",                       Err(D::Unreadable)),
        ("fe80::1",                Err(D::NoZone)),
        ("fe80::/64",              Err(D::NoZone)),
        ("10.0.0.1%eth0",          Err(D::NeedlessZone)),
        ("2001:db8::1%eth0",       Err(D::NeedlessZone)),
        ("fe80::1%",               Err(D::Unreadable)),
        ("fe80::1%et h0",          Err(D::Unreadable)),
        ("127.1",                  Err(D::NoUsualSpelling)),
        ("010.0.0.1",              Err(D::NoUsualSpelling)),
        ("0x7f000001",             Err(D::NoUsualSpelling)),
        ("2130706433",             Err(D::NoUsualSpelling)),
        ("10.0.0.256",             Err(D::NoUsualSpelling)),
        ("10.0.0",                 Err(D::NoUsualSpelling)),
        ("10.0.0.1.",              Err(D::NoUsualSpelling)),
        ("2001:db8:::1",           Err(D::NoUsualSpelling)),
        ("10.0.0.0/33",            Err(D::Prefix)),
        ("10.0.0.0/08",            Err(D::Prefix)),
        ("10.0.0.0/",              Err(D::Prefix)),
        ("10.0.0.0/255.0.0.0",     Err(D::Prefix)),
        ("2001:db8::/129",         Err(D::Prefix)),
        ("10.0.0.0/8/8",           Err(D::Prefix)),
        ("traefik/24",             Err(D::Unreadable)),
        ("http://traefik",         Err(D::MoreThanAHost)),
        ("traefik:8080",           Err(D::MoreThanAHost)),
        ("10.0.0.1:8080",          Err(D::MoreThanAHost)),
        ("[2001:db8::1]",          Err(D::NoUsualSpelling)),
        ("two words",              Err(D::Unreadable)),
        ("*.example.com",          Err(D::Unreadable)),
        ("-proxy",                 Err(D::Unreadable)),
        ("a..b",                   Err(D::Unreadable)),
        (&long,                    Err(D::Unreadable)),
        ("prôxy",                  Err(D::Unreadable)),
        ("10.0.0.1,10.0.0.2",      Err(D::NoUsualSpelling)),
        ("localhost",              Err(D::ThisMachine)),
        ("a.localhost",            Err(D::ThisMachine)),
        ("0.0.0.0",                Err(D::Nobody)),
        ("::",                     Err(D::Nobody)),
        ("224.0.0.0/4",            Err(D::Nobody)),
        ("ff02::1",                Err(D::Nobody)),
    ];
    for (text, expected) in rows {
        let found = read(text).map(|(entry, bits)| shown(entry) + if bits { " (bits)" } else { "" });
        assert_eq!(found, expected.map(str::to_owned), "{text:?}");
    }
}

#[test]
fn most_of_the_internet_is_told_however_it_is_written() {
    #[rustfmt::skip]
    let rows: &[(&[&str], bool)] = &[
        (&["0.0.0.0/0"],                                     true),
        (&["::/0"],                                          true),
        (&["0.0.0.0/1", "128.0.0.0/1"],                      true),
        (&["0.0.0.0/1"],                                     true),
        (&["0.0.0.0/2", "64.0.0.0/2"],                       true),
        (&["128.0.0.0/2", "0.0.0.0/3", "32.0.0.0/3"],        true),
        (&["2000::/3"],                                      true),
        (&["::/1"],                                          true),
        (&["2000::/4"],                                      true),
        (&["2000::/5", "2800::/5"],                          true),
        (&["64:ff9b::/96"],                                  true),
        (&["2000::/5"],                                      false),
        (&["0.0.0.0/2"],                                     false),
        (&["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"], false),
        (&["fc00::/7"],                                      false),
        (&["8000::/1"],                                      false), // none of it is in use
        (&["10.0.0.0/8", "10.0.0.0/8", "10.0.0.0/9"],        false),
        (&[],                                                false),
    ];
    for (texts, expected) in rows {
        let networks: Vec<_> = texts.iter().map(|text| text.parse().expect("a network")).collect();
        assert_eq!(are_most_of_the_internet(&networks), *expected, "{texts:?}");
    }
}

fn settings(trust: Trust) -> Settings {
    let mut settings = Settings::default();
    settings.trust = trust;
    settings
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn proxies(entries: &[&str]) -> Trust {
    Trust { trusted_proxies: texts(entries), ..Trust::default() }
}

fn bridges(entries: &[&str]) -> Trust {
    Trust { trusted_bridges: Some(OneOrMany(texts(entries))), ..Trust::default() }
}

fn preamble(port: Option<u16>, from: &[&str]) -> Trust {
    Trust { proxy_protocol: Some(ProxyProtocol { port, from: texts(from) }), ..Trust::default() }
}

#[test]
fn what_stops_the_start() {
    let permitted = |entries: &[&str]| Trust { dangerously_trust_all_proxies: true, ..proxies(entries) };
    #[rustfmt::skip]
    let rows = [
        (proxies(&["10.0.0.1", "127.1", "a b"]), vec!["gateway.trustedProxies: \"127.1\" is no address in its usual spelling; programs disagree on what it means", "gateway.trustedProxies: \"a b\" is no address, no network such as 10.42.0.0/16, and no host name"]),
        (proxies(&["0.0.0.0/0"]),                vec!["gateway.trustedProxies: \"0.0.0.0/0\" covers most of the internet, so that anybody is trusted"]),
        (proxies(&["*"]),                        vec!["gateway.trustedProxies: \"*\" covers most of the internet, so that anybody is trusted"]),
        (proxies(&["0.0.0.0/1", "128.0.0.0/1"]), vec!["gateway.trustedProxies: \"0.0.0.0/1, 128.0.0.0/1\" covers most of the internet, so that anybody is trusted"]),
        (permitted(&["*"]),                      vec![]),
        (permitted(&["127.1"]),                  vec!["gateway.trustedProxies: \"127.1\" is no address in its usual spelling; programs disagree on what it means"]),
        (bridges(&["traefik"]),                  vec!["gateway.trustedBridges: \"traefik\" is a name; only addresses and networks can be listed here"]),
        (bridges(&["auto", "172.17.0.1"]),       vec!["gateway.trustedBridges: \"auto\" stands alone, without other entries"]),
        (bridges(&["fe80::1%eth0"]),             vec!["gateway.trustedBridges: \"fe80::1%eth0\" is no address, no network such as 10.42.0.0/16, and no host name"]),
        (Trust { dangerously_trust_all_proxies: true, ..bridges(&["*"]) }, vec!["gateway.trustedBridges: \"*\" covers most of the internet, so that anybody is trusted"]),
        (Trust { published_on: Some("everywhere".into()), ..Trust::default() }, vec!["gateway.publishedOn: found \"everywhere\", expected loopback, or the address that the port is published on, for example 0.0.0.0"]),
        (preamble(None, &["10.0.0.5"]),          vec!["gateway.proxyProtocol.port: no port is named that takes the PROXY protocol"]),
        (preamble(Some(0), &["10.0.0.5"]),       vec!["gateway.proxyProtocol.port: no port is named that takes the PROXY protocol"]),
        (preamble(Some(18789), &["10.0.0.5"]),   vec!["gateway.proxyProtocol.port: is the gateway's own port, where a preamble would be optional and anybody could bring one"]),
        (preamble(Some(18790), &[]),             vec!["gateway.proxyProtocol.from: no proxy is listed that may connect with the PROXY protocol"]),
        (preamble(Some(18790), &["::/0"]),       vec!["gateway.proxyProtocol.from: \"::/0\" covers most of the internet, so that anybody is trusted"]),
        (preamble(Some(18790), &["10.0.0.5", "haproxy"]), vec![]),
        (Trust::default(),                       vec![]),
    ];
    for (trust, expected) in rows {
        let found = settings(trust.clone()).parsed_trust().problems;
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), expected, "{trust:?}");
    }
}

#[test]
fn what_is_warned_of() {
    let permitted = Trust { dangerously_trust_all_proxies: true, ..proxies(&["*"]) };
    #[rustfmt::skip]
    let rows = [
        (proxies(&["10.0.0.1", "10.42.7.0/24", "traefik", "2001:db8::/64"]), vec![]),
        (proxies(&["10.42.7.9/24"]),    vec![("10.42.7.9/24", O::HostBits)]),
        (proxies(&["10.0.0.0/8"]),      vec![("10.0.0.0/8", O::Wide)]),
        (proxies(&["172.16.0.0/12"]),   vec![("172.16.0.0/12", O::Wide)]),
        (proxies(&["192.168.0.0/16"]),  vec![("192.168.0.0/16", O::Wide)]),
        (proxies(&["fd00::/8"]),        vec![("fd00::/8", O::Wide)]),
        (proxies(&["127.0.0.1"]),       vec![("127.0.0.1", O::Loopback)]),
        (proxies(&["::1"]),             vec![("::1", O::Loopback)]),
        (permitted,                     vec![("*", O::Everybody)]),
        (bridges(&["172.17.0.1"]),      vec![]),
        (bridges(&["172.17.0.0/16"]),   vec![("172.17.0.0/16", O::BridgeNetwork)]),
        (bridges(&["203.0.113.7"]),     vec![("203.0.113.7", O::PublicBridge)]),
        (preamble(Some(18790), &["10.0.0.0/8"]), vec![("10.0.0.0/8", O::Wide)]),
    ];
    for (trust, expected) in rows {
        let outcome = settings(trust.clone()).parsed_trust();
        let found: Vec<_> = outcome
            .warnings
            .iter()
            .map(|warning| match &warning.kind {
                WarningKind::TrustedEntry { entry, oddity } => (entry.as_str(), *oddity),
                other => panic!("{other}"),
            })
            .collect();
        assert_eq!((found, outcome.problems), (expected, vec![]), "{trust:?}");
    }
}

#[test]
fn what_a_list_comes_to() {
    let published =
        |text: &str| settings(Trust { published_on: Some(text.into()), ..Trust::default() }).trusted().published_on;
    let wider = |text: &str| Some(PublishedOn::Wider(text.parse().expect("an address")));
    #[rustfmt::skip]
    let rows = [
        ("loopback",  Some(PublishedOn::Loopback)),
        ("127.0.0.1", Some(PublishedOn::Loopback)),
        ("[::1]",     Some(PublishedOn::Loopback)),
        ("::ffff:127.0.0.1", Some(PublishedOn::Loopback)),
        ("0.0.0.0",   wider("0.0.0.0")),
        ("[::]",      wider("::")),
        ("192.0.2.1", wider("192.0.2.1")),
    ];
    for (text, expected) in rows {
        assert_eq!(published(text), expected, "{text}");
    }
    let list = |text: &str| TrustedBridges::Listed(vec![text.parse().expect("a network")]);
    #[rustfmt::skip]
    let rows = [
        (Trust::default(),             TrustedBridges::Auto),
        (bridges(&["auto"]),           TrustedBridges::Auto),
        (bridges(&["off"]),            TrustedBridges::Off),
        (bridges(&[]),                 TrustedBridges::Off),
        (bridges(&["172.17.0.1"]),     list("172.17.0.1/32")),
        (bridges(&["::ffff:172.17.0.1"]), list("172.17.0.1/32")),
    ];
    for (trust, expected) in rows {
        assert_eq!(settings(trust.clone()).trusted().bridges, expected, "{trust:?}");
    }
    let trust = settings(proxies(&["10.0.0.1", "traefik", "TRAEFIK", "fe80::1%eth0"])).trusted();
    assert_eq!(trust.proxies.networks, ["10.0.0.1/32".parse().expect("a network")]);
    assert_eq!(trust.proxies.names.iter().map(|name| name.name.as_str()).collect::<Vec<_>>(), ["traefik"]);
    assert_eq!(trust.proxies.links.len(), 1);
    assert_eq!(settings(Trust::default()).trusted(), source::Trust::default());
    let listener = settings(preamble(Some(18790), &["10.0.0.5", "haproxy"])).trusted().preamble.expect("a listener");
    assert_eq!((listener.port, listener.from.networks.len(), listener.from.names.len()), (18790, 1, 1));
}

/// The operator is shown where to look, and never a control character.
#[test]
fn an_entry_is_told_with_its_line() {
    let home = tempfile::tempdir().expect("a directory");
    let text = "{\n  gateway: {\n    trustedProxies: [\n      '10.0.0.1', // 127.1\n      '127.1',\n      \"a\\u001b[2Jb\",\n    ],\n  },\n}\n";
    std::fs::write(home.path().join("openclaw.json"), text).expect("written");
    let environment = Environment::new(None, "/".into()).with("OPENCLAW_STATE_DIR", home.path().as_os_str());
    let Err(ConfigError::Invalid(problems)) = load(&environment, &Flags::default()) else {
        panic!("two entries are none")
    };
    let file = home.path().join("openclaw.json").display().to_string();
    let lines: Vec<_> = problems.iter().map(|problem| problem.to_string().replace(&file, "openclaw.json")).collect();
    assert_eq!(
        lines,
        [
            "gateway.trustedProxies in openclaw.json: line 5: \"127.1\" is no address in its usual spelling; programs disagree on \
             what it means",
            "gateway.trustedProxies in openclaw.json: \"a\\u{1b}[2Jb\" is no address, no network such as 10.42.0.0/16, and no \
             host name",
        ]
    );
}
