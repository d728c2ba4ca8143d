//! One stream type over every kind of connection.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::server::TlsStream;

/// A connection as the system has it.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {
    /// Says that what is written next is the last, and that the end follows it: both can leave in one segment. Without that
    /// end, what is written leaves later.
    fn ends_with_next_write(&self) {}
}

/// Both ends in one process.
#[cfg(test)]
impl Wire for tokio::io::DuplexStream {}

/// What a session runs over.
pub trait Transport: Wire {
    /// Writes `slices` one after the other, uncopied. What the system does not take at once is kept, and leaves with the flush
    /// that has to follow.
    ///
    /// # Errors
    /// As writing fails.
    fn write_slices(&mut self, cx: &mut Context<'_>, slices: &mut [IoSlice<'_>]) -> io::Result<()>;
}

/// An accepted connection.
#[derive(Debug)]
pub enum Stream {
    /// Plain TCP.
    Tcp(TcpStream),
    /// TLS over TCP. Boxed: its state is large, and most connections are plain.
    Tls(Box<TlsStream<TcpStream>>),
    /// The Unix socket.
    Unix(UnixStream),
}

impl Wire for Stream {
    fn ends_with_next_write(&self) {
        let tcp = match self {
            Self::Tcp(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref().0,
            Self::Unix(_) => return,
        };
        // Where the kernel refuses, it is two segments.
        let _ = SockRef::from(tcp).set_tcp_cork(true);
    }
}

macro_rules! delegate {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Stream::Tcp(inner) => {
                let $stream = Pin::new(inner);
                $call
            }
            Stream::Tls(inner) => {
                let $stream = Pin::new(inner.as_mut());
                $call
            }
            Stream::Unix(inner) => {
                let $stream = Pin::new(inner);
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        delegate!(self, stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        delegate!(self, stream => stream.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, stream => stream.poll_shutdown(cx))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        delegate!(self, stream => stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::mem::MaybeUninit;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    #[tokio::test]
    async fn the_last_write_arrives_with_the_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("bound");
        let (ours, theirs) = tokio::join!(listener.accept(), TcpStream::connect(address));
        let (mut ours, mut theirs) = (Stream::Tcp(ours.expect("accepted").0), theirs.expect("connected"));
        // On loopback what is sent has arrived when the call returns.
        let arrived = |theirs: &TcpStream| SockRef::from(theirs).peek(&mut [MaybeUninit::uninit(); 16]).ok();
        ours.write_all(b"first,").await.expect("open");
        assert_eq!(arrived(&theirs), Some(6));
        ours.ends_with_next_write();
        ours.write_all(b"last").await.expect("open");
        assert_eq!(arrived(&theirs), Some(6), "it waits for the end");
        ours.shutdown().await.expect("open");
        let mut read = String::new();
        theirs.read_to_string(&mut read).await.expect("closed, not reset");
        assert_eq!(read, "first,last");
    }
}
