//! Secrets and settings at the start: where they come from, and what is wrong with them.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::json;

use crate::support::{Builder, Close, Connect, Device, Exit, TestGateway};

const ONE: &str = "the-first-of-two-tokens";
const OTHER: &str = "the-second-of-two-tokens";

/// A file with a secret, as container platforms mount it: with a newline at its end.
fn secret_file(builder: Builder, variable: &str, secret: &str) -> Builder {
    let path = builder.home().join(variable);
    fs::write(&path, format!("{secret}\n")).expect("a file can be written");
    builder.env(variable, path)
}

fn in_config(builder: Builder, token: &str) -> Builder {
    builder.config(&json!({"gateway": {"auth": {"token": token}}}))
}

async fn accepts(gateway: &TestGateway, token: &str) -> bool {
    gateway.enter(&Connect::v4().token(token).device(&Device::fresh())).await.is_ok()
}

#[tokio::test]
async fn a_token_is_generated_once_and_its_place_is_told() {
    let gateway = TestGateway::start().await;
    let token = gateway.token();
    assert!(token.len() >= 32, "{} characters", token.len());
    let path = gateway.state().join("identity/gateway-token");
    assert_eq!(fs::metadata(&path).expect("the file is there").permissions().mode() & 0o777, 0o600);
    let log = gateway.log();
    assert!(log.contains(&path.display().to_string()), "{log}");
    assert!(!log.contains(&token), "the value is nobody's business");
    assert!(accepts(&gateway, &token).await);
    let gateway = gateway.restart().await;
    assert_eq!(gateway.token(), token);
    assert!(accepts(&gateway, &token).await);
}

#[tokio::test]
async fn each_source_counts_alone() {
    let builder = TestGateway::builder;
    let gateways = [
        in_config(builder(), ONE),
        builder().env("OPENCLAW_GATEWAY_TOKEN", ONE),
        secret_file(builder(), "OPENCLAW_GATEWAY_TOKEN_FILE", ONE),
        builder().flag("--token").flag(ONE),
        // Equal values are no contradiction.
        in_config(secret_file(builder(), "OPENCLAW_GATEWAY_TOKEN_FILE", ONE).env("OPENCLAW_GATEWAY_TOKEN", ONE), ONE),
        // A flag wins over whatever else is said.
        in_config(builder(), OTHER).flag("--token").flag(ONE),
        // A token that was generated earlier counts only when there is no other.
        builder().file("identity/gateway-token", OTHER).env("OPENCLAW_GATEWAY_TOKEN", ONE),
    ];
    for (number, builder) in gateways.into_iter().enumerate() {
        let gateway = builder.start().await;
        assert!(accepts(&gateway, ONE).await, "row {number}");
        assert!(!accepts(&gateway, OTHER).await, "row {number}");
        let log = gateway.log();
        assert!(!log.contains(ONE) && !log.contains(OTHER), "row {number}: a secret is in {log}");
    }
}

#[tokio::test]
async fn two_sources_that_disagree_are_both_named() {
    const CONFIG: &str = "gateway.auth.token";
    const VARIABLE: &str = "OPENCLAW_GATEWAY_TOKEN";
    const FILE: &str = "OPENCLAW_GATEWAY_TOKEN_FILE";
    let builder = TestGateway::builder;
    #[rustfmt::skip]
    let rows = [
        (in_config(builder(), ONE).env(VARIABLE, OTHER),                    [CONFIG, VARIABLE]),
        (secret_file(in_config(builder(), ONE), FILE, OTHER),               [CONFIG, FILE]),
        (secret_file(builder().env(VARIABLE, ONE), FILE, OTHER),            [VARIABLE, FILE]),
    ];
    for (builder, names) in rows {
        let exit = builder.fails().await;
        assert!(!exit.status.success(), "{names:?}: {exit:?}");
        for name in names {
            assert!(exit.output.contains(name), "{name} is not named: {exit:?}");
        }
        assert!(!exit.output.contains(ONE) && !exit.output.contains(OTHER), "{exit:?}");
    }
}

#[tokio::test]
async fn a_password_makes_it_mode_password() {
    let builder = TestGateway::builder;
    for builder in [
        builder().env("OPENCLAW_GATEWAY_PASSWORD", ONE),
        secret_file(builder(), "OPENCLAW_GATEWAY_PASSWORD_FILE", ONE),
        builder().config(&json!({"gateway": {"auth": {"password": ONE}}})),
        builder().config(&json!({"gateway": {"auth": {"mode": "password", "password": ONE}}})),
    ] {
        let gateway = builder.start().await;
        let session = gateway.admit(&Connect::v4().password(ONE).device(&Device::fresh())).await;
        assert_eq!(session.auth("method"), "password");
        assert_eq!(session.hello["snapshot"]["authMode"], "password");
        assert!(!gateway.state().join("identity/gateway-token").exists(), "no token is needed");
    }
}

#[tokio::test]
async fn a_secret_file_that_is_not_there_is_named() {
    let exit = TestGateway::builder().env("OPENCLAW_GATEWAY_TOKEN_FILE", "/nowhere/token").fails().await;
    names(&exit, &["OPENCLAW_GATEWAY_TOKEN_FILE", "/nowhere/token"]);
}

#[tokio::test]
async fn a_syntax_error_is_told_with_line_and_column() {
    let text = "{\n  // a comment is fine\n  gateway: {\n    port: 18789,,\n  },\n}\n";
    let exit = TestGateway::builder().file("openclaw.json", text).fails().await;
    names(&exit, &["openclaw.json"]);
    // As an editor opens it, or in words.
    let told = exit.output.contains("openclaw.json:4:17") || exit.output.contains("line 4, column 17");
    assert!(told, "{exit:?}");
}

#[tokio::test]
async fn every_setting_that_is_wrong_is_named() {
    let config = json!({"gateway": {
        "port": "many", "bind": "everywhere", "auth": {"mode": "magic"}, "trustedProxies": "10.0.0.1",
    }});
    let exit = TestGateway::builder().config(&config).fails().await;
    names(&exit, &["gateway.port", "gateway.bind", "gateway.auth.mode", "gateway.trustedProxies"]);
}

#[tokio::test]
async fn a_setting_that_nobody_knows_is_warned_about_and_kept() {
    let text = r#"{ "gateway": { "bogus": 1 }, "channels": { "telegram": { "botToken": "x" } }, /* kept */ }"#;
    let gateway = TestGateway::builder().file("openclaw.json", text).start().await;
    gateway.logs(&["gateway.bogus"]).await;
    assert_eq!(fs::read_to_string(gateway.state().join("openclaw.json")).expect("the file is there"), text);
}

#[tokio::test]
async fn keys_of_our_own_are_read_from_either_file_and_belong_into_one() {
    let settings = json!({"gateway": {"limits": {"handshakeTimeoutMs": 200}}});
    for builder in [TestGateway::builder().own_config(&settings), TestGateway::builder().config(&settings)] {
        let gateway = builder.start().await;
        let mut socket = gateway.dial().open().await;
        socket.challenge().await;
        assert_eq!(socket.closed_at_once().await, Close::new(1000, ""));
        if gateway.state().join("openclaw.json").exists() {
            // OpenClaw's own command lines refuse a file with a key that they do not know.
            gateway.logs(&["gateway.limits", "gateway.json"]).await;
        }
    }
}

fn names(exit: &Exit, parts: &[&str]) {
    assert!(!exit.status.success(), "{exit:?}");
    for part in parts {
        assert!(exit.output.contains(part), "{part} is not named: {exit:?}");
    }
}
