//! The challenge and `hello-ok`, in the shape that each generation expects.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Close, Connect, Device, TestGateway};

#[tokio::test]
async fn the_challenge_comes_first_and_is_new_for_each_connection() {
    let gateway = TestGateway::start().await;
    let mut nonces = BTreeSet::new();
    for dial in [gateway.dial(), gateway.dial(), gateway.dial_unix()] {
        let mut socket = dial.open().await;
        let frame = socket.next_json().await;
        assert_eq!(frame["event"], "connect.challenge", "{frame}");
        assert_eq!(keys(&frame), ["event", "payload", "type"], "no number, no state version: {frame}");
        assert!(frame["payload"]["ts"].as_i64().is_some_and(|ts| ts > 1_700_000_000_000), "{frame}");
        nonces.insert(frame["payload"]["nonce"].as_str().expect("a nonce").to_owned());
    }
    assert_eq!(nonces.len(), 3, "{nonces:?}");
    assert!(nonces.iter().all(|nonce| nonce.len() == 36), "{nonces:?}");
}

#[tokio::test]
async fn the_generation_is_negotiated() {
    let gateway = TestGateway::start().await;
    let token = gateway.token();
    #[rustfmt::skip]
    let rows = [
        // the client's range   spoken
        (3, 3,                  Some(3)),
        (4, 4,                  Some(4)),
        (3, 4,                  Some(4)),
        (1, 3,                  Some(3)),
        (4, 9,                  Some(4)),
        (1, 9,                  Some(4)),
        (1, 2,                  None),
        (5, 9,                  None),
        (4, 3,                  None),
    ];
    for (min, max, spoken) in rows {
        let connect = Connect::v4().range(min, max).token(&token).device(&Device::fresh());
        match (gateway.enter(&connect).await, spoken) {
            (Ok(session), Some(spoken)) => assert_eq!(session.hello["protocol"], spoken, "{min}..{max}"),
            (Err(refused), None) => {
                assert_eq!(refused.error["code"], "INVALID_REQUEST", "{min}..{max}: {refused:?}");
                assert_eq!(refused.message(), "protocol mismatch", "{min}..{max}: {refused:?}");
                assert_eq!(refused.close, Close::new(1002, "protocol mismatch"), "{min}..{max}");
                let details = &refused.error["details"];
                assert_eq!(details["code"], "PROTOCOL_MISMATCH", "{min}..{max}");
                assert_eq!(details["clientMinProtocol"], min, "{min}..{max}");
                assert_eq!(details["clientMaxProtocol"], max, "{min}..{max}");
                assert_eq!(details["expectedProtocol"], 4, "{min}..{max}");
            }
            (Ok(session), None) => panic!("{min}..{max} was let in: {}", session.hello),
            (Err(refused), Some(_)) => panic!("{min}..{max}: {refused:?}"),
        }
    }
}

#[tokio::test]
async fn each_generation_is_greeted_in_its_own_shape() {
    let gateway = TestGateway::start().await;
    let token = gateway.token();
    let older = gateway.admit(&Connect::v3().token(&token).device(&Device::fresh())).await.hello;
    let newer = gateway.admit(&Connect::v4().token(&token).device(&Device::fresh())).await.hello;

    for hello in [&older, &newer] {
        assert_eq!(hello["type"], "hello-ok");
        assert_eq!(keys(hello), ["auth", "features", "policy", "protocol", "server", "snapshot", "type"], "{hello}");
        assert!(is_text(&hello["server"]["version"]) && is_text(&hello["server"]["connId"]), "{hello}");
        assert_eq!(hello["policy"]["maxPayload"], 26_214_400);
        assert_eq!(hello["policy"]["maxBufferedBytes"], 52_428_800);
        assert_eq!(hello["policy"]["tickIntervalMs"], 30_000);
        let snapshot = &hello["snapshot"];
        assert!(snapshot["presence"].is_array() && snapshot["health"].is_object(), "{hello}");
        assert!(snapshot["uptimeMs"].is_u64(), "{hello}");
        assert!(
            snapshot["stateVersion"]["presence"].is_u64() && snapshot["stateVersion"]["health"].is_u64(),
            "{hello}"
        );
        assert_eq!(snapshot["sessionDefaults"]["mainSessionKey"], "agent:main:main");
        let auth = &hello["auth"];
        assert_eq!(auth["role"], "operator");
        assert!(is_text(&auth["deviceToken"]) && auth["issuedAtMs"].is_i64(), "{hello}");
    }
    assert!(is_text(&older["server"]["host"]), "{older}");
    assert!(older["auth"].get("method").is_none(), "{older}");
    assert!(newer["server"].get("host").is_none(), "the newer object is closed: {newer}");
    assert!(newer["server"].get("commit").is_none(), "{newer}");
    assert_eq!(newer["auth"]["method"], "token", "{newer}");
}

