//! What the methods answer.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Connect, Device, TestGateway};

#[tokio::test]
async fn health_and_status_have_the_members_that_clients_read() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    for params in [json!({}), json!({"probe": true})] {
        let health = owner.ok("health", params).await;
        assert_eq!(health["ok"], true, "{health}");
        assert!(health["ts"].is_i64() && health["durationMs"].is_number(), "{health}");
        for (member, empty) in [("channels", json!({})), ("channelOrder", json!([])), ("channelLabels", json!({}))] {
            assert_eq!(health[member], empty, "{member}: {health}");
        }
        assert!(health["agents"].is_array() && health["sessions"].is_object(), "{health}");
    }
    let status = owner.ok("status", json!({})).await;
    assert_eq!(status["sessions"]["count"], 0, "{status}");
    assert!(status["channelSummary"].is_array() && status["queuedSystemEvents"].is_array(), "{status}");
    assert_eq!(owner.ok("last-heartbeat", json!({})).await, Value::Null);
    for enabled in [false, true] {
        let answer = owner.ok("set-heartbeats", json!({"enabled": enabled})).await;
        assert_eq!(answer, json!({"ok": true, "enabled": enabled}));
    }
}

#[tokio::test]
async fn presence_lists_the_gateway_its_sessions_and_what_was_reported() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let entries = |list: Value| list.as_array().expect("the array itself").clone();
    let own = entries(owner.ok("system-presence", json!({})).await);
    assert!(own.iter().any(|entry| entry["mode"] == "gateway" && entry["reason"] == "self"), "{own:?}");
    assert!(own.iter().all(|entry| entry["ts"].is_i64()), "{own:?}");

    let report =
        json!({"text": "Node: kitchen", "deviceId": "k1", "host": "kitchen", "tags": ["a"], "lastInputSeconds": 3});
    assert_eq!(owner.ok("system-event", report).await, json!({"ok": true}));
    let event = owner.event("presence").await;
    assert!(event["stateVersion"]["presence"].as_u64().is_some_and(|version| version > 1), "{event}");
    let told = entries(event["payload"]["presence"].clone());
    let listed = entries(owner.ok("system-presence", json!({})).await);
    for list in [told, listed] {
        let entry = list.iter().find(|entry| entry["host"] == "kitchen").expect("the entry");
        assert_eq!((&entry["text"], &entry["tags"]), (&json!("Node: kitchen"), &json!(["a"])), "{entry}");
    }
    // Reported again, it is the same entry.
    owner.ok("system-event", json!({"text": "again", "deviceId": "k1"})).await;
    let list = entries(owner.ok("system-presence", json!({})).await);
    assert_eq!(list.iter().filter(|entry| entry["deviceId"] == "k1").count(), 1, "{list:?}");

    let device = Device::fresh();
    let node = Connect::v4().node().token(&gateway.token()).device(&device);
    let node = gateway.admit(&node).await;
    let connected = entries(owner.ok("system-presence", json!({})).await);
    let of_device = |entry: &&Value| entry["deviceId"] == device.id();
    assert_eq!(connected.iter().find(of_device).expect("the node")["reason"], "connect", "{connected:?}");
    node.leave().await;
    loop {
        let list = entries(owner.event("presence").await["payload"]["presence"].clone());
        if list.iter().find(of_device).is_some_and(|entry| entry["reason"] == "disconnect") {
            break;
        }
    }
}

#[tokio::test]
async fn the_gateway_has_an_identity_that_lasts() {
    let gateway = TestGateway::start().await;
    let first = gateway.owner().await.ok("gateway.identity.get", json!({})).await;
    assert_eq!(first["deviceId"].as_str().map(str::len), Some(64), "{first}");
    assert_eq!(first["publicKey"].as_str().map(str::len), Some(43), "{first}");
    let gateway = gateway.restart().await;
    assert_eq!(gateway.owner().await.ok("gateway.identity.get", json!({})).await, first);
}

