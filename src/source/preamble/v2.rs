//! Version 2: bytes.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Preamble, PreambleError, Progress, crc32c::Crc32c};
use crate::defaults::MAX_PREAMBLE_BYTES;

pub(super) const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, version and command, family, and the length of the rest.
const HEADER_BYTES: usize = 16;

/// The type of the extension that holds a checksum of the whole preamble (PROXY protocol, section 2.2.4).
const CHECKSUM: u8 = 0x03;

const MALFORMED: PreambleError = PreambleError::MalformedBinary;

/// What the family says of the addresses that follow.
enum Family {
    Unspecified,
    Inet,
    Inet6,
    Unix,
}

impl Family {
    /// Connections only: a datagram is none.
    fn read(byte: u8) -> Result<Self, PreambleError> {
        match byte {
            0x00 => Ok(Self::Unspecified),
            0x11 => Ok(Self::Inet),
            0x21 => Ok(Self::Inet6),
            0x31 => Ok(Self::Unix),
            _ => Err(MALFORMED),
        }
    }

    /// Both ends, with their ports.
    const fn address_bytes(&self) -> usize {
        match self {
            Self::Unspecified => 0,
            Self::Inet => 2 * (4 + 2),
            Self::Inet6 => 2 * (16 + 2),
            Self::Unix => 2 * 108,
        }
    }
}

/// `rest` is what follows the signature in `bytes`.
pub(super) fn parse(bytes: &[u8], rest: &[u8]) -> Result<Progress, PreambleError> {
    let is_local = match rest.first() {
        None => return Ok(Progress::NeedsMore),
        Some(0x20) => true,
        Some(0x21) => false,
        Some(_) => return Err(MALFORMED),
    };
    let Some(&family) = rest.get(1) else { return Ok(Progress::NeedsMore) };
    // A proxy that speaks for itself may say anything here; it is skipped.
    let family = if is_local { Family::Unspecified } else { Family::read(family)? };
    let Some(length) = rest.get(2..4) else { return Ok(Progress::NeedsMore) };
    let consumed = HEADER_BYTES + usize::from(u16::from_be_bytes([length[0], length[1]]));
    if consumed > MAX_PREAMBLE_BYTES {
        return Err(PreambleError::TooLarge);
    }
    if consumed < HEADER_BYTES + family.address_bytes() {
        return Err(MALFORMED);
    }
    let Some(whole) = bytes.get(..consumed) else { return Ok(Progress::NeedsMore) };
    let (addresses, extensions) = whole[HEADER_BYTES..].split_at(family.address_bytes());
    if !is_local {
        check(whole, extensions)?;
    }
    Ok(Progress::Done { preamble: source(&family, addresses).unwrap_or(Preamble::Itself), consumed })
}

/// The client's end; `None` where it is no address of a network.
fn source(family: &Family, addresses: &[u8]) -> Option<Preamble> {
    let client = match family {
        Family::Unspecified | Family::Unix => return None,
        Family::Inet => {
            let (source, ports) = (addresses.first_chunk::<4>()?, addresses.get(8..10)?);
            SocketAddr::from((Ipv4Addr::from(*source), u16::from_be_bytes([ports[0], ports[1]])))
        }
        Family::Inet6 => {
            let (source, ports) = (addresses.first_chunk::<16>()?, addresses.get(32..34)?);
            SocketAddr::from((Ipv6Addr::from(*source), u16::from_be_bytes([ports[0], ports[1]])))
        }
    };
    Some(Preamble::client(client))
}

/// Walks the extensions: each has its place, and a checksum, if there is one, holds.
fn check(whole: &[u8], mut extensions: &[u8]) -> Result<(), PreambleError> {
    while !extensions.is_empty() {
        let [kind, high, low, rest @ ..] = extensions else { return Err(MALFORMED) };
        let (value, after) = rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low]))).ok_or(MALFORMED)?;
        if *kind == CHECKSUM {
            let expected = u32::from_be_bytes(value.try_into().map_err(|_| MALFORMED)?);
            let place = whole.len() - after.len() - value.len();
            // It counts as zeros in its own computation.
            let found = Crc32c::new().add(&whole[..place]).add(&[0; 4]).add(&whole[place + 4..]).value();
            if found != expected {
                return Err(PreambleError::Checksum);
            }
        }
        extensions = after;
    }
    Ok(())
}
