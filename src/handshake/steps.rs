//! The steps, each consuming the one before.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        protocol::{CloseFrame, frame::coding::CloseCode as WireCloseCode},
    },
};

use super::{
    Doors, Entry, Refusal, Visitor,
    audience::Audience,
    log::{self, closed_before_connect},
    log_budget::LogBudget,
};
use crate::{
    advice::Reader,
    defaults::{CLOSE_GRACE, MAX_PREAUTH_FRAME_BYTES},
    events::Subscriber,
    net::{Transport, budget_exhausted},
    policy::Policy,
    protocol::{Challenge, ConnectParams, ErrorShape, Json, NotARequest, Request, encode_error, encode_ok},
    session::{Caller, Session},
};

/// An upgraded socket that has proved nothing. It holds the challenge that the peer has to answer.
pub struct Unauthenticated<S> {
    socket: WebSocketStream<S>,
    visitor: Visitor,
    challenge: Challenge,
}

/// The credentials hold, but the peer has not been told and no method can be called.
#[must_use = "the peer is waiting: call `admit` or `refuse`"]
pub struct Authenticated<S> {
    socket: WebSocketStream<S>,
    visitor: Visitor,
    request: String,
    entry: Entry,
}

/// What a peer that was let in is greeted with.
#[derive(Debug)]
pub struct Welcome {
    /// The payload of `hello-ok`.
    pub hello: Json,
    /// The events that it will be told.
    pub subscriber: Subscriber,
}

/// How a handshake ended without a session. The peer was told and the log has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// Refused, for this [cause](Refusal::cause).
    Away(&'static str),
    /// The peer left first.
    Left,
}

/// Why no `connect` could be judged.
enum Stopped {
    Refused { request: Option<String>, connect: Option<Box<ConnectParams>>, refusal: Refusal },
    Left { code: Option<u16>, reason: String },
}

