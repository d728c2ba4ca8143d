//! Whom the configuration trusts, with what its names stand for now.

use std::{fmt, net::IpAddr};

use ipnet::IpNet;

use super::surroundings::list;
use crate::source::{PublishedOn, Surroundings, Trust, TrustedBridges, TrustedProxies};

/// Why an address that a trusted name stands for is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unusable {
    /// Every process of this machine connects from there.
    Loopback,
    /// It is our own.
    Own,
    /// Anyone may stand behind it.
    Bridge,
    /// It is on no network of ours, and no private one.
    Public,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "a loopback address",
            Self::Own => "our own address",
            Self::Bridge => "the address of this container's host, behind which anyone may stand",
            Self::Public => "neither private nor on a network of ours",
        })
    }
}

/// Why an address is not trusted, although a trusted name stands for it: whoever answers for the name must not be able to
/// make a neighbour of everybody a proxy.
pub(super) fn unusable(address: IpAddr, bridges: &TrustedBridges, surroundings: &Surroundings) -> Option<Unusable> {
    let listed = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&address));
    let is_bridge =
        surroundings.hops.contains(&address) || matches!(bridges, TrustedBridges::Listed(networks) if listed(networks));
    if address.is_loopback() {
        Some(Unusable::Loopback)
    } else if surroundings.own_addresses().contains(&address) {
        Some(Unusable::Own)
    } else if is_bridge {
        Some(Unusable::Bridge)
    } else if is_private(address) || listed(&surroundings.interfaces) {
        None
    } else {
        Some(Unusable::Public)
    }
}

/// Private, or of a network that is laid over others. Link-local addresses mean nothing without the link that they are on.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || (v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1])),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

/// Every name that the configuration trusts.
pub(super) fn names(trust: &Trust) -> impl Iterator<Item = &str> {
    let introducing = trust.preamble.iter().flat_map(|listener| &listener.from.names);
    trust.proxies.names.iter().chain(introducing).map(|name| name.name.as_str())
}

/// Puts the addresses that names stand for into `trust`; `addresses_of` knows them.
pub(super) fn fill(trust: &mut Trust, surroundings: &Surroundings, addresses_of: impl Fn(&str) -> Vec<IpAddr>) {
    let bridges = trust.bridges.clone();
    let introducing = trust.preamble.iter_mut().flat_map(|listener| &mut listener.from.names);
    for name in trust.proxies.names.iter_mut().chain(introducing) {
        name.addresses = addresses_of(&name.name);
        name.addresses.retain(|address| unusable(*address, &bridges, surroundings).is_none());
    }
}

/// The effective trust in one line.
pub(super) fn describe(trust: &Trust, surroundings: &Surroundings) -> String {
    let bridges = match &trust.bridges {
        TrustedBridges::Off => "off".to_owned(),
        TrustedBridges::Auto => list(&surroundings.hops),
        TrustedBridges::Listed(networks) => networks_list(networks).join(", "),
    };
    let published = match trust.published_on {
        None => "unsaid".to_owned(),
        Some(PublishedOn::Loopback) => "loopback".to_owned(),
        Some(PublishedOn::Wider(address)) => address.to_string(),
    };
    let loopback = if trust.loopback_is_proxy { "; loopback is a proxy" } else { "" };
    let unattributed = if trust.refuse_unattributed { "; unattributed connections are refused" } else { "" };
    let introduced = trust.preamble.as_ref().map_or_else(String::new, |listener| {
        format!("; PROXY protocol on port {} from: {}", listener.port, proxies_list(&listener.from))
    });
    format!(
        "trusted proxies: {}; container hops: {bridges}; port published on: {published}{loopback}{unattributed}{introduced}",
        proxies_list(&trust.proxies),
    )
}

fn proxies_list(proxies: &TrustedProxies) -> String {
    let names = proxies.names.iter().map(|name| format!("{} ({})", name.name, list(&name.addresses)));
    let links = proxies.links.iter().map(ToString::to_string);
    let entries: Vec<_> = networks_list(&proxies.networks).into_iter().chain(links).chain(names).collect();
    if entries.is_empty() { "none".to_owned() } else { entries.join(", ") }
}

