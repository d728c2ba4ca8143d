//! Frames that are not what they should be, before and after `connect`.

use serde_json::{Value, json};

use crate::support::{Close, Connect, Device, Frame, TestGateway};

const PREAUTH_LIMIT: usize = 64 * 1024;
const SESSION_LIMIT: usize = 25 * 1024 * 1024;
/// Most that the parameters of a call may have, in bytes.
const PARAMS_LIMIT: usize = 1024 * 1024;

/// The head of a masked text frame that announces `length` bytes (RFC 6455, section 5.2).
fn announcement(length: usize) -> Vec<u8> {
    let mut head = vec![0x81, 0xff];
    head.extend(u64::try_from(length).expect("a length").to_be_bytes());
    head.extend([0; 4]);
    head
}

#[tokio::test]
async fn a_first_frame_that_is_no_connect_ends_the_connection() {
    let gateway = TestGateway::start().await;
    let no_request = Close::new(1008, "invalid request frame");
    #[rustfmt::skip]
    let rows = [
        // the frame                                                             the close frame
        ("{".to_owned(),                                                         Close::new(1000, "")),
        ("hello".to_owned(),                                                     Close::new(1000, "")),
        (String::new(),                                                          Close::new(1000, "")),
        ("[]".to_owned(),                                                        no_request.clone()),
        ("null".to_owned(),                                                      no_request.clone()),
        (json!({"type": "event", "event": "tick"}).to_string(),                  no_request.clone()),
        (json!({"type": "req", "id": "1"}).to_string(),                          no_request.clone()),
        (json!({"type": "req", "id": "", "method": "connect"}).to_string(),      no_request.clone()),
        (json!({"type": "req", "id": 1, "method": "connect"}).to_string(),       no_request.clone()),
        (json!({"type": "req", "id": "1", "method": ""}).to_string(),            no_request.clone()),
        (json!({"type": "req", "id": "1", "method": "connect", "extra": 1}).to_string(), no_request),
    ];
    for (text, close) in rows {
        let mut socket = gateway.dial().open().await;
        socket.challenge().await;
        socket.send_text(text.clone()).await;
        assert_eq!(socket.closed_at_once().await, close, "{text}");
    }
}

#[tokio::test]
async fn nothing_can_be_called_before_connect() {
    let gateway = TestGateway::start().await;
    let text = "invalid handshake: first request must be connect";
    for method in ["health", "device.pair.list", "Connect", "no.such.method"] {
        let mut socket = gateway.dial().open().await;
        socket.challenge().await;
        socket.send_json(&json!({"type": "req", "id": "7", "method": method, "params": {}})).await;
        let answer = socket.next_json().await;
        assert_eq!((&answer["id"], &answer["ok"]), (&json!("7"), &json!(false)), "{method}: {answer}");
        assert_eq!(answer["error"]["code"], "INVALID_REQUEST", "{method}: {answer}");
        assert_eq!(answer["error"]["message"], text, "{method}");
        assert_eq!(socket.closed_at_once().await, Close::new(1008, text), "{method}");
    }
}

