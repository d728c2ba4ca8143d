//! The client's side of a connection: the same against both servers, and no more than they need.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use openclaw::protocol::Challenge;
use serde::Deserialize;
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, Utf8Bytes, protocol::WebSocketConfig},
};

use crate::fleet::Device;

/// For any one answer. What takes longer is an error of the run.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Loopback addresses to connect from: each has ports of its own, and a port rests for a minute after it was used. None of
/// them is one that stands for something else, such as 127.0.0.6 for the inbound side of a service mesh.
const SOURCES: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 1, 0, 1), Ipv4Addr::new(127, 1, 0, 64)];

/// How long the driver's buffers are, in bytes; it holds thousands of connections too.
const BUFFER_BYTES: usize = 4 * 1024;

/// An open connection.
pub(crate) struct Connection(WebSocketStream<TcpStream>);

/// A text that opened a connection.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) challenge: Utf8Bytes,
    pub(crate) hello: Utf8Bytes,
}

impl Connection {
    /// Goes the whole way of a full handshake as `device`.
    pub(crate) async fn open(address: SocketAddr, device: &Device) -> anyhow::Result<(Self, Opening)> {
        timeout(ANSWER_TIMEOUT, Self::shake(address, device)).await.context("a handshake took too long")?
    }

    async fn shake(address: SocketAddr, device: &Device) -> anyhow::Result<(Self, Opening)> {
        let config = WebSocketConfig::default().read_buffer_size(BUFFER_BYTES).write_buffer_size(BUFFER_BYTES);
        let stream = dial(address).await?;
        let (socket, _) = client_async_with_config(format!("ws://{address}/"), stream, Some(config)).await?;
        let mut connection = Self(socket);
        let challenge = connection.text().await?;
        let connect = device.connect(&read_challenge(&challenge)?);
        connection.say(connect.into()).await?;
        let hello = connection.text().await?;
        ensure!(hello.starts_with(r#"{"type":"res","id":"connect","ok":true,"#), "refused: {hello}");
        Ok((connection, Opening { challenge, hello }))
    }

    /// Sends a text.
    pub(crate) async fn say(&mut self, text: Utf8Bytes) -> anyhow::Result<()> {
        Ok(self.0.send(Message::Text(text)).await?)
    }

    /// The next text.
    pub(crate) async fn text(&mut self) -> anyhow::Result<Utf8Bytes> {
        loop {
            match self.0.next().await.context("the server closed the connection")?? {
                Message::Text(text) => return Ok(text),
                Message::Close(frame) => bail!("the server closed the connection: {frame:?}"),
                _ => {}
            }
        }
    }

    /// The answer to `request`; events before it are passed over.
    pub(crate) async fn ask(&mut self, request: Utf8Bytes) -> anyhow::Result<Utf8Bytes> {
        let ask = async {
            self.say(request).await?;
            loop {
                let text = self.text().await?;
                if text.starts_with(r#"{"type":"res","#) {
                    return Ok(text);
                }
            }
        };
        timeout(ANSWER_TIMEOUT, ask).await.context("an answer took too long")?
    }

    /// Closes as the protocol has it: our close frame, the server's, the end.
    pub(crate) async fn close(mut self) -> anyhow::Result<()> {
        let goodbye = async {
            self.0.close(None).await?;
            while let Some(Ok(_)) = self.0.next().await {}
            Ok(())
        };
        timeout(ANSWER_TIMEOUT, goodbye).await.context("a close took too long")?
    }
}

async fn dial(address: SocketAddr) -> anyhow::Result<TcpStream> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let [first, last] = SOURCES.map(u32::from);
    let source = first + NEXT.fetch_add(1, Ordering::Relaxed) % (last - first + 1);
    let socket = TcpSocket::new_v4()?;
    socket.set_nodelay(true)?;
    socket.bind((Ipv4Addr::from(source), 0).into())?;
    Ok(socket.connect(address).await?)
}

fn read_challenge(text: &str) -> anyhow::Result<Challenge> {
    #[derive(Deserialize)]
    struct Event {
        event: String,
        payload: Challenge,
    }
    let event: Event = serde_json::from_str(text)?;
    ensure!(event.event == "connect.challenge", "the server does not begin with a challenge: {text}");
    Ok(event.payload)
}
