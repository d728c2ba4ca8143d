//! The preamble with which a proxy says for whom it connects (the PROXY protocol, versions 1 and 2).
//!
//! Read before anything else on a listener that requires it, and on no other: where it were optional, anybody could bring one.

mod crc32c;
mod v1;
mod v2;

use std::net::SocketAddr;

/// What a preamble says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preamble {
    /// The client for whom the proxy connects.
    Client(SocketAddr),
    /// The proxy speaks for itself, or of nobody with an address: LOCAL, UNKNOWN, a Unix socket.
    Itself,
}

impl Preamble {
    /// The client at an address; nobody, if no connection can come from there.
    fn client(address: SocketAddr) -> Self {
        let ip = address.ip().to_canonical();
        if ip.is_unspecified() || ip.is_multicast() {
            Self::Itself
        } else {
            Self::Client(SocketAddr::new(ip, address.port()))
        }
    }
}

/// What the bytes received so far come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// They may become a preamble. At most [`MAX_PREAMBLE_BYTES`](crate::defaults::MAX_PREAMBLE_BYTES) are ever waited for.
    NeedsMore,
    /// They begin with a preamble.
    Done {
        /// What it says.
        preamble: Preamble,
        /// How many bytes it has; what follows belongs to the connection that it introduces.
        consumed: usize,
    },
}

/// Why bytes are no preamble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PreambleError {
    /// They begin like something else: somebody connects without a preamble.
    #[error("does not begin with a PROXY protocol preamble")]
    Missing,
    /// Version 1, and not as the protocol has it.
    #[error("is no PROXY protocol preamble of version 1")]
    MalformedText,
    /// Version 2, and not as the protocol has it.
    #[error("is no PROXY protocol preamble of version 2")]
    MalformedBinary,
    /// Its checksum is of other bytes.
    #[error("has a PROXY protocol preamble whose checksum does not match")]
    Checksum,
    /// Larger than any real one.
    #[error("has a PROXY protocol preamble that is too large")]
    TooLarge,
}

/// Reads a preamble at the beginning of what a connection brought so far. To be called again with all of it when more has
/// come; what is wrong is told at the first byte that makes it so.
///
/// # Errors
/// [`PreambleError`] when no further byte can make it a preamble: the connection is to be cut.
pub fn parse(bytes: &[u8]) -> Result<Progress, PreambleError> {
    if let Some(rest) = after(bytes, &v2::SIGNATURE) {
        v2::parse(bytes, rest)
    } else if let Some(rest) = after(bytes, v1::SIGNATURE) {
        v1::parse(bytes, rest)
    } else if v2::SIGNATURE.starts_with(bytes) || v1::SIGNATURE.starts_with(bytes) {
        Ok(Progress::NeedsMore)
    } else {
        Err(PreambleError::Missing)
    }
}

fn after<'a>(bytes: &'a [u8], signature: &[u8]) -> Option<&'a [u8]> {
    bytes.strip_prefix(signature)
}
