//! The writing half of a session: numbering, deadlines, and how many bytes may wait.

use std::{
    future::poll_fn,
    io::{self, IoSlice},
    task::{Context, Poll},
};

use futures_util::{FutureExt, SinkExt};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        protocol::frame::{
            FrameHeader,
            coding::{Data, OpCode},
        },
    },
};

use crate::{
    defaults::WRITE_TIMEOUT,
    events::Delivery,
    net::Transport,
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
    /// Puts an event into the socket's buffer.
    pub(super) async fn event<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        socket: &mut WebSocketStream<S>,
        delivery: &Delivery,
    ) -> Result<(), WriteError> {
        let seq = self.count(delivery);
        let frame = delivery.frame.numbered(itoa::Buffer::new().format(seq)).concat();
        feed(socket, Message::text(frame)).await
    }

    /// Writes events past the socket's buffer, in which nothing may wait: what they have in common with those of other sessions is
    /// not copied.
    pub(super) async fn events<S: Transport>(
        &mut self,
        socket: &mut WebSocketStream<S>,
        batch: &[Delivery],
    ) -> Result<(), WriteError> {
        poll_fn(|cx| Poll::Ready(self.write_events(cx, socket.get_mut(), batch)))
            .await
            .map_err(tungstenite::Error::from)?;
        flush(socket).await
    }

    fn write_events(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut impl Transport,
        batch: &[Delivery],
    ) -> io::Result<()> {
        const HEADER: FrameHeader = FrameHeader {
            is_final: true,
            rsv1: false,
            rsv2: false,
            rsv3: false,
            opcode: OpCode::Data(Data::Text),
            mask: None,
        };
        // What is this session's own: the rest of one frame with the header of the next, and where each such piece ends.
        let (mut own, mut ends) = (Vec::with_capacity(batch.len() * OWN_BYTES), Vec::with_capacity(batch.len()));
        for delivery in batch {
            let seq = self.count(delivery);
            let mut digits = itoa::Buffer::new();
            let [head, rest @ ..] = delivery.frame.numbered(digits.format(seq));
            let length = head.len() + rest.iter().map(|piece| piece.len()).sum::<usize>();
            HEADER.format(length as u64, &mut own).map_err(io::Error::other)?;
            ends.push(own.len());
            for piece in rest {
                own.extend_from_slice(piece.as_bytes());
            }
        }
        let mut slices = Vec::with_capacity(2 * batch.len() + 1);
        let mut begin = 0;
        for (delivery, end) in batch.iter().zip(ends) {
            slices.extend([&own[begin..end], delivery.frame.shared()].map(IoSlice::new));
            begin = end;
        }
        slices.push(IoSlice::new(&own[begin..]));
        stream.write_slices(cx, &mut slices)
    }

    /// The number of an event. Those that were lost are counted, so that the client sees the gap.
    fn count(&mut self, delivery: &Delivery) -> u64 {
        self.seq += 1 + delivery.lost_before;
        self.seq
    }
}

/// What a frame has of its own, about, in bytes: its header, its number and the versions.
const OWN_BYTES: usize = 96;

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
