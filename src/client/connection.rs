//! An admitted connection: calls and events.

use std::collections::{HashMap, VecDeque};

use futures_util::SinkExt as _;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use super::{
    CallFailure, Closed, Deadline, Endpoint, Failure, Login, Step,
    dial::{Socket, Wire, dial},
    handshake::{greet, next_text},
    upgrade::upgrade,
};
use crate::{
    defaults::{CLOSE_GRACE, MAX_CLIENT_EVENTS},
    protocol::{ErrorShape, HelloOk, Json, ServerFrame, encode_request},
};

/// An admitted connection to a gateway.
///
/// There is no task behind it: frames are read while a caller waits for an answer or an event, and what is not meant for
/// that caller is kept for the next one. Dropping it cuts the connection; [`Connection::close`] ends it properly.
pub struct Connection {
    socket: Socket,
    hello: HelloOk,
    calls: u64,
    answers: HashMap<u64, Result<Value, ErrorShape>>,
    events: VecDeque<Event>,
}

/// Something that happened on the gateway.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The event's name.
    pub name: String,
    /// What it carries.
    pub payload: Value,
    /// Its number on this connection; a gap means that events were dropped.
    pub seq: Option<u64>,
}

/// A request that was sent and whose answer was not yet asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the answer is kept until it is asked for"]
pub struct CallId(u64);

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("server", &self.hello.server).finish_non_exhaustive()
    }
}

impl Connection {
    /// Dials `endpoint` and presents `login`.
    ///
    /// # Errors
    /// [`Failure`], at the latest at `deadline`.
    pub async fn open(endpoint: &Endpoint, login: &Login, deadline: Deadline) -> Result<Self, Failure> {
        Self::admit(dial(endpoint, deadline).await?, login, deadline).await
    }

    /// Presents `login` over a stream that is already there; `authority` is the `Host` of the upgrade.
    ///
    /// # Errors
    /// [`Failure`], at the latest at `deadline`.
    pub async fn over<S>(stream: S, authority: &str, login: &Login, deadline: Deadline) -> Result<Self, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream: Box<dyn Wire> = Box::new(stream);
        let upgraded = deadline.run(upgrade(stream, authority, "/")).await;
        let upgraded = upgraded.map_err(|elapsed| Failure::Timeout { step: Step::Upgrade, after: elapsed.after })?;
        Self::admit(upgraded.map_err(|error| super::dial::refused_upgrade(error, None))?, login, deadline).await
    }

    async fn admit(mut socket: Socket, login: &Login, deadline: Deadline) -> Result<Self, Failure> {
        let hello = greet(&mut socket, login, deadline).await?;
        Ok(Self { socket, hello, calls: 0, answers: HashMap::new(), events: VecDeque::new() })
    }

    /// The gateway's greeting.
    pub fn hello(&self) -> &HelloOk {
        &self.hello
    }

    /// Calls `method` and waits for its answer.
    ///
    /// # Errors
    /// [`CallFailure`], at the latest at `deadline`.
    pub async fn call<P>(&mut self, method: &str, params: Option<&P>, deadline: Deadline) -> Result<Value, CallFailure>
    where
        P: Serialize + ?Sized,
    {
        let call = self.send(method, params, deadline).await?;
        self.answer(call, method, deadline).await
    }

    /// Calls `method` and reads its answer as a `T`.
    ///
    /// # Errors
    /// [`CallFailure`], at the latest at `deadline`.
    pub async fn call_as<T, P>(
        &mut self,
        method: &str,
        params: Option<&P>,
        deadline: Deadline,
    ) -> Result<T, CallFailure>
    where
        T: DeserializeOwned,
        P: Serialize + ?Sized,
    {
        let payload = self.call(method, params, deadline).await?;
        serde_json::from_value(payload).map_err(|source| CallFailure::Unreadable { method: method.into(), source })
    }

    /// Sends a request whose answer is asked for later: several may be under way.
    ///
    /// # Errors
    /// [`CallFailure`], at the latest at `deadline`.
    pub async fn send<P>(&mut self, method: &str, params: Option<&P>, deadline: Deadline) -> Result<CallId, CallFailure>
    where
        P: Serialize + ?Sized,
    {
        self.calls += 1;
        let frame = encode_request(&self.calls.to_string(), method, params.map(Json::of).as_ref());
        match deadline.run(self.socket.send(Message::text(frame))).await {
            Ok(Ok(())) => Ok(CallId(self.calls)),
            // A gateway that closed us has said why, and that is still to be read.
            Ok(Err(_)) => Err(CallFailure::Lost(self.last_words().await)),
            Err(elapsed) => Err(CallFailure::Timeout { method: method.into(), after: elapsed.after }),
        }
    }

    /// Waits for the answer to `call`; `method` is named in a timeout's text.
    ///
    /// # Errors
    /// [`CallFailure`], at the latest at `deadline`.
    pub async fn answer(&mut self, call: CallId, method: &str, deadline: Deadline) -> Result<Value, CallFailure> {
        let answer = deadline.run(async {
            loop {
                if let Some(answer) = self.answers.remove(&call.0) {
                    return answer.map_err(|error| CallFailure::Refused(Box::new(error)));
                }
                self.read().await.map_err(CallFailure::Lost)?;
            }
        });
        answer.await.map_err(|elapsed| CallFailure::Timeout { method: method.into(), after: elapsed.after })?
    }

    /// Waits for the final answer to a method that first answers `{"status":"accepted"}`.
    ///
    /// # Errors
    /// [`CallFailure`], at the latest at `deadline`.
    pub async fn final_answer(&mut self, call: CallId, method: &str, deadline: Deadline) -> Result<Value, CallFailure> {
        loop {
            let payload = self.answer(call, method, deadline).await?;
            if payload.get("status").and_then(Value::as_str) != Some("accepted") {
                return Ok(payload);
            }
        }
    }

    /// Waits for the next event. Events that came while nobody waited are kept, the newest of them.
    ///
    /// # Errors
    /// How the connection ended.
    pub async fn next_event(&mut self) -> Result<Event, Closed> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            self.read().await?;
        }
    }

    /// Ends the connection and waits a moment for the gateway to do the same.
    pub async fn close(mut self) {
        let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        let _ = tokio::time::timeout(CLOSE_GRACE, async {
            if self.socket.close(Some(frame)).await.is_ok() {
                while next_text(&mut self.socket).await.is_ok() {}
            }
        })
        .await;
    }

    async fn last_words(&mut self) -> Closed {
        let words = tokio::time::timeout(CLOSE_GRACE, async {
            loop {
                if let Err(closed) = next_text(&mut self.socket).await {
                    return closed;
                }
            }
        });
        words.await.unwrap_or_else(|_| Closed::cut())
    }

    /// Reads one frame and files it.
    async fn read(&mut self) -> Result<(), Closed> {
        let text = next_text(&mut self.socket).await?;
        // A frame that cannot be read is not ours to judge: a newer gateway may send more kinds than we know.
        match ServerFrame::parse(&text) {
            Ok(ServerFrame::Response { id, result }) => {
                // Answers that nobody can ask for any more are not kept.
                if let Some(call) = id.parse().ok().filter(|call| (1..=self.calls).contains(call)) {
                    self.answers.insert(call, result);
                }
            }
            Ok(ServerFrame::Event { name, payload, seq }) => {
                if self.events.len() >= MAX_CLIENT_EVENTS {
                    self.events.pop_front();
                }
                self.events.push_back(Event { name, payload, seq });
            }
            Err(_) => {}
        }
        Ok(())
    }
}
