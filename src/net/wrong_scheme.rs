//! What a connection speaks by its first bytes, and the answer to `ws` on a TLS port, to `wss` on a plain one, and to a PROXY
//! preamble where none is taken.

use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

use super::close_gently;
use crate::defaults::FAREWELL_TIMEOUT;

/// To a plain client on a TLS port.
pub(super) const TLS_HERE: &str = "This port speaks TLS: use wss:// or https:// here.\n";

/// To a TLS client on a plain port. It cannot read this, and that is the point: TLS libraries know the look of a plain
/// answer and say "wrong version number", "corrupt message" or "HTTP response to HTTPS client". A TLS alert would have them
/// report a TLS server with other settings.
pub(super) const PLAIN_HERE: &str =
    "This port speaks plain HTTP: use ws:// or http:// here, or set gateway.tls.enabled.\n";

/// To a proxy that introduces its clients where anybody could.
pub(super) const NO_PREAMBLE_HERE: &str = "This port takes no PROXY protocol preamble: let the proxy send it to the port of \
    gateway.proxyProtocol, or let it send none.\n";

/// What a connection begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// A TLS handshake record (RFC 8446, section 5.1). No HTTP request begins so.
    Tls,
    /// A PROXY preamble (version 1 or 2). Neither does one begin so.
    Preamble,
    /// Something else: HTTP, if all is well.
    Plain,
}

impl Opening {
    /// How many bytes tell.
    pub(super) const BYTES: usize = 12;

    /// By the first bytes, which are at least one.
    pub(super) fn of(bytes: &[u8]) -> Self {
        if bytes.first() == Some(&0x16) {
            Self::Tls
        } else if bytes.starts_with(b"PROXY ") || bytes.starts_with(b"\r\n\r\n\0\r\nQUIT\n") {
            Self::Preamble
        } else {
            Self::Plain
        }
    }
}

/// Says one sentence over plain HTTP and closes.
pub(super) async fn answer(mut stream: TcpStream, sentence: &str) {
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nServer: openclaw/{}\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{sentence}",
        env!("CARGO_PKG_VERSION"),
        sentence.len(),
    );
    let said = timeout(FAREWELL_TIMEOUT, stream.write_all(answer.as_bytes())).await;
    // Whether the answer arrives is up to the peer.
    if matches!(said, Ok(Ok(()))) {
        close_gently(stream).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_connections_begin_with() {
        #[rustfmt::skip]
        let rows: &[(&[u8], Opening)] = &[
            (b"\x16\x03\x01\x02\x00\x01",   Opening::Tls),
            (b"GET / HTTP/1",                Opening::Plain),
            (b"G",                           Opening::Plain),
            (b"PROXY TCP4 1",                Opening::Preamble),
            (b"PROXY",                       Opening::Plain),
            (b"PROXYING / H",                Opening::Plain),
            (b"\r\n\r\n\0\r\nQUIT\n",        Opening::Preamble),
            (b"\r\n\r\nGET / H",             Opening::Plain),
        ];
        for (bytes, expected) in rows {
            assert_eq!(Opening::of(bytes), *expected, "{}", bytes.escape_ascii());
        }
    }
}