fn networks_list(networks: &[IpNet]) -> Vec<String> {
    let shown = |network: &IpNet| {
        if network.prefix_len() == network.max_prefix_len() { network.addr().to_string() } else { network.to_string() }
    };
    networks.iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::TrustedName;

    fn networks(text: &str) -> Vec<IpNet> {
        text.split_ascii_whitespace().map(|network| network.parse().expect("a network")).collect()
    }

    fn surroundings() -> Surroundings {
        Surroundings {
            interfaces: networks("172.18.0.2/16 203.0.113.2/24 fd00:18::2/64"),
            in_container: true,
            hops: vec!["172.18.0.1".parse().expect("an address")],
            ..Surroundings::default()
        }
    }

    #[test]
    fn which_answers_about_a_trusted_name_are_trusted() {
        #[rustfmt::skip]
        let rows = [
            ("172.18.0.9",      None),
            ("10.42.3.7",       None),
            ("100.64.0.9",      None),
            ("203.0.113.9",     None), // on a network of ours
            ("fd00:18::9",      None),
            ("fd12::9",         None),
            ("127.0.0.1",       Some(Unusable::Loopback)),
            ("::1",             Some(Unusable::Loopback)),
            ("172.18.0.2",      Some(Unusable::Own)),
            ("172.18.0.1",      Some(Unusable::Bridge)),
            ("192.168.65.1",    Some(Unusable::Bridge)), // listed
            ("198.51.100.9",    Some(Unusable::Public)),
            ("2001:db8::9",     Some(Unusable::Public)),
            ("169.254.169.254", Some(Unusable::Public)),
            ("fe80::9",         Some(Unusable::Public)),
        ];
        let bridges = TrustedBridges::Listed(networks("192.168.65.1/32"));
        for (address, expected) in rows {
            let address = address.parse().expect("an address");
            assert_eq!(unusable(address, &bridges, &surroundings()), expected, "{address}");
        }
    }

    #[test]
    fn names_get_the_addresses_that_they_may_have() {
        let name =
            |name: &str| TrustedName { name: name.to_owned(), addresses: vec!["10.0.0.1".parse().expect("one")] };
        let mut trust = Trust::default();
        trust.proxies.names = vec![name("traefik"), name("gone")];
        fill(&mut trust, &surroundings(), |name| match name {
            "traefik" => ["172.18.0.9", "172.18.0.1", "8.8.8.8"].map(|text| text.parse().expect("an address")).to_vec(),
            _ => Vec::new(),
        });
        let shown: Vec<_> = trust.proxies.names.iter().map(|name| list(&name.addresses)).collect();
        assert_eq!(shown, ["172.18.0.9", "none"]);
    }

    #[test]
    fn the_line_of_the_log() {
        let line = |trust: &Trust| describe(trust, &surroundings());
        assert_eq!(
            line(&Trust::default()),
            "trusted proxies: none; container hops: 172.18.0.1; port published on: unsaid"
        );
        let mut trust = Trust::default();
        trust.proxies.networks = networks("10.0.0.0/8 192.0.2.1/32");
        trust.proxies.names = vec![TrustedName { name: "traefik".to_owned(), addresses: Vec::new() }];
        trust.bridges = TrustedBridges::Listed(networks("192.168.65.1/32"));
        trust.published_on = Some(PublishedOn::Loopback);
        trust.loopback_is_proxy = true;
        trust.refuse_unattributed = true;
        let from = TrustedProxies { networks: networks("192.0.2.9/32"), ..TrustedProxies::default() };
        trust.preamble = Some(crate::source::PreambleListener { port: 18790, from });
        assert_eq!(
            line(&trust),
            "trusted proxies: 10.0.0.0/8, 192.0.2.1, traefik (none); container hops: 192.168.65.1; port published on: \
             loopback; loopback is a proxy; unattributed connections are refused; PROXY protocol on port 18790 from: 192.0.2.9"
        );
    }
}
