//! Closing a connection so that its last word arrives.

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use crate::defaults::FAREWELL_TIMEOUT;

/// Says that nothing more comes, and waits for the other end to say so too.
///
/// What the peer still sends is read and dropped: bytes left unread would turn the close into a reset, and a reset takes back
/// an answer that was not read yet.
pub async fn close_gently<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let closing = async {
        stream.shutdown().await?;
        let mut ignored = [0; 1024];
        while stream.read(&mut ignored).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    // A peer that is gone already needs no farewell.
    let _ = timeout(FAREWELL_TIMEOUT, closing).await;
}
