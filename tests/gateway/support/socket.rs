//! A raw WebSocket client over TCP, TLS or the Unix socket.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream, UnixStream},
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        self, Bytes, Message,
        handshake::client::generate_key,
        http::{HeaderName, HeaderValue, Request},
        protocol::WebSocketConfig,
    },
};

use super::{Answer, Connect, Refused, Session, tls, within};

/// What a WebSocket runs over.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

#[derive(Clone)]
enum Target {
    Tcp(SocketAddr),
    Tls(SocketAddr),
    Unix(PathBuf),
}

/// How to reach a gateway, and what to say in the HTTP request.
#[derive(Clone)]
pub(crate) struct Dial {
    target: Target,
    source: Option<IpAddr>,
    path: String,
    headers: Vec<(String, String)>,
}

impl Dial {
    pub(crate) fn tcp(address: SocketAddr) -> Self {
        Self::to(Target::Tcp(address), address.to_string())
    }

    pub(crate) fn tls(address: SocketAddr) -> Self {
        Self::to(Target::Tls(address), address.to_string())
    }

    pub(crate) fn unix(path: PathBuf) -> Self {
        Self::to(Target::Unix(path), "localhost".to_owned())
    }

    fn to(target: Target, host: String) -> Self {
        Self { target, source: None, path: "/".into(), headers: vec![("host".into(), host)] }
    }

    pub(crate) fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Adds a header; a second `host` replaces the first.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !(name.eq_ignore_ascii_case("host") && known == "host"));
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// From 127.0.0.`last`: every such address is this machine's.
    pub(crate) fn source(mut self, last: u8) -> Self {
        self.source = Some(Ipv4Addr::new(127, 0, 0, last).into());
        self
    }

    /// With evidence of a proxy that nobody vouches for.
    pub(crate) fn with_evidence(self) -> Self {
        self.header("x-forwarded-for", super::AFAR)
    }

    /// Upgrades.
    pub(crate) async fn open(&self) -> Socket {
        self.try_open().await.unwrap_or_else(|answer| panic!("the upgrade was answered {answer:?}"))
    }

    /// Upgrades, or returns the HTTP answer.
    pub(crate) async fn try_open(&self) -> Result<Socket, Answer> {
        within("the upgrade", self.upgrade()).await
    }

    /// Upgrades and connects.
    pub(crate) async fn enter(&self, connect: &Connect) -> Result<Session, Refused> {
        Session::enter(self.open().await, connect).await
    }

    /// Only the connection below HTTP.
    pub(crate) async fn connect(&self) -> std::io::Result<Box<dyn Stream>> {
        Ok(match &self.target {
            Target::Tcp(address) => match self.source {
                None => Box::new(TcpStream::connect(address).await?),
                Some(source) => {
                    let socket = TcpSocket::new_v4()?;
                    socket.bind(SocketAddr::new(source, 0))?;
                    Box::new(socket.connect(*address).await?)
                }
            },
            Target::Tls(address) => Box::new(tls::connect(TcpStream::connect(address).await?).await?.0),
            Target::Unix(path) => Box::new(UnixStream::connect(path).await?),
        })
    }

    /// Upgrades a connection of [`Self::connect`].
    pub(crate) async fn open_on(&self, stream: Box<dyn Stream>) -> Socket {
        let upgraded = within("the upgrade", self.upgrade_on(stream)).await;
        upgraded.unwrap_or_else(|answer| panic!("the upgrade was answered {answer:?}"))
    }

    async fn upgrade(&self) -> Result<Socket, Answer> {
        self.upgrade_on(self.connect().await.expect("the gateway listens")).await
    }

    async fn upgrade_on(&self, stream: Box<dyn Stream>) -> Result<Socket, Answer> {
        let mut request = Request::builder()
            .uri(format!("ws://gateway{}", self.path))
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", generate_key())
            .body(())
            .expect("a valid request");
        for (name, value) in &self.headers {
            request.headers_mut().append(
                HeaderName::from_bytes(name.as_bytes()).expect("a header name"),
                HeaderValue::from_str(value).expect("a header value"),
            );
        }
        let unlimited = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        match client_async_with_config(request, stream, Some(unlimited)).await {
            Ok((socket, _)) => Ok(Socket(socket)),
            Err(tungstenite::Error::Http(response)) => Err(Answer::of(&response)),
            Err(error) => panic!("the upgrade failed: {error}"),
        }
    }
}

