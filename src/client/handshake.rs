//! From a WebSocket to an admitted connection: challenge, `connect`, `hello-ok`.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};

use super::{Closed, Deadline, Failure, Login, Step, dial::Socket};
use crate::{
    defaults::{CLOSE_GRACE, HANDSHAKE_TIMEOUT},
    protocol::{Challenge, ErrorShape, HelloOk, Json, ServerFrame, encode_request},
};

/// The id of our first request on every connection.
const CONNECT_ID: &str = "connect";

/// Answers the gateway's challenge with `login` and returns its greeting.
pub(super) async fn greet(socket: &mut Socket, login: &Login, deadline: Deadline) -> Result<HelloOk, Failure> {
    let deadline = deadline.at_most(HANDSHAKE_TIMEOUT);
    let challenge = wait(deadline.at_most(login.challenge_timeout), Step::Challenge, challenge(socket)).await?;
    let connect = encode_request(CONNECT_ID, "connect", Some(&Json::of(&login.answer(&challenge))));
    let answer = async {
        // A gateway that refuses us before it has read everything is still worth listening to.
        let _ = socket.send(Message::text(connect)).await;
        answer(socket).await
    };
    match wait(deadline, Step::Connect, answer).await? {
        Ok(hello) => Ok(hello),
        Err(error) => {
            // The close frame follows at once; some say more in its reason than in the answer.
            let closed = tokio::time::timeout(CLOSE_GRACE, closing(socket)).await.ok();
            Err(Failure::Refused { error: Box::new(error), closed })
        }
    }
}

async fn wait<T>(deadline: Deadline, step: Step, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    deadline.run(work).await.map_err(|elapsed| Failure::Timeout { step, after: elapsed.after })?
}

async fn challenge(socket: &mut Socket) -> Result<Challenge, Failure> {
    loop {
        match frame(socket, Step::Challenge).await? {
            ServerFrame::Event { name, payload, .. } if name == "connect.challenge" => {
                return serde_json::from_value(payload)
                    .map_err(|error| Failure::NotTheProtocol(format!("its challenge cannot be read ({error})")));
            }
            ServerFrame::Event { .. } => {}
            ServerFrame::Response { .. } => {
                return Err(Failure::NotTheProtocol("it answered before it was asked".into()));
            }
        }
    }
}

async fn answer(socket: &mut Socket) -> Result<Result<HelloOk, ErrorShape>, Failure> {
    loop {
        if let ServerFrame::Response { id, result } = frame(socket, Step::Connect).await?
            && id == CONNECT_ID
        {
            return match result {
                Ok(payload) => serde_json::from_value(payload)
                    .map(Ok)
                    .map_err(|error| Failure::NotTheProtocol(format!("its greeting cannot be read ({error})"))),
                Err(error) => Ok(Err(error)),
            };
        }
    }
}

async fn frame(socket: &mut Socket, step: Step) -> Result<ServerFrame, Failure> {
    let text = next_text(socket).await.map_err(|closed| Failure::Closed { step, closed })?;
    ServerFrame::parse(&text).map_err(|error| {
        let problem =
            if error.is_data() { "a frame that is none of the protocol's" } else { "a frame that is not JSON" };
        Failure::NotTheProtocol(format!("it sent {problem}"))
    })
}

async fn closing(socket: &mut Socket) -> Closed {
    loop {
        if let Err(closed) = next_text(socket).await {
            return closed;
        }
    }
}

/// The next text frame, or how the connection ended.
pub(super) async fn next_text(socket: &mut Socket) -> Result<String, Closed> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
            // Both generations take binary messages for text as well.
            Some(Ok(Message::Binary(bytes))) => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Some(Ok(Message::Close(frame))) => {
                // The answer to a close frame is written by the next flush.
                let _ = socket.flush().await;
                return Err(closed(frame));
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Err(_)) | None => return Err(Closed::cut()),
        }
    }
}

fn closed(frame: Option<CloseFrame>) -> Closed {
    match frame {
        Some(frame) => Closed { code: Some(frame.code.into()), reason: frame.reason.as_str().to_owned() },
        // A close frame without a status is 1005 in every client's messages (RFC 6455, section 7.1.5).
        None => Closed { code: Some(1005), reason: String::new() },
    }
}
