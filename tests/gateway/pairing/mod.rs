//! Who is let in at once, who waits, and what operators decide.

mod approvers;
mod decisions;
mod events;
mod limits;
mod races;
mod requests;
mod silent;
mod tokens;
mod widening;

use serde_json::{Value, json};

use crate::support::{Connect, Device, Session, TestGateway};

/// `device.pair.list`, as the owner sees it.
async fn list(owner: &mut Session) -> Value {
    owner.ok("device.pair.list", json!({})).await
}

/// The ids of the requests that wait.
async fn waiting(owner: &mut Session) -> Vec<String> {
    let list = list(owner).await;
    let ids = list["pending"].as_array().expect("a list").iter().map(|request| request["requestId"].as_str());
    ids.map(|id| id.expect("an id").to_owned()).collect()
}

/// The record of a paired device; null when there is none.
async fn record(owner: &mut Session, device: &Device) -> Value {
    let list = list(owner).await;
    let paired = list["paired"].as_array().expect("a list");
    paired.iter().find(|paired| paired["deviceId"] == device.id()).cloned().unwrap_or_default()
}

async fn approve(owner: &mut Session, request: &str) -> Value {
    owner.ok("device.pair.approve", json!({"requestId": request})).await
}

/// Pairs a device from elsewhere with these scopes: asks, and is approved by the owner.
async fn pair_from_afar(gateway: &TestGateway, device: &Device, scopes: &[&str]) {
    let connect = Connect::v4().token(&gateway.token()).device(device).scopes(scopes);
    let request = gateway.refuse_from_afar(&connect).await.request_id();
    approve(&mut gateway.owner().await, &request).await;
}
