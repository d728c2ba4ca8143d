//! The answer to `ws` on a TLS port and to `wss` on a plain one.

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
