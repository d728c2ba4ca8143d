//! The client against small servers that follow a script.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::{TlsAcceptor, rustls};
use tokio_tungstenite::{accept_async, tungstenite::Message};

use super::{
    testing::{admit, gateway, hang_up, hear, say, server},
    *,
};
use crate::{config::Secret, device::Identity, hint::Hint as _};

async fn open(url: &GatewayUrl) -> Result<Connection, Failure> {
    Connection::open(&Endpoint::network(url.clone()), &Login::cli(), soon()).await
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(5))
}

const NOTHING: Option<&Value> = None;

#[tokio::test]
async fn calls_are_answered_in_whatever_order() {
    let url = gateway(|mut socket| async move {
        admit(&mut socket).await;
        let first = hear(&mut socket).await;
        let second = hear(&mut socket).await;
        assert_eq!((&first["method"], &second["params"]), (&json!("one"), &json!({"a": 1})));
        say(&mut socket, &json!({"type":"event","event":"tick","payload":{"ts":1},"seq":7})).await;
        say(&mut socket, &json!({"type":"res","id":second["id"],"ok":true,"payload":2})).await;
        say(&mut socket, &json!({"type":"newer","x":1})).await;
        say(&mut socket, &json!({"type":"res","id":first["id"],"ok":true,"payload":{"status":"accepted"}})).await;
        say(&mut socket, &json!({"type":"res","id":"unknown","ok":true,"payload":9})).await;
        let third = hear(&mut socket).await;
        let error = json!({"code":"INVALID_REQUEST","message":"unknown method: three"});
        say(&mut socket, &json!({"type":"res","id":first["id"],"ok":true,"payload":1})).await;
        say(&mut socket, &json!({"type":"res","id":third["id"],"ok":false,"error":error})).await;
        assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))), "a proper end");
        socket.next().await;
    })
    .await;
    let mut connection = open(&url).await.expect("admitted");
    assert_eq!(connection.hello().server.version, "test");
    let first = connection.send("one", NOTHING, soon()).await.expect("sent");
    let second = connection.send("two", Some(&json!({"a": 1})), soon()).await.expect("sent");
    assert_eq!(connection.answer(second, "two", soon()).await.expect("answered"), 2);
    let accepted = connection.answer(first, "one", soon()).await.expect("answered");
    assert_eq!(accepted, json!({"status": "accepted"}));
    let failure = connection.call("three", NOTHING, soon()).await.expect_err("refused");
    assert_eq!(failure.to_string(), "unknown method: three");
    assert_eq!(connection.final_answer(first, "one", soon()).await.expect("answered"), 1);
    let event = connection.next_event().await.expect("kept");
    assert_eq!(event, Event { name: "tick".into(), payload: json!({"ts": 1}), seq: Some(7) });
    connection.close().await;
}

#[tokio::test]
async fn the_secret_and_the_device_are_presented() {
    let (seen, presented) = tokio::sync::oneshot::channel();
    let url = gateway(|mut socket| async move {
        let _ = seen.send(admit(&mut socket).await);
    })
    .await;
    let login = Login::cli()
        .presenting(Presented::token(Secret::new("T")))
        .with_device(Some(Arc::new(Identity::from_seed(&[1; 32]))));
    Connection::open(&Endpoint::network(url), &login, soon()).await.expect("admitted");
    let presented = presented.await.expect("heard");
    assert_eq!(presented["auth"], json!({"token": "T"}));
    assert_eq!((&presented["device"]["nonce"], &presented["device"]["signedAt"]), (&json!("n"), &json!(1)));
}

#[tokio::test]
async fn a_refusal_carries_answer_and_close_reason() {
    let url = gateway(|mut socket| async move {
        let connect = hear(&mut socket).await;
        let error = json!({"code":"NOT_PAIRED","message":"pairing required","details":{"requestId":"r-1"}});
        say(&mut socket, &json!({"type":"res","id":connect["id"],"ok":false,"error":error})).await;
        hang_up(&mut socket, 1008, "pairing required: approve").await;
    })
    .await;
    let failure = open(&url).await.expect_err("refused");
    assert_eq!(failure.to_string(), "gateway connect failed: pairing required");
    let closed = failure.closed().expect("a close frame");
    assert_eq!(closed.to_string(), "gateway closed (1008): pairing required: approve");
    assert_eq!(failure.hint(), "where the gateway runs: openclaw devices approve r-1");
}

