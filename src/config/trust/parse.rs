//! From what the files say to what connections are classified by.

use std::{fs, net::IpAddr};

use ipnet::IpNet;

use super::{
    ProxyProtocol, Trust, Unattributed,
    entry::{self, Entry, EntryDefect},
};
use crate::{
    config::{
        origin::Origin,
        problem::{Problem, ProblemKind},
        warning::{Warning, WarningKind},
    },
    defaults::MAX_CONFIG_BYTES,
    source::{self, PreambleListener, PublishedOn, TrustedBridges, TrustedName, TrustedProxies},
};

const PROXIES: &str = "gateway.trustedProxies";
const BRIDGES: &str = "gateway.trustedBridges";
const PUBLISHED_ON: &str = "gateway.publishedOn";
const PREAMBLE_PORT: &str = "gateway.proxyProtocol.port";
const PREAMBLE_FROM: &str = "gateway.proxyProtocol.from";

/// What is odd about an entry that is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryOddity {
    /// Bits behind the prefix.
    #[error("has bits behind its prefix; the network is meant")]
    HostBits,
    /// A network of many who are no proxies.
    #[error(
        "is a wide network: everybody in it can name any client as a trusted proxy does, and clients in it are taken for \
         proxies; list the proxy's own address or name"
    )]
    Wide,
    /// Loopback.
    #[error("is loopback: every program on this machine can name any client as a trusted proxy does")]
    Loopback,
    /// A bridge that is a network.
    #[error("is a network: every container in it counts as the host's own users; list the host's address in it only")]
    BridgeNetwork,
    /// A bridge with a public address.
    #[error("is no private address, and a container's way to its host has one")]
    PublicBridge,
    /// The whole internet, as a dangerous setting permits.
    #[error("trusts everybody to name any client, as gateway.dangerouslyTrustAllProxies permits")]
    Everybody,
}

/// What a configuration comes to, and what is to be said of it.
#[derive(Debug, Default)]
pub(in crate::config) struct Outcome {
    pub(in crate::config) trust: source::Trust,
    pub(in crate::config) problems: Vec<Problem>,
    pub(in crate::config) warnings: Vec<Warning>,
}

/// Parses the trust of the settings, with everything that is wrong and odd in it.
/// `port` is the gateway's, and `origin` tells where the value at a key came from.
pub(in crate::config) fn parse(trust: &Trust, port: u16, origin: &dyn Fn(&str) -> Origin) -> Outcome {
    let mut reader = Reader { trust, port, origin, problems: Vec::new(), warnings: Vec::new() };
    let parsed = source::Trust {
        proxies: reader.proxies(PROXIES, &trust.trusted_proxies),
        bridges: reader.bridges(trust),
        published_on: trust.published_on.as_deref().and_then(|text| reader.published_on(text)),
        loopback_is_proxy: trust.loopback_is_proxy,
        real_ip_fallback: trust.allow_real_ip_fallback,
        refuse_unattributed: trust.unattributed == Unattributed::Refuse,
        preamble: trust.proxy_protocol.as_ref().and_then(|written| reader.preamble(written)),
    };
    Outcome { trust: parsed, problems: reader.problems, warnings: reader.warnings }
}

struct Reader<'a> {
    trust: &'a Trust,
    port: u16,
    origin: &'a dyn Fn(&str) -> Origin,
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
}

