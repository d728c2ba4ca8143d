//! One entry of a list of trusted addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::source::LinkNetwork;

/// What an entry stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// An address, or a network.
    Network(IpNet),
    /// A link-local address or network on one link.
    Link(LinkNetwork),
    /// A DNS name.
    Name(String),
    /// `*`.
    Everything,
}

/// Why a text is no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryDefect {
    /// Neither address nor network nor name.
    #[error("is no address, no network such as 10.42.0.0/16, and no host name")]
    Unreadable,
    /// It looks like an address, but has not its one spelling.
    #[error("is no address in its usual spelling; programs disagree on what it means")]
    NoUsualSpelling,
    /// It has a prefix length that its family has not.
    #[error("has no prefix length that its address can have")]
    Prefix,
    /// It names a port or a scheme.
    #[error("names more than a host: leave out scheme, port and path")]
    MoreThanAHost,
    /// A link-local IPv6 address without its link.
    #[error("is link-local: say on which link, for example fe80::1%eth0")]
    NoZone,
    /// Another address than a link-local one, with a zone.
    #[error("has a zone, which only link-local IPv6 addresses have")]
    NeedlessZone,
    /// An address that no connection comes from.
    #[error("is an address that no connection comes from")]
    Nobody,
    /// A name that stands for this machine.
    #[error("stands for this machine: write 127.0.0.1 or ::1, if a proxy connects from there")]
    ThisMachine,
    /// A name where addresses are listed.
    #[error("is a name; only addresses and networks can be listed here")]
    Name,
    /// A word that stands alone.
    #[error("stands alone, without other entries")]
    StandsAlone,
}

/// Reads an entry; says also whether bits behind its prefix were left out.
///
/// # Errors
/// [`EntryDefect`] for everything that is not plainly one of the three.
pub(super) fn read(text: &str) -> Result<(Entry, bool), EntryDefect> {
    let text = text.trim();
    if text == "*" {
        return Ok((Entry::Everything, false));
    }
    if text.contains("://") {
        return Err(EntryDefect::MoreThanAHost);
    }
    let (host, prefix) = text.split_once('/').map_or((text, None), |(host, prefix)| (host, Some(prefix)));
    let (host, zone) = host.split_once('%').map_or((host, None), |(host, zone)| (host, Some(zone)));
    match host.parse::<IpAddr>() {
        Ok(address) => network(address, prefix, zone),
        Err(_) if looks_like_an_address(host) => Err(EntryDefect::NoUsualSpelling),
        Err(_) if prefix.is_some() || zone.is_some() => Err(EntryDefect::Unreadable),
        Err(_) => name(text).map(|name| (Entry::Name(name), false)),
    }
}

fn network(address: IpAddr, prefix: Option<&str>, zone: Option<&str>) -> Result<(Entry, bool), EntryDefect> {
    let widest = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        None => widest,
        Some(text) => number(text).filter(|prefix| *prefix <= widest).ok_or(EntryDefect::Prefix)?,
    };
    let (address, prefix) = unmapped(address, prefix);
    let network = IpNet::new(address, prefix).map_err(|_| EntryDefect::Prefix)?;
    let truncated = network.trunc();
    let host_bits = truncated != network;
    if truncated.addr().is_multicast() || (truncated.addr().is_unspecified() && is_single(&truncated)) {
        return Err(EntryDefect::Nobody);
    }
    let link_local = Ipv6Net::new(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10).map_err(|_| EntryDefect::Prefix)?;
    match (truncated, zone) {
        (IpNet::V6(network), zone) if link_local.contains(&network) => match zone {
            Some(zone) if is_zone(zone) => Ok((Entry::Link(LinkNetwork { network, zone: zone.to_owned() }), host_bits)),
            Some(_) => Err(EntryDefect::Unreadable),
            None => Err(EntryDefect::NoZone),
        },
        (_, Some(_)) => Err(EntryDefect::NeedlessZone),
        (network, None) => Ok((Entry::Network(network), host_bits)),
    }
}

/// The IPv4 network that an IPv4-mapped one is: peers are unmapped before they are compared.
fn unmapped(address: IpAddr, prefix: u8) -> (IpAddr, u8) {
    match address.to_canonical() {
        v4 @ IpAddr::V4(_) if address.is_ipv6() && prefix >= 96 => (v4, prefix - 96),
        _ => (address, prefix),
    }
}

pub(super) fn is_single(network: &IpNet) -> bool {
    network.prefix_len() == network.max_prefix_len()
}

/// Decimal, without leading zeros.
fn number(text: &str) -> Option<u8> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

/// An interface's name or index, as the kernel permits it.
fn is_zone(text: &str) -> bool {
    (1..=15).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'%' | b':'))
}

/// No host name ends in a number (RFC 1123, section 2.1, as the URL standard reads it), so this was meant as an address.
fn looks_like_an_address(host: &str) -> bool {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let is_hex = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_number = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    is_number || last.strip_prefix("0x").or_else(|| last.strip_prefix("0X")).is_some_and(is_hex)
}

fn name(text: &str) -> Result<String, EntryDefect> {
    if text.contains(':') {
        // A port, unless it is a broken IPv6 address.
        let is_port = text.matches(':').count() == 1;
        return Err(if is_port { EntryDefect::MoreThanAHost } else { EntryDefect::NoUsualSpelling });
    }
    let bare = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if bare.len() > 253 || !bare.split('.').all(is_label) {
        return Err(EntryDefect::Unreadable);
    }
    let lower = text.to_ascii_lowercase();
    let is_local = lower.trim_end_matches('.') == "localhost" || lower.trim_end_matches('.').ends_with(".localhost");
    if is_local { Err(EntryDefect::ThisMachine) } else { Ok(lower) }
}

/// Whether the networks together are most of the internet: a list of everybody trusts nobody.
pub(super) fn are_most_of_the_internet(networks: &[IpNet]) -> bool {
    // Half of IPv4, half of the part of IPv6 that is in use, or the prefix under which IPv6 hosts see all of IPv4.
    const HALF_OF_V4: u64 = 1 << 31;
    const HALF_OF_V6: u128 = 1 << 124;
    let mut v4: Vec<Ipv4Net> = Vec::new();
    let mut v6: Vec<Ipv6Net> = Vec::new();
    for network in networks {
        match network {
            IpNet::V4(network) => v4.push(*network),
            IpNet::V6(network) => v6.push(*network),
        }
    }
    let covered_v4: u64 = Ipv4Net::aggregate(&v4).iter().map(|network| 1_u64 << (32 - network.prefix_len())).sum();
    let v6 = Ipv6Net::aggregate(&v6);
    let (Ok(in_use), Ok(translated)) = (
        Ipv6Net::new(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3),
        Ipv6Net::new(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96),
    ) else {
        return true;
    };
    let covered_v6: u128 = v6
        .iter()
        .filter_map(|network| match (network.contains(&in_use), in_use.contains(network)) {
            (true, _) => Some(1_u128 << 125),
            (_, true) => Some(1_u128 << (128 - network.prefix_len())),
            _ => None,
        })
        .sum();
    covered_v4 >= HALF_OF_V4 || covered_v6 >= HALF_OF_V6 || v6.iter().any(|network| network.contains(&translated))
}

/// Everybody, in both families.
pub(super) fn everything() -> Vec<IpNet> {
    [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)]
        .into_iter()
        .filter_map(|address| IpNet::new(address, 0).ok())
        .collect()
}
