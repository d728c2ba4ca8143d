//! Accepting: every connection takes its place in a lobby before a byte of it is read.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use super::{Lobby, LocalSocket, PeerAddr, Stream, Ticket};
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
    stream: TcpStream,
    peer: PeerAddr,
    local: SocketAddr,
    ticket: Ticket,
}

/// The next TCP connection. Where the process has no more open files, waits and tries again.
pub async fn accept_tcp(listener: &TcpListener, lobby: &Lobby) -> Arriving {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let ticket = lobby.enter();
                // Small frames must not wait for each other. A socket that refuses this is about to fail anyway.
                let _ = stream.set_nodelay(true);
                let peer = PeerAddr::new(peer);
                let local = stream.local_addr().map_or_else(|_| peer.socket(), |local| PeerAddr::new(local).socket());
                return Arriving { stream, peer, local, ticket };
            }
            Err(error) => back_off(&error).await,
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
            Err(error) => back_off(&error).await,
        }
    }
}

/// A connection that died in the queue is none of our business; anything else will not be better at once.
async fn back_off(error: &io::Error) {
    if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        warn!(target: "gateway", "cannot accept a connection: {error}; more open files help (ulimit -n)");
        tokio::time::sleep(ACCEPT_BACKOFF).await;
    }
}

/// The first byte of a TLS connection: a handshake record.
const TLS_HANDSHAKE: u8 = 0x16;

/// A TLS alert record: fatal, "protocol version". Every TLS library reports it as such instead of as garbage.
const TLS_ALERT: [u8; 7] = [0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46];

impl Arriving {
    /// Takes TLS off, where there is any. `wss` on a plain port and `ws` on a TLS port are answered so that the client's log
    /// says which; then, and when the peer is silent for too long, there is no connection.
    pub async fn secure(self, tls: Option<&TlsAcceptor>) -> Option<Accepted> {
        let Self { mut stream, peer, local, ticket } = self;
        let first = tokio::select! {
            first = first_byte(&stream) => first?,
            () = ticket.expired() => return None,
        };
        match (tls, first == TLS_HANDSHAKE) {
            (None, false) => {
                Some(Accepted { stream: Stream::Tcp(stream), ends: Some((peer, local)), tls: false, ticket })
            }
            (None, true) => {
                warn!(
                    target: "gateway",
                    "a TLS client on a plain port: peer={peer}; it has to use ws:// here, or set gateway.tls.enabled"
                );
                say(&mut stream, &TLS_ALERT).await;
                None
            }
            (Some(_), false) => {
                warn!(target: "gateway", "a plain client on a TLS port: peer={peer}; it has to use wss:// here");
                say(&mut stream, plain_on_tls().as_bytes()).await;
                None
            }
            (Some(acceptor), true) => {
                let accepted = tokio::select! {
                    accepted = acceptor.accept(stream) => accepted,
                    () = ticket.expired() => return None,
                };
                match accepted {
                    Ok(stream) => {
                        let stream = Stream::Tls(Box::new(stream));
                        Some(Accepted { stream, ends: Some((peer, local)), tls: true, ticket })
                    }
                    Err(error) => {
                        debug!(target: "gateway", "no TLS with {peer}: {error}");
                        None
                    }
                }
            }
        }
    }
}

async fn first_byte(stream: &TcpStream) -> Option<u8> {
    let mut first = [0];
    match stream.peek(&mut first).await {
        Ok(1) => Some(first[0]),
        _ => None,
    }
}

/// Says a last word. The peer's own bytes are read first: unread ones would turn the close into a reset that takes the word
/// back.
async fn say(stream: &mut TcpStream, word: &[u8]) {
    let saying = async {
        let mut unread = [0; 4096];
        let _ = stream.try_read(&mut unread);
        stream.write_all(word).await?;
        stream.shutdown().await
    };
    // Whether it arrives is up to the peer.
    let _ = timeout(Duration::from_secs(1), saying).await;
}

fn plain_on_tls() -> String {
    let body = "This port speaks TLS: use wss:// or https:// here.\n";
    format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}
