//! Devices that have to wait: the request, how the refused client learns of it, and how it ends.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::{approve, list, record, waiting};
use crate::support::{CLI_SCOPES, Connect, Device, TestGateway};

#[tokio::test]
async fn the_refused_client_learns_the_request_and_the_command() {
    let gateway = TestGateway::start().await;
    for (generation, id, mode) in
        [(3, "cli", "cli"), (4, "cli", "cli"), (4, "openclaw-macos", "ui"), (4, "node-host", "node")]
    {
        let device = Device::fresh();
        let connect = Connect::of_generation(generation).token(&gateway.token()).device(&device);
        let connect = if mode == "node" { connect.node() } else { connect.client(id, mode) };
        let refused = gateway.refuse_from_afar(&connect).await;
        let request = refused.request_id();
        let shown = format!("protocol {generation}, {id}: {refused:?}");

        assert_eq!(refused.error["code"], "NOT_PAIRED", "{shown}");
        assert!(refused.message().starts_with("pairing required: device is not approved yet"), "{shown}");
        assert!(refused.message().contains(&format!("openclaw devices approve {request}")), "{shown}");
        // Clients find the id in the message by this pattern.
        assert!(refused.message().contains(&format!("(requestId: {request})")), "{shown}");
        assert_eq!(refused.detail("reason"), "not-paired", "{shown}");
        assert_eq!(refused.detail("deviceId"), &json!(device.id()), "{shown}");
        assert_eq!(refused.detail("requestedRole"), if mode == "node" { "node" } else { "operator" }, "{shown}");
        assert_eq!(refused.error["details"].get("requestedScopes").is_some(), mode != "node", "{shown}");
        // With these three a node host comes back by itself after the approval.
        assert_eq!(refused.detail("recommendedNextStep"), "wait_then_retry", "{shown}");
        assert_eq!(refused.detail("retryable"), true, "{shown}");
        assert_eq!(refused.detail("pauseReconnect"), false, "{shown}");

        // Older clients show nothing but this.
        let close = &refused.close;
        assert_eq!(close.code, 1008, "{shown}");
        assert!(close.reason.len() < 120, "{} bytes: {shown}", close.reason.len());
        assert!(close.reason.starts_with("pairing required"), "{shown}");
        assert!(close.reason.contains(&format!("openclaw devices approve {request}")), "{shown}");

        // And the log says what it rests on.
        let logged = ["closed before connect conn=", "reason=pairing required", "class=unattributable", &request];
        gateway.logs(&logged).await;
        super::approve(&mut gateway.owner().await, &request).await;
    }
}

#[tokio::test]
async fn no_request_is_made_without_a_right_secret() {
    let gateway = TestGateway::start().await;
    for generation in [3, 4] {
        let connect = || Connect::of_generation(generation).device(&Device::fresh());
        for connect in
            [connect(), connect().token("wrong"), connect().device_token("wrong"), connect().password("wrong")]
        {
            let refused = gateway.refuse_from_afar(&connect).await;
            assert!(refused.message().starts_with("unauthorized: "), "{refused:?}");
            assert!(refused.error["details"].get("requestId").is_none(), "{refused:?}");
        }
    }
    assert!(waiting(&mut gateway.owner().await).await.is_empty());
}

#[tokio::test]
async fn a_request_is_listed_and_approving_it_lets_the_device_in() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    for generation in [3, 4] {
        let device = Device::fresh();
        let connect = Connect::of_generation(generation)
            .token(&gateway.token())
            .device(&device)
            .client_member("displayName", "my laptop");
        let request = gateway.refuse_from_afar(&connect).await.request_id();

        let pending = list(&mut owner).await["pending"][0].take();
        assert_eq!(pending["requestId"], request, "{pending}");
        assert_eq!(pending["deviceId"], device.id(), "{pending}");
        assert_eq!(pending["publicKey"], device.public_key(), "{pending}");
        assert_eq!(pending["displayName"], "my laptop", "{pending}");
        assert_eq!(pending["platform"], "linux", "{pending}");
        assert_eq!((&pending["clientId"], &pending["clientMode"]), (&json!("cli"), &json!("cli")), "{pending}");
        assert_eq!(pending["role"], "operator", "{pending}");
        assert_eq!(pending["scopes"], json!(CLI_SCOPES), "{pending}");
        assert!(pending["ts"].is_i64(), "{pending}");
        assert_ne!(pending["isRepair"], true, "{pending}");
        assert_ne!(pending["silent"], true, "{pending}");

        let approved = approve(&mut owner, &request).await;
        assert_eq!(approved["requestId"], request, "{approved}");
        assert_eq!(approved["device"]["deviceId"], device.id(), "{approved}");
        assert!(approved["device"].get("connected").is_none(), "{approved}");
        gateway.logs(&[&format!("device pairing approved device={} role=operator", device.id())]).await;
        assert!(waiting(&mut owner).await.is_empty());

        let mut session = gateway.admit_from_afar(&connect).await;
        session.ok("device.pair.list", json!({})).await;
        let token = session.device_token();
        let record = record(&mut owner, &device).await;
        assert_eq!(record["approvedVia"], "owner", "{record}");
        // From now on the device's own token does, without the secret.
        let connect = Connect::of_generation(generation).device_token(&token).device(&device);
        gateway.admit_from_afar(&connect).await.ok("device.pair.list", json!({})).await;
    }
}

