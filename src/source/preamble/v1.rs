//! Version 1: a line of text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Preamble, PreambleError, Progress};

pub(super) const SIGNATURE: &[u8] = b"PROXY ";

/// Longest line, its end included (PROXY protocol, section 2.1).
const MAX_LINE_BYTES: usize = 107;

/// `rest` is what follows the signature in `bytes`.
pub(super) fn parse(bytes: &[u8], rest: &[u8]) -> Result<Progress, PreambleError> {
    let window = &rest[..rest.len().min(MAX_LINE_BYTES - SIGNATURE.len())];
    let Some(end) = window.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
        return if bytes.len() < MAX_LINE_BYTES && may_begin(rest) {
            Ok(Progress::NeedsMore)
        } else {
            Err(PreambleError::MalformedText)
        };
    };
    let preamble = std::str::from_utf8(&rest[..end]).ok().and_then(line_says).ok_or(PreambleError::MalformedText)?;
    match (window[end], window.get(end + 1)) {
        (b'\r', Some(b'\n')) => Ok(Progress::Done { preamble, consumed: SIGNATURE.len() + end + 2 }),
        (b'\r', None) if bytes.len() < MAX_LINE_BYTES => Ok(Progress::NeedsMore),
        _ => Err(PreambleError::MalformedText),
    }
}

/// Whether a line without its end can still become one.
fn may_begin(rest: &[u8]) -> bool {
    let begins = |word: &[u8]| rest.starts_with(word) || word.starts_with(rest);
    begins(b"UNKNOWN")
        || ((begins(b"TCP4 ") || begins(b"TCP6 ")) && rest.iter().all(|byte| (b' '..=b'~').contains(byte)))
}

fn line_says(line: &str) -> Option<Preamble> {
    // Whatever follows this word is to be ignored.
    if line == "UNKNOWN" || line.starts_with("UNKNOWN ") {
        return Some(Preamble::Itself);
    }
    let mut fields = line.split(' ');
    let family = fields.next()?;
    let mut address = || -> Option<IpAddr> {
        let text = fields.next()?;
        match family {
            "TCP4" => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
            "TCP6" => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            _ => None,
        }
    };
    let (source, _destination) = (address()?, address()?);
    let (source_port, _) = (port(fields.next()?)?, port(fields.next()?)?);
    fields.next().is_none().then(|| Preamble::client(SocketAddr::new(source, source_port)))
}

/// Decimal, without leading zeros.
fn port(text: &str) -> Option<u16> {
    let is_canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if is_canonical { text.parse().ok() } else { None }
}