#[tokio::test]
async fn ends_before_the_greeting_are_told_apart() {
    let url = gateway(|mut socket| async move { hang_up(&mut socket, 1008, "slow down").await }).await;
    assert_eq!(open(&url).await.expect_err("closed").to_string(), "gateway closed (1008): slow down");

    let url = gateway(|mut socket| async move { hang_up(&mut socket, 1013, "").await }).await;
    let failure = open(&url).await.expect_err("closed");
    let text = "gateway closed (1013): no close reason (waiting for the answer to connect)";
    assert_eq!(failure.to_string(), text);

    let url = gateway(|socket| async move { drop(socket) }).await;
    let failure = open(&url).await.expect_err("cut");
    assert!(failure.to_string().starts_with("gateway closed (1006 abnormal closure (no close frame)): "), "{failure}");

    let url = server(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
    })
    .await;
    let failure = open(&url).await.expect_err("cut");
    assert!(matches!(failure, Failure::Closed { step: Step::Upgrade, .. }), "{failure:?}");
}

#[tokio::test]
async fn silence_ends_at_the_deadline_and_says_where() {
    let until = |milliseconds| Deadline::after(Duration::from_millis(milliseconds));
    let url = server(|stream| async move {
        let _kept = accept_async(stream).await.expect("an upgrade");
        std::future::pending::<()>().await;
    })
    .await;
    let failure = Connection::open(&Endpoint::network(url), &Login::cli(), until(60)).await.expect_err("silent");
    assert_eq!(failure.to_string(), "gateway timeout after 60ms (waiting for the gateway's challenge)");

    let url = server(|stream| async move {
        let _kept = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let failure = Connection::open(&Endpoint::network(url), &Login::cli(), until(60)).await.expect_err("silent");
    assert_eq!(failure.to_string(), "gateway timeout after 60ms (waiting for the answer to the WebSocket upgrade)");

    let url = gateway(|mut socket| async move {
        admit(&mut socket).await;
        std::future::pending::<()>().await;
    })
    .await;
    let mut connection = open(&url).await.expect("admitted");
    let failure = connection.call("health", NOTHING, until(60)).await.expect_err("silent");
    assert_eq!(failure.to_string(), "gateway timeout after 60ms (waiting for the answer to health)");
}

#[tokio::test]
async fn a_lost_connection_names_its_close_reason() {
    let url = gateway(|mut socket| async move {
        admit(&mut socket).await;
        hang_up(&mut socket, 1012, "service restart").await;
    })
    .await;
    let mut connection = open(&url).await.expect("admitted");
    let failure = connection.call("health", NOTHING, soon()).await.expect_err("restarting");
    assert_eq!(failure.to_string(), "gateway closed (1012): service restart");
    assert!(failure.hint().contains("restarts"));
}

#[tokio::test]
async fn what_is_no_gateway_is_shown() {
    let url = server(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\n\r\nno such page\n").await;
    })
    .await;
    let failure = open(&url).await.expect_err("a web server");
    let text = "not a gateway: the answer to the WebSocket upgrade was HTTP 404 Not Found: no such page";
    assert_eq!(failure.to_string(), text);

    let url = server(|mut stream| async move {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2p1\r\n").await;
        let _ = stream.read(&mut [0; 1024]).await;
    })
    .await;
    let failure = open(&url).await.expect_err("an SSH server");
    assert!(failure.to_string().contains("SSH-2.0-OpenSSH_9.2p1"), "{failure}");

    let url = server(|stream| async move {
        let mut socket = accept_async(stream).await.expect("an upgrade");
        socket.send(Message::text("hello there")).await.expect("heard");
    })
    .await;
    let failure = open(&url).await.expect_err("a chat");
    assert!(failure.to_string().starts_with("not a gateway: it sent a frame that is not JSON"), "{failure}");
}

/// A TLS gateway with a certificate of its own, for as many connections as come.
async fn tls_gateway() -> (GatewayUrl, Fingerprint) {
    let made = rcgen::generate_simple_self_signed(["gateway".to_owned()]).expect("a certificate");
    let certificate = made.cert.der().clone();
    let fingerprint = Fingerprint::of(&certificate);
    let key = rustls_pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a key that fits");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let Ok(mut socket) = accept_async(stream).await else { continue };
            let challenge = json!({"type":"event","event":"connect.challenge","payload":{"nonce":"n","ts":1}});
            let _ = socket.send(Message::text(challenge.to_string())).await;
            let Some(Ok(connect)) = socket.next().await else { continue };
            let connect: Value = serde_json::from_str(connect.to_text().expect("text")).expect("json");
            let hello = json!({"type":"hello-ok","protocol":4,"server":{"version":"tls","connId":"c"}});
            let answer = json!({"type":"res","id":connect["id"],"ok":true,"payload":hello});
            let _ = socket.send(Message::text(answer.to_string())).await;
        }
    });
    (GatewayUrl::new(Scheme::Wss, "127.0.0.1", port), fingerprint)
}

