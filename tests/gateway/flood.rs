//! Many sockets that say nothing, and clients that do not keep their side.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Close, Connect, Device, Stream, TestGateway, eventually, within};

/// Far more than a gateway lets wait at once.
const FLOOD: u64 = 3000;

/// How far a silent peer goes before it falls silent.
const STAGES: [&[u8]; 3] = [
    b"",
    b"GET / HTTP/1.1\r\nhost: localhost\r\nupg",
    b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
      sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
];

/// Lets this process, and the gateways that it starts, have as many open files as the system permits.
fn raise_the_limit_of_open_files() -> u64 {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit can be read");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("the limit can be raised to the hard one");
    hard
}

/// A connection from 127.0.0.`source` that is silent from this stage on. None when the gateway did not take it.
async fn silent(gateway: &TestGateway, source: u8, stage: &[u8]) -> Option<Box<dyn Stream>> {
    let mut stream = within("a connection", gateway.dial().source(source).connect()).await.ok()?;
    stream.write_all(stage).await.ok()?;
    Some(stream)
}

#[tokio::test]
async fn silent_sockets_never_stop_a_normal_handshake() {
    no_lockout(&TestGateway::start().await).await;
}

#[tokio::test]
async fn not_even_where_few_files_may_be_open() {
    no_lockout(&TestGateway::builder().open_files(256).start().await).await;
}

async fn no_lockout(gateway: &TestGateway) {
    let flood = FLOOD.min(raise_the_limit_of_open_files() / 3);
    let connect = || Connect::v4().token(&gateway.token()).device(&Device::fresh());
    let mut before = gateway.admit(&connect()).await;
    let mut crowd = Vec::new();
    for number in 0..flood {
        // Two thirds from one address, the others from many.
        let last = if number % 3 == 0 { u8::try_from(number % 200 + 2).expect("it fits") } else { 1 };
        let stage = usize::try_from(number / 3 % 3).expect("it fits");
        crowd.push(silent(gateway, last, STAGES[stage]).await);
        if number % 500 == 499 {
            gateway.admit(&connect()).await.ok("health", json!({})).await;
            gateway.owner().await.ok("health", json!({})).await;
            assert_eq!(gateway.http("GET", "/readyz", &[]).await.status, 200, "after {number}");
        }
    }
    before.ok("health", json!({})).await;
    drop(crowd);
    gateway.admit(&connect()).await;
}

#[tokio::test]
async fn whoever_fills_the_gateway_with_sessions_leaves_room_for_its_owner() {
    // Three eighths of these for sessions over the network, and half of that for one device.
    const FILES: u32 = 256;
    let gateway = TestGateway::builder().open_files(FILES).start().await;
    let mut sessions = Vec::new();
    let mut refusals = Vec::new();
    for _ in 0..4 {
        let device = Device::fresh();
        let connect = Connect::v4().token(&gateway.token()).device(&device);
        let refused = loop {
            match gateway.enter(&connect).await {
                Ok(session) => sessions.push(session),
                Err(refused) => break refused,
            }
        };
        assert_eq!(refused.close, Close::new(1013, "too many sessions"), "{refused:?}");
        refusals.push((sessions.len(), refused.message().contains(&device.id())));
    }
    assert_eq!(refusals, [(48, true), (96, false), (96, false), (96, false)]);
    let mut owner = gateway.owner().await;
    let listed = owner.ok("device.pair.list", json!({})).await;
    let device = listed["paired"].as_array().expect("a list").iter().find(|entry| entry["connected"] == true);
    let device = device.expect("it is connected")["deviceId"].clone();
    owner.ok("device.pair.remove", json!({ "deviceId": device })).await;
    assert_eq!(gateway.http("GET", "/readyz", &[]).await.status, 200);
    // Those that went made room.
    let connect = Connect::v4().token(&gateway.token()).device(&Device::fresh());
    eventually("room for another", async || gateway.enter(&connect).await.ok()).await;
}

