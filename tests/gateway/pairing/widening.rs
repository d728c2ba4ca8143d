//! A known device that asks for more from where nothing is silent.

use serde_json::json;

use super::{approve, list, pair_from_afar, waiting};
use crate::support::{Connect, Device, Refused, TestGateway};

#[tokio::test]
async fn what_was_approved_goes_on_working_while_more_waits() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    for generation in [3, 4] {
        let device = Device::fresh();
        pair_from_afar(&gateway, &device, &["operator.write"]).await;
        let connect =
            |scopes: &[&str]| Connect::of_generation(generation).token(&gateway.token()).device(&device).scopes(scopes);
        let wider = connect(&["operator.read", "operator.pairing"]);
        let mut session = gateway.admit_from_afar(&wider).await;
        session.ok("health", json!({})).await;
        if generation == 4 {
            assert_eq!(session.scopes(), ["operator.read"], "what it named and was approved, by implication");
        }
        let request = waiting(&mut owner).await.pop().expect("the request for more waits");
        assert_eq!(list(&mut owner).await["pending"][0]["isRepair"], true, "the device is known");
        for method in ["device.pair.list", "system-event"] {
            let error = session.fails(method, json!({})).await;
            let message = error["message"].as_str().expect("a message");
            assert!(message.starts_with("missing scope: operator."), "protocol {generation}: {message}");
            assert!(
                message.contains(&format!("openclaw devices approve {request}")),
                "protocol {generation}: {message}"
            );
        }
        gateway
            .logs(&[
                "security audit: device access upgrade requested reason=scope-upgrade",
                &format!("device={}", device.id()),
                "roleFrom=operator roleTo=operator",
                "scopesFrom=operator.write scopesTo=",
                "client=cli",
                "auth=token",
            ])
            .await;

        approve(&mut owner, &request).await;
        let mut session = gateway.admit_from_afar(&wider).await;
        session.ok("device.pair.list", json!({})).await;
        assert!(waiting(&mut owner).await.is_empty());
        // What was approved before is not lost.
        gateway.admit_from_afar(&connect(&["operator.write"])).await;
    }
}

#[tokio::test]
async fn a_pairing_that_implies_the_wish_needs_no_approval() {
    let gateway = TestGateway::start().await;
    let device = Device::fresh();
    pair_from_afar(&gateway, &device, &["operator.admin"]).await;
    for generation in [3, 4] {
        for scopes in [&["operator.read"][..], &["operator.pairing", "operator.approvals"], &["operator.write"]] {
            let connect = Connect::of_generation(generation).token(&gateway.token()).device(&device).scopes(scopes);
            gateway.admit_from_afar(&connect).await;
        }
    }
    assert!(waiting(&mut gateway.owner().await).await.is_empty());
}

#[tokio::test]
async fn where_nothing_overlaps_the_device_waits() {
    let gateway = TestGateway::start().await;
    let device = Device::fresh();
    pair_from_afar(&gateway, &device, &["operator.approvals"]).await;
    let connect = |scopes: &[&str]| Connect::v4().token(&gateway.token()).device(&device).scopes(scopes);
    let refused = gateway.refuse_from_afar(&connect(&["operator.pairing"])).await;
    waits(&refused, "scope-upgrade", "device is asking for more scopes than currently approved");
    assert_eq!(refused.detail("approvedRoles"), &json!(["operator"]), "{refused:?}");
    assert_eq!(refused.detail("approvedScopes"), &json!(["operator.approvals"]), "{refused:?}");
    assert_eq!(refused.detail("requestedScopes"), &json!(["operator.pairing"]), "{refused:?}");
    // It is no less welcome than before.
    gateway.admit_from_afar(&connect(&["operator.approvals"])).await;
    gateway.admit_from_afar(&connect(&[])).await;
    approve(&mut gateway.owner().await, &refused.request_id()).await;
    gateway.admit_from_afar(&connect(&["operator.pairing"])).await.ok("device.pair.list", json!({})).await;
}

#[tokio::test]
async fn another_role_waits_while_the_approved_one_connects() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let device = Device::fresh();
    pair_from_afar(&gateway, &device, &["operator.read"]).await;
    let operator = Connect::v4().token(&gateway.token()).device(&device).scopes(&["operator.read"]);
    let node = Connect::v4().node().token(&gateway.token()).device(&device);
    let refused = gateway.refuse_from_afar(&node).await;
    waits(&refused, "role-upgrade", "device is asking for a higher role than currently approved");
    gateway.logs(&["device access upgrade requested reason=role-upgrade", "roleFrom=operator roleTo=node"]).await;
    gateway.admit_from_afar(&operator).await.ok("health", json!({})).await;

    approve(&mut owner, &refused.request_id()).await;
    gateway.admit_from_afar(&node).await;
    gateway.admit_from_afar(&operator).await.ok("health", json!({})).await;
}

#[tokio::test]
async fn a_known_id_with_another_key_cannot_be_claimed() {
    let gateway = TestGateway::start().await;
    let (device, thief) = (Device::fresh(), Device::fresh());
    pair_from_afar(&gateway, &device, &["operator.read"]).await;
    let id = device.id();
    let connect =
        Connect::v4().token(&gateway.token()).device(&thief).spoil(move |params| params["device"]["id"] = json!(id));
    assert_eq!(gateway.refuse(&connect).await.message(), "device identity mismatch");
}

#[tokio::test]
async fn a_widening_of_a_session_leaves_the_others_alone() {
    let gateway = TestGateway::start().await;
    let device = Device::fresh();
    pair_from_afar(&gateway, &device, &["operator.read"]).await;
    let connect = |scopes: &[&str]| Connect::v4().token(&gateway.token()).device(&device).scopes(scopes);
    let mut before = gateway.admit_from_afar(&connect(&["operator.read"])).await;
    let token = before.device_token();
    // Near, the same device becomes an operator with every right.
    gateway.admit(&connect(&["operator.admin"])).await;
    before.ok("health", json!({})).await;
    before.fails("device.pair.list", json!({})).await;
    // The token that it stored still opens the door.
    let stored = Connect::v4().device_token(&token).device(&device).scopes(&["operator.read"]);
    gateway.admit_from_afar(&stored).await;
}

fn waits(refused: &Refused, reason: &str, text: &str) {
    let request = refused.request_id();
    assert_eq!(refused.error["code"], "NOT_PAIRED", "{refused:?}");
    assert_eq!(refused.detail("reason"), reason, "{refused:?}");
    assert!(refused.message().starts_with(&format!("pairing required: {text}")), "{refused:?}");
    assert!(refused.close.reason.contains(&format!("openclaw devices approve {request}")), "{refused:?}");
    assert!(refused.close.reason.len() < 120, "{refused:?}");
}