#[tokio::test]
async fn the_same_or_less_asked_again_is_the_same_request() {
    let gateway = TestGateway::start().await;
    let device = Device::fresh();
    let connect = |scopes: &[&str]| Connect::v4().token(&gateway.token()).device(&device).scopes(scopes);
    let first = gateway.refuse_from_afar(&connect(&["operator.write", "operator.pairing"])).await.request_id();
    let scopes = [&["operator.write", "operator.pairing"][..], &["operator.pairing"], &["operator.read"], &[]];
    for scopes in scopes {
        let again = gateway.refuse_from_afar(&connect(scopes)).await.request_id();
        assert_eq!(again, first, "{scopes:?} is no more than was asked for");
    }
    assert_eq!(waiting(&mut gateway.owner().await).await, [first]);
}

#[tokio::test]
async fn more_asked_is_a_new_request_and_the_old_one_is_resolved() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let device = Device::fresh();
    let connect = |scopes: &[&str]| Connect::v4().token(&gateway.token()).device(&device).scopes(scopes);
    let first = gateway.refuse_from_afar(&connect(&["operator.read"])).await.request_id();
    assert_eq!(owner.event("device.pair.requested").await["payload"]["requestId"], first);
    let second = gateway.refuse_from_afar(&connect(&["operator.pairing"])).await.request_id();
    assert_ne!(second, first);
    assert_eq!(owner.event("device.pair.requested").await["payload"]["requestId"], second);
    let resolved = &owner.event("device.pair.resolved").await["payload"];
    assert_eq!((&resolved["requestId"], &resolved["decision"]), (&json!(first), &json!("rejected")));
    assert_eq!(waiting(&mut owner).await, [second.as_str()]);

    let error = owner.fails("device.pair.approve", json!({"requestId": first})).await;
    assert_eq!(error["message"], "unknown requestId");
    // The new one asks for both.
    approve(&mut owner, &second).await;
    let session = gateway.admit_from_afar(&connect(&["operator.pairing", "operator.read"])).await;
    assert_eq!(session.scopes(), ["operator.pairing", "operator.read"]);
}

#[tokio::test]
async fn a_superseded_request_was_not_rejected_by_anybody() {
    let gateway = TestGateway::start().await;
    let device = Device::fresh();
    let connect = |scopes: &[&str]| Connect::v4().token(&gateway.token()).device(&device).scopes(scopes);
    gateway.refuse_from_afar(&connect(&["operator.read"])).await;
    gateway.refuse_from_afar(&connect(&["operator.pairing"])).await;
    // Near, and with the secret, the device is still welcome; what waited is settled by that.
    gateway.admit(&connect(&CLI_SCOPES)).await;
    assert!(waiting(&mut gateway.owner().await).await.is_empty());
}

#[tokio::test]
async fn a_request_that_nobody_decides_on_is_forgotten() {
    let mut gateway = TestGateway::start().await;
    let connect = Connect::v4().token(&gateway.token()).device(&Device::fresh());
    let request = gateway.refuse_from_afar(&connect).await.request_id();
    gateway.signal(Signal::SIGTERM);
    gateway.ended().await;
    // Six minutes pass, one more than a request waits.
    let path = gateway.state().join("devices/pending.json");
    let mut pending: Value = serde_json::from_slice(&fs::read(&path).expect("the file is there")).expect("JSON");
    for time in pending[&request].as_object_mut().expect("the request").values_mut() {
        if let Some(ms) = time.as_i64().filter(|ms| *ms > 1_000_000_000_000) {
            *time = json!(ms - 360_000);
        }
    }
    fs::write(&path, pending.to_string()).expect("a file can be written");
    let gateway = gateway.restart().await;
    let mut owner = gateway.owner().await;
    assert!(waiting(&mut owner).await.is_empty());
    owner.fails("device.pair.approve", json!({"requestId": request})).await;
    assert_ne!(gateway.refuse_from_afar(&connect).await.request_id(), request);
}

#[tokio::test]
async fn requests_outlive_the_gateway() {
    let gateway = TestGateway::start().await;
    let device = Device::fresh();
    let connect = Connect::v4().token(&gateway.token()).device(&device);
    let request = gateway.refuse_from_afar(&connect).await.request_id();
    let gateway = gateway.restart().await;
    let mut owner = gateway.owner().await;
    assert_eq!(waiting(&mut owner).await, [request.as_str()]);
    approve(&mut owner, &request).await;
    let gateway = gateway.restart().await;
    gateway.admit_from_afar(&connect).await;
}
