//! Devices that are approved at once: near, and with the shared secret in this very connect.

use serde_json::json;

use super::{record, waiting};
use crate::support::{CLI_SCOPES, Connect, Device, Payload, TestGateway};

#[tokio::test]
async fn a_new_device_is_approved_on_loopback_with_the_secret() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    for generation in [3, 4] {
        for role in ["operator", "node"] {
            let device = Device::fresh();
            let connect = Connect::of_generation(generation).token(&gateway.token()).device(&device);
            let session = gateway.admit(&if role == "node" { connect.node() } else { connect }).await;
            assert_eq!(session.auth("role"), role);
            session.device_token();
            let record = record(&mut owner, &device).await;
            assert_eq!(record["roles"], json!([role]), "protocol {generation}: {record}");
            assert_eq!(record["publicKey"], device.public_key(), "{record}");
            assert_eq!(record["approvedVia"], "silent", "{record}");
            assert_eq!(record["connected"], true, "{record}");
            assert!(record.get("remoteIp").is_none(), "a local client has no remote address: {record}");
            assert!(
                record["tokens"][0]["createdAtMs"].is_i64() && record["tokens"][0].get("token").is_none(),
                "{record}"
            );
            gateway.logs(&[&format!("device pairing auto-approved device={} role={role}", device.id())]).await;
        }
    }
    assert!(waiting(&mut owner).await.is_empty());
}

#[tokio::test]
async fn the_host_header_does_not_matter_to_a_command_line() {
    let gateway = TestGateway::start().await;
    for host in ["gateway.example:18789", "machine", "[::1]:1"] {
        let connect = Connect::v4().token(&gateway.token()).device(&Device::fresh());
        let session = gateway.dial().header("host", host).enter(&connect).await;
        session.unwrap_or_else(|refused| panic!("{host}: {refused:?}"));
    }
    gateway.logs(&["Loopback connection with non-local Host header"]).await;
}

#[tokio::test]
async fn a_known_device_gets_more_where_a_new_one_would_be_approved() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    for generation in [3, 4] {
        let device = Device::fresh();
        let connect =
            |scopes: &[&str]| Connect::of_generation(generation).token(&gateway.token()).device(&device).scopes(scopes);
        gateway.admit(&connect(&["operator.read"])).await;
        // The scopes are asked for one after the other, wider and narrower, with no approval by anybody.
        for scopes in [&["operator.pairing"][..], &CLI_SCOPES, &["operator.read"], &["operator.write"]] {
            let mut session = gateway.admit(&connect(scopes)).await;
            let held = super::waiting(&mut owner).await;
            assert!(held.is_empty(), "protocol {generation} {scopes:?}: {held:?} waits");
            if scopes.contains(&"operator.pairing") {
                session.ok("device.pair.list", json!({})).await;
            }
            if generation == 4 {
                assert_eq!(session.scopes(), scopes, "the connection has what it asked for");
            }
        }
        let node = Connect::of_generation(generation).node().token(&gateway.token()).device(&device);
        gateway.admit(&node).await;
        let record = record(&mut owner, &device).await;
        let mut roles: Vec<_> = record["roles"].as_array().expect("roles").iter().map(ToString::to_string).collect();
        roles.sort();
        assert_eq!(roles, [r#""node""#, r#""operator""#], "{record}");
    }
}

#[tokio::test]
async fn a_first_connect_by_a_probe_does_not_lock_the_command_line_out() {
    let gateway = TestGateway::start().await;
    let device = Device::fresh();
    let base = || Connect::v3().token(&gateway.token()).device(&device);
    gateway.admit(&base().client("cli", "probe").scopes(&["operator.admin"])).await;
    gateway.admit(&base()).await.ok("device.pair.list", json!({})).await;
    gateway.admit(&base().scopes(&["operator.read"])).await.ok("health", json!({})).await;
}

#[tokio::test]
async fn a_change_of_what_a_device_says_of_itself_never_blocks() {
    let gateway = TestGateway::start().await;
    let device = Device::fresh();
    let base = || Connect::v4().token(&gateway.token()).device(&device);
    let first = base().client_member("platform", "linux").client_member("deviceFamily", "Linux");
    let token = gateway.admit(&first).await.device_token();
    let changed = || Connect::v4().device_token(&token).device(&device).client_member("platform", "win32");
    for connect in [base(), changed(), changed().payload(Payload::V2)] {
        gateway.admit_from_afar(&connect).await.ok("health", json!({})).await;
    }
}

#[tokio::test]
async fn a_device_token_alone_makes_nothing_wider() {
    let gateway = TestGateway::start().await;
    let device = Device::fresh();
    let first = Connect::v4().token(&gateway.token()).device(&device).scopes(&["operator.read"]);
    let token = gateway.admit(&first).await.device_token();
    let wider = Connect::v4().device_token(&token).device(&device).scopes(&["operator.read", "operator.pairing"]);
    let mut session = gateway.admit(&wider).await;
    assert_eq!(session.scopes(), ["operator.read"]);
    let error = session.fails("device.pair.list", json!({})).await;
    let request = &waiting(&mut gateway.owner().await).await[0];
    assert!(error["message"].as_str().is_some_and(|text| text.contains(request)), "{error}");
}

#[tokio::test]
async fn mode_password_pairs_silently_too() {
    let gateway = TestGateway::builder().env("OPENCLAW_GATEWAY_PASSWORD", "a-long-enough-password").start().await;
    for generation in [3, 4] {
        let connect = Connect::of_generation(generation).password("a-long-enough-password").device(&Device::fresh());
        gateway.admit(&connect).await.ok("device.pair.list", json!({})).await;
    }
}
