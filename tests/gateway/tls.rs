//! TLS on the gateway's port.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::json;
use tokio::net::TcpStream;

use crate::support::{Builder, Connect, Device, Dial, TestGateway, exchange, tls_connect, within};

fn with_tls() -> Builder {
    TestGateway::builder().config(&json!({"gateway": {"tls": {"enabled": true}}}))
}

async fn fingerprint(gateway: &TestGateway) -> String {
    let stream = TcpStream::connect(gateway.address).await.expect("the gateway listens");
    within("the TLS handshake", tls_connect(stream)).await.expect("the gateway speaks TLS").1
}

/// Every file below a directory.
fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn a_certificate_is_made_at_the_first_start_and_kept() {
    let gateway = with_tls().start().await;
    let first = fingerprint(&gateway).await;
    // Printed in hexadecimal, with or without colons, in either case.
    let log = gateway.log().replace(':', "").to_lowercase();
    assert!(log.contains(&first), "{first} is not in {log}");
    assert!(gateway.log().contains(&format!("wss://{}", gateway.address)));

    for generation in [3, 4] {
        let connect = Connect::of_generation(generation).token(&gateway.token()).device(&Device::fresh());
        gateway.admit(&connect).await.ok("device.pair.list", json!({})).await;
    }
    assert_eq!(gateway.http("GET", "/healthz", &[]).await.status, 200);
    let keys: Vec<_> = files(&gateway.state())
        .into_iter()
        .filter(|path| fs::read_to_string(path).is_ok_and(|text| text.contains("PRIVATE KEY")))
        .collect();
    assert!(!keys.is_empty(), "the key is in a file");
    for key in keys {
        assert_eq!(fs::metadata(&key).expect("it is there").permissions().mode() & 0o777, 0o600, "{}", key.display());
    }
    let gateway = gateway.restart().await;
    assert_eq!(fingerprint(&gateway).await, first);
}

#[tokio::test]
async fn ws_on_a_tls_port_is_told_so() {
    let gateway = with_tls().start().await;
    let plain = Dial::tcp(gateway.address);
    let Err(answer) = plain.try_open().await else { panic!("it was upgraded") };
    assert!((400..500).contains(&answer.status), "{answer:?}");
    assert!(answer.body.contains("wss://") || answer.body.contains("https://"), "{answer:?}");
    gateway.logs(&["TLS", "plain"]).await;
    let probe = exchange(&plain, b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(
        probe.is_some_and(|answer| answer.status != 200),
        "a probe without TLS is not answered as if all were well"
    );
}

#[tokio::test]
async fn wss_on_a_plain_port_is_told_so() {
    let gateway = TestGateway::start().await;
    let stream = TcpStream::connect(gateway.address).await.expect("the gateway listens");
    let error = within("the TLS handshake to fail", tls_connect(stream)).await.map(drop).expect_err("no TLS here");
    // An alert would look like a TLS server that does not like this client.
    assert!(!error.to_string().contains("alert"), "{error}");
    gateway.logs(&["TLS", "plain"]).await;
    let hello = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00";
    let answer = exchange(&gateway.dial(), hello).await.expect("an answer that tells what is spoken here");
    assert!(answer.status == 400 && answer.body.contains("ws://"), "{answer:?}");
}

#[tokio::test]
async fn a_certificate_of_ones_own_is_used() {
    let made = with_tls().start().await;
    let own: Vec<_> = files(&made.state())
        .into_iter()
        .filter_map(|path| fs::read_to_string(path).ok().filter(|text| text.contains("-----BEGIN")))
        .collect();
    let find = |what: &str| own.iter().find(|text| text.contains(what)).expect("it is in a file").clone();
    let builder = TestGateway::builder()
        .file("own/cert.pem", &find("BEGIN CERTIFICATE"))
        .file("own/key.pem", &find("PRIVATE KEY"));
    let path = |name: &str| builder.state().join("own").join(name);
    let config = json!({"gateway": {"tls": {
        "enabled": true, "certPath": path("cert.pem"), "keyPath": path("key.pem"),
    }}});
    let gateway = builder.config(&config).start().await;
    assert_eq!(fingerprint(&gateway).await, fingerprint(&made).await);
}

#[tokio::test]
async fn a_certificate_that_is_not_there_is_named() {
    let config = json!({"gateway": {"tls": {
        "enabled": true, "autoGenerate": false, "certPath": "/nowhere/cert.pem", "keyPath": "/nowhere/key.pem",
    }}});
    let exit = TestGateway::builder().config(&config).fails().await;
    assert!(!exit.status.success() && exit.output.contains("/nowhere/"), "{exit:?}");
}
