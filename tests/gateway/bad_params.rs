//! Parameters of each method: what is refused, what is ignored, and who may call.

use serde_json::{Value, json};

use crate::support::{Connect, Device, TestGateway};

/// Methods that take no parameters, and refuse any.
const CLOSED: [&str; 3] = ["device.pair.list", "config.get", "config.schema"];

/// Methods that ignore members that they do not know: releases differ in what they send.
const OPEN: [&str; 5] = ["health", "status", "system-presence", "last-heartbeat", "gateway.identity.get"];

#[tokio::test]
async fn strange_members_are_refused_or_ignored() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    for method in CLOSED {
        let error = owner.fails(method, json!({"color": "red"})).await;
        assert_eq!(error["code"], "INVALID_REQUEST", "{method}");
        assert_eq!(error["message"], format!("invalid {method} params: at root: unexpected property 'color'"));
    }
    for method in OPEN {
        owner.ok(method, json!({"color": "red"})).await;
    }
    assert_eq!(owner.ok("set-heartbeats", json!({"enabled": true, "color": "red"})).await["ok"], true);
    owner.ok("status", json!({"includeChannelSummary": false, "includeCliProjection": true})).await;
}

#[tokio::test]
async fn null_parameters_equal_none_and_an_array_is_refused() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    for method in CLOSED.iter().chain(&OPEN).chain(&["logs.tail"]) {
        owner.ok(method, Value::Null).await;
        let error = owner.fails(method, json!([])).await;
        assert_eq!(error["message"], format!("invalid {method} params: must be object"));
    }
    // Absent altogether.
    owner.socket.send_json(&json!({"type": "req", "id": "none", "method": "device.pair.list"})).await;
    owner.answer("none").await.expect("parameters may be absent");
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let long = "x".repeat(65);
    #[rustfmt::skip]
    let rows = [
        ("device.pair.approve", json!({}),                              "must have required property 'requestId'"),
        ("device.pair.approve", json!({"requestId": 7}),                "at /requestId: must be string"),
        ("device.pair.approve", json!({"requestId": "a", "x": 1}),      "at root: unexpected property 'x'"),
        ("device.pair.reject",  json!({}),                              "must have required property 'requestId'"),
        ("device.pair.reject",  json!({"requestId": ""}),               "at /requestId: must "),
        ("device.pair.remove",  json!({}),                              "must have required property 'deviceId'"),
        ("device.pair.remove",  json!({"deviceId": []}),                "at /deviceId: must be string"),
        ("device.pair.rename",  json!({"deviceId": "a"}),               "must have required property 'label'"),
        ("device.pair.rename",  json!({"deviceId": "a", "label": ""}),  "at /label: must "),
        ("device.pair.rename",  json!({"deviceId": "a", "label": long}), "at /label: must "),
        ("device.token.rotate", json!({"deviceId": "a"}),               "must have required property 'role'"),
        ("device.token.rotate", json!({"deviceId": "a", "role": "operator", "scopes": "x"}), "at /scopes: must be array"),
        ("device.token.revoke", json!({"role": "operator"}),            "must have required property 'deviceId'"),
        ("device.token.revoke", json!({"deviceId": "a", "role": "operator", "scopes": []}), "at root: unexpected property 'scopes'"),
        ("logs.tail",           json!({"limit": 0}),                    "at /limit: must be >= 1"),
        ("logs.tail",           json!({"limit": 5001}),                 "at /limit: must be <= 5000"),
        ("logs.tail",           json!({"limit": 1.5}),                  "at /limit: must be integer"),
        ("logs.tail",           json!({"cursor": -1}),                  "at /cursor: must be >= 0"),
        ("logs.tail",           json!({"maxBytes": 1_000_001}),         "at /maxBytes: must be <= 1000000"),
        ("logs.tail",           json!({"follow": true}),                "at root: unexpected property 'follow'"),
        ("system-event",        json!({}),                              "must have required property 'text'"),
        ("system-event",        json!({"text": 1}),                     "at /text: must be string"),
        ("system-event",        json!({"text": "a", "tags": [1]}),      "at /tags/0: must be string"),
        ("set-heartbeats",      json!({"enabled": "yes"}),              ""),
        ("set-heartbeats",      json!({}),                              ""),
    ];
    for (method, params, problem) in rows {
        let shown = params.to_string();
        let error = owner.fails(method, params).await;
        assert_eq!(error["code"], "INVALID_REQUEST", "{method} {shown}: {error}");
        let message = error["message"].as_str().expect("a message");
        assert!(message.starts_with(&format!("invalid {method} params: ")), "{method} {shown}: {message}");
        assert!(message.contains(problem), "{method} {shown}: {message}");
    }
}

