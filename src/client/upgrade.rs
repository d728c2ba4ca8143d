//! The HTTP upgrade, done by hand so that whatever answers instead of a gateway can be shown.

use std::{fmt, io};

use hyper::http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::{client::generate_key, derive_accept_key},
        protocol::{Role, WebSocketConfig},
    },
};

use crate::defaults::{MAX_FRAME_BYTES, MAX_OUTBOUND_BYTES, MAX_UPGRADE_ANSWER_BYTES};

/// An HTTP answer that is no upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// What calls itself the server, as it says.
    pub server: Option<String>,
    /// Where it sends us.
    pub location: Option<String>,
    /// The body: all of it where its length was told and is within bounds, else as much as came with the head.
    pub body: String,
}

impl Answer {
    /// The message of a JSON error body, else the body's first line.
    pub fn first_line(&self) -> Option<String> {
        let message = serde_json::from_str::<serde_json::Value>(&self.body).ok().and_then(|body| {
            let error = body.get("error").unwrap_or(&body);
            error.get("message").or(error.as_str().map(|_| error)).and_then(|text| text.as_str().map(ToOwned::to_owned))
        });
        message.or_else(|| self.body.lines().map(str::trim).find(|line| !line.is_empty()).map(ToOwned::to_owned))
    }
}

impl Answer {
    /// Whether a gateway wrote it, to a request that had lost its wish for a WebSocket on the way: its page for people, or its
    /// refusal of half a wish.
    pub fn is_of_a_gateway(&self) -> bool {
        let body = self.body.to_ascii_lowercase();
        match self.status.as_u16() {
            200 => ["<title>openclaw gateway", "<title>openclaw control"].iter().any(|title| body.contains(title)),
            400 => body.contains("bad_upgrade"),
            _ => false,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_of_a_gateway() {
            let by = self.server.as_deref().unwrap_or("something in front of the gateway");
            return write!(
                f,
                "{by} did not pass the WebSocket upgrade on: the gateway's answer was HTTP {}",
                self.status
            );
        }
        write!(f, "not a gateway: the answer to the WebSocket upgrade was HTTP {}", self.status)?;
        self.first_line().map_or(Ok(()), |line| write!(f, ": {line}"))
    }
}

/// Why the upgrade did not happen.
#[derive(Debug)]
pub(super) enum UpgradeError {
    /// The peer went away; these are the bytes that it sent before.
    Cut(Vec<u8>),
    /// It sent something else than HTTP.
    NotHttp(Vec<u8>),
    /// It answered, but not with an upgrade.
    Refused(Answer),
    /// It accepted a WebSocket key that was not ours: a cache or a broken proxy.
    WrongKey,
    Io(io::Error),
}

/// Asks for a WebSocket at `path` and reads the answer.
pub(super) async fn upgrade<S>(mut stream: S, authority: &str, path: &str) -> Result<WebSocketStream<S>, UpgradeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let key = generate_key();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    );
    // A peer that speaks TLS may close while we write; what it said before is worth reading.
    let written = stream.write_all(request.as_bytes()).await;
    let mut received = Vec::with_capacity(1024);
    let (head, length) = loop {
        match parse(&received)? {
            Some(parsed) => break parsed,
            None if received.len() >= MAX_UPGRADE_ANSWER_BYTES => return Err(UpgradeError::NotHttp(received)),
            None => {}
        }
        match stream.read_buf(&mut received).await {
            Ok(0) => return Err(UpgradeError::Cut(received)),
            Ok(_) => {}
            Err(error) if received.is_empty() => return Err(UpgradeError::Io(written.err().unwrap_or(error))),
            Err(_) => return Err(UpgradeError::Cut(received)),
        }
    };
    let rest = received.split_off(length);
    if head.answer.status != StatusCode::SWITCHING_PROTOCOLS {
        let mut body = rest;
        // What explains a refusal may not have come with the head; how it ended is told better by what came than by an error.
        while body.len() < head.body_bytes.min(MAX_UPGRADE_ANSWER_BYTES) {
            if !matches!(stream.read_buf(&mut body).await, Ok(1..)) {
                break;
            }
        }
        let body = String::from_utf8_lossy(&body).into_owned();
        return Err(UpgradeError::Refused(Answer { body, ..head.answer }));
    }
    if head.accept.as_deref() != Some(derive_accept_key(key.as_bytes()).as_str()) {
        return Err(UpgradeError::WrongKey);
    }
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES))
        .max_write_buffer_size(MAX_OUTBOUND_BYTES)
        .read_buffer_size(16 * 1024);
    Ok(WebSocketStream::from_partially_read(stream, rest, Role::Client, Some(config)).await)
}

