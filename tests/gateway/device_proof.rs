//! How a device proves its key, and every way to fail at it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::support::{Close, Connect, Device, Nonce, Payload, TestGateway};

/// The texts of refused proofs, and their codes.
const MISMATCH: (&str, &str) = ("device identity mismatch", "DEVICE_AUTH_DEVICE_ID_MISMATCH");
const EXPIRED: (&str, &str) = ("device signature expired", "DEVICE_AUTH_SIGNATURE_EXPIRED");
const WRONG_NONCE: (&str, &str) = ("device nonce mismatch", "DEVICE_AUTH_NONCE_MISMATCH");
const INVALID: (&str, &str) = ("device signature invalid", "DEVICE_AUTH_SIGNATURE_INVALID");

#[tokio::test]
async fn every_payload_counts_in_every_generation() {
    let gateway = TestGateway::start().await;
    #[rustfmt::skip]
    let rows = [
        ((3, 3), Payload::V1),
        ((3, 3), Payload::V2),
        ((3, 3), Payload::V3),
        ((3, 4), Payload::V2),
        ((3, 4), Payload::V3),
        ((4, 4), Payload::V2),
        ((4, 4), Payload::V3),
    ];
    for ((min, max), payload) in rows {
        let connect = Connect::v4().range(min, max).token(&gateway.token()).device(&Device::fresh()).payload(payload);
        let session =
            gateway.enter(&connect).await.unwrap_or_else(|refused| panic!("{min}..{max} {payload:?}: {refused:?}"));
        assert!(session.auth("deviceToken").is_string(), "{min}..{max} {payload:?}: {}", session.hello);
    }
}

#[tokio::test]
async fn platform_and_family_are_signed_trimmed_and_in_lower_case() {
    let gateway = TestGateway::start().await;
    let connect = Connect::v4()
        .token(&gateway.token())
        .device(&Device::fresh())
        .client_member("platform", " MacOS ")
        .client_member("deviceFamily", "Mac ");
    gateway.admit(&connect).await;
}

#[tokio::test]
async fn a_key_is_taken_in_every_encoding_that_clients_use() {
    let gateway = TestGateway::start().await;
    let device = Device::fresh();
    let pem = {
        // The fixed head of a SubjectPublicKeyInfo with an Ed25519 key (RFC 8410, section 4).
        let mut der = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        der.extend(device.raw_key());
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
    };
    for key in [device.public_key(), device.public_key() + "=", STANDARD.encode(device.raw_key()), pem] {
        let shown = key.clone();
        let connect = Connect::v4()
            .token(&gateway.token())
            .device(&device)
            .spoil(move |params| params["device"]["publicKey"] = json!(key));
        gateway.enter(&connect).await.unwrap_or_else(|refused| panic!("{shown}: {refused:?}"));
    }
}

#[tokio::test]
async fn a_proof_that_does_not_hold_is_refused_by_name() {
    let gateway = TestGateway::start().await;
    let other = Device::fresh();
    let base = || Connect::v4().token(&gateway.token()).device(&Device::fresh());
    let device_member =
        |name: &'static str, value: Value| base().spoil(move |params| params["device"][name] = value.clone());
    #[rustfmt::skip]
    let rows = [
        ("another device's id",      device_member("id", json!(other.id())),                    MISMATCH),
        ("an id in upper case",      device_member("id", json!("AB".repeat(32))),               MISMATCH),
        ("a key that is no base64",  device_member("publicKey", json!("%%%")),                  MISMATCH),
        ("another device's key",     device_member("publicKey", json!(other.public_key())),     MISMATCH),
        ("eleven minutes old",       base().signed_ago_ms(660_000),                             EXPIRED),
        ("eleven minutes ahead",     base().signed_ago_ms(-660_000),                            EXPIRED),
        ("signed in 1970",           device_member("signedAt", json!(0)),                       EXPIRED),
        ("another nonce",            base().nonce(Nonce::Other("guessed".into())),              WRONG_NONCE),
        ("no base64 as signature",   device_member("signature", json!("%%%")),                  INVALID),
        ("a short signature",        device_member("signature", json!("AAAA")),                 INVALID),
        ("a signature of nothing",   device_member("signature", json!("A".repeat(86))),         INVALID),
        ("other scopes than signed", base().spoil(|params| params["scopes"] = json!(["operator.read"])), INVALID),
        ("another role than signed", base().spoil(|params| params["role"] = json!("node")),     INVALID),
        ("another client than signed", base().spoil(|params| params["client"]["id"] = json!("test")),    INVALID),
        ("another token than signed", base().spoil(|params| params["auth"]["token"] = json!("x")),       INVALID),
        ("another platform than signed", base().spoil(|params| params["client"]["platform"] = json!("win32")), INVALID),
    ];
    for (what, connect, (text, code)) in rows {
        for generation in [3, 4] {
            let refused = gateway.refuse(&connect.clone().range(generation, generation)).await;
            assert_eq!(refused.error["code"], "INVALID_REQUEST", "{what}, protocol {generation}: {refused:?}");
            assert_eq!(refused.message(), text, "{what}, protocol {generation}");
            assert_eq!(refused.close, Close::new(1008, text), "{what}, protocol {generation}");
            assert_eq!(refused.detail("code"), code, "{what}, protocol {generation}");
        }
    }
}

