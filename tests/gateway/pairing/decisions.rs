//! What operators decide on devices: reject, revoke, rotate, remove, rename.

use serde_json::json;

use super::{approve, pair_from_afar, record, waiting};
use crate::support::{Close, Connect, Device, TestGateway};

/// How live sessions of a device end that no longer counts.
fn removed() -> Close {
    Close::new(4001, "device removed")
}

#[tokio::test]
async fn a_rejected_device_is_not_silent_until_it_is_approved() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let device = Device::fresh();
    let connect = Connect::v4().token(&gateway.token()).device(&device);
    let first = gateway.refuse_from_afar(&connect).await.request_id();
    let answer = owner.ok("device.pair.reject", json!({"requestId": first})).await;
    assert_eq!(answer, json!({"requestId": first, "deviceId": device.id()}));
    assert!(waiting(&mut owner).await.is_empty());

    // Here a new device would be let in.
    let second = gateway.refuse(&connect).await.request_id();
    assert_ne!(second, first);
    approve(&mut owner, &second).await;
    gateway.admit(&connect).await;
    gateway.admit_from_afar(&connect).await;
}

#[tokio::test]
async fn a_rejected_widening_leaves_what_was_granted() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let device = Device::fresh();
    pair_from_afar(&gateway, &device, &["operator.read"]).await;
    let wider = Connect::v4().token(&gateway.token()).device(&device).scopes(&["operator.read", "operator.pairing"]);
    gateway.admit_from_afar(&wider).await;
    let request = waiting(&mut owner).await.pop().expect("a request waits");
    owner.ok("device.pair.reject", json!({"requestId": request})).await;
    // Near, it is admitted with what it had, and the widening is not silent.
    let mut session = gateway.admit(&wider).await;
    assert_eq!(session.scopes(), ["operator.read"]);
    session.ok("health", json!({})).await;
}

#[tokio::test]
async fn revoking_ends_live_sessions_and_silence() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let device = Device::fresh();
    let connect = Connect::v4().token(&gateway.token()).device(&device);
    let mut session = gateway.admit(&connect).await;
    let token = session.device_token();
    let mut bystander = gateway.admit(&Connect::v4().token(&gateway.token()).device(&Device::fresh())).await;

    let answer = owner.ok("device.token.revoke", json!({"deviceId": device.id(), "role": "operator"})).await;
    assert_eq!((&answer["deviceId"], &answer["role"]), (&json!(device.id()), &json!("operator")), "{answer}");
    assert!(answer["revokedAtMs"].is_i64(), "{answer}");
    assert_eq!(session.closed().await, removed());
    bystander.ok("health", json!({})).await;
    gateway.logs(&[&format!("device token revoked device={} role=operator", device.id())]).await;

    let refused = gateway.refuse(&Connect::v4().device_token(&token).device(&device)).await;
    assert_eq!(refused.detail("authReason"), "device_token_mismatch", "{refused:?}");
    // Even with the secret, and even here, somebody has to approve it again.
    let request = gateway.refuse(&connect).await.request_id();
    approve(&mut owner, &request).await;
    let session = gateway.admit(&connect).await;
    assert_ne!(session.device_token(), token, "the revoked token does not come back");
}

#[tokio::test]
async fn rotating_ends_live_sessions_and_the_old_token() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    for generation in [3, 4] {
        let device = Device::fresh();
        let connect = Connect::of_generation(generation).token(&gateway.token()).device(&device);
        let mut session = gateway.admit(&connect).await;
        let old = session.device_token();

        let answer = owner.ok("device.token.rotate", json!({"deviceId": device.id(), "role": "operator"})).await;
        assert_eq!(answer["deviceId"], device.id(), "{answer}");
        assert!(answer["rotatedAtMs"].is_i64(), "{answer}");
        assert_eq!(answer["tokenDelivery"], "withheld-cross-device", "{answer}");
        assert!(answer.get("token").is_none(), "the new token is the device's business: {answer}");
        assert_eq!(session.closed().await, removed());
        gateway.logs(&[&format!("device token rotated device={} role=operator", device.id())]).await;

        let stale = Connect::of_generation(generation).device_token(&old).device(&device);
        let refused = gateway.refuse(&stale).await;
        // This text makes clients forget the token that they stored.
        assert!(refused.message().starts_with("unauthorized: device token mismatch"), "{refused:?}");
        assert!(refused.close.reason.contains("device token mismatch"), "{refused:?}");
        let new = gateway.admit(&connect).await.device_token();
        assert_ne!(new, old);
        gateway.admit_from_afar(&Connect::of_generation(generation).device_token(&new).device(&device)).await;
    }
}