impl Stopped {
    fn early(refusal: Refusal) -> Self {
        Self::Refused { request: None, connect: None, refusal }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Unauthenticated<S> {
    /// Sends the challenge.
    ///
    /// # Errors
    /// [`Turned`] when the peer is gone.
    pub async fn challenge(
        mut socket: WebSocketStream<S>,
        visitor: Visitor,
        doors: &Doors,
        policy: &Policy,
    ) -> Result<Self, Turned> {
        let audience = Audience { visitor: &visitor, connect: None, place: &doors.place, policy };
        log::arrived(&visitor, &audience.situation(Reader::Operator), &doors.log);
        let challenge = Challenge::fresh();
        if socket.send(Message::text(challenge.frame())).await.is_err() {
            closed_before_connect(&visitor, "n/a", "", "ws_upgrade_started", &doors.log);
            return Err(Turned::Left);
        }
        Ok(Self { socket, visitor, challenge })
    }

    /// Waits for `connect` and judges it. When `patience` ends first, the peer is turned away for the reason that it gives.
    ///
    /// # Errors
    /// [`Turned`] when there will be no session.
    pub async fn authenticate(
        mut self,
        doors: &Doors,
        policy: &Policy,
        patience: impl Future<Output = Refusal>,
    ) -> Result<Authenticated<S>, Turned> {
        let met = tokio::select! {
            met = meet(&mut self.socket, &self.visitor, &self.challenge, doors, policy) => met,
            refusal = patience => Err(Stopped::early(refusal)),
        };
        let Self { mut socket, visitor, .. } = self;
        match met {
            Ok((request, entry)) => Ok(Authenticated { socket, visitor, request, entry }),
            Err(Stopped::Left { code, reason }) => {
                let code = code.map_or_else(|| "n/a".to_owned(), |code| code.to_string());
                closed_before_connect(&visitor, &code, &reason, "ws_upgrade_started", &doors.log);
                // The library answers the peer's close frame while it is polled.
                let _ = timeout(CLOSE_GRACE, async { while let Some(Ok(_)) = socket.next().await {} }).await;
                Err(Turned::Left)
            }
            Err(Stopped::Refused { request, connect, refusal }) => {
                let audience = Audience { visitor: &visitor, connect: connect.as_deref(), place: &doors.place, policy };
                turn_away(&mut socket, request.as_deref(), &refusal, audience, &doors.log).await;
                Err(Turned::Away(refusal.cause()))
            }
        }
    }
}

impl<S: Transport> Authenticated<S> {
    /// What was proved.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Who connects, before anybody was told.
    pub fn visitor(&self) -> &Visitor {
        &self.visitor
    }

    /// Greets the peer and hands the socket over.
    ///
    /// # Errors
    /// [`Turned`] when the peer is gone.
    pub async fn admit(mut self, welcome: Welcome, doors: &Doors, policy: &Policy) -> Result<Box<Session<S>>, Turned> {
        let hello = Message::text(encode_ok(&self.request, &welcome.hello));
        if self.socket.send(hello).await.is_err() {
            closed_before_connect(&self.visitor, "n/a", "", "hello_payload_prepared", &doors.log);
            return Err(Turned::Left);
        }
        let Entry { principal, client, dialect, waiting, scope_advice, .. } = self.entry;
        let (id, source, approach) = self.visitor.into_session();
        let caller = Arc::new(Caller { id, principal, client, source, approach, dialect, waiting, scope_advice });
        Ok(Session::new(self.socket, caller, welcome.subscriber, policy.epoch))
    }

    /// Turns the peer away although its credentials hold.
    pub async fn refuse(mut self, refusal: &Refusal, doors: &Doors, policy: &Policy) -> Turned {
        let audience = Audience { visitor: &self.visitor, connect: None, place: &doors.place, policy };
        turn_away(&mut self.socket, Some(&self.request), refusal, audience, &doors.log).await;
        Turned::Away(refusal.cause())
    }
}

async fn meet<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    visitor: &Visitor,
    challenge: &Challenge,
    doors: &Doors,
    policy: &Policy,
) -> Result<(String, Entry), Stopped> {
    let text = first_text(socket).await?;
    let request = Request::parse(&text).map_err(|problem| {
        Stopped::early(match problem {
            NotARequest::NotJson => Refusal::NotJson,
            NotARequest::Invalid { .. } => Refusal::NotARequest,
        })
    })?;
    let refused = |connect, refusal| Stopped::Refused { request: Some(request.id.clone()), connect, refusal };
    if request.method != "connect" {
        return Err(refused(None, Refusal::NotConnect));
    }
    let connect = match ConnectParams::read(&request.params) {
        Ok(connect) => Box::new(connect),
        Err(error) => return Err(refused(None, Refusal::Params(error))),
    };
    match doors.judge(policy, visitor, &connect, challenge).await {
        Ok(entry) => Ok((request.id, entry)),
        Err(refusal) => Err(refused(Some(connect), refusal)),
    }
}

/// The first text frame; pings and the like before it are the library's business.
async fn first_text<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>) -> Result<String, Stopped> {
    loop {
        let text = match socket.next().await {
            None => return Err(Stopped::Left { code: None, reason: String::new() }),
            Some(Ok(Message::Text(text))) => text.as_str().to_owned(),
            Some(Ok(Message::Binary(bytes))) => String::from_utf8_lossy(&bytes).into_owned(),
            Some(Ok(Message::Close(frame))) => {
                let (code, reason) = frame.map_or((Some(1005), String::new()), |CloseFrame { code, reason }| {
                    (Some(code.into()), reason.to_string())
                });
                return Err(Stopped::Left { code, reason });
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
            Some(Err(tungstenite::Error::Io(error))) if budget_exhausted(&error) => {
                return Err(Stopped::early(Refusal::TooBig));
            }
            Some(Err(tungstenite::Error::Capacity(_))) => return Err(Stopped::early(Refusal::TooBig)),
            Some(Err(error)) => return Err(Stopped::Left { code: None, reason: error.to_string() }),
        };
        return if text.len() > MAX_PREAUTH_FRAME_BYTES { Err(Stopped::early(Refusal::TooBig)) } else { Ok(text) };
    }
}

/// Answers, closes and logs. The answer and the close frame leave together: real clients print the answer only when the
/// close does not come late.
async fn turn_away<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    request: Option<&str>,
    refusal: &Refusal,
    audience: Audience<'_>,
    budget: &LogBudget,
) {
    let told = refusal.told(audience);
    log::refused(refusal, &told, audience, budget);
    let goodbye = async {
        if let (Some(request), Some(error)) = (request, &told.error) {
            socket.feed(Message::text(encode_error(request, error))).await?;
        }
        let code = WireCloseCode::from(told.close.code.number());
        socket.close(Some(CloseFrame { code, reason: told.close.reason.as_str().into() })).await?;
        while let Some(Ok(_)) = socket.next().await {}
        Ok::<_, tungstenite::Error>(())
    };
    // A peer that neither reads nor closes is cut when this returns and the socket is dropped.
    let _ = timeout(CLOSE_GRACE, goodbye).await;
}

impl Refusal {
    /// A refusal for parameters of a shape that only later checks can tell.
    pub(super) fn params(problem: &str) -> Self {
        Self::Params(ErrorShape::invalid_params("connect", &[problem.to_owned()]))
    }
}
