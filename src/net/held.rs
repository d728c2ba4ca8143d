//! A stream that keeps an answer back until something follows it.
//!
//! A connection that becomes a WebSocket gets two texts at once: the answer to its request, and our first frame. In one segment
//! they cost the kernel, and the peer, half as much as in two.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Transport, Wire};

/// The most that is taken over from a writer while what was kept back still waits for the peer to read, in bytes.
const MOST_KEPT: usize = 64 * 1024;

/// A stream that keeps back what is written to it while its [`Hold`] says so.
#[derive(Debug)]
pub struct Held<S> {
    stream: S,
    holds: Arc<AtomicBool>,
    kept: Vec<u8>,
}

/// Has a stream that is owned elsewhere keep back what is written to it.
#[derive(Debug)]
pub struct Hold(Arc<AtomicBool>);

impl Hold {
    /// From now on everything is kept back, flushed or not.
    pub fn keep(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// What was kept back leaves with the next write or flush.
    pub fn release(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl<S> Held<S> {
    /// Keeps nothing back yet.
    pub fn new(stream: S) -> (Self, Hold) {
        let holds = Arc::new(AtomicBool::new(false));
        (Self { stream, holds: Arc::clone(&holds), kept: Vec::new() }, Hold(holds))
    }

    fn holds(&self) -> bool {
        self.holds.load(Ordering::Relaxed)
    }
}

impl<S: AsyncWrite + Unpin> Held<S> {
    /// Writes what was kept back.
    fn poll_kept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.kept.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.kept))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.kept.drain(..written);
        }
        // Most connections live long after this, and need no room for it.
        self.kept = Vec::new();
        Poll::Ready(Ok(()))
    }
}

impl<S: Wire> Wire for Held<S> {
    fn ends_with_next_write(&self) {
        self.stream.ends_with_next_write();
    }
}

impl<S: Wire> Transport for Held<S> {
    fn write_slices(&mut self, cx: &mut Context<'_>, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        while !slices.is_empty() && !self.holds() && self.kept.is_empty() {
            match Pin::new(&mut self.stream).poll_write_vectored(cx, slices)? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(written) => IoSlice::advance_slices(&mut slices, written),
                Poll::Pending => break,
            }
        }
        for slice in slices.iter() {
            self.kept.extend_from_slice(slice);
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Held<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Held<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.holds() {
            self.kept.extend_from_slice(buf);
            return Poll::Ready(Ok(buf.len()));
        }
        if self.kept.len() > MOST_KEPT {
            ready!(self.poll_kept(cx))?;
        }
        if self.kept.is_empty() {
            return Pin::new(&mut self.stream).poll_write(cx, buf);
        }
        self.kept.extend_from_slice(buf);
        match self.poll_kept(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            // The rest leaves with the flush that follows.
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(buf.len())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.holds() {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_kept(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_kept(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if !self.holds() && self.kept.is_empty() {
            return Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        }
        let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
        self.poll_write(cx, first)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_kept_back_leaves_with_what_follows() {
        let (ours, mut theirs) = duplex(1024);
        let (mut ours, hold) = Held::new(ours);
        let mut buffer = [0; 64];
        ours.write_all(b"before,").await.expect("open");
        assert_eq!(theirs.read(&mut buffer).await.expect("open"), 7);
        hold.keep();
        ours.write_all(b"answer,").await.expect("open");
        ours.flush().await.expect("open");
        let none = tokio::time::timeout(Duration::from_secs(1), theirs.read(&mut buffer)).await;
        assert!(none.is_err(), "flushed although it is held");
        hold.release();
        ours.write_all(b"frame").await.expect("open");
        let read = theirs.read(&mut buffer).await.expect("open");
        assert_eq!(&buffer[..read], b"answer,frame", "in one piece");
        ours.write_all(b".").await.expect("open");
        assert_eq!(theirs.read(&mut buffer).await.expect("open"), 1);
    }

    #[tokio::test]
    async fn a_flush_or_an_end_lets_go_too() {
        for ends in [false, true] {
            let (ours, mut theirs) = duplex(1024);
            let (mut ours, hold) = Held::new(ours);
            hold.keep();
            ours.write_all(b"answer").await.expect("open");
            hold.release();
            if ends { ours.shutdown().await } else { ours.flush().await }.expect("open");
            let mut answer = [0; 6];
            theirs.read_exact(&mut answer).await.expect("it is there");
        }
    }

    #[tokio::test]
    async fn what_is_not_taken_at_once_is_kept_in_order() {
        for room in [1, 7, 64] {
            let (ours, mut theirs) = duplex(room);
            let (mut ours, _hold) = Held::new(ours);
            let writes = tokio::spawn(async move {
                for round in ["one,", "two,"] {
                    std::future::poll_fn(|cx| {
                        let mut slices = ["", "head,", "", round, "tail;"].map(|text| IoSlice::new(text.as_bytes()));
                        Poll::Ready(ours.write_slices(cx, &mut slices))
                    })
                    .await
                    .expect("open");
                }
                ours.write_all(b"end").await.expect("open");
                ours.flush().await.expect("open");
            });
            let mut read = String::new();
            theirs.read_to_string(&mut read).await.expect("open");
            writes.await.expect("no panic");
            assert_eq!(read, "head,one,tail;head,two,tail;end", "{room} bytes of room");
        }
    }

    #[tokio::test]
    async fn a_peer_that_reads_slowly_gets_everything_in_order() {
        let (ours, mut theirs) = duplex(16);
        let (mut ours, hold) = Held::new(ours);
        let sent: Vec<u8> = (0..=250_u8).cycle().take(3 * MOST_KEPT).collect();
        let expected = sent.clone();
        hold.keep();
        ours.write_all(&sent[..100]).await.expect("open");
        hold.release();
        let writes = tokio::spawn(async move {
            for piece in sent[100..].chunks(1000) {
                ours.write_all(piece).await.expect("open");
            }
            ours.shutdown().await.expect("open");
        });
        let mut read = Vec::new();
        theirs.read_to_end(&mut read).await.expect("open");
        writes.await.expect("no panic");
        assert!(read == expected, "{} bytes of {}", read.len(), expected.len());
    }
}