struct Head {
    answer: Answer,
    accept: Option<String>,
    /// How long the body says it is; 0 where it does not say.
    body_bytes: usize,
}

/// The head of the answer and its length in bytes; `None` while it is incomplete.
fn parse(received: &[u8]) -> Result<Option<(Head, usize)>, UpgradeError> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(received) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(UpgradeError::NotHttp(received.to_vec())),
    };
    let header = |name: &str| {
        let found = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        Some(String::from_utf8_lossy(found.value).into_owned())
    };
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or_else(|| UpgradeError::NotHttp(received.to_vec()))?;
    let answer = Answer { status, server: header("server"), location: header("location"), body: String::new() };
    let body_bytes = header("content-length").and_then(|length| length.trim().parse().ok()).unwrap_or(0);
    Ok(Some((Head { answer, accept: header("sec-websocket-accept"), body_bytes }, length)))
}

/// Whether these are the first bytes of a TLS record: an alert or a handshake message of SSL 3 or later.
pub(super) fn is_tls_record(received: &[u8]) -> bool {
    matches!(received, [0x15 | 0x16, 0x03, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(answer: &'static [u8]) -> UpgradeError {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        let server = tokio::spawn(async move {
            let mut request = [0; 1024];
            let read = theirs.read(&mut request).await.expect("the request");
            theirs.write_all(answer).await.expect("room for the answer");
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        let error = upgrade(ours, "gateway:18789", "/").await.expect_err("no upgrade");
        let request = server.await.expect("no panic");
        assert!(request.starts_with("GET / HTTP/1.1\r\nHost: gateway:18789\r\n"), "{request}");
        error
    }

    #[tokio::test]
    async fn what_answers_instead_of_a_gateway_is_kept() {
        let refused = ask(b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\n\r\n\n  no such page\nmore").await;
        let UpgradeError::Refused(answer) = refused else { panic!("{refused:?}") };
        assert_eq!((answer.status.as_u16(), answer.server.as_deref()), (404, Some("nginx")));
        assert_eq!(answer.first_line().as_deref(), Some("no such page"));

        let refused =
            ask(b"HTTP/1.1 403 Forbidden\r\n\r\n{\"error\":{\"message\":\"attribution\",\"type\":\"x\"}}").await;
        let UpgradeError::Refused(answer) = refused else { panic!("{refused:?}") };
        assert_eq!(answer.first_line().as_deref(), Some("attribution"));

        let long = Box::leak(
            format!("HTTP/1.1 403 Forbidden\r\nContent-Length: 3000\r\n\r\n{:3000}", "{}")
                .into_bytes()
                .into_boxed_slice(),
        );
        let refused = ask(long).await;
        let UpgradeError::Refused(answer) = refused else { panic!("{refused:?}") };
        assert_eq!(answer.body.len(), 3000, "more than came with the head");

        assert!(matches!(ask(b"SSH-2.0-OpenSSH_9.2\r\n").await, UpgradeError::NotHttp(_)));
        assert!(matches!(ask(b"").await, UpgradeError::Cut(bytes) if bytes.is_empty()));
        assert!(matches!(ask(b"HTTP/1.1 101 Sw").await, UpgradeError::Cut(bytes) if !bytes.is_empty()));
        let wrong = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n";
        assert!(matches!(ask(wrong).await, UpgradeError::WrongKey));
        let alert = ask(&[0x15, 0x03, 0x03, 0, 2, 2, 70]).await;
        assert!(matches!(alert, UpgradeError::NotHttp(bytes) if is_tls_record(&bytes)));
    }
}