/// How a connection ended. Without a close frame the code is 1006; with an empty one, 1005.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) code: u16,
    pub(crate) reason: String,
}

impl Close {
    pub(crate) fn new(code: u16, reason: &str) -> Self {
        Self { code, reason: reason.into() }
    }
}

/// What came next.
#[derive(Debug)]
pub(crate) enum Frame {
    Json(Value),
    Closed(Close),
}

/// An upgraded connection.
pub(crate) struct Socket(WebSocketStream<Box<dyn Stream>>);

impl Socket {
    pub(crate) async fn send_json(&mut self, value: &Value) {
        self.send_text(value.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: impl Into<String>) {
        // A peer that closes while we still write is not this call's business: the close frame says why.
        let _ = within("a frame to leave", self.0.send(Message::text(text.into()))).await;
    }

    pub(crate) async fn send_binary(&mut self, bytes: impl Into<Bytes>) {
        let _ = within("a frame to leave", self.0.send(Message::binary(bytes))).await;
    }

    /// Writes bytes below the frames.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        let stream = self.0.get_mut();
        let _ = within("bytes to leave", async {
            stream.write_all(bytes).await?;
            stream.flush().await
        })
        .await;
    }

    /// Closes as clients do.
    pub(crate) async fn close(mut self) {
        let _ = within("the closing handshake", self.0.close(None)).await;
        let _ = self.closed().await;
    }

    /// What the gateway sends next.
    pub(crate) async fn next(&mut self) -> Frame {
        within("a frame from the gateway", self.read()).await
    }

    async fn read(&mut self) -> Frame {
        loop {
            return match self.0.next().await {
                Some(Ok(Message::Text(text))) => {
                    Frame::Json(serde_json::from_str(&text).unwrap_or_else(|_| panic!("the gateway sent {text}")))
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    Frame::Closed(Close { code: frame.code.into(), reason: frame.reason.to_string() })
                }
                Some(Ok(Message::Close(None))) => Frame::Closed(Close::new(1005, "")),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(message)) => panic!("the gateway sent {message:?}"),
                Some(Err(_)) | None => Frame::Closed(Close::new(1006, "")),
            };
        }
    }

    /// The next frame, which has to be JSON.
    pub(crate) async fn next_json(&mut self) -> Value {
        match self.next().await {
            Frame::Json(value) => value,
            Frame::Closed(close) => panic!("the gateway closed: {close:?}"),
        }
    }

    /// The next text frame in which this occurs, as it came; `None` when the gateway closes before. For frames so large that
    /// reading them as JSON would take long.
    pub(crate) async fn text_with(&mut self, part: &str) -> Option<String> {
        loop {
            match within("a frame from the gateway", self.0.next()).await {
                Some(Ok(Message::Text(text))) if text.contains(part) => return Some(text.as_str().to_owned()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The payload of `connect.challenge`, which comes first.
    pub(crate) async fn challenge(&mut self) -> Value {
        let mut frame = self.next_json().await;
        assert_eq!((&frame["type"], &frame["event"]), (&"event".into(), &"connect.challenge".into()), "{frame}");
        frame["payload"].take()
    }

    /// How the connection ends; frames before that are skipped.
    pub(crate) async fn closed(&mut self) -> Close {
        loop {
            if let Frame::Closed(close) = self.next().await {
                return close;
            }
        }
    }

    /// How the connection ends, when nothing else may come before that.
    pub(crate) async fn closed_at_once(&mut self) -> Close {
        match self.next().await {
            Frame::Closed(close) => close,
            Frame::Json(frame) => panic!("expected a close frame, got {frame}"),
        }
    }
}