#[tokio::test]
async fn what_is_not_known_is_said_in_the_words_of_the_protocol() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let (request, device) = ("11111111-2222-4333-8444-555555555555", "ab".repeat(32));
    #[rustfmt::skip]
    let rows = [
        ("device.pair.approve", json!({"requestId": request}),                      "unknown requestId"),
        ("device.pair.approve", json!({"requestId": "no such id!"}),                "unknown requestId"),
        ("device.pair.reject",  json!({"requestId": request}),                      "unknown requestId"),
        ("device.pair.remove",  json!({"deviceId": device}),                        "unknown deviceId"),
        ("device.pair.remove",  json!({"deviceId": "../../etc/passwd"}),            "unknown deviceId"),
        ("device.pair.rename",  json!({"deviceId": device, "label": "x"}),          "unknown deviceId"),
        ("device.token.rotate", json!({"deviceId": device, "role": "operator"}),    "device token rotation denied (openclaw devices list "),
        ("device.token.rotate", json!({"deviceId": device, "role": "emperor"}),     "device token rotation denied (openclaw devices list "),
        ("device.token.revoke", json!({"deviceId": device, "role": "operator"}),    "device token revocation denied (openclaw devices list "),
    ];
    for (method, params, text) in rows {
        let error = owner.fails(method, params).await;
        let message = error["message"].as_str().expect("a text");
        // Beyond these words there is at most advice.
        let told = message == text || text.ends_with(' ') && message.starts_with(text);
        assert!(error["code"] == "INVALID_REQUEST" && told, "{method}: {error}");
    }
}

#[tokio::test]
async fn each_method_asks_for_its_scope_in_the_words_of_each_generation() {
    let gateway = TestGateway::start().await;
    #[rustfmt::skip]
    let rows = [
        // method                   scope
        ("health",                  "operator.read"),
        ("status",                  "operator.read"),
        ("system-presence",         "operator.read"),
        ("last-heartbeat",          "operator.read"),
        ("gateway.identity.get",    "operator.read"),
        ("logs.tail",               "operator.read"),
        ("config.get",              "operator.read"),
        ("config.schema",           "operator.admin"),
        ("system-event",            "operator.admin"),
        ("set-heartbeats",          "operator.admin"),
        ("device.pair.list",        "operator.pairing"),
        ("device.pair.approve",     "operator.pairing"),
        ("device.pair.reject",      "operator.pairing"),
        ("device.pair.remove",      "operator.pairing"),
        ("device.pair.rename",      "operator.pairing"),
        ("device.token.rotate",     "operator.pairing"),
        ("device.token.revoke",     "operator.pairing"),
    ];
    for generation in [3, 4] {
        let connect = Connect::of_generation(generation).scopes(&["operator.approvals"]);
        let mut session = gateway.dial_unix().enter(&connect).await.expect("the socket lets all in");
        for (method, scope) in rows {
            // The newer generation answers health to whoever is connected, the older one to readers; the narrower holds.
            let error = session.fails(method, json!({})).await;
            let message = error["message"].as_str().expect("a message");
            assert!(
                message.starts_with(&format!("missing scope: {scope}")),
                "protocol {generation} {method}: {message}"
            );
            if generation == 3 {
                assert_eq!(error["code"], "INVALID_REQUEST", "{method}");
            } else {
                assert_eq!(error["code"], "FORBIDDEN", "{method}");
                assert_eq!(error["details"]["code"], "MISSING_SCOPE", "{method}: {error}");
                assert_eq!(error["details"]["missingScope"], scope, "{method}: {error}");
                assert_eq!(error["details"]["requiredScopes"], json!([scope]), "{method}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn a_node_may_not_call_what_operators_call() {
    let gateway = TestGateway::start().await;
    let connect = Connect::v4().node().token(&gateway.token()).device(&Device::fresh());
    let mut node = gateway.admit(&connect).await;
    for method in ["health", "device.pair.list", "config.get"] {
        let error = node.fails(method, json!({})).await;
        assert_eq!(error["code"], "INVALID_REQUEST", "{method}");
        assert_eq!(error["message"], "unauthorized role: node", "{method}");
    }
    // One that goes on asking is sent away.
    let close = loop {
        node.send("health", json!({})).await;
        match node.socket.next().await {
            crate::support::Frame::Json(_) => {}
            crate::support::Frame::Closed(close) => break close,
        }
    };
    assert_eq!(close, crate::support::Close::new(1008, "repeated unauthorized calls"));
}
