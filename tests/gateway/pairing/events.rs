//! What operators are told of pairing, and in which order.

use serde_json::{Value, json};

use super::list;
use crate::support::{Connect, Device, Session, TestGateway};

fn names(events: &[Value]) -> Vec<&str> {
    let pairing = events.iter().filter_map(|event| event["event"].as_str());
    pairing.filter(|name| name.starts_with("device.pair.")).collect()
}

#[tokio::test]
async fn a_request_and_its_decision_reach_who_may_decide_and_nobody_else() {
    let gateway = TestGateway::start().await;
    let watch = async |connect: Connect| gateway.dial_unix().enter(&connect).await.expect("the socket lets all in");
    let mut told = Vec::new();
    for generation in [3, 4] {
        told.push(watch(Connect::of_generation(generation).scopes(&["operator.pairing"])).await);
        told.push(watch(Connect::of_generation(generation).scopes(&["operator.admin"])).await);
    }
    let mut others = vec![watch(Connect::v4().scopes(&["operator.read", "operator.approvals"])).await];
    others.push(gateway.admit(&Connect::v4().node().token(&gateway.token()).device(&Device::fresh())).await);
    let mut owner = gateway.owner().await;
    for session in &mut told {
        // What came before, the silent approval of the node among it.
        list(session).await;
        session.all_events();
    }

    let device = Device::fresh();
    let request = gateway.refuse_from_afar(&Connect::v4().token(&gateway.token()).device(&device)).await.request_id();
    let pending = list(&mut owner).await["pending"][0].take();
    for session in &mut told {
        assert_eq!(session.event("device.pair.requested").await["payload"], pending, "the object of the list");
    }
    super::approve(&mut owner, &request).await;
    for session in &mut told {
        let resolved = session.event("device.pair.resolved").await["payload"].take();
        assert!(resolved["ts"].is_i64(), "{resolved}");
        assert_eq!(
            (&resolved["requestId"], &resolved["deviceId"], &resolved["decision"]),
            (&json!(request), &json!(device.id()), &json!("approved"))
        );
    }
    // The answer to a call comes after whatever was published before it.
    for session in &mut others {
        let _ = session.call("health", json!({})).await;
        let events = session.all_events();
        assert!(names(&events).is_empty(), "{events:?}");
    }
}

#[tokio::test]
async fn the_caller_is_told_before_its_call_is_answered() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let ask = async |device: &Device| {
        gateway.refuse_from_afar(&Connect::v4().token(&gateway.token()).device(device)).await.request_id()
    };
    for (method, decision) in [("device.pair.approve", "approved"), ("device.pair.reject", "rejected")] {
        let request = ask(&Device::fresh()).await;
        owner.ok(method, json!({"requestId": request})).await;
        let resolved = owner.events_so_far("device.pair.resolved");
        assert_eq!(resolved.len(), 1, "{method}: {resolved:?}");
        assert_eq!(resolved[0]["payload"]["decision"], decision, "{method}");
    }
    let device = Device::fresh();
    let request = ask(&device).await;
    super::approve(&mut owner, &request).await;
    owner.all_events();
    owner.ok("device.pair.rename", json!({"deviceId": device.id(), "label": "x"})).await;
    assert_eq!(names(&owner.all_events()), ["device.pair.changed"]);
}

#[tokio::test]
async fn a_repeat_is_not_announced_again() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let connect = Connect::v4().token(&gateway.token()).device(&Device::fresh());
    for _ in 0..3 {
        gateway.refuse_from_afar(&connect).await;
    }
    list(&mut owner).await;
    assert_eq!(owner.events_so_far("device.pair.requested").len(), 1);
}

#[tokio::test]
async fn a_silent_approval_is_announced_as_resolved() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let device = Device::fresh();
    let session: Session = gateway.admit(&Connect::v4().token(&gateway.token()).device(&device)).await;
    let resolved = owner.event("device.pair.resolved").await;
    assert_eq!(resolved["payload"]["deviceId"], device.id());
    assert_eq!(resolved["payload"]["decision"], "approved");
    session.leave().await;
}
