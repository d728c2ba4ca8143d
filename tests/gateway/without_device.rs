//! Clients that bring no device: who keeps what it asked for, who comes in with nothing, who stays out.

use serde_json::{Value, json};

use crate::support::{CLI_SCOPES, Close, Connect, Device, Refused, Session, TestGateway, refused};

/// What becomes of a client without a device.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Keeps,
    Nothing,
    Out(&'static str),
}

async fn fate(entered: Result<Session, Refused>) -> Fate {
    let mut session = match entered {
        Ok(session) => session,
        Err(refused) if refused.message().starts_with("device identity required") => {
            assert_eq!(refused.error["code"], "NOT_PAIRED", "{refused:?}");
            assert_eq!(refused.detail("code"), "DEVICE_IDENTITY_REQUIRED", "{refused:?}");
            assert_eq!(refused.close, Close::new(1008, "device identity required"));
            return Fate::Out("device");
        }
        Err(refused) if refused.message().starts_with("unauthorized: ") => return Fate::Out("secret"),
        Err(refused) => panic!("{refused:?}"),
    };
    match session.call("device.pair.list", json!({})).await {
        Ok(_) => Fate::Keeps,
        Err(error) => {
            let message = error["message"].as_str().expect("a message");
            assert!(message.starts_with("missing scope: operator.pairing ("), "says why: {message}");
            assert!(message.contains("openclaw "), "says what to type: {message}");
            Fate::Nothing
        }
    }
}

#[tokio::test]
async fn who_keeps_its_scopes() {
    let gateway = TestGateway::start().await;
    let token = gateway.token();
    #[rustfmt::skip]
    let rows = [
        // client             mode        token     on loopback             from elsewhere
        ("cli",               "cli",      "right",  Fate::Keeps,            Fate::Nothing),
        ("cli",               "probe",    "right",  Fate::Keeps,            Fate::Nothing),
        ("gateway-client",    "backend",  "right",  Fate::Keeps,            Fate::Nothing),
        ("openclaw-macos",    "ui",       "right",  Fate::Nothing,          Fate::Nothing),
        ("test",              "test",     "right",  Fate::Nothing,          Fate::Nothing),
        ("cli",               "cli",      "wrong",  Fate::Out("secret"),    Fate::Out("secret")),
        ("gateway-client",    "backend",  "wrong",  Fate::Out("secret"),    Fate::Out("secret")),
        ("cli",               "cli",      "none",   Fate::Out("device"),    Fate::Out("device")),
        ("gateway-client",    "backend",  "none",   Fate::Out("device"),    Fate::Out("device")),
    ];
    for (id, mode, secret, near, far) in rows {
        for generation in [3, 4] {
            let connect = Connect::of_generation(generation).client(id, mode);
            let connect = match secret {
                "right" => connect.token(&token),
                "wrong" => connect.token("wrong"),
                _ => connect,
            };
            let shown = format!("{id}/{mode}, protocol {generation}, token {secret}");
            assert_eq!(fate(gateway.enter(&connect).await).await, near, "{shown}, on loopback");
            assert_eq!(fate(gateway.enter_from_afar(&connect).await).await, far, "{shown}, from elsewhere");
        }
    }
}

#[tokio::test]
async fn a_page_keeps_nothing_although_it_calls_itself_a_command_line() {
    let gateway = TestGateway::start().await;
    let dial = gateway.dial().header("origin", &format!("http://{}", gateway.address));
    let entered = dial.enter(&Connect::v4().token(&gateway.token())).await;
    assert_ne!(fate(entered).await, Fate::Keeps);
}

#[tokio::test]
async fn what_is_kept_is_what_was_asked_for() {
    let gateway = TestGateway::start().await;
    let connect = |scopes: &[&str]| Connect::v4().token(&gateway.token()).scopes(scopes);
    assert_eq!(gateway.admit(&connect(&CLI_SCOPES)).await.scopes(), CLI_SCOPES);
    let mut reader = gateway.admit(&connect(&["operator.read"])).await;
    assert_eq!(reader.scopes(), ["operator.read"]);
    reader.ok("health", json!({})).await;
    reader.fails("device.pair.list", json!({})).await;
}

#[tokio::test]
async fn a_header_can_take_scopes_away_and_never_give_any() {
    let gateway = TestGateway::start().await;
    #[rustfmt::skip]
    let rows = [
        // asked for                                    the header                          held
        (&["operator.read", "operator.pairing"][..],    "operator.read",                    &["operator.read"][..]),
        (&["operator.read"],                            "operator.admin",                   &["operator.read"]),
        (&["operator.admin"],                           "operator.read",                    &["operator.read"]),
        (&["operator.admin"],                           "",                                 &[]),
    ];
    for (asked, header, held) in rows {
        let dial = gateway.dial().header("x-openclaw-scopes", header);
        let session = dial.enter(&Connect::v4().token(&gateway.token()).scopes(asked)).await.expect("let in");
        assert_eq!(session.scopes(), held, "{asked:?} under {header:?}");
    }
}

#[tokio::test]
async fn no_token_opens_more_than_the_header_left() {
    let gateway = TestGateway::start().await;
    let capped = gateway.dial().header("x-openclaw-scopes", "operator.read");
    let connect = |device: &Device| Connect::v4().token(&gateway.token()).scopes(&["operator.admin"]).device(device);
    // A new device is paired for what the header leaves.
    let new = Device::fresh();
    let token = capped.enter(&connect(&new)).await.expect("let in").device_token();
    let session = gateway.admit(&Connect::v4().device_token(&token).scopes(&["operator.admin"]).device(&new)).await;
    assert_eq!(session.scopes(), ["operator.read"]);
    // One that is known for more is not handed a token for that.
    let known = Device::fresh();
    gateway.admit(&connect(&known)).await;
    let session = capped.enter(&connect(&known)).await.expect("let in");
    assert_eq!(
        (session.scopes(), session.hello["auth"]["deviceToken"].is_null()),
        (vec!["operator.read".to_owned()], true)
    );
}

#[tokio::test]
async fn a_node_and_a_control_ui_need_a_device() {
    let gateway = TestGateway::start().await;
    for generation in [3, 4] {
        let connect = Connect::of_generation(generation).token(&gateway.token());
        assert_eq!(fate(gateway.enter(&connect.clone().node()).await).await, Fate::Out("device"));

        let page = gateway.dial().header("origin", &format!("http://{}", gateway.address));
        let refused = refused(page.enter(&connect.client("openclaw-control-ui", "ui")).await);
        let text = match generation {
            3 => "control ui requires HTTPS or localhost (secure context)",
            _ => "control ui requires device identity (use HTTPS or localhost secure context)",
        };
        assert!(refused.message().starts_with(text), "{refused:?}");
        assert_eq!(refused.close, Close::new(1008, text));
        assert_eq!(refused.detail("code"), "CONTROL_UI_DEVICE_IDENTITY_REQUIRED");
    }
}

#[tokio::test]
async fn a_command_line_without_a_device_is_told_how_it_gets_one() {
    let gateway = TestGateway::start().await;
    let refused = gateway.refuse_from_afar(&Connect::v4()).await;
    assert!(refused.message().contains("openclaw logs"), "{refused:?}");
    let pending: Value = gateway.owner().await.ok("device.pair.list", json!({})).await["pending"].take();
    assert_eq!(pending, json!([]), "and no request was made");
}
