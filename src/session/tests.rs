//! A session over an in-memory pipe, with a dispatch that knows a few words.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt, SinkExt, StreamExt};
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, DuplexStream, ReadBuf},
    task::JoinHandle,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role as End},
};
use tokio_util::sync::CancellationToken;

use super::{Answer, Approach, Caller, ConnectionId, Dispatch, Ended, Session};
use crate::{
    advice::PeerKind,
    auth::{Mechanism, Principal},
    defaults::{MAX_UNAUTHORIZED_CALLS, PING_INTERVAL},
    device::DeviceId,
    events::{Event, Hub, Invalidate, InvalidateReason, Signal, Subscriber},
    net::{Held, Wire},
    origin::HostJudgement,
    protocol::{
        ClientId, ClientInfo, ClientMode, Dialect, ErrorShape, EventName, Json, Request, Role, Scopes, ServerFrame,
    },
    source::{Rule, Source, SourceClass},
};

/// Answers `echo` at once, `tell` after an event, `slow` when it is told to, and nothing else to anybody.
struct Words {
    hub: Hub,
    release: CancellationToken,
}

impl Dispatch for Words {
    fn call(&self, _: &Arc<Caller>, request: &Request) -> Answer {
        match request.method.as_str() {
            "echo" => Answer::Now(Ok(Json::of(&request.params.value().expect("a value")))),
            "tell" => {
                self.hub.publish(Event::new(EventName::Health, &json!({ "n": 1 })));
                Answer::Now(Ok(Json::of(&json!({}))))
            }
            "slow" => {
                let release = self.release.clone();
                Answer::Later(async move { Ok(release.cancelled().map(|()| Json::of(&json!("late"))).await) }.boxed())
            }
            _ => Answer::Unauthorized(ErrorShape::invalid("unauthorized role: operator")),
        }
    }
}

struct Running {
    client: WebSocketStream<DuplexStream>,
    ended: JoinHandle<Ended>,
    hub: Hub,
    release: CancellationToken,
    stop: CancellationToken,
    device: DeviceId,
}

/// A device with every right, in a session of `hub`.
fn admitted(hub: &Hub) -> (Arc<Caller>, Subscriber) {
    let device = DeviceId::of_key_bytes(&[7; 32]);
    let principal = Principal {
        role: Role::Operator,
        scopes: Scopes::full_operator(),
        device: Some(device),
        mechanism: Mechanism::Token,
        user: None,
    };
    let client = ClientInfo {
        id: ClientId::cli(),
        display_name: None,
        version: "1".into(),
        build_id: None,
        platform: "linux".into(),
        device_family: None,
        model_identifier: None,
        time_zone: None,
        mode: ClientMode::Cli,
        instance_id: None,
    };
    let source = Source::of(SourceClass::Loopback, None, Rule::LoopbackPeer);
    let approach = Approach {
        peer_kind: PeerKind::Loopback,
        judgement: HostJudgement::Local,
        host: None,
        origin: None,
        browser: false,
        tls: false,
    };
    let subscriber = hub.subscribe(hub.listen(), Some(device), principal.role, &principal.scopes);
    let caller = Arc::new(Caller {
        id: ConnectionId::random(),
        principal,
        client,
        source,
        approach,
        dialect: Dialect::V4,
        waiting: None,
        scope_advice: None,
    });
    (caller, subscriber)
}

async fn running() -> Running {
    let (near, far) = tokio::io::duplex(1 << 16);
    let hub = Hub::default();
    let (caller, subscriber) = admitted(&hub);
    let device = caller.principal.device.expect("it has one");
    let socket = WebSocketStream::from_raw_socket(Held::new(far).0, End::Server, None).await;
    let session = Session::new(socket, caller, subscriber, 1);
    let (release, stop) = (CancellationToken::new(), CancellationToken::new());
    let words = Words { hub: hub.clone(), release: release.clone() };
    let session_stop = stop.clone();
    let ended = tokio::spawn(async move { session.run(&words, &session_stop).await });
    let client = WebSocketStream::from_raw_socket(near, End::Client, None).await;
    Running { client, ended, hub, release, stop, device }
}