#[tokio::test]
async fn parameters_of_connect_are_checked_and_every_problem_is_named() {
    let gateway = TestGateway::start().await;
    let change = |change: fn(&mut Value)| Connect::v4().token(&gateway.token()).device(&Device::fresh()).spoil(change);
    #[rustfmt::skip]
    let rows: [(Connect, &[&str]); 16] = [
        (change(|p| p["color"] = json!("red")),                 &["at root: unexpected property 'color'"]),
        (change(|p| p["client"]["color"] = json!("red")),       &["at /client: unexpected property 'color'"]),
        (change(|p| p["device"]["color"] = json!("red")),       &["at /device: unexpected property 'color'"]),
        (change(|p| p["auth"]["color"] = json!("red")),         &["at /auth: unexpected property 'color'"]),
        (change(|p| p["minProtocol"] = json!("3")),             &["at /minProtocol: must be integer"]),
        (change(|p| p["maxProtocol"] = json!(0)),               &["at /maxProtocol: must be >= 1"]),
        (change(|p| p["client"]["id"] = json!("mine")),         &["at /client/id: must be equal to one of the allowed values"]),
        (change(|p| p["client"]["mode"] = json!("mine")),       &["at /client/mode: must be equal to one of the allowed values"]),
        (change(|p| p["client"]["version"] = json!("")),        &["at /client/version: must "]),
        (change(|p| p["client"]["displayName"] = json!("")),    &["at /client/displayName: must "]),
        (change(|p| p["scopes"] = json!("operator.admin")),     &["at /scopes: must be array"]),
        (change(|p| p["scopes"] = json!([""])),                 &["at /scopes/0: must "]),
        (change(|p| p["scopes"] = json!([1])),                  &["at /scopes/0: must be string"]),
        (change(|p| p["device"]["signedAt"] = json!(-1)),       &["at /device/signedAt: must be >= 0"]),
        (change(|p| p["client"] = json!([])),                   &["at /client: must be object"]),
        (change(|p| { p["a"] = json!(1); p["client"]["platform"] = json!(7); }),
                                                                &["at root: unexpected property 'a'", "at /client/platform: must be string"]),
    ];
    for (connect, problems) in rows {
        for generation in [3, 4] {
            if problems[0].contains("Protocol") && generation == 3 {
                continue;
            }
            let connect = if generation == 3 { connect.clone().range(3, 3) } else { connect.clone() };
            let refused = gateway.refuse(&connect).await;
            assert_eq!(refused.error["code"], "INVALID_REQUEST", "{problems:?}: {refused:?}");
            assert!(refused.message().starts_with("invalid connect params: "), "{problems:?}: {refused:?}");
            for problem in problems {
                assert!(refused.message().contains(problem), "{problem} is not in {:?}", refused.message());
            }
            assert_eq!(refused.close.code, 1008, "{problems:?}");
            assert!(refused.close.reason.len() <= 120, "{:?}", refused.close.reason);
            assert!(refused.message().starts_with(&refused.close.reason), "{refused:?}");
        }
    }
    for (missing, text) in [
        ("client", "must have required property 'client'"),
        ("minProtocol", "must have required property 'minProtocol'"),
        ("maxProtocol", "must have required property 'maxProtocol'"),
    ] {
        let connect =
            Connect::v4().spoil(move |params| drop(params.as_object_mut().expect("an object").remove(missing)));
        let refused = gateway.refuse(&connect).await;
        assert!(refused.message().contains(text), "{missing}: {refused:?}");
    }
}

#[tokio::test]
async fn a_role_is_operator_or_node() {
    let gateway = TestGateway::start().await;
    for role in ["admin", "Operator", "worker"] {
        let refused = gateway.refuse(&Connect::v4().token(&gateway.token()).role(role)).await;
        assert_eq!(refused.error["code"], "INVALID_REQUEST", "{role}");
        assert_eq!(refused.message(), "invalid role", "{role}");
        assert_eq!(refused.close, Close::new(1008, "invalid role"), "{role}");
    }
}

#[tokio::test]
async fn before_connect_a_frame_may_have_64_kib_and_no_byte_more() {
    let gateway = TestGateway::start().await;
    for (length, taken) in [(PREAUTH_LIMIT, true), (PREAUTH_LIMIT + 1, false), (PREAUTH_LIMIT * 4, false)] {
        let connect = Connect::v4().token(&gateway.token()).device(&Device::fresh());
        let mut socket = gateway.dial().open().await;
        let mut frame = connect.request("connect", &socket.challenge().await);
        frame["params"]["pathEnv"] = json!("");
        let padding = length - frame.to_string().len();
        frame["params"]["pathEnv"] = json!("x".repeat(padding));
        assert_eq!(frame.to_string().len(), length);
        socket.send_json(&frame).await;
        match socket.next().await {
            Frame::Json(answer) => assert!(taken && answer["ok"] == true, "{length} bytes: {answer}"),
            Frame::Closed(close) => assert!(!taken && close.code == 1009, "{length} bytes: {close:?}"),
        }
    }
    // Whoever announces too much is not waited for.
    let mut socket = gateway.dial().open().await;
    socket.challenge().await;
    socket.send_bytes(&announcement(SESSION_LIMIT + 1)).await;
    assert_eq!(socket.closed_at_once().await.code, 1009);
}

