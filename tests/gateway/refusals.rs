//! What refused clients are told of how they are seen: over the WebSocket, in the log, and before the upgrade.
//!
//! Every address of 127.0.0.0/8 is this machine's, so proxies with addresses of their own can be played without a network.

use serde_json::{Value, json};

use crate::support::{CLI_SCOPES, Connect, Device, Refused, TestGateway, refused};

type Header = (&'static str, &'static str);

/// A way to come, and how it is seen.
struct Row {
    name: &'static str,
    /// From 127.0.0.`from`.
    from: u8,
    headers: &'static [Header],
    class: &'static str,
    /// Words of the rule.
    rule: &'static str,
    /// The setting that decides.
    setting: Option<&'static str>,
    hops: &'static [&'static str],
}

/// Trusted: 127.0.0.2 and everything in 127.0.2.0/24.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { name: "untrusted header", from: 1, headers: &[("x-forwarded-for", "203.0.113.7")],
          class: "unattributable", rule: "x-forwarded-*",            setting: Some("gateway.trustedProxies"), hops: &[] },
    Row { name: "forged locality",  from: 1, headers: &[("x-forwarded-for", "127.0.0.1")],
          class: "unattributable", rule: "no trusted proxy",         setting: Some("gateway.trustedProxies"), hops: &[] },
    Row { name: "tailscale",        from: 1, headers: &[("tailscale-user-login", "a@b")],
          class: "unattributable", rule: "tailscale-*",              setting: Some("gateway.trustedProxies"), hops: &[] },
    Row { name: "mesh",             from: 6, headers: &[],
          class: "proxy-direct",   rule: "mesh",                     setting: None,                           hops: &[] },
    Row { name: "proxied",          from: 2, headers: &[("x-forwarded-for", "203.0.113.7")],
          class: "proxied",        rule: "x-forwarded-for",          setting: None,                           hops: &[] },
    Row { name: "two proxies",      from: 2, headers: &[("x-forwarded-for", "203.0.113.7, 127.0.2.9")],
          class: "proxied",        rule: "x-forwarded-for",          setting: None,                           hops: &["127.0.2.9"] },
    Row { name: "silent proxy",     from: 2, headers: &[],
          class: "proxy-direct",   rule: "names no client",          setting: Some("gateway.trustedProxies"), hops: &[] },
    Row { name: "real ip",          from: 2, headers: &[("x-real-ip", "203.0.113.7")],
          class: "proxy-direct",   rule: "x-real-ip",                setting: Some("gateway.allowRealIpFallback"), hops: &[] },
    Row { name: "exhausted",        from: 2, headers: &[("x-forwarded-for", "127.0.2.7")],
          class: "unattributable", rule: "trusted ranges cover",     setting: Some("gateway.trustedProxies"), hops: &[] },
    Row { name: "malformed",        from: 2, headers: &[("x-forwarded-for", "203.0.113.7, who")],
          class: "unattributable", rule: "malformed",                setting: None,                           hops: &[] },
    Row { name: "contradiction",    from: 2, headers: &[("x-forwarded-for", "203.0.113.7"), ("forwarded", "for=203.0.113.8")],
          class: "unattributable", rule: "different clients",        setting: None,                           hops: &[] },
];

fn config(more: &Value) -> Value {
    let mut gateway = json!({"trustedProxies": ["127.0.0.2", "127.0.2.0/24"]});
    for (name, value) in more.as_object().expect("an object") {
        gateway[name] = value.clone();
    }
    json!({ "gateway": gateway })
}

impl Row {
    async fn enter(&self, gateway: &TestGateway, connect: &Connect) -> Result<crate::support::Session, Refused> {
        let mut dial = gateway.dial().source(self.from);
        for (name, value) in self.headers {
            dial = dial.header(name, value);
        }
        dial.enter(connect).await
    }

    fn check(&self, source: &Value, what: &str) {
        let shown = format!("{}, {what}: {source}", self.name);
        assert_eq!(source["class"], self.class, "{shown}");
        assert_eq!(source["peer"], format!("127.0.0.{}", self.from), "{shown}");
        assert!(source["rule"].as_str().is_some_and(|rule| rule.contains(self.rule)), "{shown}");
        assert!(source["evidence"].as_str().is_some_and(|line| line.starts_with("seen as ")), "{shown}");
        let settings: Vec<_> =
            source["remedies"].as_array().into_iter().flatten().map(|remedy| &remedy["setting"]).collect();
        assert_eq!(settings.into_iter().find_map(Value::as_str), self.setting, "{shown}");
        let hops = source["hops"].as_array().cloned().unwrap_or_default();
        assert_eq!(hops, self.hops, "{shown}");
    }
}

