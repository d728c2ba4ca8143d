//! A bound on what a peer that has proved nothing may send.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;

use super::{Transport, Wire};

/// No bound.
const LIFTED: usize = usize::MAX;

/// Reads from a stream until a budget is used up; writing is not limited.
///
/// The WebSocket library fixes its frame limit when a connection is made, and ours grows when the peer has proved who it is.
/// So the small limit is held here, below the frames, by what has come and by what their headers declare.
#[derive(Debug)]
pub struct ByteBudget<S> {
    stream: S,
    left: Arc<AtomicUsize>,
    /// Bytes that were read too early, and are read again.
    front: Bytes,
    /// Where the frames are, once there are any.
    frames: Option<Box<Frames>>,
}

/// Follows the frames of a peer by their headers (RFC 6455, section 5.2): the library reserves what a header declares, long before
/// it has come.
#[derive(Debug)]
struct Frames {
    /// The longest one that is let through, in bytes.
    most: u64,
    /// What there is of the next header.
    header: Vec<u8>,
    /// How much is left of the frame before it.
    rest: u64,
}

impl Frames {
    fn follow(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while let Some((first, others)) = bytes.split_first() {
            if self.rest > 0 {
                let skipped = bytes.len().min(usize::try_from(self.rest).unwrap_or(usize::MAX));
                self.rest -= skipped as u64;
                bytes = &bytes[skipped..];
                continue;
            }
            bytes = others;
            self.header.push(*first);
            // What is no header is the library's to refuse.
            if let Ok(Some((_, length))) = FrameHeader::parse(&mut io::Cursor::new(&self.header)) {
                if length > self.most {
                    return Err(exhausted());
                }
                self.rest = length;
                self.header.clear();
            } else if self.header.len() > LONGEST_HEADER_BYTES {
                self.header.clear();
            }
        }
        Ok(())
    }
}

/// The longest header of a frame.
const LONGEST_HEADER_BYTES: usize = 14;

fn exhausted() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, Exhausted)
}

/// Lifts the budget of a stream that is owned elsewhere.
#[derive(Debug, Clone)]
pub struct BudgetHandle(Arc<AtomicUsize>);

impl BudgetHandle {
    /// From now on the peer may send as much as it likes.
    pub fn lift(&self) {
        self.0.store(LIFTED, Ordering::Relaxed);
    }
}

/// The peer sent more than it may.
#[derive(Debug, thiserror::Error)]
#[error("more bytes than a peer may send before it has proved who it is")]
struct Exhausted;

/// Whether a read failed because the budget was used up.
pub fn budget_exhausted(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync + 'static>::is::<Exhausted>)
}

impl<S> ByteBudget<S> {
    /// Lets `bytes` through.
    pub fn new(stream: S, bytes: usize) -> (Self, BudgetHandle) {
        let left = Arc::new(AtomicUsize::new(bytes));
        (Self { stream, left: Arc::clone(&left), front: Bytes::new(), frames: None }, BudgetHandle(left))
    }

    /// From now on frames come, the first of them in what was `read` already, and none longer than `most` bytes is let through.
    pub fn expect_frames(&mut self, read: Bytes, most: usize) {
        // Also an empty piece keeps the whole buffer that it was cut from.
        self.front = if read.is_empty() { Bytes::new() } else { read };
        self.frames = Some(Box::new(Frames { most: most as u64, header: Vec::new(), rest: 0 }));
    }
}

impl<S: Wire> Wire for ByteBudget<S> {
    fn ends_with_next_write(&self) {
        self.stream.ends_with_next_write();
    }
}

impl<S: Transport> Transport for ByteBudget<S> {
    fn write_slices(&mut self, cx: &mut Context<'_>, slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        self.stream.write_slices(cx, slices)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ByteBudget<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let left = self.left.load(Ordering::Relaxed);
        if left == LIFTED && self.front.is_empty() {
            self.frames = None;
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let before = buf.filled().len();
        if !self.front.is_empty() {
            let most = self.front.len().min(buf.remaining());
            buf.put_slice(&self.front.split_to(most));
            if self.front.is_empty() {
                self.front = Bytes::new();
            }
        } else if left == 0 {
            return Poll::Ready(Err(exhausted()));
        } else {
            let most = left.min(buf.remaining());
            let mut part = ReadBuf::new(buf.initialize_unfilled_to(most));
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut part))?;
            let read = part.filled().len();
            buf.advance(read);
            self.left.fetch_sub(read, Ordering::Relaxed);
        }
        if let Some(frames) = self.frames.as_mut().filter(|_| left != LIFTED) {
            frames.follow(&buf.filled()[before..])?;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ByteBudget<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    struct Buffer(Arc<Vec<u8>>);

    impl AsRef<[u8]> for Buffer {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }

    #[tokio::test]
    async fn what_was_read_too_early_is_read_again_and_then_let_go() {
        for length in [0, 5] {
            let (near, mut far) = tokio::io::duplex(64);
            let (mut near, _handle) = ByteBudget::new(near, 64);
            let buffer = Arc::new(b"\x81\x83mask".to_vec());
            near.expect_frames(Bytes::from_owner(Buffer(Arc::clone(&buffer))).slice(..length), 64);
            tokio::io::AsyncWriteExt::write_all(&mut far, &b"\x81\x83maskabc"[length..]).await.expect("open");
            let mut read = [0; 9];
            near.read_exact(&mut read).await.expect("open");
            assert_eq!(&read, b"\x81\x83maskabc");
            assert_eq!(Arc::strong_count(&buffer), 1, "{length} bytes of it keep the whole");
        }
    }
}