impl Running {
    async fn say(&mut self, id: &str, method: &str) {
        let frame = json!({ "type": "req", "id": id, "method": method, "params": { "id": id } });
        self.client.send(Message::text(frame.to_string())).await.expect("open");
    }

    async fn hear(&mut self) -> String {
        match self.client.next().await.expect("open").expect("whole") {
            Message::Text(text) => match ServerFrame::parse(&text).expect("a frame") {
                ServerFrame::Response { id, result: Ok(payload) } => format!("{id} ok {payload}"),
                ServerFrame::Response { id, result: Err(error) } => format!("{id} {}", error.message),
                ServerFrame::Event { name, seq, .. } => format!("{name} {}", seq.unwrap_or_default()),
            },
            Message::Close(Some(frame)) => format!("closed {} {}", u16::from(frame.code), frame.reason),
            other => format!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn events_of_a_call_come_before_its_answer_and_are_numbered() {
    let mut running = running().await;
    for n in 1..=2 {
        running.say("a", "tell").await;
        assert_eq!(running.hear().await, format!("health {n}"));
        assert_eq!(running.hear().await, "a ok {}");
    }
}

#[tokio::test]
async fn a_slow_call_holds_nobody_up() {
    let mut running = running().await;
    running.say("a", "slow").await;
    running.say("b", "echo").await;
    assert_eq!(running.hear().await, r#"b ok {"id":"b"}"#);
    running.release.cancel();
    assert_eq!(running.hear().await, r#"a ok "late""#);
}

#[tokio::test]
async fn frames_that_are_no_requests() {
    let mut running = running().await;
    running.client.send(Message::text("no json")).await.expect("open");
    running.client.send(Message::text(r#"{"type":"req"}"#)).await.expect("open");
    assert!(running.hear().await.starts_with("invalid invalid request frame: "));
    let binary = json!({ "type": "req", "id": "c", "method": "echo" }).to_string();
    running.client.send(Message::binary(binary)).await.expect("open");
    assert_eq!(running.hear().await, "c ok {}");
}

/// A peer that always has more to say, and lets every write wait: it leaves a session no moment of its own.
struct Busy {
    /// What it says again and again, and how much of that it has said.
    says: Vec<u8>,
    said: usize,
    times: usize,
    waited: u32,
}

impl AsyncRead for Busy {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.said == self.says.len() && self.times > 0 {
            (self.said, self.times) = (0, self.times - 1);
        }
        let most = buf.remaining().min(self.says.len() - self.said);
        buf.put_slice(&self.says[self.said..][..most]);
        self.said += most;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Busy {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // More often than a session looks again at once.
        self.waited = (self.waited + 1) % 5;
        if self.waited != 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Wire for Busy {}

/// Ends the right of its callers at the third call, and counts those that come after it.
struct Ends {
    hub: Hub,
    device: DeviceId,
    calls: AtomicUsize,
}

impl Dispatch for Ends {
    fn call(&self, _: &Arc<Caller>, _: &Request) -> Answer {
        if self.calls.fetch_add(1, Ordering::Relaxed) == 2 {
            let (device, why) = (self.device, InvalidateReason::Revoked);
            self.hub.signal(Signal::Invalidate(Invalidate { device, role: None, why }));
        }
        // Long enough for each to be written by itself.
        Answer::Now(Ok(Json::of(&"x".repeat(1 << 18))))
    }
}

#[tokio::test]
async fn no_peer_keeps_a_session_too_busy_to_end() {
    let (mut theirs, mut ours) = tokio::io::duplex(1 << 16);
    let mut says = WebSocketStream::from_raw_socket(&mut theirs, End::Client, None).await;
    let request = json!({ "type": "req", "id": "a", "method": "any" }).to_string();
    says.send(Message::text(request)).await.expect("open");
    drop(theirs);
    let mut frame = Vec::new();
    ours.read_to_end(&mut frame).await.expect("open");
    let peer = Busy { says: frame, said: 0, times: 10_000, waited: 0 };
    let hub = Hub::default();
    let (caller, subscriber) = admitted(&hub);
    let device = caller.principal.device.expect("it has one");
    let socket = WebSocketStream::from_raw_socket(Held::new(peer).0, End::Server, None).await;
    let ends = Ends { hub, device, calls: AtomicUsize::new(0) };
    let ended = Session::new(socket, caller, subscriber, 1).run(&ends, &CancellationToken::new()).await;
    assert_eq!((ended.code, ended.reason.as_str()), (Some(4001), "device removed"));
    assert!(ends.calls.into_inner() < 10, "it goes on being served");
}

#[tokio::test]
async fn what_ends_a_session() {
    for (role, meant) in [(None, true), (Some(Role::Operator), true), (Some(Role::Node), false)] {
        let mut running = running().await;
        running.say("a", "echo").await;
        running.hear().await;
        let why = InvalidateReason::Revoked;
        running.hub.signal(Signal::Invalidate(Invalidate { device: running.device, role, why }));
        running.say("b", "echo").await;
        let heard = running.hear().await;
        let expected = if meant { "closed 4001 device removed" } else { r#"b ok {"id":"b"}"# };
        // The request may have been answered before the signal was read; the close then comes next.
        let heard = if meant && heard.starts_with("b ok") { running.hear().await } else { heard };
        assert_eq!(heard, expected, "{role:?}");
    }

    let mut rotated = running().await;
    rotated.hub.signal(Signal::SecretRotated { epoch: 1 });
    rotated.say("a", "echo").await;
    assert_eq!(rotated.hear().await, r#"a ok {"id":"a"}"#, "let in by this very secret");
    rotated.hub.signal(Signal::SecretRotated { epoch: 2 });
    assert_eq!(rotated.hear().await, "closed 4001 gateway auth changed");

    let mut stopped = running().await;
    stopped.say("a", "slow").await;
    stopped.say("b", "tell").await;
    assert_eq!(stopped.hear().await, "health 1");
    assert_eq!(stopped.hear().await, "b ok {}");
    stopped.hub.publish(Event::new(EventName::Shutdown, &json!({})));
    stopped.stop.cancel();
    assert_eq!(stopped.hear().await, "shutdown 2", "what waits goes out first");
    assert_eq!(stopped.hear().await, "closed 1012 service restart");
    drop(stopped.client);
    assert_eq!(stopped.ended.await.expect("no panic").code, Some(1012));
}

#[tokio::test]
async fn what_ends_a_session_takes_no_event_with_it() {
    type Cause = fn(&Running);
    #[rustfmt::skip]
    let rows: [(Cause, &str); 2] = [
        (|it| it.stop.cancel(), "closed 1012 service restart"),
        (|it| it.hub.signal(Signal::SecretRotated { epoch: 2 }), "closed 4001 gateway auth changed"),
    ];
    for (cause, close) in rows {
        let mut running = running().await;
        running.hub.publish(Event::new(EventName::Shutdown, &json!({})));
        // The session has seen that there is an event, and has not yet written it.
        tokio::task::yield_now().await;
        cause(&running);
        assert_eq!(running.hear().await, "shutdown 1", "before: {close}");
        assert_eq!(running.hear().await, close);
    }
}

#[tokio::test]
async fn a_flood_of_forbidden_calls_ends_the_session() {
    let mut running = running().await;
    for _ in 0..=MAX_UNAUTHORIZED_CALLS {
        running.say("a", "forbidden").await;
        assert_eq!(running.hear().await, "a unauthorized role: operator");
    }
    assert_eq!(running.hear().await, "closed 1008 repeated unauthorized calls");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_no_ping_is_cut() {
    let running = running().await;
    let began = tokio::time::Instant::now();
    // The client is not read, so its library answers no ping.
    let ended = running.ended.await.expect("no panic");
    assert_eq!(ended, Ended { code: None, reason: "heartbeat-timeout".into(), slow_consumer: false });
    assert!(began.elapsed() >= PING_INTERVAL * 2 && began.elapsed() < PING_INTERVAL * 2 + Duration::from_secs(1));
}
