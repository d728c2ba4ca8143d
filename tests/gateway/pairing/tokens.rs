//! Device tokens: stable for their devices, and in clear nowhere.

use std::{fs, path::Path};

use serde_json::json;

use crate::support::{CLI_SCOPES, Close, Connect, Device, TestGateway};

#[tokio::test]
async fn a_token_is_the_same_at_every_connect_and_after_a_restart() {
    let gateway = TestGateway::start().await;
    let device = Device::fresh();
    let connect = Connect::v4().token(&gateway.token()).device(&device);
    let first = gateway.admit(&connect).await;
    let (token, issued) = (first.device_token(), first.auth("issuedAtMs").clone());
    assert!(
        token.len() >= 43 && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)),
        "{token}"
    );
    let by_token = |generation| Connect::of_generation(generation).device_token(&token).device(&device);

    let gateway = {
        for connect in [connect.clone(), connect.clone().scopes(&["operator.read"]), by_token(3), by_token(4)] {
            let again = gateway.admit(&connect).await;
            assert_eq!((again.device_token(), again.auth("issuedAtMs")), (token.clone(), &issued));
        }
        gateway.restart().await
    };
    let again = gateway.admit(&by_token(4)).await;
    assert_eq!((again.device_token(), again.auth("issuedAtMs")), (token.clone(), &issued));
    assert_eq!(again.auth("method"), "device-token");
    assert_eq!(again.scopes(), CLI_SCOPES);
}

#[tokio::test]
async fn each_device_and_role_has_a_token_of_its_own() {
    let gateway = TestGateway::start().await;
    let device = Device::fresh();
    let connect = Connect::v4().token(&gateway.token()).device(&device);
    let operator = gateway.admit(&connect).await.device_token();
    let node = gateway.admit(&connect.clone().node()).await.device_token();
    let other = gateway.admit(&Connect::v4().token(&gateway.token()).device(&Device::fresh())).await.device_token();
    assert!(operator != node && operator != other && node != other);

    let stranger = Device::fresh();
    #[rustfmt::skip]
    let rows = [
        ("another device's token",  Connect::v4().device_token(&other).device(&device)),
        ("another role's token",    Connect::v4().device_token(&node).device(&device)),
        ("a stranger",              Connect::v4().device_token(&operator).device(&stranger)),
        ("a part of it",            Connect::v4().device_token(&operator[..42]).device(&device)),
    ];
    for (what, connect) in rows {
        let refused = gateway.refuse(&connect).await;
        assert_eq!(refused.detail("authReason"), "device_token_mismatch", "{what}: {refused:?}");
    }
    let refused = gateway.refuse(&Connect::v4().device_token(&operator)).await;
    assert!(refused.close.code == 1008, "a token without its device's proof: {refused:?}");
}

#[tokio::test]
async fn both_ways_of_presenting_it_count() {
    let gateway = TestGateway::start().await;
    let device = Device::fresh();
    let token = gateway.admit(&Connect::v4().token(&gateway.token()).device(&device)).await.device_token();
    #[rustfmt::skip]
    let shapes = [
        json!({"token": token}),
        json!({"deviceToken": token}),
        json!({"token": token, "deviceToken": token}),
        json!({"token": "wrong", "deviceToken": token}),
    ];
    for auth in shapes {
        let session = gateway.admit_from_afar(&Connect::v4().auth(auth.clone()).device(&device)).await;
        assert_eq!(session.auth("method"), "device-token", "{}", session.hello);
    }
}

#[tokio::test]
async fn a_device_that_rotates_its_own_token_gets_the_new_one_before_it_is_closed() {
    let gateway = TestGateway::start().await;
    let device = Device::fresh();
    let token = gateway.admit(&Connect::v4().token(&gateway.token()).device(&device)).await.device_token();
    let mut session = gateway.admit(&Connect::v4().device_token(&token).device(&device)).await;
    let answer = session.ok("device.token.rotate", json!({"deviceId": device.id(), "role": "operator"})).await;
    assert_eq!(answer["tokenDelivery"], "in-band", "{answer}");
    let new = answer["token"].as_str().expect("the new token").to_owned();
    assert_eq!(session.closed().await, Close::new(4001, "device removed"));
    let session = gateway.admit(&Connect::v4().device_token(&new).device(&device)).await;
    assert_eq!(session.device_token(), new);
}

#[tokio::test]
async fn a_token_that_was_made_narrower_gives_no_more() {
    let gateway = TestGateway::start().await;
    let device = Device::fresh();
    let connect = Connect::v4().token(&gateway.token()).device(&device);
    gateway.admit(&connect).await;
    let params = json!({"deviceId": device.id(), "role": "operator", "scopes": ["operator.read"]});
    let rotated = gateway.owner().await.ok("device.token.rotate", params).await;
    assert_eq!(rotated["scopes"], json!(["operator.read"]), "{rotated}");
    let reads = Connect::v4().token(&gateway.token()).device(&device).scopes(&["operator.read"]);
    let token = gateway.admit_from_afar(&reads).await.device_token();
    for scopes in [&["operator.read"][..], &CLI_SCOPES, &["operator.admin"]] {
        let connect = Connect::v4().device_token(&token).device(&device).scopes(scopes);
        let mut session = gateway.admit_from_afar(&connect).await;
        assert_eq!(session.scopes(), ["operator.read"], "asked for {scopes:?}");
        session.ok("health", json!({})).await;
        session.fails("config.schema", json!({})).await;
        session.fails("device.pair.list", json!({})).await;
    }
}

#[tokio::test]
async fn a_device_that_ends_itself_is_answered_first() {
    let gateway = TestGateway::start().await;
    for (method, more) in [("device.pair.remove", json!({})), ("device.token.revoke", json!({"role": "operator"}))] {
        let device = Device::fresh();
        let mut session = gateway.admit(&Connect::v4().token(&gateway.token()).device(&device)).await;
        let mut params = more;
        params["deviceId"] = json!(device.id());
        session.ok(method, params).await;
        assert_eq!(session.closed().await, Close::new(4001, "device removed"), "{method}");
    }
}

#[tokio::test]
async fn no_token_lies_in_clear_in_any_file_or_log() {
    let gateway = TestGateway::start().await;
    let shared = gateway.token();
    let mut tokens = Vec::new();
    for generation in [3, 4] {
        let connect = Connect::of_generation(generation).token(&shared).device(&Device::fresh());
        tokens.push(gateway.admit(&connect).await.device_token());
        tokens.push(gateway.admit(&connect.node()).await.device_token());
    }
    let mut files = Vec::new();
    walk(&gateway.state(), &mut files);
    assert!(files.iter().any(|(path, _)| path.ends_with("devices/paired.json")), "the records are written");
    for (path, content) in files {
        assert!(!tokens.iter().any(|token| content.contains(token)), "a device token lies in {path}");
        assert!(path.ends_with("identity/gateway-token") || !content.contains(&shared), "the token lies in {path}");
    }
    let log = gateway.log();
    assert!(!log.contains(&shared) && !tokens.iter().any(|token| log.contains(token)), "a token is in the log");
}

fn walk(directory: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files);
        } else if let Ok(bytes) = fs::read(&path) {
            files.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
}
