//! Many at once.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::json;

use super::{list, record, waiting};
use crate::support::{Connect, Device, TestGateway};

const MANY: usize = 24;

#[tokio::test]
async fn a_request_is_decided_once() {
    let gateway = TestGateway::start().await;
    let request =
        gateway.refuse_from_afar(&Connect::v4().token(&gateway.token()).device(&Device::fresh())).await.request_id();
    let owners = join_all((0..MANY).map(|_| gateway.owner())).await;
    let decide = owners.into_iter().enumerate().map(async |(number, mut owner)| {
        let method = if number % 2 == 0 { "device.pair.approve" } else { "device.pair.reject" };
        owner.call(method, json!({"requestId": request})).await
    });
    let (decided, late): (Vec<_>, Vec<_>) = join_all(decide).await.into_iter().partition(Result::is_ok);
    assert_eq!(decided.len(), 1, "{decided:?}");
    assert!(
        late.iter().all(|late| late.as_ref().is_err_and(|error| error["message"] == "unknown requestId")),
        "{late:?}"
    );
}

#[tokio::test]
async fn one_device_on_many_connections_is_one_device() {
    let gateway = TestGateway::start().await;
    let device = Device::fresh();
    let connect = Connect::v4().token(&gateway.token()).device(&device);
    let sessions = join_all((0..MANY).map(|_| gateway.admit(&connect))).await;
    let tokens: BTreeSet<_> = sessions.iter().map(crate::support::Session::device_token).collect();
    assert_eq!(tokens.len(), 1, "all were given the same token");
    let list = list(&mut gateway.owner().await).await;
    assert_eq!(list["paired"].as_array().map(Vec::len), Some(1), "{list}");

    let waits = Device::fresh();
    let connect = Connect::v4().token(&gateway.token()).device(&waits);
    let refused = join_all((0..MANY).map(|_| gateway.refuse_from_afar(&connect))).await;
    let requests: BTreeSet<_> = refused.iter().map(crate::support::Refused::request_id).collect();
    assert_eq!(requests.len(), 1, "all were given the same request");
    assert_eq!(waiting(&mut gateway.owner().await).await.len(), 1);
}

#[tokio::test]
async fn many_devices_at_once_are_all_kept() {
    let gateway = TestGateway::start().await;
    let devices: Vec<_> = (0..MANY).map(|_| Device::fresh()).collect();
    let connects: Vec<_> = devices.iter().map(|device| Connect::v4().token(&gateway.token()).device(device)).collect();
    join_all(connects.iter().map(|connect| gateway.admit(connect))).await;
    let gateway = gateway.restart().await;
    let mut owner = gateway.owner().await;
    for device in &devices {
        assert!(record(&mut owner, device).await.is_object(), "{} was lost", device.id());
    }
}

#[tokio::test]
async fn a_caller_that_goes_at_once_leaves_no_session_of_what_it_ended() {
    let gateway = TestGateway::start().await;
    for method in ["device.token.revoke", "device.token.rotate", "device.pair.remove"] {
        for _ in 0..8 {
            let device = Device::fresh();
            let mut session = gateway.admit(&Connect::v4().token(&gateway.token()).device(&device)).await;
            let mut params = json!({"deviceId": device.id(), "role": "operator"});
            if method == "device.pair.remove" {
                params = json!({"deviceId": device.id()});
            }
            let mut caller = gateway.owner().await;
            caller.send(method, params).await;
            drop(caller);
            assert_eq!(session.closed().await.code, 4001, "{method}");
        }
    }
}

#[tokio::test]
async fn whoever_connects_while_it_is_revoked_does_not_stay() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    for _ in 0..10 {
        let device = Device::fresh();
        let token = gateway.admit(&Connect::v4().token(&gateway.token()).device(&device)).await.device_token();
        let connect = Connect::v4().device_token(&token).device(&device);
        let revoke = owner.ok("device.token.revoke", json!({"deviceId": device.id(), "role": "operator"}));
        let (entered, _) = tokio::join!(join_all((0..4).map(|_| gateway.enter(&connect))), revoke);
        for mut session in entered.into_iter().flatten() {
            assert_eq!(session.closed().await.code, 4001);
        }
        gateway.refuse(&connect).await;
    }
}