#[tokio::test]
async fn clocks_may_differ_by_nine_minutes() {
    let gateway = TestGateway::start().await;
    for age_ms in [540_000, -540_000] {
        let connect = Connect::v4().token(&gateway.token()).device(&Device::fresh()).signed_ago_ms(age_ms);
        gateway.enter(&connect).await.unwrap_or_else(|refused| panic!("{age_ms} ms: {refused:?}"));
    }
}

#[tokio::test]
async fn the_first_check_that_fails_is_the_one_that_is_told() {
    let gateway = TestGateway::start().await;
    let base = || Connect::v4().token("wrong").device(&Device::fresh());
    #[rustfmt::skip]
    let rows = [
        // Everything is wrong at first; then one thing less in each row.
        (base().signed_ago_ms(660_000).nonce(Nonce::Other("x".into()))
            .spoil(|params| { params["device"]["id"] = json!("00"); params["device"]["signature"] = json!("AAAA"); }),
         "device identity mismatch"),
        (base().signed_ago_ms(660_000).nonce(Nonce::Other("x".into()))
            .spoil(|params| params["device"]["signature"] = json!("AAAA")),
         "device signature expired"),
        (base().nonce(Nonce::Other("x".into())).spoil(|params| params["device"]["signature"] = json!("AAAA")),
         "device nonce mismatch"),
        (base().spoil(|params| params["device"]["signature"] = json!("AAAA")),
         "device signature invalid"),
    ];
    for (connect, text) in rows {
        assert_eq!(gateway.refuse(&connect).await.message(), text);
    }
    let refused = gateway.refuse(&base()).await;
    assert!(refused.message().starts_with("unauthorized: "), "the secret comes last: {refused:?}");
}

#[tokio::test]
async fn a_signature_without_nonce_counts_only_where_nobody_can_listen_in() {
    let gateway = TestGateway::start().await;
    let connect = || Connect::v3().token(&gateway.token()).device(&Device::fresh()).payload(Payload::V1);
    gateway.admit(&connect()).await;
    gateway.dial_unix().enter(&connect()).await.expect("the socket is as near as loopback");
    let refused = gateway.refuse_from_afar(&connect()).await;
    assert_eq!(refused.message(), "device nonce required");
    assert_eq!(refused.close, Close::new(1008, "device nonce required"));
    assert_eq!(refused.detail("code"), "DEVICE_AUTH_NONCE_REQUIRED");
    // A nonce that is sent has to be right even here.
    let refused = gateway.refuse(&connect().nonce(Nonce::Other("guessed".into()))).await;
    assert_eq!(refused.message(), "device nonce mismatch");
}

#[tokio::test]
async fn a_connect_of_another_connection_cannot_be_replayed() {
    let gateway = TestGateway::start().await;
    let connect = Connect::v4().token(&gateway.token()).device(&Device::fresh());
    let mut first = gateway.dial().open().await;
    let challenge = first.challenge().await;
    let overheard = connect.request("connect", &challenge);
    first.send_json(&overheard).await;
    assert_eq!(first.next_json().await["ok"], true);

    let mut second = gateway.dial().open().await;
    second.challenge().await;
    second.send_json(&overheard).await;
    assert_eq!(second.next_json().await["error"]["message"], "device nonce mismatch");
    assert_eq!(second.closed_at_once().await, Close::new(1008, "device nonce mismatch"));
}