#[tokio::test]
async fn every_refusal_says_how_the_client_is_seen() {
    let gateway = TestGateway::builder().config(&config(&json!({}))).start().await;
    let token = gateway.token();
    for row in ROWS {
        let refusals = [
            ("no secret", Connect::v4(), "device identity required"),
            ("wrong secret", Connect::v4().token("wrong"), "unauthorized: "),
            ("new device", Connect::v4().token(&token).device(&Device::fresh()), "pairing required: "),
        ];
        for (what, connect, beginning) in refusals {
            let refused = refused(row.enter(&gateway, &connect).await);
            assert!(refused.message().starts_with(beginning), "{}, {what}: {refused:?}", row.name);
            let evidence = refused.error["details"]["source"]["evidence"].as_str().expect("evidence");
            assert!(refused.message().contains(evidence), "{}, {what}: {refused:?}", row.name);
            assert!(refused.message().contains("`openclaw "), "{}, {what}: says what to type: {refused:?}", row.name);
            row.check(&refused.error["details"]["source"], what);
            if let Some(request) = refused.error["details"]["requestId"].as_str() {
                gateway.owner().await.ok("device.pair.reject", json!({ "requestId": request })).await;
                gateway.logs(&["closed before connect", &format!("class={}", row.class), "rule=", request]).await;
            }
        }
        // Without a device the secret lets it in, without scopes; then everything that is missing says why.
        let mut session = row.enter(&gateway, &Connect::v4().token(&token)).await.expect(row.name);
        let error = session.fails("device.pair.list", json!({})).await;
        let evidence = error["details"]["source"]["evidence"].as_str().expect("evidence");
        let message = error["message"].as_str().expect("a message");
        assert!(message.starts_with("missing scope: operator.pairing (") && message.contains(evidence), "{error}");
        assert!(row.setting.is_none_or(|setting| message.contains(setting)), "{error}");
        let who = session.ok("gateway.whoami", json!({})).await;
        row.check(&who["source"], "whoami");
    }
    // What was seen is kept for the operator.
    let sources = gateway.owner().await.ok("gateway.sources", json!({})).await;
    let kinds: Vec<_> =
        sources["findings"].as_array().expect("a list").iter().map(|finding| &finding["kind"]).collect();
    for kind in ["untrusted-proxy", "silent-proxy", "covers-clients", "unreadable-chain"] {
        assert!(kinds.contains(&&json!(kind)), "{kind}: {sources}");
    }
}

#[tokio::test]
async fn who_cannot_be_attributed_is_refused_before_the_upgrade_where_that_is_wanted() {
    let own = json!({"gateway": {"unattributed": "refuse"}});
    let gateway = TestGateway::builder().config(&config(&json!({}))).own_config(&own).start().await;
    for row in ROWS {
        let mut dial = gateway.dial().source(row.from);
        for (name, value) in row.headers {
            dial = dial.header(name, value);
        }
        let opened = dial.try_open().await;
        if row.class != "unattributable" {
            assert!(opened.is_ok(), "{}", row.name);
            continue;
        }
        let Err(answer) = opened else { panic!("{} was let through", row.name) };
        assert_eq!(answer.status, 403, "{}: {answer:?}", row.name);
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
        let error = &body["error"];
        assert_eq!(error["type"], "proxy_attribution_required", "{body}");
        row.check(&error["source"], "before the upgrade");
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains(error["source"]["evidence"].as_str().expect("evidence")), "{message}");
        assert!(message.contains("`openclaw devices list`"), "{message}");
        assert!(row.setting.is_none_or(|setting| message.contains(setting)), "{message}");
    }
    gateway.logs(&["Refused with HTTP 403", "peer=127.0.0.1", "setting=gateway.trustedProxies"]).await;
    // Health checks of the same proxy are no connections that anybody could be paired by.
    let answer = gateway.http("GET", "/readyz", &[("x-forwarded-for", "203.0.113.7")]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(gateway.dial().try_open().await.is_ok(), "and who brings no header is not meant");
}

