//! A configuration that is read again while the gateway runs.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::support::{Close, Connect, Device, Session, TestGateway, eventually, refused, tls_connect};

const OLD: &str = "the-token-of-yesterday";
const NEW: &str = "the-token-of-today";

fn with_token(token: &str) -> Value {
    json!({"gateway": {"auth": {"token": token}}})
}

/// Replaces `openclaw.json` and asks the gateway to read it.
fn reload(gateway: &TestGateway, text: &str) {
    edit(gateway, text);
    gateway.signal(Signal::SIGHUP);
}

/// Replaces `openclaw.json`.
fn edit(gateway: &TestGateway, text: &str) {
    fs::write(gateway.state().join("openclaw.json"), text).expect("a file can be written");
}

#[tokio::test]
async fn a_new_secret_ends_who_came_in_by_the_old_one_and_nobody_else() {
    let gateway = TestGateway::builder().config(&with_token(OLD)).start().await;
    let device = Device::fresh();
    let by_secret = Connect::v4().token(OLD).device(&device);
    let mut ends = gateway.admit(&by_secret).await;
    let by_token = Connect::v4().device_token(&ends.device_token()).device(&device);
    let mut stays = gateway.admit(&by_token).await;
    let mut owner = gateway.owner().await;

    reload(&gateway, &with_token(NEW).to_string());
    assert_eq!(ends.closed().await, Close::new(4001, "gateway auth changed"));
    let refused = gateway.refuse(&Connect::v4().token(OLD)).await;
    assert_eq!(refused.detail("authReason"), "token_mismatch", "{refused:?}");
    gateway.admit(&Connect::v4().token(NEW).device(&device)).await;
    gateway.admit(&by_token).await;
    stays.ok("health", json!({})).await;
    owner.ok("health", json!({})).await;
}

#[tokio::test]
async fn whoever_was_let_in_by_another_mode_does_not_stay() {
    let gateway = TestGateway::builder().config(&json!({"gateway": {"auth": {"mode": "none"}}})).start().await;
    let connect = Connect::v4().device(&Device::fresh());
    let waits = gateway.refuse(&connect).await;
    let mut owner = gateway.owner().await;
    owner.ok("device.pair.approve", json!({ "requestId": waits.request_id() })).await;
    let mut by_none = gateway.admit(&connect).await;
    reload(&gateway, &with_token(NEW).to_string());
    assert_eq!(by_none.closed().await, Close::new(4001, "gateway auth changed"));
    owner.ok("health", json!({})).await;
}

#[tokio::test]
async fn a_user_who_is_taken_from_the_list_does_not_stay() {
    let of_users = |users: &[&str]| {
        let proxy = json!({"userHeader": "x-forwarded-user", "allowUsers": users, "allowLoopback": true});
        json!({"gateway": {"trustedProxies": ["127.0.0.2"], "auth": {"mode": "trusted-proxy", "trustedProxy": proxy}}})
    };
    let gateway = TestGateway::builder().config(&of_users(&["ann", "bob"])).start().await;
    let connect = Connect::v4().device(&Device::fresh());
    let by_proxy =
        || gateway.dial().source(2).header("x-forwarded-for", "203.0.113.7").header("x-forwarded-user", "bob");
    let refused = refused(by_proxy().enter(&connect).await);
    gateway.owner().await.ok("device.pair.approve", json!({ "requestId": refused.request_id() })).await;
    let mut bob = by_proxy().enter(&connect).await.expect("approved");
    let before = by_proxy().open().await;
    reload(&gateway, &of_users(&["ann"]).to_string());
    assert_eq!(bob.closed().await, Close::new(4001, "gateway auth changed"));
    let late = crate::support::refused(Session::enter(before, &connect).await);
    assert_eq!(late.close, Close::new(4001, "gateway auth changed"), "{late:?}");
}

