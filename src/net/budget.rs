//! A bound on what a peer that has proved nothing may send.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Transport, Wire};

/// No bound.
const LIFTED: usize = usize::MAX;

/// Reads from a stream until a budget is used up; writing is not limited.
///
/// The WebSocket library fixes its frame limit when a connection is made, and ours grows when the peer has proved who it is.
/// So the small limit is held here, below the frames.
#[derive(Debug)]
pub struct ByteBudget<S> {
    stream: S,
    left: Arc<AtomicUsize>,
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
        (Self { stream, left: Arc::clone(&left) }, BudgetHandle(left))
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
        if left == LIFTED {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        if left == 0 {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, Exhausted)));
        }
        let most = left.min(buf.remaining());
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(most));
        let polled = Pin::new(&mut self.stream).poll_read(cx, &mut part);
        let read = part.filled().len();
        buf.advance(read);
        self.left.fetch_sub(read, Ordering::Relaxed);
        polled
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
