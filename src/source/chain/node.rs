//! One hop of a chain: an address, with a port or without.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why a text is no hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NodeError {
    /// It is no address in its one canonical spelling, or an address that nobody connects from.
    Malformed,
    /// It stands for an address that its proxy keeps to itself (RFC 7239, sections 6.2 and 6.3).
    Hidden,
}

/// Reads a member of `X-Forwarded-For`: IPv4 with a port or without, IPv6 in brackets with a port or without, or bare IPv6,
/// whose end is never a port.
///
/// # Errors
/// [`NodeError`] for everything else. Nothing is guessed: what another program may read differently is no address.
pub(super) fn lenient(text: &str) -> Result<IpAddr, NodeError> {
    if !text.starts_with('[') && text.bytes().filter(|byte| *byte == b':').count() > 1 {
        return v6(text);
    }
    strict(text, false)
}

/// Reads a node of `Forwarded`: as above, but IPv6 is always in brackets, and a port may be hidden (RFC 7239, section 6).
///
/// # Errors
/// [`NodeError`] for everything else.
pub(super) fn of_forwarded(text: &str) -> Result<IpAddr, NodeError> {
    strict(text, true)
}

fn strict(text: &str, hidden_port: bool) -> Result<IpAddr, NodeError> {
    let is_port = |port: &str| is_port(port) || (hidden_port && is_hidden(port));
    if let Some(rest) = text.strip_prefix('[') {
        let (address, tail) = rest.split_once(']').ok_or(NodeError::Malformed)?;
        return match tail.strip_prefix(':') {
            Some(port) if is_port(port) => v6(address),
            None if tail.is_empty() => v6(address),
            _ => Err(NodeError::Malformed),
        };
    }
    let (address, port) = text.split_once(':').map_or((text, None), |(address, port)| (address, Some(port)));
    if !port.is_none_or(is_port) {
        return Err(NodeError::Malformed);
    }
    if address.eq_ignore_ascii_case("unknown") || is_hidden(address) {
        return Err(NodeError::Hidden);
    }
    // Takes four decimal numbers without leading zeros, and nothing else: `127.1`, `0177.0.0.1` and `0x7f000001` are read
    // differently by different programs.
    let address: Ipv4Addr = address.parse().map_err(|_| NodeError::Malformed)?;
    connectable(address.into())
}

/// Without a zone: that is a name on somebody else's machine.
fn v6(text: &str) -> Result<IpAddr, NodeError> {
    let address: Ipv6Addr = text.parse().map_err(|_| NodeError::Malformed)?;
    // IPv4-compatible forms (`::127.0.0.1`) are obsolete, and programs disagree on whether they are IPv4.
    let is_compatible = address.segments()[..6] == [0; 6] && !address.is_loopback();
    if is_compatible { Err(NodeError::Malformed) } else { connectable(address.to_canonical()) }
}

/// An address from which a connection can come.
fn connectable(address: IpAddr) -> Result<IpAddr, NodeError> {
    let nobody = address.is_unspecified() || address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST);
    if nobody { Err(NodeError::Malformed) } else { Ok(address) }
}

fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// A name that stands for an address or a port: an underscore, and then letters, digits, `.`, `_` and `-`.
fn is_hidden(text: &str) -> bool {
    text.strip_prefix('_').is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    })
}
