//! Who may decide on what.

use serde_json::json;

use super::{list, pair_from_afar, waiting};
use crate::support::{Connect, Device, Session, TestGateway};

async fn operator(gateway: &TestGateway, scopes: &[&str]) -> Session {
    gateway.dial_unix().enter(&Connect::v4().scopes(scopes)).await.expect("the socket lets all in")
}

#[tokio::test]
async fn nobody_grants_more_than_it_holds() {
    let gateway = TestGateway::start().await;
    #[rustfmt::skip]
    let rows = [
        // the approver holds                                    asked for               may
        (&["operator.pairing"][..],                              &["operator.admin"][..], false),
        (&["operator.pairing", "operator.read"],                 &["operator.write"],    false),
        (&["operator.read", "operator.write"],                   &["operator.read"],     false),
        (&["operator.approvals"],                                &["operator.read"],     false),
        (&["operator.admin"],                                    &["operator.admin"],    true),
        (&["operator.admin"],                                    &["operator.pairing", "operator.write"], true),
    ];
    let mut owner = gateway.owner().await;
    for (holds, asked, may) in rows {
        let device = Device::fresh();
        let connect = Connect::v4().token(&gateway.token()).device(&device).scopes(asked);
        let request = gateway.refuse_from_afar(&connect).await.request_id();
        let mut approver = operator(&gateway, holds).await;
        let answer = approver.call("device.pair.approve", json!({"requestId": request})).await;
        assert_eq!(answer.is_ok(), may, "{holds:?} approves {asked:?}: {answer:?}");
        if let Err(error) = answer {
            let message = error["message"].as_str().expect("a message");
            let denied = message.starts_with("device pairing approval denied (")
                || message.starts_with("missing scope: operator.");
            assert!(denied, "{message}");
            assert_eq!(waiting(&mut owner).await, [request.as_str()], "it still waits");
            owner.ok("device.pair.approve", json!({"requestId": request})).await;
        }
        gateway.admit_from_afar(&connect).await;
    }
}

#[tokio::test]
async fn only_an_admin_approves_a_node() {
    let gateway = TestGateway::start().await;
    let connect = Connect::v4().node().token(&gateway.token()).device(&Device::fresh());
    let request = gateway.refuse_from_afar(&connect).await.request_id();
    let mut approver = operator(&gateway, &["operator.pairing"]).await;
    approver.fails("device.pair.approve", json!({"requestId": request})).await;
    operator(&gateway, &["operator.admin"]).await.ok("device.pair.approve", json!({"requestId": request})).await;
    gateway.admit_from_afar(&connect).await;
}

#[tokio::test]
async fn a_device_by_its_own_token_sees_and_manages_only_itself() {
    let gateway = TestGateway::start().await;
    let (own, other) = (Device::fresh(), Device::fresh());
    let scopes = ["operator.pairing", "operator.read"];
    pair_from_afar(&gateway, &own, &scopes).await;
    pair_from_afar(&gateway, &other, &scopes).await;
    let connect = Connect::v4().token(&gateway.token()).device(&own).scopes(&scopes);
    let token = gateway.admit_from_afar(&connect).await.device_token();
    gateway.refuse_from_afar(&Connect::v4().token(&gateway.token()).device(&Device::fresh())).await;

    let connect = Connect::v4().device_token(&token).device(&own).scopes(&scopes);
    let mut session = gateway.admit_from_afar(&connect).await;
    let list = list(&mut session).await;
    assert_eq!(list["pending"], json!([]), "another device's request: {list}");
    let paired = list["paired"].as_array().expect("a list");
    assert!(paired.len() == 1 && paired[0]["deviceId"] == own.id(), "{list}");
    #[rustfmt::skip]
    let rows = [
        ("device.pair.remove",  json!({"deviceId": other.id()})),
        ("device.pair.rename",  json!({"deviceId": other.id(), "label": "mine"})),
        ("device.token.rotate", json!({"deviceId": other.id(), "role": "operator"})),
        ("device.token.revoke", json!({"deviceId": other.id(), "role": "operator"})),
    ];
    for (method, params) in rows {
        session.fails(method, params).await;
    }
    let connect = Connect::v4().token(&gateway.token()).device(&other).scopes(&scopes);
    gateway.admit_from_afar(&connect).await;
    session.ok("device.pair.rename", json!({"deviceId": own.id(), "label": "mine"})).await;
}

#[tokio::test]
async fn a_device_does_not_approve_its_own_widening() {
    let gateway = TestGateway::start().await;
    let device = Device::fresh();
    pair_from_afar(&gateway, &device, &["operator.pairing"]).await;
    let connect = |scopes: &[&str]| Connect::v4().token(&gateway.token()).device(&device).scopes(scopes);
    let token = gateway.admit_from_afar(&connect(&["operator.pairing", "operator.admin"])).await.device_token();
    let request = waiting(&mut gateway.owner().await).await.pop().expect("the widening waits");
    let by_token = Connect::v4().device_token(&token).device(&device).scopes(&["operator.pairing"]);
    for connect in [connect(&["operator.pairing"]), by_token] {
        let mut session = gateway.admit_from_afar(&connect).await;
        session.fails("device.pair.approve", json!({"requestId": request})).await;
        let params = json!({"deviceId": device.id(), "role": "operator", "scopes": ["operator.admin"]});
        session.fails("device.token.rotate", params).await;
    }
    let refused = gateway.admit_from_afar(&connect(&["operator.pairing", "operator.admin"])).await.scopes();
    assert_eq!(refused, ["operator.pairing"]);
}

#[tokio::test]
async fn a_device_with_every_right_manages_all() {
    let gateway = TestGateway::start().await;
    let admin = Device::fresh();
    pair_from_afar(&gateway, &admin, &["operator.admin"]).await;
    let connect = Connect::v4().token(&gateway.token()).device(&admin).scopes(&["operator.admin"]);
    let token = gateway.admit_from_afar(&connect).await.device_token();
    let mut session =
        gateway.admit_from_afar(&Connect::v4().device_token(&token).device(&admin).scopes(&["operator.admin"])).await;
    let device = Device::fresh();
    let connect = Connect::v4().token(&gateway.token()).device(&device);
    let request = gateway.refuse_from_afar(&connect).await.request_id();
    assert_eq!(waiting(&mut session).await, [request.as_str()]);
    super::approve(&mut session, &request).await;
    gateway.admit_from_afar(&connect).await;
}