async fn open_trusting(url: &GatewayUrl, trust: Trust) -> Result<Connection, Failure> {
    let endpoint = Endpoint::Network { url: url.clone(), trust, plain_to_any_name: false };
    Connection::open(&endpoint, &Login::cli(), soon()).await
}

#[tokio::test]
async fn a_certificate_counts_by_fingerprint() {
    let (url, fingerprint) = tls_gateway().await;
    let pinned = |pin, pins_only| Trust { pins: vec![pin], pins_only, authorities: None };
    for pins_only in [true, false] {
        let connection = open_trusting(&url, pinned(fingerprint, pins_only)).await.expect("pinned");
        assert_eq!(connection.hello().server.version, "tls");
    }
    let other: Fingerprint = "ab".repeat(32).parse().expect("64 digits");
    let failure = open_trusting(&url, pinned(other, true)).await.expect_err("another one");
    let Failure::OtherCertificate { presented, .. } = failure else { panic!("{failure:?}") };
    assert_eq!(presented, fingerprint);

    let failure = open_trusting(&url, Trust::default()).await.expect_err("no authority signed it");
    assert!(matches!(failure, Failure::Untrusted { presented: Some(seen), .. } if seen == fingerprint), "{failure:?}");
    assert!(failure.hint().contains(&fingerprint.to_string()));
}

#[tokio::test]
async fn an_authority_of_ones_own_counts() {
    let directory = tempfile::tempdir().expect("a directory");
    let authorities = directory.path().join("ca.pem");
    let made = rcgen::generate_simple_self_signed(["gateway".to_owned()]).expect("a certificate");
    std::fs::write(&authorities, made.cert.pem()).expect("writable");
    let (url, _) = tls_gateway().await;
    let trust = Trust { authorities: Some(authorities), ..Trust::default() };
    let failure = open_trusting(&url, trust).await.expect_err("signed by another key");
    assert!(matches!(failure, Failure::Untrusted { .. }), "{failure:?}");
    let trust = Trust { authorities: Some(directory.path().join("missing.pem")), ..Trust::default() };
    let failure = open_trusting(&url, trust).await.expect_err("no such file");
    assert!(matches!(failure, Failure::Authorities { .. }), "{failure:?}");
}

#[tokio::test]
async fn a_wrong_scheme_is_found_out_in_both_directions() {
    let (url, _) = tls_gateway().await;
    let failure = open(&url.other_scheme()).await.expect_err("it speaks TLS");
    assert!(matches!(&failure, Failure::SpeaksTls { right } if *right == url), "{failure:?}");
    assert_eq!(failure.hint(), format!("use {url}"));

    for answer in ["HTTP/1.1 400 Bad Request\r\n\r\n", ""] {
        let plain = plain_server(answer).await;
        let failure = open(&plain.other_scheme()).await.expect_err("it speaks plainly");
        assert!(matches!(&failure, Failure::SpeaksPlain { right } if *right == plain), "{answer:?}: {failure:?}");
    }
}

/// A web server without TLS that says `to_strangers` to what is no HTTP request, and hangs up.
async fn plain_server(to_strangers: &'static str) -> GatewayUrl {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut first = [0; 3];
            let is_request = stream.read_exact(&mut first).await.is_ok() && &first == b"GET";
            let answer = if is_request { "HTTP/1.1 200 OK\r\n\r\n" } else { to_strangers };
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    GatewayUrl::new(Scheme::Ws, "127.0.0.1", port)
}