impl Reader<'_> {
    fn refuse(&mut self, key: &str, kind: ProblemKind) {
        self.problems.push(Problem::at(key, (self.origin)(key), kind));
    }

    fn refuse_entry(&mut self, key: &str, text: &str, defect: EntryDefect) {
        let origin = (self.origin)(key);
        let line = line_of(&origin, text);
        let entry = shown(text);
        self.problems.push(Problem::at(key, origin, ProblemKind::TrustedEntry { entry, line, defect }));
    }

    fn warn(&mut self, key: &str, text: &str, oddity: EntryOddity) {
        let kind = WarningKind::TrustedEntry { entry: shown(text), oddity };
        self.warnings.push(Warning::at(key, (self.origin)(key), kind));
    }

    fn proxies(&mut self, key: &str, written: &[String]) -> TrustedProxies {
        let mut proxies = TrustedProxies::default();
        for text in written {
            match entry::read(text) {
                Err(defect) => self.refuse_entry(key, text, defect),
                Ok((entry, host_bits)) => {
                    if host_bits {
                        self.warn(key, text, EntryOddity::HostBits);
                    }
                    match entry {
                        Entry::Network(network) => {
                            if network.addr().is_loopback() {
                                self.warn(key, text, EntryOddity::Loopback);
                            } else if is_wide(&network) {
                                self.warn(key, text, EntryOddity::Wide);
                            }
                            proxies.networks.push(network);
                        }
                        Entry::Link(link) => proxies.links.push(link),
                        Entry::Name(name) if proxies.names.iter().any(|known| known.name == name) => {}
                        Entry::Name(name) => proxies.names.push(TrustedName { name, addresses: Vec::new() }),
                        Entry::Everything => proxies.networks.extend(entry::everything()),
                    }
                }
            }
        }
        if entry::are_most_of_the_internet(&proxies.networks) {
            if self.trust.dangerously_trust_all_proxies {
                self.warn(key, &written.join(", "), EntryOddity::Everybody);
            } else {
                let entries = shown(&written.join(", "));
                self.refuse(key, ProblemKind::TrustsEverybody { entries, may_be_permitted: true });
            }
        }
        proxies
    }

    fn bridges(&mut self, trust: &Trust) -> TrustedBridges {
        let Some(written) = &trust.trusted_bridges else { return TrustedBridges::default() };
        match written.0.as_slice() {
            [] => return TrustedBridges::Off,
            [word] if word.trim() == "auto" => return TrustedBridges::Auto,
            [word] if word.trim() == "off" => return TrustedBridges::Off,
            _ => {}
        }
        let mut networks = Vec::new();
        for text in &written.0 {
            match entry::read(text) {
                Err(defect) => self.refuse_entry(BRIDGES, text, defect),
                Ok((Entry::Name(word), _)) if matches!(word.as_str(), "auto" | "off") => {
                    self.refuse_entry(BRIDGES, text, EntryDefect::StandsAlone);
                }
                Ok((Entry::Name(_), _)) => self.refuse_entry(BRIDGES, text, EntryDefect::Name),
                // The host's address on a container's network is never link-local.
                Ok((Entry::Link(_), _)) => self.refuse_entry(BRIDGES, text, EntryDefect::Unreadable),
                Ok((Entry::Everything, _)) => networks.extend(entry::everything()),
                Ok((Entry::Network(network), host_bits)) => {
                    if host_bits {
                        self.warn(BRIDGES, text, EntryOddity::HostBits);
                    }
                    if !entry::is_single(&network) {
                        self.warn(BRIDGES, text, EntryOddity::BridgeNetwork);
                    }
                    if !is_private(network.addr()) {
                        self.warn(BRIDGES, text, EntryOddity::PublicBridge);
                    }
                    networks.push(network);
                }
            }
        }
        if entry::are_most_of_the_internet(&networks) {
            let entries = shown(&written.0.join(", "));
            self.refuse(BRIDGES, ProblemKind::TrustsEverybody { entries, may_be_permitted: false });
        }
        TrustedBridges::Listed(networks)
    }

    /// The address may be in brackets, as the `ports` of a compose file have it.
    fn published_on(&mut self, text: &str) -> Option<PublishedOn> {
        let bare = text.trim();
        if bare == "loopback" {
            return Some(PublishedOn::Loopback);
        }
        let bare = bare.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(bare);
        match bare.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(address) if address.is_loopback() => Some(PublishedOn::Loopback),
            Ok(address) => Some(PublishedOn::Wider(address)),
            Err(_) => {
                let expected = "loopback, or the address that the port is published on, for example 0.0.0.0".into();
                self.refuse(PUBLISHED_ON, ProblemKind::Mistyped { found: format!("{:?}", shown(text)), expected });
                None
            }
        }
    }

    fn preamble(&mut self, written: &ProxyProtocol) -> Option<PreambleListener> {
        let from = self.proxies(PREAMBLE_FROM, &written.from);
        if written.from.is_empty() {
            self.refuse(PREAMBLE_FROM, ProblemKind::PreambleFromNobody);
        }
        match written.port {
            None | Some(0) => self.refuse(PREAMBLE_PORT, ProblemKind::PreamblePortMissing),
            Some(port) if port == self.port => {
                self.refuse(PREAMBLE_PORT, ProblemKind::PreamblePortShared);
            }
            Some(port) => return Some(PreambleListener { port, from }),
        }
        None
    }
}

/// Whether a network is wider than any group of proxies: that of a container engine or a cluster has 65536 addresses.
fn is_wide(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => network.prefix_len() <= 16,
        IpNet::V6(network) => network.prefix_len() < 64,
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        // 100.64.0.0/10 is what some engines give to containers.
        IpAddr::V4(v4) => v4.is_private() || (v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1])),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

/// Enough of an entry to find it.
fn shown(text: &str) -> String {
    const MAX_SHOWN_CHARS: usize = 80;
    let mut shown: String = text.chars().take(MAX_SHOWN_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// The line of the file on which the entry stands, if it stands there as it is and once.
fn line_of(origin: &Origin, text: &str) -> Option<usize> {
    let (Origin::ConfigFile(path) | Origin::OwnFile(path)) = origin else { return None };
    if fs::metadata(path).ok()?.len() > MAX_CONFIG_BYTES as u64 {
        return None;
    }
    let file = fs::read_to_string(path).ok()?;
    let quoted = [format!("\"{text}\""), format!("'{text}'")];
    let mut lines = (1..).zip(file.lines()).filter(|(_, line)| quoted.iter().any(|quoted| line.contains(quoted)));
    let (number, _) = lines.next()?;
    lines.next().is_none().then_some(number)
}
