//! The local way in: the Unix socket in the state directory.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::json;

use crate::support::{Connect, Device, Dial, Payload, TestGateway, exchange};

#[tokio::test]
async fn it_needs_neither_token_nor_device() {
    let gateway = TestGateway::start().await;
    for generation in [3, 4] {
        let base = || Connect::of_generation(generation);
        let with_device = base().device(&Device::fresh());
        #[rustfmt::skip]
        let rows = [
            ("no scopes named",         base().scopes(&[])),
            ("the usual scopes",        base()),
            ("a wrong token",           base().token("wrong")),
            ("a wrong password",        base().password("wrong")),
            ("a device",                with_device.clone()),
            ("a device and a token",    with_device.clone().token("wrong")),
            ("a v1 signature",          with_device.payload(Payload::V1)),
            ("another program",         base().client("openclaw-macos", "ui")),
        ];
        for (what, connect) in rows {
            let entered = gateway.dial_unix().enter(&connect).await;
            let mut session = entered.unwrap_or_else(|refused| panic!("protocol {generation}, {what}: {refused:?}"));
            for method in ["device.pair.list", "config.schema", "health", "logs.tail"] {
                session.ok(method, json!({})).await;
            }
        }
    }
}

#[tokio::test]
async fn a_narrow_wish_is_granted_narrowly() {
    let gateway = TestGateway::start().await;
    let connect = Connect::v4().scopes(&["operator.read"]);
    let mut session = gateway.dial_unix().enter(&connect).await.expect("let in");
    assert_eq!(session.scopes(), ["operator.read"]);
    session.fails("device.pair.list", json!({})).await;
}

#[tokio::test]
async fn a_bad_signature_is_refused_there_too() {
    let gateway = TestGateway::start().await;
    let connect = Connect::v4().device(&Device::fresh()).spoil(|params| params["device"]["signature"] = json!("AAAA"));
    let refused = crate::support::refused(gateway.dial_unix().enter(&connect).await);
    assert_eq!(refused.message(), "device signature invalid");
}

#[tokio::test]
async fn a_proxy_or_a_browser_in_front_of_it_is_refused_before_the_upgrade() {
    let gateway = TestGateway::start().await;
    #[rustfmt::skip]
    let rows = [
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=203.0.113.7"),
        ("via", "1.1 proxy"),
        ("x-real-ip", "203.0.113.7"),
        ("cf-connecting-ip", "203.0.113.7"),
        ("tailscale-user-login", "alice@example"),
        ("origin", "http://localhost:18789"),
        ("sec-fetch-site", "same-origin"),
    ];
    for (name, value) in rows {
        let Err(answer) = gateway.dial_unix().header(name, value).try_open().await else {
            panic!("{name} was let through");
        };
        assert_eq!(answer.status, 403, "{name}: {answer:?}");
    }
    gateway.owner().await.ok("health", json!({})).await;
}

#[tokio::test]
async fn only_its_owner_can_reach_it() {
    let gateway = TestGateway::start().await;
    let mode = |path: &str| {
        let metadata = fs::metadata(gateway.state().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode("run"), 0o700);
    assert_eq!(mode("run/gateway.sock"), 0o600);
}

#[tokio::test]
async fn it_can_lie_elsewhere() {
    let builder = TestGateway::builder();
    let socket = builder.home().join("elsewhere.sock");
    let gateway = builder.env("OPENCLAW_SOCKET", &socket).start().await;
    Dial::unix(socket).enter(&Connect::v4()).await.expect("it listens there");
    assert!(!gateway.state().join("run/gateway.sock").exists());
}

#[tokio::test]
async fn a_socket_that_was_left_behind_is_replaced() {
    let gateway = TestGateway::start().await.restart().await;
    assert!(gateway.state().join("run/gateway.sock").exists());
    gateway.owner().await.ok("health", json!({})).await;
}

#[tokio::test]
async fn the_probes_answer_there_too() {
    let gateway = TestGateway::start().await;
    let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let answer = exchange(&gateway.dial_unix(), request).await.expect("an HTTP answer");
    assert_eq!(answer.status, 200, "{answer:?}");
}