#[tokio::test]
async fn a_connection_of_before_does_not_get_in_by_the_old_secret() {
    let gateway = TestGateway::builder().config(&with_token(OLD)).start().await;
    let known = Device::fresh();
    let mut watches = gateway.admit(&Connect::v4().token(OLD).device(&known)).await;
    let dial = gateway.dial();
    let (opened, connected) = (dial.open().await, dial.connect().await.expect("the gateway listens"));
    reload(&gateway, &with_token(NEW).to_string());
    assert_eq!(watches.closed().await, Close::new(4001, "gateway auth changed"));
    let late = dial.open_on(connected).await;
    for socket in [opened, late] {
        let device = Device::fresh();
        let refused = refused(Session::enter(socket, &Connect::v4().token(OLD).device(&device)).await);
        assert_eq!(refused.close, Close::new(4001, "gateway auth changed"), "{refused:?}");
        assert_eq!((&refused.error["code"], &refused.error["retryable"]), (&json!("UNAVAILABLE"), &json!(true)));
        let listed = gateway.owner().await.ok("device.pair.list", json!({})).await;
        let paired = listed["paired"].as_array().expect("a list");
        assert!(paired.iter().all(|entry| entry["deviceId"] != device.id()), "it was paired: {listed}");
    }
}

#[tokio::test]
async fn another_setting_ends_nobody_and_a_broken_file_changes_nothing() {
    let gateway = TestGateway::builder().config(&with_token(OLD)).start().await;
    let mut session = gateway.admit(&Connect::v4().token(OLD).device(&Device::fresh())).await;
    let page = gateway.dial().header("origin", "https://ui.example");
    let connect = Connect::v4().client("openclaw-control-ui", "webchat").token(OLD).device(&Device::fresh());
    page.enter(&connect).await.err().expect("not on the list yet");

    let mut config = with_token(OLD);
    config["gateway"]["controlUi"]["allowedOrigins"] = json!(["https://ui.example"]);
    reload(&gateway, &config.to_string());
    eventually("the page to be let in", async || page.enter(&connect).await.ok()).await;
    session.ok("health", json!({})).await;

    reload(&gateway, "{ gateway: ");
    gateway.logs(&["the configuration cannot be used", "openclaw.json"]).await;
    session.ok("health", json!({})).await;
    page.enter(&connect).await.unwrap_or_else(|refused| panic!("what was in force stays: {refused:?}"));
}

#[tokio::test]
async fn who_is_trusted_changes_for_the_next_connection_and_ends_nobody() {
    let gateway = TestGateway::builder().config(&with_token(OLD)).start().await;
    let mut stays = gateway.admit(&Connect::v4().token(OLD).device(&Device::fresh())).await;
    let forwarded = gateway.dial().header("x-forwarded-for", "203.0.113.7");
    let class = async || {
        let mut session = forwarded.enter(&Connect::v4().token(OLD)).await.expect("the secret is right");
        let who = session.ok("gateway.whoami", json!({})).await;
        session.leave().await;
        who["source"]["class"].as_str().map(ToOwned::to_owned)
    };
    assert_eq!(class().await.as_deref(), Some("unattributable"));
    let mut config = with_token(OLD);
    config["gateway"]["trustedProxies"] = json!(["127.0.0.1"]);
    edit(&gateway, &config.to_string());
    let seen = eventually("another class", async || class().await.filter(|class| class != "unattributable")).await;
    assert_eq!(seen, "proxied");
    edit(&gateway, &with_token(OLD).to_string());
    eventually("the first class", async || class().await.filter(|class| class == "unattributable")).await;
    stays.ok("health", json!({})).await;
}

#[tokio::test]
async fn a_certificate_that_is_replaced_is_served_without_a_restart() {
    let tls = json!({"gateway": {"tls": {"enabled": true}}});
    let (one, other) =
        tokio::join!(TestGateway::builder().config(&tls).start(), TestGateway::builder().config(&tls).start());
    let fingerprint = async |gateway: &TestGateway| {
        let stream = TcpStream::connect(gateway.address).await.expect("the gateway listens");
        tls_connect(stream).await.expect("the gateway speaks TLS").1
    };
    let wanted = fingerprint(&other).await;
    assert_ne!(fingerprint(&one).await, wanted);
    let mut session = one.owner().await;
    let files = fs::read_dir(other.state().join("tls")).expect("the certificate's directory").flatten();
    for file in files {
        fs::copy(file.path(), one.state().join("tls").join(file.file_name())).expect("a file can be copied");
    }
    one.signal(Signal::SIGHUP);
    eventually("the new certificate", async || (fingerprint(&one).await == wanted).then_some(())).await;
    session.ok("health", json!({})).await;
}

