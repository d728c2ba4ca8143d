//! Accepting: every connection takes its place in a lobby before a byte of it is read.

use std::{io, net::SocketAddr};

use nix::errno::Errno;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use super::{
    Lobby, LocalSocket, PeerAddr, Stream, Ticket,
    wrong_scheme::{self, Opening},
};
use crate::defaults::ACCEPT_BACKOFF;

/// A connection that was accepted and has said nothing yet that counts.
#[derive(Debug)]
pub struct Accepted {
    /// The connection, with TLS taken off.
    pub stream: Stream,
    /// Both ends, peer first; `None` for the Unix socket.
    pub ends: Option<(PeerAddr, SocketAddr)>,
    /// Whether it is encrypted.
    pub tls: bool,
    /// Its place in the lobby.
    pub ticket: Ticket,
}

/// A TCP connection before TLS.
#[derive(Debug)]
pub struct Arriving {
    pub(super) stream: TcpStream,
    peer: PeerAddr,
    local: SocketAddr,
    pub(super) ticket: Ticket,
}

impl Arriving {
    /// The other end.
    pub fn peer(&self) -> PeerAddr {
        self.peer
    }
}

/// The next TCP connection. Where the process has no more open files, somebody who has proved nothing makes room.
pub async fn accept_tcp(listener: &TcpListener, lobby: &Lobby) -> Arriving {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let peer = PeerAddr::new(peer);
                let ticket = lobby.enter_from(peer.ip());
                // Small frames must not wait for each other. A socket that refuses this is about to fail anyway.
                let _ = stream.set_nodelay(true);
                let local = stream.local_addr().map_or_else(|_| peer.socket(), |local| PeerAddr::new(local).socket());
                return Arriving { stream, peer, local, ticket };
            }
            Err(error) => wait_out(&error, lobby).await,
        }
    }
}

/// The next connection on the Unix socket.
pub async fn accept_local(socket: &LocalSocket, lobby: &Lobby) -> Accepted {
    loop {
        match socket.accept().await {
            Ok(stream) => {
                return Accepted { stream: Stream::Unix(stream), ends: None, tls: false, ticket: lobby.enter() };
            }
            Err(error) => wait_out(&error, lobby).await,
        }
    }
}

/// A connection that died in the queue is none of our business; anything else will not be better at once.
async fn wait_out(error: &io::Error, lobby: &Lobby) {
    if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        return;
    }
    let out_of_files = matches!(error.raw_os_error().map(Errno::from_raw), Some(Errno::EMFILE | Errno::ENFILE));
    if out_of_files {
        lobby.evict_one();
    }
    let remedy = if out_of_files { "; raise the limit of open files (ulimit -n)" } else { "" };
    lobby.notices().warn("cannot accept a connection", format_args!("{error}{remedy}"));
    tokio::time::sleep(ACCEPT_BACKOFF).await;
}

impl Arriving {
    /// Takes TLS off, where there is any. `wss` on a plain port, `ws` on a TLS port and a PROXY preamble are answered so that the
    /// client's log says which; then, and when the peer is silent for too long, there is no connection.
    pub async fn secure(self, tls: Option<&TlsAcceptor>) -> Option<Accepted> {
        let Self { stream, peer, local, ticket } = self;
        let opening = tokio::select! {
            opening = opening(&stream) => opening?,
            () = ticket.expired() => return None,
        };
        let ends = Some((peer, local));
        let notices = ticket.notices();
        match (tls, opening) {
            (_, Opening::Preamble) => {
                let fix = "its proxy has to send it to the port of gateway.proxyProtocol";
                notices.warn("a PROXY protocol preamble on a port that takes none", format_args!("peer={peer}; {fix}"));
                wrong_scheme::answer(stream, wrong_scheme::NO_PREAMBLE_HERE).await;
                None
            }
            (None, Opening::Plain) => Some(Accepted { stream: Stream::Tcp(stream), ends, tls: false, ticket }),
            (None, Opening::Tls) => {
                let fix = "it has to use ws:// here, or set gateway.tls.enabled";
                notices.warn("a TLS client on a plain port", format_args!("peer={peer}; {fix}"));
                wrong_scheme::answer(stream, wrong_scheme::PLAIN_HERE).await;
                None
            }
            (Some(_), Opening::Plain) => {
                notices.warn("a plain client on a TLS port", format_args!("peer={peer}; it has to use wss:// here"));
                wrong_scheme::answer(stream, wrong_scheme::TLS_HERE).await;
                None
            }
            (Some(acceptor), Opening::Tls) => {
                let accepted = tokio::select! {
                    accepted = acceptor.accept(stream) => accepted,
                    () = ticket.expired() => return None,
                };
                match accepted {
                    Ok(stream) => Some(Accepted { stream: Stream::Tls(Box::new(stream)), ends, tls: true, ticket }),
                    Err(error) => {
                        debug!(target: "gateway", "no TLS with {peer}: {error}");
                        None
                    }
                }
            }
        }
    }
}

async fn opening(stream: &TcpStream) -> Option<Opening> {
    let mut first = [0; Opening::BYTES];
    match stream.peek(&mut first).await {
        Ok(read) if read > 0 => Some(Opening::of(&first[..read])),
        _ => None,
    }
}