#[tokio::test]
async fn what_a_client_is_told_depends_on_what_it_may_do() {
    let gateway = TestGateway::start().await;
    #[rustfmt::skip]
    let rows = [
        // scopes                                      presence  paths
        (&["operator.admin"][..],                      true,     true),
        (&["operator.read"][..],                       true,     false),
        (&["operator.write"][..],                      true,     false),
        (&["operator.pairing"][..],                    false,    false),
        (&["operator.pairing", "operator.read"][..],   true,     false),
    ];
    // Somebody is in the list whom all could see.
    let mut owner = gateway.owner().await;
    owner.ok("system-event", json!({"text": "here", "deviceId": "somebody"})).await;
    for generation in [3, 4] {
        for (scopes, presence, paths) in rows {
            let connect = Connect::of_generation(generation).scopes(scopes);
            let hello = gateway.dial_unix().enter(&connect).await.expect("the socket lets all in").hello;
            let snapshot = &hello["snapshot"];
            let listed = !snapshot["presence"].as_array().expect("a list").is_empty();
            assert_eq!(listed, presence, "protocol {generation} {scopes:?}: {hello}");
            for member in ["configPath", "stateDir", "authMode"] {
                assert_eq!(snapshot.get(member).is_some(), paths, "protocol {generation} {scopes:?} {member}: {hello}");
            }
            if paths {
                assert_eq!(snapshot["stateDir"], json!(gateway.state()), "{hello}");
                assert_eq!(snapshot["authMode"], "token", "{hello}");
            }
        }
    }
}

#[tokio::test]
async fn auth_is_optional_for_the_older_generation_only() {
    let gateway = TestGateway::start().await;
    // Nothing gives a client without a device a token.
    let older = gateway.admit(&Connect::v3().token(&gateway.token())).await.hello;
    assert!(older.get("auth").is_none(), "{older}");
    let newer = gateway.admit(&Connect::v4().token(&gateway.token())).await.hello;
    assert_eq!(newer["auth"]["role"], "operator", "{newer}");
    assert!(newer["auth"].get("deviceToken").is_none(), "{newer}");
}

#[tokio::test]
async fn the_features_are_what_is_served() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let names = |list: &Value| -> Vec<String> { serde_json::from_value(list.clone()).expect("names") };
    let methods = names(&owner.hello["features"]["methods"]);
    assert_eq!(methods.iter().collect::<BTreeSet<_>>().len(), methods.len(), "no name twice: {methods:?}");
    for expected in [
        "config.get",
        "config.schema",
        "device.pair.approve",
        "device.pair.list",
        "device.pair.reject",
        "device.pair.remove",
        "device.pair.rename",
        "device.token.revoke",
        "device.token.rotate",
        "gateway.identity.get",
        "health",
        "last-heartbeat",
        "logs.tail",
        "set-heartbeats",
        "status",
        "system-event",
        "system-presence",
    ] {
        assert!(methods.iter().any(|method| method == expected), "{expected} is not among {methods:?}");
    }
    for method in &methods {
        // An array is wrong for all of them, so nothing happens.
        let answer = owner.call(method, json!([])).await;
        let unknown = answer.is_err_and(|error| error["message"] == format!("unknown method: {method}"));
        assert!(!unknown, "{method} is advertised and not served");
    }
    for absent in ["agents.list", "chat.send", "sessions.list", "channels.status", "cron.list", "connect.me", "Health"]
    {
        assert!(!methods.iter().any(|method| method == absent), "{absent} is advertised");
        let error = owner.fails(absent, json!({})).await;
        assert_eq!(
            (&error["code"], &error["message"]),
            (&json!("INVALID_REQUEST"), &json!(format!("unknown method: {absent}")))
        );
    }
    let events = names(&owner.hello["features"]["events"]);
    for expected in ["tick", "health", "presence", "shutdown", "device.pair.requested", "device.pair.resolved"] {
        assert!(events.iter().any(|event| event == expected), "{expected} is not among {events:?}");
    }
}

fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = object.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}
