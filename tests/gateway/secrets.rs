//! What is said to whoever brings a wrong secret, or none.

use serde_json::json;

use crate::support::{AFAR, Connect, Device, TestGateway, refused};

const TOKEN: &str = "correct-horse-battery-staple";

/// A refusal as it is expected: the text, and what a program can read about it.
struct Expected {
    text: &'static str,
    reason: &'static str,
    code: &'static str,
    next: &'static str,
}

async fn expect(gateway: &TestGateway, what: &str, connect: &Connect, expected: &Expected) {
    let refused = gateway.refuse(connect).await;
    let Expected { text, reason, code, next } = expected;
    assert_eq!(refused.error["code"], "INVALID_REQUEST", "{what}: {refused:?}");
    assert!(refused.message().starts_with(text), "{what}: {refused:?}");
    // The close reason is what older clients read and match: the bare text, cut to what they show.
    assert_eq!(refused.close.code, 1008, "{what}: {refused:?}");
    assert_eq!(refused.close.reason, text[..text.len().min(120)], "{what}");
    assert_eq!(refused.detail("authReason"), reason, "{what}: {refused:?}");
    assert_eq!(refused.detail("code"), code, "{what}: {refused:?}");
    assert_eq!(refused.detail("recommendedNextStep"), next, "{what}: {refused:?}");
    let retry = *reason == "token_mismatch" && *next == "retry_with_device_token";
    assert_eq!(refused.detail("canRetryWithDeviceToken"), retry, "{what}: {refused:?}");
}

fn device_of(connect: Connect) -> Connect {
    connect.device(&Device::fresh())
}

#[rustfmt::skip]
#[tokio::test]
async fn in_token_mode() {
    const CREDENTIALS: &str = "update_auth_credentials";
    const CONFIGURATION: &str = "update_auth_configuration";
    let gateway = TestGateway::builder().env("OPENCLAW_GATEWAY_TOKEN", TOKEN).start().await;
    let stale = Expected {
        text: "unauthorized: device token mismatch (rotate/reissue device token)",
        reason: "device_token_mismatch", code: "AUTH_DEVICE_TOKEN_MISMATCH", next: CREDENTIALS,
    };
    let mismatch = |text, next| Expected { text, reason: "token_mismatch", code: "AUTH_TOKEN_MISMATCH", next };
    let missing = |text| Expected { text, reason: "token_missing", code: "AUTH_TOKEN_MISSING", next: CONFIGURATION };
    let older_mismatch = "unauthorized: gateway token mismatch (set gateway.remote.token to match gateway.auth.token)";
    let newer_mismatch = "unauthorized: gateway token mismatch (use this gateway's gateway.auth.token or pair the device)";
    let rows = [
        ("older, with a device: frees it of a stale device token",
            device_of(Connect::v3().token("wrong")), stale),
        ("older, without a device",
            Connect::v3().token("wrong"), mismatch(older_mismatch, CREDENTIALS)),
        ("older, nothing",
            device_of(Connect::v3()), missing("unauthorized: gateway token missing (set gateway.remote.token to match gateway.auth.token)")),
        ("newer, with a device",
            device_of(Connect::v4().token("wrong")), mismatch(newer_mismatch, "retry_with_device_token")),
        ("newer, without a device",
            Connect::v4().token("wrong"), mismatch(newer_mismatch, CREDENTIALS)),
        ("newer, nothing",
            device_of(Connect::v4()), missing("unauthorized: gateway token missing (use this gateway's gateway.auth.token or pair the device)")),
        ("newer, empty texts are nothing",
            device_of(Connect::v4().auth(json!({"token": "", "password": ""}))), missing("unauthorized: gateway token missing (use this gateway's gateway.auth.token or pair the device)")),
        ("newer, a device token that is none",
            device_of(Connect::v4().device_token("wrong")), Expected {
                text: "unauthorized: device token mismatch (rotate/reissue device token)",
                reason: "device_token_mismatch", code: "AUTH_DEVICE_TOKEN_MISMATCH", next: CREDENTIALS,
            }),
        ("newer, both wrong",
            device_of(Connect::v4().auth(json!({"token": "wrong", "deviceToken": "wrong"}))), Expected {
                text: "unauthorized: device token mismatch (rotate/reissue device token)",
                reason: "device_token_mismatch", code: "AUTH_DEVICE_TOKEN_MISMATCH", next: CREDENTIALS,
            }),
        ("newer, a wrong password where a token counts",
            Connect::v4().password("wrong"), mismatch(newer_mismatch, CREDENTIALS)),
        ("a program that is no command line",
            device_of(Connect::v4().client("test", "test").token("wrong")),
            mismatch("unauthorized: gateway token mismatch (provide gateway auth token)", "retry_with_device_token")),
    ];
    for (what, connect, expected) in rows {
        expect(&gateway, what, &connect, &expected).await;
    }
}

