//! How the gateway says it sees a connection, and what it says it has seen.

use serde_json::{Value, json};

use crate::support::{Connect, Device, TestGateway};

#[tokio::test]
async fn everybody_who_was_let_in_is_told_how_it_is_seen() {
    let gateway = TestGateway::start().await;
    let token = gateway.token();
    let by_token = || Connect::v4().token(&token);
    let mut owner = gateway.owner().await;
    let mut near = gateway.admit(&by_token()).await;
    let mut without_scopes = gateway.admit_from_afar(&by_token()).await;
    let mut node = gateway.admit(&by_token().node().device(&Device::fresh())).await;
    #[rustfmt::skip]
    let rows = [
        // session                class             peer                      mechanism      role        scopes
        (&mut owner,          "unix-socket",    Value::Null,        "unix-socket", "operator", true),
        (&mut near,           "loopback",       json!("127.0.0.1"), "token",       "operator", true),
        (&mut without_scopes, "unattributable", json!("127.0.0.1"), "token",       "operator", false),
        (&mut node,           "loopback",       json!("127.0.0.1"), "token",       "node",     false),
    ];
    for (session, class, peer, mechanism, role, scopes) in rows {
        let who = session.ok("gateway.whoami", json!({})).await;
        let source = &who["source"];
        assert_eq!((&source["class"], &source["peer"]), (&json!(class), &peer), "{who}");
        let session = &who["session"];
        assert_eq!((&session["mechanism"], &session["role"]), (&json!(mechanism), &json!(role)), "{who}");
        assert_eq!(session["scopes"].as_array().is_some_and(|scopes| !scopes.is_empty()), scopes, "{who}");
        assert_eq!(who["place"]["command"], "openclaw devices list", "{who}");
        for text in ["rule", "evidence", "grant"] {
            assert!(source[text].as_str().is_some_and(|text| !text.is_empty()), "{text}: {who}");
        }
    }
    let who = without_scopes.ok("gateway.whoami", json!({})).await;
    assert_eq!(who["source"]["remedies"][0]["setting"], "gateway.trustedProxies", "{who}");
    assert!(who["session"]["advice"].as_str().is_some_and(|advice| advice.contains("no device")), "{who}");
    without_scopes.fails("gateway.sources", json!({})).await;
}

#[tokio::test]
async fn what_was_seen_is_told_to_the_operator() {
    let gateway = TestGateway::start().await;
    let connect = Connect::v4().token(&gateway.token());
    for _ in 0..2 {
        gateway.admit_from_afar(&connect).await.leave().await;
    }
    let dial = gateway.dial().header("host", "gw.example");
    dial.enter(&connect).await.expect("let in").leave().await;
    let sources = gateway.owner().await.ok("gateway.sources", json!({})).await;
    let finding = |kind: &str| {
        let findings = sources["findings"].as_array().expect("a list");
        findings.iter().find(|finding| finding["kind"] == kind).unwrap_or_else(|| panic!("{kind}: {sources}")).clone()
    };
    let untrusted = finding("untrusted-proxy");
    assert_eq!((&untrusted["count"], &untrusted["peers"]), (&json!(2), &json!(["127.0.0.1"])), "{untrusted}");
    assert_eq!(
        untrusted["remedies"][0]["command"], "openclaw config set gateway.trustedProxies '[\"127.0.0.1\"]'",
        "{untrusted}"
    );
    assert_eq!(finding("loopback-foreign-host")["hosts"], json!(["gw.example"]));
    let seen = sources["connections"].as_array().expect("a list");
    assert!(seen.iter().any(|seen| seen["class"] == "unix-socket"), "{sources}");
}