#[tokio::test]
async fn the_log_is_read_by_cursor() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let tail = owner.ok("logs.tail", json!({})).await;
    assert!(
        tail["file"].as_str().is_some_and(|file| file.starts_with(&gateway.state().display().to_string())),
        "{tail}"
    );
    assert_eq!((&tail["truncated"], &tail["reset"]), (&json!(false), &json!(false)), "{tail}");
    assert!(!tail["lines"].as_array().expect("lines").is_empty(), "{tail}");
    assert_eq!(tail["cursor"], tail["size"], "{tail}");

    // From the cursor on there is what was written since.
    gateway.refuse(&Connect::v4().device(&Device::fresh())).await;
    let mut cursor = tail["cursor"].clone();
    let refused = loop {
        let tail = owner.ok("logs.tail", json!({"cursor": cursor})).await;
        cursor = tail["cursor"].clone();
        let lines: Vec<String> = serde_json::from_value(tail["lines"].clone()).expect("lines");
        if let Some(line) = lines.into_iter().find(|line| line.contains("closed before connect conn=")) {
            break line;
        }
    };
    for part in ["remote=", "fwd=n/a", "origin=n/a", "host=", "ua=n/a", "code=1008", "reason="] {
        assert!(refused.contains(part), "{part} is not in {refused}");
    }
    let one = owner.ok("logs.tail", json!({"limit": 1})).await;
    assert_eq!(one["lines"].as_array().map(Vec::len), Some(1), "{one}");
    let beyond = owner.ok("logs.tail", json!({"cursor": 1_000_000_000_000_u64})).await;
    assert_eq!(beyond["reset"], true, "{beyond}");
}

#[tokio::test]
async fn the_configuration_is_shown_without_its_secrets() {
    let config = json!({
        "gateway": {"auth": {"token": "a-secret-that-nobody-sees"}, "reload": {"debounceMs": 100}},
        "agents": {"defaults": {"workspace": "/x"}},
    });
    let gateway = TestGateway::builder().config(&config).start().await;
    let mut owner = gateway.owner().await;
    let shown = owner.ok("config.get", json!({})).await;
    assert!(!shown.to_string().contains("a-secret-that-nobody-sees"), "{shown}");
    assert_eq!(shown["path"], json!(gateway.state().join("openclaw.json")), "{shown}");
    assert_eq!((&shown["exists"], &shown["valid"]), (&json!(true), &json!(true)), "{shown}");
    assert_eq!(shown["parsed"]["gateway"]["auth"]["token"], "__OPENCLAW_REDACTED__", "{shown}");
    assert_eq!(shown["parsed"]["agents"]["defaults"]["workspace"], "/x", "strange keys are kept: {shown}");
    assert!(shown["hash"].is_string(), "{shown}");
    let schema = owner.ok("config.schema", json!({})).await;
    assert!(schema["schema"].is_object() && schema["version"].is_string(), "{schema}");
    // Reading changed nothing.
    let file = fs::read_to_string(gateway.state().join("openclaw.json")).expect("the file is there");
    assert_eq!(file, config.to_string());
}

#[tokio::test]
async fn whoever_may_only_read_sees_of_the_configuration_what_is_known_to_be_none() {
    const SECRETS: [&str; 6] = ["s-argument", "s-url", "s-name", "s-comment", "s-misplaced", "s-list"];
    let config = r#"{
        // was s-comment
        gateway: { port: 18789, auth: "s-misplaced", mode: "local", trustedProxies: ["10.0.0.1"] },
        mcp: { command: "run -t s-argument", url: "https://s-url@host", pat: "s-name", on: true, list: ["s-list"] },
    }"#;
    let gateway = TestGateway::start().await;
    fs::write(gateway.state().join("openclaw.json"), config).expect("writable");
    let connect = Connect::v4().token(&gateway.token()).scopes(&["operator.read"]).device(&Device::fresh());
    let shown = gateway.admit(&connect).await.ok("config.get", json!({})).await;
    for secret in SECRETS {
        assert!(!shown.to_string().contains(secret), "{secret} in {shown}");
    }
    let seen = &shown["parsed"];
    assert_eq!((&seen["gateway"]["trustedProxies"], &seen["gateway"]["mode"]), (&json!(["10.0.0.1"]), &json!("local")));
    assert_eq!((&seen["mcp"]["on"], &shown["raw"], &shown["valid"]), (&json!(true), &Value::Null, &json!(false)));
    let admins = gateway.owner().await.ok("config.get", json!({})).await;
    assert_ne!(shown["hash"], admins["hash"]);
}

#[tokio::test]
async fn calls_of_one_session_are_answered_while_others_are_worked_on() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let mut ids = Vec::new();
    for number in 0..200 {
        let method = ["health", "device.pair.list", "logs.tail", "config.get"][number % 4];
        ids.push(owner.send(method, json!({})).await);
    }
    while !ids.is_empty() {
        let frame = owner.socket.next_json().await;
        if frame["type"] == "res" {
            assert_eq!(frame["ok"], true, "{frame}");
            let position = ids.iter().position(|id| frame["id"] == **id).expect("an answer to each, once");
            ids.swap_remove(position);
        }
    }
}