#[tokio::test]
async fn rotation_stays_within_what_was_approved() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let device = Device::fresh();
    pair_from_afar(&gateway, &device, &["operator.read"]).await;
    for (role, scopes, advice) in
        [("operator", json!(["operator.admin"]), "let the device ask"), ("node", json!([]), "openclaw devices list")]
    {
        let params = json!({"deviceId": device.id(), "role": role, "scopes": scopes});
        let error = owner.fails("device.token.rotate", params).await;
        let message = error["message"].as_str().expect("a text");
        assert!(message.starts_with(&format!("device token rotation denied ({advice}")), "{role} {scopes}: {message}");
    }
    gateway.logs(&["device token rotation denied device=", "reason=scope-outside-approved-baseline"]).await;
}

#[tokio::test]
async fn removing_ends_live_sessions_of_every_role() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let device = Device::fresh();
    let connect = Connect::v4().token(&gateway.token()).device(&device);
    let mut operator = gateway.admit(&connect).await;
    let mut node = gateway.admit(&connect.clone().node()).await;
    let token = operator.device_token();
    assert_eq!(
        owner.ok("device.pair.remove", json!({"deviceId": device.id()})).await,
        json!({"deviceId": device.id()})
    );
    assert_eq!(operator.closed().await, removed());
    assert_eq!(node.closed().await, removed());
    assert!(record(&mut owner, &device).await.is_null());
    gateway.logs(&[&format!("device pairing removed device={}", device.id())]).await;
    let refused = gateway.refuse(&Connect::v4().device_token(&token).device(&device)).await;
    assert_eq!(refused.detail("authReason"), "device_token_mismatch", "{refused:?}");
    owner.fails("device.pair.remove", json!({"deviceId": device.id()})).await;
}

#[tokio::test]
async fn a_removed_device_is_as_one_that_was_never_there() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let device = Device::fresh();
    let connect = Connect::v4().token(&gateway.token()).device(&device);
    let token = gateway.admit(&connect).await.device_token();
    owner.ok("device.pair.remove", json!({"deviceId": device.id()})).await;
    // Command lines that clear all devices remove their own on the way, and go on.
    let session = gateway.admit(&connect).await;
    assert_ne!(session.device_token(), token);
    owner.ok("device.pair.remove", json!({"deviceId": device.id()})).await;
    assert_eq!(gateway.refuse_from_afar(&connect).await.detail("reason"), "not-paired");
}

#[tokio::test]
async fn a_revoked_role_leaves_the_other_one_alone() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let device = Device::fresh();
    let connect = Connect::v4().token(&gateway.token()).device(&device);
    let mut operator = gateway.admit(&connect).await;
    let mut node = gateway.admit(&connect.clone().node()).await;
    owner.ok("device.token.revoke", json!({"deviceId": device.id(), "role": "node"})).await;
    assert_eq!(node.closed().await, removed());
    operator.ok("health", json!({})).await;
    gateway.admit(&connect).await;
}

#[tokio::test]
async fn a_label_is_the_operators_own() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let device = Device::fresh();
    let connect = Connect::v4().token(&gateway.token()).device(&device).client_member("displayName", "its own");
    gateway.admit(&connect).await;
    let params = json!({"deviceId": device.id(), "label": "kitchen"});
    assert_eq!(owner.ok("device.pair.rename", params.clone()).await, params);
    owner.event("device.pair.changed").await;
    gateway.admit(&connect).await;
    let record = record(&mut owner, &device).await;
    assert_eq!((&record["operatorLabel"], &record["displayName"]), (&json!("kitchen"), &json!("its own")), "{record}");
    gateway.logs(&[&format!("device pairing renamed device={} label=kitchen", device.id())]).await;
}

#[tokio::test]
async fn decisions_outlive_the_gateway() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let [revoked, removed, rejected] = [(); 3].map(|()| Device::fresh());
    let connect = |device: &Device| Connect::v4().token(&gateway.token()).device(device);
    let connects = [&revoked, &removed, &rejected].map(connect);
    gateway.admit(&connects[0]).await;
    gateway.admit(&connects[1]).await;
    let request = gateway.refuse_from_afar(&connects[2]).await.request_id();
    owner.ok("device.token.revoke", json!({"deviceId": revoked.id(), "role": "operator"})).await;
    owner.ok("device.pair.remove", json!({"deviceId": removed.id()})).await;
    owner.ok("device.pair.reject", json!({"requestId": request})).await;

    let gateway = gateway.restart().await;
    let mut owner = gateway.owner().await;
    assert!(record(&mut owner, &removed).await.is_null());
    for (connect, revoked) in [(&connects[0], true), (&connects[2], false)] {
        let refused = gateway.refuse(connect).await;
        assert_eq!(refused.error["code"], "NOT_PAIRED");
        let message = refused.error["message"].as_str().expect("a text");
        assert_eq!(message.contains("an operator revoked its token"), revoked, "{message}");
    }
}