#[rustfmt::skip]
#[tokio::test]
async fn in_password_mode() {
    let gateway = TestGateway::builder().env("OPENCLAW_GATEWAY_PASSWORD", TOKEN).start().await;
    let mismatch = |text| Expected { text, reason: "password_mismatch", code: "AUTH_PASSWORD_MISMATCH", next: "update_auth_credentials" };
    let missing = |text| Expected { text, reason: "password_missing", code: "AUTH_PASSWORD_MISSING", next: "update_auth_configuration" };
    let rows = [
        ("older, wrong",    Connect::v3().password("wrong"),
            mismatch("unauthorized: gateway password mismatch (set gateway.remote.password to match gateway.auth.password)")),
        ("older, nothing",  device_of(Connect::v3()),
            missing("unauthorized: gateway password missing (set gateway.remote.password to match gateway.auth.password)")),
        ("newer, wrong",    Connect::v4().password("wrong"),
            mismatch("unauthorized: gateway password mismatch (use this gateway's gateway.auth.password)")),
        ("newer, wrong, with a device", device_of(Connect::v4().password("wrong")),
            mismatch("unauthorized: gateway password mismatch (use this gateway's gateway.auth.password)")),
        ("newer, nothing",  device_of(Connect::v4()),
            missing("unauthorized: gateway password missing (use this gateway's gateway.auth.password)")),
        ("a program that is no command line", Connect::v4().client("test", "test").password("wrong"),
            mismatch("unauthorized: gateway password mismatch (provide gateway auth password)")),
    ];
    for (what, connect, expected) in rows {
        expect(&gateway, what, &connect, &expected).await;
    }
    for connect in [Connect::v3().password(TOKEN), Connect::v4().password(TOKEN), Connect::v4().token(TOKEN)] {
        gateway.admit(&device_of(connect)).await;
    }
}

#[tokio::test]
async fn the_pages_are_told_where_to_type_it() {
    let gateway = TestGateway::start().await;
    let origin = format!("http://{}", gateway.address);
    let dial = gateway.dial().header("origin", &origin);
    let page = |connect: Connect| device_of(connect.client("openclaw-control-ui", "webchat"));
    #[rustfmt::skip]
    let rows = [
        (page(Connect::v4().token("wrong")),
            "unauthorized: gateway token mismatch (open the dashboard URL and paste the token in Control UI settings)"),
        (page(Connect::v3()),
            "unauthorized: gateway token missing (open the dashboard URL and paste the token in Control UI settings)"),
        (page(Connect::v4()),
            "unauthorized: gateway token missing (open the dashboard URL and paste the token in Control UI settings)"),
    ];
    for (connect, text) in rows {
        let refused = refused(dial.enter(&connect).await);
        assert!(refused.message().starts_with(text), "{refused:?}");
        assert_eq!(refused.close.reason, text[..text.len().min(120)]);
    }
}

#[tokio::test]
async fn from_elsewhere_the_newer_command_line_gets_another_hint() {
    let gateway = TestGateway::start().await;
    let text = "unauthorized: gateway token mismatch (set gateway.remote.token to match gateway.auth.token)";
    let refused = gateway.refuse_from_afar(&Connect::v4().token("wrong")).await;
    assert!(refused.message().starts_with(text), "{refused:?}");
    assert_eq!(refused.close.reason, text);
}

#[tokio::test]
async fn a_refusal_says_where_the_client_seems_to_be_and_what_to_type() {
    let gateway = TestGateway::start().await;
    for refused in [
        gateway.refuse_from_afar(&device_of(Connect::v4().token("wrong"))).await,
        gateway.refuse_from_afar(&device_of(Connect::v3())).await,
    ] {
        assert!(refused.message().contains("x-forwarded-"), "the evidence: {refused:?}");
        assert!(refused.message().contains("openclaw "), "the next command: {refused:?}");
        assert!(!refused.message().contains(AFAR), "a header's value is no advice: {refused:?}");
    }
}

#[tokio::test]
async fn a_right_secret_wins_over_a_wrong_device_token() {
    let gateway = TestGateway::start().await;
    let both = json!({"token": gateway.token(), "deviceToken": "wrong"});
    let session = gateway.admit(&device_of(Connect::v4().auth(both))).await;
    assert_eq!(session.auth("method"), "token");
}

#[tokio::test]
async fn without_a_secret_only_what_was_approved_comes_in() {
    let gateway = TestGateway::builder().config(&json!({"gateway": {"auth": {"mode": "none"}}})).start().await;
    let device = Device::fresh();
    let refused = gateway.refuse(&Connect::v4().device(&device)).await;
    assert_eq!(refused.error["code"], "NOT_PAIRED", "mode none never pairs silently: {refused:?}");
    gateway.owner().await.ok("device.pair.approve", json!({"requestId": refused.request_id()})).await;
    let session = gateway.admit(&Connect::v4().device(&device)).await;
    assert_eq!(session.auth("method"), "none", "{}", session.hello);
    let refused = gateway.refuse(&Connect::v4()).await;
    assert!(refused.message().starts_with("device identity required"), "{refused:?}");
}

#[tokio::test]
async fn in_mode_trusted_proxy_nobody_speaks_for_users_but_the_proxy() {
    let config = json!({"gateway": {
        "trustedProxies": ["192.0.2.1"],
        "auth": {"mode": "trusted-proxy", "trustedProxy": {"userHeader": "x-forwarded-user"}},
    }});
    let gateway = TestGateway::builder().config(&config).start().await;
    for dial in [gateway.dial(), gateway.dial().header("x-forwarded-user", "alice"), gateway.dial().with_evidence()] {
        let refused = refused(dial.enter(&device_of(Connect::v4().token("any"))).await);
        assert!(refused.message().starts_with("unauthorized"), "{refused:?}");
        assert_eq!(refused.close.reason, "unauthorized", "{refused:?}");
        assert_eq!(refused.detail("authReason"), "trusted_proxy_untrusted_source", "{refused:?}");
        assert_eq!(refused.detail("code"), "AUTH_UNAUTHORIZED", "{refused:?}");
    }
    gateway.owner().await.ok("device.pair.list", json!({})).await;
}