#[tokio::test]
async fn a_handshake_has_a_deadline() {
    let gateway = TestGateway::builder().env("OPENCLAW_HANDSHAKE_TIMEOUT_MS", "300").start().await;
    let mut socket = gateway.dial().open().await;
    socket.challenge().await;
    assert_eq!(socket.closed_at_once().await, Close::new(1000, ""));
    gateway.logs(&["handshake timeout conn=", "remote="]).await;
    for stage in STAGES {
        let mut stream = silent(&gateway, 1, stage).await.expect("a connection");
        let mut rest = Vec::new();
        let _ = within("the gateway to close", stream.read_to_end(&mut rest)).await;
    }
    // A frame that never ends is no connect either.
    let mut socket = gateway.dial().open().await;
    socket.challenge().await;
    socket.send_bytes(&[0x81, 0xfe, 0x10, 0x00, 0, 0, 0, 0, b'{']).await;
    socket.closed_at_once().await;

    let session = gateway.admit(&Connect::v4().token(&gateway.token()).device(&Device::fresh())).await;
    let mut owner = gateway.owner().await;
    // Who is in stays in: three deadlines of others pass meanwhile.
    for _ in 0..3 {
        gateway.dial().open().await.closed().await;
    }
    owner.ok("health", json!({})).await;
    session.leave().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_hurts_nobody_else() {
    /// What each of them is told of together is more than the queue of one session and the buffers of a Unix socket: the list
    /// of all is sent again at every report.
    const MACHINES: usize = 120;
    let gateway = TestGateway::start().await;
    let mut deaf = gateway.owner().await.socket;
    let mut listener = gateway.owner().await.socket;
    let connect = Connect::v4().token(&gateway.token()).scopes(&["operator.admin"]);
    let mut loud = gateway.admit(&connect.device(&Device::fresh())).await.socket;
    // The most that a machine may say of itself.
    let tags = vec!["x".repeat(256); 32];
    let report = |number: usize| {
        let params = json!({"text": format!("{number}:x"), "deviceId": number.to_string(), "tags": tags});
        json!({"type": "req", "id": number.to_string(), "method": "system-event", "params": params}).to_string()
    };
    let answer = |number: usize| format!(r#""id":"{number}","ok":true"#);
    for number in 0..MACHINES {
        loud.send_text(report(number)).await;
        listener.text_with(&format!("\"{number}:x\"")).await.expect("who listens is told");
        loud.text_with(&answer(number)).await.expect("who reports is answered");
    }
    let memory = resident_bytes(gateway.pid());
    assert!(memory < 200 * 1024 * 1024, "{memory} bytes are in use");
    gateway.owner().await.ok("health", json!({})).await;

    // Whoever reads again sees a gap in the numbers, or was closed. There is always a next event that shows the gap.
    let reports = async {
        for number in (0..MACHINES).cycle() {
            loud.send_text(report(number)).await;
            loud.text_with(&answer(number)).await.expect("who reports is answered");
        }
    };
    let gap = async {
        let mut last = 0;
        while let Some(frame) = deaf.text_with("").await {
            let (_, end) = frame.rsplit_once("\"seq\":").expect("events are numbered");
            let digits = end.find(|c: char| !c.is_ascii_digit()).unwrap_or(end.len());
            let number: usize = end[..digits].parse().expect("a number");
            if number > last + 1 {
                return;
            }
            last = number;
            assert!(number < MACHINES, "nothing was held back");
        }
    };
    tokio::select! {
        () = reports => unreachable!("they have no end"),
        () = within("a gap, or the end", gap) => {}
    }
}

#[tokio::test]
async fn a_large_frame_takes_no_more_than_it_is_long() {
    const BYTES: usize = 20 * 1024 * 1024;
    let gateway = TestGateway::start().await;
    // It may do nothing at all.
    let connect = Connect::v4().token(&gateway.token()).scopes(&[]).device(&Device::fresh());
    let mut session = gateway.admit(&connect).await;
    let list = format!("[{}0]", "0,".repeat(BYTES / 2));
    session.socket.send_text(list.clone()).await;
    session.answer("invalid").await.expect_err("a list is no request");
    let call = format!(r#"{{"type":"req","id":"large","method":"gateway.whoami","params":{list}}}"#);
    session.socket.send_text(call).await;
    let refused = session.answer("large").await.expect_err("that much is not read");
    assert!(refused["message"].as_str().is_some_and(|text| text.contains("bytes")), "{refused}");
    let memory = resident_bytes(gateway.pid());
    assert!(memory < 10 * BYTES as u64, "{memory} bytes are in use");
}

/// How much memory a process uses.
fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the gateway runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}
