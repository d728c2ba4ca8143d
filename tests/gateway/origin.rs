//! From which pages one may connect.

use serde_json::{Value, json};

use crate::support::{Close, Connect, Device, TestGateway, refused};

const TEXT: &str =
    "origin not allowed (open the Control UI from the gateway host or allow it in gateway.controlUi.allowedOrigins)";

fn page(gateway: &TestGateway) -> Connect {
    Connect::v4().client("openclaw-control-ui", "webchat").token(&gateway.token()).device(&Device::fresh())
}

#[tokio::test]
async fn which_origins_are_let_in() {
    let config =
        json!({"gateway": {"controlUi": {"allowedOrigins": ["https://ui.example", "http://other.example:8080"]}}});
    let gateway = TestGateway::builder().config(&config).start().await;
    let here = gateway.address.to_string();
    let port = gateway.address.port();
    let own = format!("http://{here}");
    let localhost = format!("http://localhost:{port}");
    #[rustfmt::skip]
    let rows = [
        // Origin                           Host                        let in
        (own.as_str(),                      here.as_str(),              true),
        (&localhost,                        &here,                      true),
        ("http://localhost:5173",           &here,                      true),  // both ends are this machine
        ("http://[::1]:5173",               "localhost:1",              true),
        ("https://ui.example",              &here,                      true),
        ("HTTPS://UI.example",              &here,                      true),
        ("https://ui.example",              "gateway.example",          true),
        ("http://other.example:8080",       &here,                      true),
        ("http://other.example",            &here,                      false),
        ("http://ui.example",               &here,                      false),
        ("https://ui.example.evil.example", &here,                      false),
        ("https://evil.example",            &here,                      false),
        ("http://evil.example:18789",       "evil.example:18789",       false), // a name rebound to this machine
        ("null",                            &here,                      false),
        ("",                                &here,                      false),
        ("chrome-extension://abcdef",       &here,                      false),
        ("file://",                         &here,                      false),
        ("http://localhost.evil.example",   &here,                      false),
        ("no origin at all",                &here,                      false),
    ];
    for (origin, host, let_in) in rows {
        let dial = gateway.dial().header("host", host).header("origin", origin);
        // A page that may connect may still have to be approved: that is no matter of its origin.
        let refused = dial.enter(&page(&gateway)).await.err();
        let refused = refused.filter(|refused| refused.detail("code") == "CONTROL_UI_ORIGIN_NOT_ALLOWED");
        assert_eq!(refused.is_none(), let_in, "{origin:?} at {host}: {refused:?}");
        if let Some(refused) = refused {
            assert_eq!(refused.error["code"], "INVALID_REQUEST", "{origin:?}");
            assert!(refused.message().starts_with(TEXT), "{origin:?}: {refused:?}");
            assert_eq!(refused.close, Close::new(1008, &TEXT[..TEXT.len().min(120)]), "{origin:?}");
        }
    }
}

#[tokio::test]
async fn a_control_ui_has_an_origin() {
    let gateway = TestGateway::start().await;
    let refused = gateway.refuse(&page(&gateway)).await;
    assert!(refused.message().starts_with("origin "), "{refused:?}");
    assert_eq!(refused.detail("code"), "CONTROL_UI_ORIGIN_NOT_ALLOWED", "{refused:?}");
}

#[tokio::test]
async fn a_page_is_a_page_whatever_it_calls_itself() {
    let gateway = TestGateway::start().await;
    let dial = gateway.dial().header("origin", "https://evil.example");
    for generation in [3, 4] {
        let connect = Connect::of_generation(generation).token(&gateway.token()).device(&Device::fresh());
        let refused = refused(dial.enter(&connect).await);
        assert!(refused.message().starts_with(TEXT), "protocol {generation}: {refused:?}");
    }
}

#[tokio::test]
async fn the_origin_is_judged_before_any_secret_is_read() {
    let gateway = TestGateway::start().await;
    let dial = gateway.dial().header("origin", "https://evil.example");
    let guess = page(&gateway).token("wrong");
    for _ in 0..20 {
        let refused = refused(dial.enter(&guess).await);
        assert!(refused.message().starts_with(TEXT), "{refused:?}");
    }
    // And such guesses count nowhere: the first wrong answer is still the first.
    let refused = gateway.refuse(&Connect::v4().token("wrong")).await;
    assert_eq!(refused.detail("authReason"), "token_mismatch");
}

#[tokio::test]
async fn a_page_is_paired_silently_only_when_host_and_origin_are_local() {
    let config = json!({"gateway": {"controlUi": {"allowedOrigins": ["https://ui.example"]}}});
    let gateway = TestGateway::builder().config(&config).start().await;
    let own = format!("http://{}", gateway.address);
    let here = gateway.address.to_string();
    #[rustfmt::skip]
    let rows = [
        (own.as_str(),          here.as_str(),      true),
        ("https://ui.example",  &here,              true),
        ("https://ui.example",  "gateway.example",  false),
    ];
    for (origin, host, silent) in rows {
        let dial = gateway.dial().header("host", host).header("origin", origin);
        let entered = dial.enter(&page(&gateway)).await;
        assert_eq!(entered.is_ok(), silent, "{origin} at {host}");
        if let Err(refused) = entered {
            let request = refused.request_id();
            let mut owner = gateway.owner().await;
            let pending: Value = owner.ok("device.pair.list", json!({})).await["pending"].take();
            assert_eq!((&pending[0]["requestId"], &pending[0]["browserOrigin"]), (&json!(request), &json!(origin)));
        }
    }
}
