//! The loop of one session.

use std::sync::Arc;

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, interval_at, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        protocol::{CloseFrame, frame::coding::CloseCode as WireCloseCode},
    },
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{
    Answer, Caller, Dispatch, Reply,
    outbound::{self, Outbound, WriteError},
};
use crate::{
    defaults::{
        CLOSE_GRACE, LAST_ANSWERS_GRACE, MAX_CALLS_IN_FLIGHT, MAX_EVENT_BYTES_AT_ONCE, MAX_EVENTS_AT_ONCE,
        MAX_UNAUTHORIZED_CALLS, PING_INTERVAL,
    },
    events::{Invalidate, InvalidateReason, Signal, SignalsLost, Subscriber, Summons},
    logs::sanitize,
    net::Transport,
    protocol::{Close, CloseCode, ErrorShape, NotARequest, Request},
};

/// One authenticated connection. Only the handshake makes one.
pub struct Session<S> {
    socket: WebSocketStream<S>,
    caller: Arc<Caller>,
    subscriber: Subscriber,
    /// The policy under which it was let in: a secret that changed later ends it.
    epoch: u64,
    outbound: Outbound,
    unauthorized: u32,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The close status, ours or the peer's; `None` when the connection just went away.
    pub code: Option<u16>,
    /// The reason that went with it.
    pub reason: String,
    /// Whether we closed because the peer did not read.
    pub slow_consumer: bool,
}

/// The reason of a close because the peer did not read.
const SLOW_CONSUMER: &str = "slow consumer";

/// A call that is being worked on.
type Call = BoxFuture<'static, (Request, Instant, Reply)>;

impl Ended {
    fn gone(why: impl Into<String>) -> Self {
        Self { code: None, reason: why.into(), slow_consumer: false }
    }
}

impl<S: Transport> Session<S> {
    /// Takes over an admitted socket. Boxed, since every stage that a session is moved through would keep room for it.
    pub(crate) fn new(
        socket: WebSocketStream<S>,
        caller: Arc<Caller>,
        subscriber: Subscriber,
        epoch: u64,
    ) -> Box<Self> {
        Box::new(Self { socket, caller, subscriber, epoch, outbound: Outbound::default(), unauthorized: 0 })
    }

    /// Who this is.
    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// Serves the session until the peer leaves, its right to be here ends, or `stop` is cancelled.
    pub async fn run(mut self: Box<Self>, dispatch: &dyn Dispatch, stop: &CancellationToken) -> Ended {
        let mut calls = FuturesUnordered::<Call>::new();
        let right = Right { caller: Arc::clone(&self.caller), epoch: self.epoch, summons: self.subscriber.summons() };
        // Whatever a peer does to keep the session busy, or a write waiting, its right to be here is looked at first.
        let end = tokio::select! {
            biased;
            end = right.ends() => end,
            () = stop.cancelled() => End::Close(Close::new(CloseCode::ServiceRestart, "service restart")),
            end = self.serve(dispatch, &mut calls) => end,
        };
        self.finish(end, calls).await
    }