#[tokio::test]
async fn after_connect_a_frame_may_have_25_mib_and_no_byte_more() {
    let gateway = TestGateway::start().await;
    let mut session = gateway.owner().await;
    let (head, tail) = (r#"{"type":"req","id":"big","method":"status","params":{"x":""#, r#""}}"#);
    let call = |length: usize| format!("{head}{}{tail}", "x".repeat(length - head.len() - tail.len()));
    session.socket.send_text(call(PARAMS_LIMIT)).await;
    session.answer("big").await.expect("it is served");
    session.socket.send_text(call(SESSION_LIMIT)).await;
    let refused = session.answer("big").await.expect_err("no method of ours takes that much");
    assert_eq!(refused["message"], "invalid status params: at root: must NOT have more than 1048576 bytes");

    session.socket.send_bytes(&announcement(SESSION_LIMIT + 1)).await;
    assert_eq!(session.closed().await.code, 1009);
    gateway.owner().await.ok("health", json!({})).await;
}

#[tokio::test]
async fn binary_frames_are_read_as_text() {
    let gateway = TestGateway::start().await;
    let mut socket = gateway.dial().open().await;
    let challenge = socket.challenge().await;
    let connect = Connect::v4().token(&gateway.token()).device(&Device::fresh());
    socket.send_binary(connect.request("connect", &challenge).to_string().into_bytes()).await;
    assert_eq!(socket.next_json().await["ok"], true);

    let mut session = gateway.owner().await;
    session.socket.send_binary(json!({"type": "req", "id": "b", "method": "health"}).to_string().into_bytes()).await;
    assert_eq!(session.answer("b").await.expect("an answer")["ok"], true);
    // Bytes that are no UTF-8 are no JSON either, and hurt nobody.
    session.socket.send_binary(vec![0xff, 0xfe, b'{']).await;
    session.ok("health", json!({})).await;
}

#[tokio::test]
async fn a_bad_frame_after_connect_is_answered_and_the_session_lives() {
    let gateway = TestGateway::start().await;
    let mut session = gateway.admit(&Connect::v4().token(&gateway.token()).device(&Device::fresh())).await;
    #[rustfmt::skip]
    let rows = [
        // the frame                                                        the id of the answer
        (json!({"type": "req", "id": "a", "method": "health", "x": 1}),     "a"),
        (json!({"type": "req", "id": "b"}),                                 "b"),
        (json!({"type": "res", "id": "c", "ok": true}),                     "c"),
        (json!({"type": "req", "id": "", "method": "health"}),              "invalid"),
        (json!({"type": "req", "id": 7, "method": "health"}),               "invalid"),
        (json!({"method": "health"}),                                       "invalid"),
        (json!([1, 2]),                                                     "invalid"),
        (json!("health"),                                                   "invalid"),
    ];
    for (frame, id) in rows {
        session.socket.send_json(&frame).await;
        let error = session.answer(id).await.expect_err("it is no request");
        assert_eq!(error["code"], "INVALID_REQUEST", "{frame}: {error}");
        assert!(
            error["message"].as_str().is_some_and(|text| text.starts_with("invalid request frame: ")),
            "{frame}: {error}"
        );
    }
    // What is not JSON is only logged.
    session.socket.send_text("{").await;
    session.ok("health", json!({})).await;

    let error = session.fails("connect", json!({})).await;
    assert_eq!(error["code"], "INVALID_REQUEST");
    assert_eq!(error["message"], "connect is only valid as the first request");
    session.ok("health", json!({})).await;
}