#[tokio::test]
async fn an_edit_is_taken_up_by_itself_and_a_broken_one_is_told() {
    let gateway = TestGateway::builder().config(&with_token(OLD)).start().await;
    let mut session = gateway.admit(&Connect::v4().token(OLD).device(&Device::fresh())).await;
    let page = gateway.dial().header("origin", "https://ui.example");
    let connect = Connect::v4().client("openclaw-control-ui", "webchat").token(OLD).device(&Device::fresh());
    page.enter(&connect).await.err().expect("not on the list yet");

    edit(&gateway, "{ gateway: ");
    gateway.logs(&["the configuration cannot be used", "openclaw.json: line 1"]).await;
    let mut config = with_token(OLD);
    config["gateway"]["controlUi"]["allowedOrigins"] = json!(["https://ui.example"]);
    edit(&gateway, &config.to_string());
    gateway.logs(&["configuration reloaded", "applied: gateway.controlUi.allowedOrigins"]).await;
    eventually("the page to be let in", async || page.enter(&connect).await.ok()).await;
    session.ok("health", json!({})).await;
}

#[tokio::test]
async fn a_secret_file_that_is_replaced_ends_who_came_in_by_the_old_secret() {
    let builder = TestGateway::builder().file("secret", OLD);
    let secret = builder.state().join("secret");
    let gateway = builder.env("OPENCLAW_GATEWAY_TOKEN_FILE", &secret).start().await;
    let device = Device::fresh();
    let mut session = gateway.admit(&Connect::v4().token(OLD).device(&device)).await;
    // As an engine or a kubelet does it: another file takes the place of the first.
    let fresh = secret.with_extension("new");
    fs::write(&fresh, NEW).expect("a file can be written");
    fs::rename(fresh, &secret).expect("a file can be renamed");
    assert_eq!(session.closed().await, Close::new(4001, "gateway auth changed"));
    gateway.admit(&Connect::v4().token(NEW).device(&device)).await;
}

#[tokio::test]
async fn what_only_a_restart_takes_up_waits_or_brings_one_as_the_mode_says() {
    let config =
        |mode: &str, style: &str| json!({"gateway": {"reload": {"mode": mode}}, "logging": {"consoleStyle": style}});
    let gateway = TestGateway::builder().config(&config("hot", "json")).start().await;
    let mut session = gateway.owner().await;
    edit(&gateway, &config("hot", "compact").to_string());
    gateway.logs(&["configuration reloaded; applied: nothing; needs a restart: logging.consoleStyle"]).await;
    session.ok("health", json!({})).await;

    let pid = gateway.pid();
    edit(&gateway, &config("hybrid", "compact").to_string());
    gateway.logs(&["logging.consoleStyle changed: restarting, as gateway.reload.mode is hybrid"]).await;
    assert_eq!(session.closed().await, Close::new(1012, "service restart"));
    eventually("the gateway to be back", async || gateway.dial_unix().connect().await.ok()).await;
    assert_eq!(gateway.pid(), pid, "it is the same process");
}

#[tokio::test]
async fn with_mode_off_an_edit_waits_for_somebody_to_say_so() {
    let off = |token: &str| json!({"gateway": {"auth": {"token": token}, "reload": {"mode": "off"}}});
    let gateway = TestGateway::builder().config(&off(OLD)).start().await;
    let device = Device::fresh();
    edit(&gateway, &off(NEW).to_string());
    // Another gateway, whose file is edited later, has taken that up: this one would have too.
    let other = TestGateway::start().await;
    edit(&other, &json!({"gateway": {"auth": {"token": NEW}}}).to_string());
    other.logs(&["configuration reloaded"]).await;
    let mut session = gateway.admit(&Connect::v4().token(OLD).device(&device)).await;
    gateway.signal(Signal::SIGHUP);
    assert_eq!(session.closed().await, Close::new(4001, "gateway auth changed"));
}
