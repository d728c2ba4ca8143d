//! Real sockets against the HTTP side: what a client sends, and what comes back.

mod flood;
mod routes;
mod schemes;
mod upgrade;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, SinkExt as _};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_rustls::TlsAcceptor;

use super::{App, Gate, Upgraded, serve};
use crate::{
    advice::Place,
    net::{Accepted, Lobby, LocalSocket, accept_local, accept_tcp},
    policy::Policy,
    readiness::Readiness,
    source::Arrival,
    state::StateDir,
};

/// A gateway up to the upgrade: what became a WebSocket comes out of `upgraded`.
struct Server {
    address: SocketAddr,
    socket: PathBuf,
    readiness: Readiness,
    lobby: Lobby,
    upgraded: mpsc::Receiver<Upgraded>,
    _state: tempfile::TempDir,
}

async fn at_gate(accepted: Accepted, app: &App) -> Option<Upgraded> {
    let arrival = accepted.ends.map_or(Arrival::UnixSocket, |(peer, _)| Arrival::Tcp(peer.into()));
    let policy = Arc::new(Policy::open());
    let fresh = || std::future::ready(Arc::new(Policy::open())).boxed();
    let gate = Gate { arrival, policy, fresh: &fresh, place: &Place::Host, refused: &|_, _, _| {} };
    let mut upgraded = serve(accepted, app, &gate).await?;
    // The answer leaves with the first frame, and not every test sends one.
    upgraded.socket.flush().await.ok()?;
    Some(upgraded)
}

impl Server {
    async fn start() -> Self {
        Self::with(Lobby::new(64, Duration::from_secs(15)), None).await
    }

    async fn with(lobby: Lobby, tls: Option<TlsAcceptor>) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let state = StateDir::new(dir.path());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("bound");
        let local = LocalSocket::bind(&[state.socket()]).expect("bound");
        let socket = local.path().to_owned();
        let readiness = Readiness::new(&state);
        readiness.listening();
        let app = App { readiness: readiness.clone(), own_addresses: Arc::new([]), port: address.port() };
        let (out, upgraded) = mpsc::channel(16);
        let room = lobby.clone();
        tokio::spawn({
            let (app, out) = (app.clone(), out.clone());
            async move {
                loop {
                    let arriving = accept_tcp(&listener, &room).await;
                    let (app, out, tls) = (app.clone(), out.clone(), tls.clone());
                    tokio::spawn(async move {
                        let Some(accepted) = arriving.secure(tls.as_ref()).await else { return };
                        if let Some(upgraded) = at_gate(accepted, &app).await {
                            let _ = out.send(upgraded).await;
                        }
                    });
                }
            }
        });
        tokio::spawn(async move {
            let lobby = Lobby::new(64, Duration::from_secs(15));
            loop {
                let accepted = accept_local(&local, &lobby).await;
                let (app, out) = (app.clone(), out.clone());
                tokio::spawn(async move {
                    if let Some(upgraded) = at_gate(accepted, &app).await {
                        let _ = out.send(upgraded).await;
                    }
                });
            }
        });
        Self { address, socket, readiness, lobby, upgraded, _state: dir }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("listening")
    }

    /// The whole answer to a request that ends the connection.
    async fn ask(&self, request: &str) -> String {
        exchange(self.connect().await, request).await
    }
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("closed after the answer, not reset");
    answer
}

/// The head of an answer, up to and with the empty line.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("an answer"));
    }
    String::from_utf8(head).expect("text")
}

/// A request to become a WebSocket, with these lines besides the usual ones.
fn upgrade_request(path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    )
}