#[tokio::test]
async fn a_refused_client_can_ask_without_a_session() {
    let gateway = TestGateway::builder().config(&config(&json!({}))).start().await;
    let here = gateway.address.to_string();
    #[rustfmt::skip]
    let rows: &[(&str, &[Header], u16, &str)] = &[
        ("plain",                     &[],                                               200, "loopback"),
        ("through a proxy",           &[("host", "gw.example"), ("x-forwarded-for", "203.0.113.7")], 200, "unattributable"),
        ("a compose service's name",  &[("host", "gateway:18789")],                      200, "loopback"),
        ("a name made to point here", &[("host", "evil.example:18789")],                 403, "foreign_host"),
        ("a page from elsewhere",     &[("host", "localhost"), ("origin", "https://evil.example")], 403, "origin_not_allowed"),
        ("our own page",              &[("origin", "http://localhost:1")],               200, "loopback"),
    ];
    for (name, headers, status, what) in rows {
        let answer = gateway.http("GET", "/whoami", headers).await;
        assert_eq!(answer.status, *status, "{name}: {answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{name}: {answer:?}");
        let body: Value = serde_json::from_str(&answer.body).expect("JSON");
        let told = if *status == 200 { &body["source"]["class"] } else { &body["error"]["type"] };
        assert_eq!(told, what, "{name}: {body}");
        // The configuration is nobody's business who proved nothing.
        for secret in ["127.0.2.0/24", &gateway.token(), env!("CARGO_PKG_VERSION")] {
            assert!(!answer.body.contains(secret), "{name}: {body}");
        }
    }
    assert_eq!(gateway.http("POST", "/whoami", &[("host", &here), ("content-length", "0")]).await.status, 405);
}

#[tokio::test]
async fn a_trusted_proxy_names_its_users() {
    let auth = json!({
        "mode": "trusted-proxy",
        "trustedProxy": {
            "userHeader": "x-forwarded-user", "requiredHeaders": ["x-forwarded-proto"], "allowUsers": ["ann"],
            "allowLoopback": true,
        },
    });
    let gateway = TestGateway::builder().config(&config(&json!({ "auth": auth }))).start().await;
    let ann: &[Header] =
        &[("x-forwarded-for", "203.0.113.7"), ("x-forwarded-proto", "https"), ("x-forwarded-user", "ann")];
    #[rustfmt::skip]
    let rows: &[(&str, u8, &[Header], &str)] = &[
        ("the user",                  2, ann,                                                       "pairing required: "),
        ("not through the proxy",     1, ann,                                                       "trusted_proxy_untrusted_source"),
        ("no client named",           2, &[("x-forwarded-proto", "https"), ("x-forwarded-user", "ann")], "trusted_proxy_untrusted_source"),
        ("a header is missing",       2, &[("x-forwarded-for", "203.0.113.7"), ("x-forwarded-user", "ann")], "trusted_proxy_missing_header_x-forwarded-proto"),
        ("no user",                   2, &[("x-forwarded-for", "203.0.113.7"), ("x-forwarded-proto", "https")], "trusted_proxy_user_missing"),
        ("another user",              2, &[("x-forwarded-for", "203.0.113.7"), ("x-forwarded-proto", "https"), ("x-forwarded-user", "eve")], "trusted_proxy_user_not_allowed"),
    ];
    let device = Device::fresh();
    let connect = Connect::v4().device(&device).scopes(&CLI_SCOPES);
    let enter = async |from: u8, headers: &[Header]| {
        let dial = headers.iter().fold(gateway.dial().source(from), |dial, (name, value)| dial.header(name, value));
        dial.enter(&connect).await
    };
    for (name, from, headers, expected) in rows {
        let refused = refused(enter(*from, headers).await);
        let told = refused.message().starts_with(expected) || refused.detail("authReason") == *expected;
        assert!(told, "{name}: {refused:?}");
        assert_ne!(refused.error["details"]["source"]["evidence"], Value::Null, "{name}: {refused:?}");
    }
    let refused = refused(enter(2, ann).await);
    gateway.owner().await.ok("device.pair.approve", json!({ "requestId": refused.request_id() })).await;
    let mut session = enter(2, ann).await.expect("approved");
    let who = session.ok("gateway.whoami", json!({})).await;
    assert_eq!(
        (&who["session"]["user"], &who["session"]["mechanism"]),
        (&json!("ann"), &json!("trusted-proxy")),
        "{who}"
    );
    gateway.logs(&["trusted proxy vouches for user=ann"]).await;
}

#[tokio::test]
async fn a_flood_of_refusals_does_not_fill_the_log() {
    let gateway = TestGateway::start().await;
    let dial = gateway.dial().with_evidence();
    let guess = Connect::v4();
    for _ in 0..150 {
        refused(dial.enter(&guess).await);
    }
    let count = |log: &str, words: &str| log.lines().filter(|line| line.contains(words)).count();
    let log = gateway.log();
    // Its output and its log file both have every line.
    for words in ["closed before connect", "Proxy headers detected from untrusted address"] {
        let lines = count(&log, words);
        assert!((1..=2 * 60).contains(&lines), "{lines} lines of {words}");
    }
}
