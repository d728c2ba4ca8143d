//! The writing half of a session: numbering, deadlines, and how many bytes may wait.

use futures_util::{FutureExt, SinkExt};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, Message},
};

use crate::{
    defaults::WRITE_TIMEOUT,
    events::Delivery,
    protocol::{ErrorShape, Json, encode_error, encode_ok},
};

/// Why writing ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error("the peer does not read")]
    SlowConsumer,
    #[error("the connection is gone")]
    Gone(#[from] tungstenite::Error),
}

/// Numbers events and writes frames to a socket that it borrows.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    seq: u64,
}

impl Outbound {
    /// Puts an event into the socket's buffer. Events that were lost are counted, so that the client sees the gap.
    pub(super) async fn event<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        socket: &mut WebSocketStream<S>,
        delivery: &Delivery,
    ) -> Result<(), WriteError> {
        self.seq += 1 + delivery.lost_before;
        feed(socket, Message::text(delivery.frame.numbered(self.seq))).await
    }
}

pub(super) async fn reply<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    id: &str,
    reply: Result<&Json, &ErrorShape>,
) -> Result<(), WriteError> {
    let frame = match reply {
        Ok(payload) => encode_ok(id, payload),
        Err(error) => encode_error(id, error),
    };
    feed(socket, Message::text(frame)).await
}

async fn feed<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    message: Message,
) -> Result<(), WriteError> {
    within_deadline(socket.feed(message)).await
}

pub(super) async fn flush<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
) -> Result<(), WriteError> {
    within_deadline(socket.flush()).await
}

async fn within_deadline(write: impl Future<Output = Result<(), tungstenite::Error>>) -> Result<(), WriteError> {
    let mut write = std::pin::pin!(write);
    // Most writes end at once; only one that has to wait needs a timer.
    if let Some(written) = write.as_mut().now_or_never() {
        return Ok(written?);
    }
    match timeout(WRITE_TIMEOUT, write).await {
        Ok(written) => Ok(written?),
        Err(_) => Err(WriteError::SlowConsumer),
    }
}
