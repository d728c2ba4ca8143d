//! Peers that break the rules of WebSocket, of JSON and of log lines.

use serde_json::json;

use crate::support::{Connect, Device, Frame, TestGateway};

/// A masked frame with an all-zero mask; `first` holds FIN and opcode (RFC 6455, section 5.2).
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u16::try_from(payload.len()).expect("a short frame") {
        length @ 0..126 => frame.push(0x80 | u8::try_from(length).expect("below 126")),
        length => {
            frame.push(0xfe);
            frame.extend(length.to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

#[tokio::test]
async fn a_broken_frame_ends_its_connection_and_no_other() {
    let gateway = TestGateway::start().await;
    let mut bystander = gateway.owner().await;
    #[rustfmt::skip]
    let rows = [
        ("a frame without a mask",          vec![0x81, 0x02, b'{', b'}']),
        ("a reserved opcode",               frame(0x83, b"{}")),
        ("a reserved bit",                  frame(0xc1, b"{}")),
        ("a ping of 126 bytes",             frame(0x89, &[b'x'; 126])),
        ("a ping in fragments",             frame(0x09, b"x")),
        ("a continuation of nothing",       frame(0x80, b"{}")),
        ("text that is no UTF-8",           frame(0x81, &[0xff, 0xfe])),
        ("a close frame of one byte",       frame(0x88, b"x")),
        ("a close frame with a bad code",   frame(0x88, &999_u16.to_be_bytes())),
        ("a length with its top bit set",   vec![0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
    ];
    for (what, bytes) in rows {
        for connected in [false, true] {
            let mut socket = if connected {
                gateway.owner().await.socket
            } else {
                let mut socket = gateway.dial().open().await;
                socket.challenge().await;
                socket
            };
            socket.send_bytes(&bytes).await;
            let close = socket.closed().await;
            assert_ne!(close.code, 1000, "{what}, connected: {connected}");
            bystander.ok("health", json!({})).await;
        }
    }
}

#[tokio::test]
async fn a_message_may_come_in_fragments_and_pings_between_them() {
    let gateway = TestGateway::start().await;
    let mut socket = gateway.dial().open().await;
    let challenge = socket.challenge().await;
    let connect =
        Connect::v4().token(&gateway.token()).device(&Device::fresh()).request("connect", &challenge).to_string();
    let (first, rest) = connect.as_bytes().split_at(10);
    let (second, third) = rest.split_at(rest.len() / 2);
    for part in [frame(0x01, first), frame(0x89, b"ping"), frame(0x00, second), frame(0x80, third)] {
        socket.send_bytes(&part).await;
    }
    assert_eq!(socket.next_json().await["ok"], true);
}

#[tokio::test]
async fn fragments_count_together_before_connect() {
    let gateway = TestGateway::start().await;
    let mut socket = gateway.dial().open().await;
    socket.challenge().await;
    // Five times 16 KiB, and no end of the message.
    socket.send_bytes(&frame(0x01, &[b' '; 16 * 1024])).await;
    for _ in 0..4 {
        socket.send_bytes(&frame(0x00, &[b' '; 16 * 1024])).await;
    }
    // More than any slack on top of the limit.
    for _ in 0..4 {
        socket.send_bytes(&frame(0x00, &[b' '; 16 * 1024])).await;
    }
    assert_eq!(socket.closed_at_once().await.code, 1009);
}

#[tokio::test]
async fn nesting_without_end_is_refused_and_nothing_falls_over() {
    let gateway = TestGateway::start().await;
    let deep = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        format!(r#"{{"type":"req","id":"deep","method":"connect","params":{open}{close}}}"#)
    };
    for levels in [100, 1_000, 30_000] {
        let mut socket = gateway.dial().open().await;
        socket.challenge().await;
        socket.send_text(deep(levels)).await;
        socket.closed().await;
    }
    let mut session = gateway.owner().await;
    for levels in [100, 1_000, 1_000_000] {
        session.socket.send_text(deep(levels).replace("connect", "device.pair.list")).await;
        session.answer("deep").await.expect_err("an array is no object");
    }
    session.ok("health", json!({})).await;
}

#[tokio::test]
async fn who_does_not_wait_for_the_greeting_is_served_in_order() {
    let gateway = TestGateway::start().await;
    let mut socket = gateway.dial().open().await;
    let challenge = socket.challenge().await;
    socket.send_json(&Connect::v4().token(&gateway.token()).device(&Device::fresh()).request("0", &challenge)).await;
    // More than may come before the greeting.
    let padding = "x".repeat(200 * 1024);
    for id in ["1", "2", "3"] {
        socket.send_json(&json!({"type": "req", "id": id, "method": "status", "params": {"padding": padding}})).await;
    }
    let mut answered = Vec::new();
    while answered.len() < 4 {
        let frame = socket.next_json().await;
        if frame["type"] == "res" {
            assert_eq!(frame["ok"], true, "{frame}");
            answered.push(frame["id"].as_str().expect("an id").to_owned());
        }
    }
    assert_eq!(answered[0], "0", "the greeting comes first: {answered:?}");
}

#[tokio::test]
async fn what_a_peer_says_of_itself_forges_no_log_line() {
    let gateway = TestGateway::start().await;
    let dial = gateway
        .dial()
        .header("user-agent", "curl code=1000 reason=fine")
        .header("host", "a.example code=1000")
        .header("x-forwarded-for", "1.2.3.4 code=1000, \"quoted\"");
    let connect = Connect::v4()
        .token("wrong")
        .client_member("displayName", "me\nclosed before connect conn=0 \u{202e}code=1000")
        .client_member("version", "1 reason=fine");
    if let Ok(mut socket) = dial.try_open().await {
        let challenge = socket.challenge().await;
        socket.send_json(&connect.request("1", &challenge)).await;
        socket.closed().await;
        gateway.logs(&["closed before connect conn="]).await;
    }
    gateway.refuse(&connect).await;
    gateway.logs(&["unauthorized conn="]).await;
    let mut owner = gateway.owner().await;
    owner.fails("foo code=1000", json!({})).await;
    owner.fails("device.pair.list", json!({"a code=1000 reason=fine": 1})).await;
    gateway.logs(&["errorMessage=unknown method: foo"]).await;
    gateway.logs(&["errorMessage=invalid device.pair.list params"]).await;
    let log = gateway.log();
    for line in log.lines() {
        assert!(!line.contains(" code=1000") && !line.contains(" reason=fine"), "{line}");
        assert!(!line.contains("closed before connect conn=0 "), "{line}");
        assert!(!line.chars().any(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c)), "{line:?}");
    }
}

#[tokio::test]
async fn a_close_is_answered_with_a_close() {
    let gateway = TestGateway::start().await;
    for connected in [false, true] {
        let mut socket = if connected { gateway.owner().await.socket } else { gateway.dial().open().await };
        let code = 1000_u16.to_be_bytes();
        socket.send_bytes(&frame(0x88, &code)).await;
        loop {
            match socket.next().await {
                Frame::Json(_) => {}
                Frame::Closed(close) => {
                    assert_eq!(close.code, 1000, "connected: {connected}");
                    break;
                }
            }
        }
    }
}