    /// Serves the peer until it leaves, or does not keep its side.
    async fn serve(&mut self, dispatch: &dyn Dispatch, calls: &mut FuturesUnordered<Call>) -> End {
        let mut ping = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        let mut heard_since_ping = true;
        loop {
            let done = tokio::select! {
                Some((request, started, reply)) = calls.next(), if !calls.is_empty() => {
                    self.answer(&request, started, reply).await
                }
                () = self.subscriber.ready() => self.deliver().await,
                message = self.socket.next(), if calls.len() < MAX_CALLS_IN_FLIGHT => {
                    heard_since_ping = true;
                    self.take(message, dispatch, calls).await
                }
                _ = ping.tick() => {
                    if std::mem::take(&mut heard_since_ping) {
                        self.ping().await
                    } else {
                        Err(End::Gone("heartbeat-timeout".into()))
                    }
                }
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// Handles whatever the socket brought, and everything more that is there already: one flush serves them all.
    async fn take(
        &mut self,
        message: Option<Result<Message, tungstenite::Error>>,
        dispatch: &dyn Dispatch,
        calls: &mut FuturesUnordered<Call>,
    ) -> Result<(), End> {
        let mut message = message;
        loop {
            match message {
                None => return Err(End::Gone(String::new())),
                Some(Err(error)) => return Err(read_failure(error)),
                Some(Ok(Message::Close(frame))) => return Err(End::Closed(frame)),
                Some(Ok(Message::Text(text))) => self.request(&text, dispatch, calls).await?,
                Some(Ok(Message::Binary(bytes))) => {
                    self.request(&String::from_utf8_lossy(&bytes), dispatch, calls).await?;
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            }
            if calls.len() >= MAX_CALLS_IN_FLIGHT {
                break;
            }
            match self.socket.next().now_or_never() {
                Some(next) => message = next,
                None => break,
            }
        }
        Ok(outbound::flush(&mut self.socket).await?)
    }

    async fn request(
        &mut self,
        text: &str,
        dispatch: &dyn Dispatch,
        calls: &mut FuturesUnordered<Call>,
    ) -> Result<(), End> {
        let request = match Request::parse(text) {
            Ok(request) => request,
            Err(NotARequest::NotJson) => {
                debug!(target: "gateway/ws", conn = %self.caller.id, bytes = text.len(), "ignored a frame that is not JSON");
                return Ok(());
            }
            Err(invalid @ NotARequest::Invalid { .. }) => {
                let error = ErrorShape::invalid(invalid.to_string());
                let NotARequest::Invalid { id, .. } = invalid else { return Ok(()) };
                let id = id.as_deref().unwrap_or("invalid");
                return Ok(outbound::reply(&mut self.socket, id, Err(&error)).await?);
            }
        };
        let started = Instant::now();
        match dispatch.call(&self.caller, &request) {
            Answer::Now(reply) => Ok(self.write(&request, started, reply).await?),
            Answer::Later(future) => {
                calls.push(async move { (request, started, future.await) }.boxed());
                Ok(())
            }
            Answer::Unauthorized(error) => {
                self.unauthorized += 1;
                self.write(&request, started, Err(error)).await?;
                if self.unauthorized > MAX_UNAUTHORIZED_CALLS {
                    return Err(End::Close(Close::new(CloseCode::Policy, "repeated unauthorized calls")));
                }
                Ok(())
            }
        }
    }

    async fn answer(&mut self, request: &Request, started: Instant, reply: Reply) -> Result<(), End> {
        self.write(request, started, reply).await?;
        Ok(outbound::flush(&mut self.socket).await?)
    }

    /// Writes an answer, after the events that its call caused.
    async fn write(&mut self, request: &Request, started: Instant, reply: Reply) -> Result<(), WriteError> {
        self.write_waiting_events().await?;
        if let Err(error) = &reply {
            info!(
                target: "gateway/ws",
                "⇄ res ✗ {} {}ms errorCode={} errorMessage={} conn={} id={}",
                sanitize::field(&request.method), started.elapsed().as_millis(), error.code.as_str(),
                sanitize::header(&error.message).replace('=', "_"), short(self.caller.id.as_str()), sanitize::field(short(&request.id)),
            );
        }
        outbound::reply(&mut self.socket, &request.id, reply.as_ref()).await
    }

    async fn write_waiting_events(&mut self) -> Result<(), WriteError> {
        while let Some(delivery) = self.subscriber.try_next() {
            self.outbound.event(&mut self.socket, &delivery).await?;
        }
        Ok(())
    }

    /// Writes the events that wait. Everything else that was written has been flushed.
    async fn deliver(&mut self) -> Result<(), End> {
        // Whoever publishes gets a turn, and what it publishes meanwhile leaves in the same write. The session may end at this
        // point: no event has left the queue yet, so that the last ones are still written before the close.
        tokio::task::yield_now().await;
        let mut bytes = 0;
        let mut batch = Vec::new();
        while batch.len() < MAX_EVENTS_AT_ONCE && bytes < MAX_EVENT_BYTES_AT_ONCE {
            let Some(delivery) = self.subscriber.try_next() else { break };
            bytes += delivery.frame.bytes();
            batch.push(delivery);
        }
        Ok(self.outbound.events(&mut self.socket, &batch).await?)
    }

    async fn ping(&mut self) -> Result<(), End> {
        use futures_util::SinkExt;
        let sent = timeout(crate::defaults::WRITE_TIMEOUT, self.socket.send(Message::Ping(bytes::Bytes::new()))).await;
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(read_failure(error)),
            Err(_) => Err(WriteError::SlowConsumer.into()),
        }
    }

    /// Says goodbye: answers to calls that were made and events that wait go out before the close frame.
    async fn finish(mut self: Box<Self>, end: End, mut calls: FuturesUnordered<Call>) -> Ended {
        let close = match end {
            End::Gone(why) => return Ended::gone(why),
            End::Closed(frame) => {
                // The library answers the peer's close frame while it is polled, and the end of the connection follows at once.
                self.socket.get_ref().ends_with_next_write();
                let goodbye = async {
                    while let Some(Ok(_)) = self.socket.next().await {}
                    // Dropped with something unread, the connection would be reset, and the answer lost.
                    self.socket.get_mut().shutdown().await
                };
                let _ = timeout(CLOSE_GRACE, goodbye).await;
                return match frame {
                    Some(frame) => {
                        Ended { code: Some(frame.code.into()), reason: frame.reason.to_string(), slow_consumer: false }
                    }
                    None => Ended { code: Some(1005), reason: String::new(), slow_consumer: false },
                };
            }
            End::Close(close) => close,
        };
        let goodbye = async {
            let answers = async {
                while let Some((request, started, reply)) = calls.next().await {
                    self.write(&request, started, reply).await?;
                }
                Ok::<_, WriteError>(())
            };
            if timeout(LAST_ANSWERS_GRACE, answers).await.is_ok_and(|written| written.is_err()) {
                return;
            }
            if self.write_waiting_events().await.is_err() {
                return;
            }
            let code = WireCloseCode::from(close.code.number());
            if self.socket.close(Some(CloseFrame { code, reason: close.reason.as_str().into() })).await.is_ok() {
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        if timeout(CLOSE_GRACE, goodbye).await.is_err() {
            debug!(target: "gateway/ws", conn = %self.caller.id, "the peer did not close in time");
        }
        let slow_consumer = close.reason == SLOW_CONSUMER;
        Ended { code: Some(close.code.number()), reason: close.reason, slow_consumer }
    }
}

/// What a session's right to be here rests on.
struct Right {
    caller: Arc<Caller>,
    /// The policy under which it was let in.
    epoch: u64,
    summons: Summons,
}

impl Right {
    /// Waits until it ends.
    async fn ends(&self) -> End {
        loop {
            let close = match self.summons.next().await {
                Ok(signal) => self.heed(&signal),
                // One of those that were missed may have meant this session.
                Err(SignalsLost) => Some(Close::new(CloseCode::ServiceRestart, "service restart")),
            };
            if let Some(close) = close {
                return End::Close(close);
            }
        }
    }

    fn heed(&self, signal: &Signal) -> Option<Close> {
        match signal {
            Signal::Invalidate(invalidate) if self.is_meant_by(invalidate) => {
                debug!(target: "gateway/ws", conn = %self.caller.id, why = ?invalidate.why, "the device no longer counts");
                // One text for all three, because clients know only this one.
                let (InvalidateReason::Removed | InvalidateReason::Rotated | InvalidateReason::Revoked) =
                    invalidate.why;
                Some(Close::new(CloseCode::Invalidated, "device removed"))
            }
            Signal::SecretRotated { epoch }
                if self.epoch < *epoch && self.caller.principal.mechanism.is_configured() =>
            {
                Some(Close::new(CloseCode::Invalidated, "gateway auth changed"))
            }
            Signal::Invalidate(_) | Signal::SecretRotated { .. } => None,
        }
    }

    fn is_meant_by(&self, invalidate: &Invalidate) -> bool {
        let principal = &self.caller.principal;
        principal.device.as_ref() == Some(&invalidate.device)
            && invalidate.role.is_none_or(|role| role == principal.role)
    }
}

/// Why the loop ends.
enum End {
    /// We close.
    Close(Close),
    /// The peer closed.
    Closed(Option<CloseFrame>),
    /// There is nobody to say goodbye to.
    Gone(String),
}

impl From<WriteError> for End {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::SlowConsumer => {
                warn!(target: "gateway/ws", "closing a session that does not read");
                Self::Close(Close::new(CloseCode::Policy, SLOW_CONSUMER))
            }
            WriteError::Gone(error) => Self::Gone(error.to_string()),
        }
    }
}

fn read_failure(error: tungstenite::Error) -> End {
    match error {
        tungstenite::Error::Capacity(_) => {
            End::Close(Close::new(CloseCode::TooBig, format!("frame over {} bytes", crate::defaults::MAX_FRAME_BYTES)))
        }
        error => End::Gone(error.to_string()),
    }
}

/// The beginning of an id, as log lines show it.
fn short(id: &str) -> &str {
    &id[..id.floor_char_boundary(8)]
}
