//! Checks of whom the gateway believes.

use ipnet::IpNet;

use super::super::{
    facts::Facts,
    finding::{Finding, Severity},
    network::bridges_among,
};
use crate::cli::{config::overridden, one_line};

/// Networks that are given to so many machines that a proxy among them cannot be told from its clients.
const BROAD_V4_PREFIX: u8 = 16;
/// See [`BROAD_V4_PREFIX`]; a site has 48 bits.
const BROAD_V6_PREFIX: u8 = 48;

pub(super) fn names(facts: &Facts, found: &mut Vec<Finding>) {
    for (name, addresses) in &facts.names {
        if let Err(why) = addresses {
            found.push(
                Finding::error(
                    "dns.name",
                    "a name in gateway.trustedProxies stands for no address, so that proxy is not trusted",
                )
                .because(format!("{name}: {why}"))
                .fix("openclaw config get gateway.trustedProxies, and correct the name or the machine's DNS"),
            );
        }
    }
}

pub(super) fn proxies(facts: &Facts, found: &mut Vec<Finding>) {
    let trust = &facts.settings.trust;
    let items: Vec<&str> = trust.trusted_proxies.iter().map(String::as_str).collect();
    for bridge in bridges_among(&items, &facts.network) {
        let address = bridge.address;
        found.push(
            Finding::warning("trust.bridge-as-proxy", format!("{address} in gateway.trustedProxies is a bridge and no proxy"))
                .because(bridge.why)
                .because("whoever comes through it can name any other address, remote IPv6 clients included")
                .fix(format!("openclaw config set gateway.trustedBridges '[\"{address}\"]' && openclaw config unset gateway.trustedProxies")),
        );
    }
    for network in items.iter().filter_map(|item| item.parse::<IpNet>().ok()) {
        let most = if matches!(network, IpNet::V4(_)) { BROAD_V4_PREFIX } else { BROAD_V6_PREFIX };
        let fix = "openclaw config set gateway.trustedProxies '[\"ADDRESS-OF-THE-PROXY\"]'";
        if network.prefix_len() == 0 {
            found.push(
                Finding::error("trust.everybody", "gateway.trustedProxies trusts everybody")
                    .because(format!("{network}: each client may say of itself where it comes from"))
                    .fix(fix),
            );
        } else if network.prefix_len() <= most {
            found.push(
                Finding::warning(
                    "trust.broad",
                    format!("{network} in gateway.trustedProxies covers clients as well as proxies"),
                )
                .because("a client in it may say of itself where it comes from")
                .fix(fix),
            );
        }
    }
}

pub(super) fn bridges(facts: &Facts, found: &mut Vec<Finding>) {
    let trust = &facts.settings.trust;
    let listed: Vec<&str> =
        trust.trusted_bridges.iter().flat_map(|listed| listed.0.iter().map(String::as_str)).collect();
    let switched = |word: &str| listed == [word];
    // The gateway may know it from its own environment, which a container beside it does not share.
    let is_said = trust.published_on.is_some() || overridden(&facts.lock, "gateway.publishedOn").is_some();
    if facts.network.in_container && !is_said && !switched("off") {
        found.push(
            Finding::info("trust.published-on", "nothing says where this container's port is published")
                .because("gateway.publishedOn is not set, so who comes through the bridge needs the token, and an approval where others may come too")
                .fix("openclaw config set gateway.publishedOn loopback   (or the address in the `ports` of the compose file)"),
        );
    }
    for network in listed.iter().filter_map(|item| item.parse::<IpNet>().ok()) {
        if network.prefix_len() < network.max_prefix_len() && network.prefix_len() > 0 {
            found.push(
                Finding::warning(
                    "trust.bridge-network",
                    format!("{network} in gateway.trustedBridges is a network: its containers count as the host"),
                )
                .because("a bridge has one address in the container's network")
                .fix("openclaw config set gateway.trustedBridges auto"),
            );
        } else if network.prefix_len() == 0 {
            found.push(
                Finding::error(
                    "trust.bridge-network",
                    "gateway.trustedBridges counts everybody as the host's own user",
                )
                .because(network.to_string())
                .fix("openclaw config set gateway.trustedBridges auto"),
            );
        }
    }
}

/// What the running gateway has seen that speaks against the configuration, with its own advice.
pub(super) fn seen(facts: &Facts, found: &mut Vec<Finding>) {
    for seen in &facts.seen {
        // What was seen before the policy changed may be mended already.
        let severity = if seen.before_change { Severity::Info } else { Severity::Warning };
        let mut finding = Finding::new("trust.seen", severity, format!("{} ({})", seen.text, seen.kind));
        let times = if seen.count == 1 { "once".to_owned() } else { format!("{} times", seen.count) };
        let peers = seen.peers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        finding = finding.because(format!("seen {times} from {peers}: {}", seen.rule));
        if !seen.hosts.is_empty() {
            let hosts = seen.hosts.iter().map(|host| one_line(host, 80)).collect::<Vec<_>>().join(", ");
            finding = finding.because(format!("it asked for {hosts}"));
        }
        if seen.before_change {
            finding = finding.because("that was before the configuration changed");
        }
        let remedy = seen.remedies.first();
        let fix = remedy.map(|remedy| remedy.command.clone().unwrap_or_else(|| remedy.text.clone()));
        found.push(finding.fix(fix.unwrap_or_else(|| "openclaw gateway whoami".into())));
    }
}
