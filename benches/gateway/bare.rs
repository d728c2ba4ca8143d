//! A bare WebSocket server: it accepts, greets, answers and broadcasts with bytes that it was given, and looks at none.
//!
//! It is what the gateway would be without a gateway: the same runtime, the same WebSocket library, the same buffers.

use std::{
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use anyhow::Context as _;
use ed25519_dalek::{Signature, Signer as _, SigningKey, Verifier as _, VerifyingKey};
use futures_util::{SinkExt as _, StreamExt as _};
use openclaw::defaults::{LISTEN_BACKLOG, SOCKET_BUFFER_BYTES};
use tokio::{
    net::{TcpSocket, TcpStream},
    sync::broadcast,
};
use tokio_tungstenite::{
    accept_async_with_config,
    tungstenite::{Message, Utf8Bytes, protocol::WebSocketConfig},
};

/// The first argument of a process that is to be this server; the second is the file with its [`Script`].
pub(crate) const ARGUMENT: &str = "bare-server";

/// The first argument of one that checks a signature before it greets a peer. It is always the same signature.
pub(crate) const CHECKING_ARGUMENT: &str = "checking-server";

/// A signature as the gateway has one to check at every handshake.
struct Check {
    key: [u8; 32],
    signed: [u8; SIGNED_BYTES],
    signature: Signature,
}

/// About what a device signs, in bytes.
const SIGNED_BYTES: usize = 320;

impl Check {
    fn new() -> Self {
        let key = SigningKey::from_bytes(&[7; 32]);
        let signed = [b'x'; SIGNED_BYTES];
        Self { key: key.verifying_key().to_bytes(), signature: key.sign(&signed), signed }
    }

    fn holds(&self) -> bool {
        let key = VerifyingKey::from_bytes(&self.key);
        key.is_ok_and(|key| !key.is_weak() && key.verify(&self.signed, &self.signature).is_ok())
    }
}

/// Every byte that the server says, as the gateway said it.
#[derive(Debug)]
pub(crate) struct Script {
    /// Said at once.
    pub(crate) challenge: Utf8Bytes,
    /// Said when the peer has said something.
    pub(crate) hello: Utf8Bytes,
    /// What a peer says for [`Script::answer`]; anything else brings [`Script::event`] to all.
    pub(crate) request: Utf8Bytes,
    /// Said to [`Script::request`].
    pub(crate) answer: Utf8Bytes,
    /// Said to everybody.
    pub(crate) event: Utf8Bytes,
    /// Said to whoever caused it.
    pub(crate) event_answer: Utf8Bytes,
}

impl Script {
    /// One text a line; no frame of the protocol holds a line break.
    pub(crate) fn to_lines(&self) -> String {
        let Self { challenge, hello, request, answer, event, event_answer } = self;
        [challenge, hello, request, answer, event, event_answer].map(Utf8Bytes::as_str).join("\n")
    }

    fn of_lines(text: &str) -> Option<Self> {
        let mut lines = text.lines().map(Utf8Bytes::from);
        Some(Self {
            challenge: lines.next()?,
            hello: lines.next()?,
            request: lines.next()?,
            answer: lines.next()?,
            event: lines.next()?,
            event_answer: lines.next()?,
        })
    }
}

/// Serves until the process is killed, and checks a signature at every handshake where it is told to. The first line on stdout
/// is the port.
pub(crate) fn serve(script: &Path, checks: bool) -> anyhow::Result<()> {
    let check = checks.then(|| Arc::new(Check::new()));
    let script = std::fs::read_to_string(script).context("the script")?;
    let script = Arc::new(Script::of_lines(&script).context("the script is too short")?);
    tokio::runtime::Runtime::new()?.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.bind(([127, 0, 0, 1], 0).into())?;
        let listener = socket.listen(LISTEN_BACKLOG.unsigned_abs())?;
        writeln!(io::stdout(), "{}", listener.local_addr()?.port())?;
        let (everybody, _) = broadcast::channel(4096);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(session(stream, Arc::clone(&script), check.clone(), everybody.clone()));
        }
    })
}

async fn session(
    stream: TcpStream,
    script: Arc<Script>,
    check: Option<Arc<Check>>,
    everybody: broadcast::Sender<Message>,
) -> Option<()> {
    let buffers =
        WebSocketConfig::default().read_buffer_size(SOCKET_BUFFER_BYTES).write_buffer_size(SOCKET_BUFFER_BYTES);
    let mut socket = accept_async_with_config(stream, Some(buffers)).await.ok()?;
    socket.send(Message::Text(script.challenge.clone())).await.ok()?;
    socket.next().await?.ok()?;
    if check.is_some_and(|check| !std::hint::black_box(check).holds()) {
        return None;
    }
    let mut events = everybody.subscribe();
    socket.send(Message::Text(script.hello.clone())).await.ok()?;
    loop {
        tokio::select! {
            event = events.recv() => {
                socket.feed(event.ok()?).await.ok()?;
                while let Ok(event) = events.try_recv() {
                    socket.feed(event).await.ok()?;
                }
                socket.flush().await.ok()?;
            }
            message = socket.next() => match message?.ok()? {
                Message::Text(text) if text == script.request => socket.send(Message::Text(script.answer.clone())).await.ok()?,
                Message::Text(_) => {
                    let _ = everybody.send(Message::Text(script.event.clone()));
                    socket.send(Message::Text(script.event_answer.clone())).await.ok()?;
                }
                // The library answers close frames and pings by itself.
                _ => {}
            },
        }
    }
}
