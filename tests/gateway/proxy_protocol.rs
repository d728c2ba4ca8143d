//! The port that requires a PROXY preamble.

use std::net::SocketAddr;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Dial, TestGateway, within};

/// What the gateway says of a connection that begins with `preamble`; `None` when it is cut.
async fn seen(address: SocketAddr, preamble: &[u8]) -> Option<String> {
    within("an answer or the end", async {
        let mut stream = Dial::tcp(address).connect().await.expect("the gateway listens");
        let request = format!("GET /whoami HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        // Whoever is cut may be cut before it has written everything.
        let _ = stream.write_all(&[preamble, request.as_bytes()].concat()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        (!answer.is_empty()).then(|| String::from_utf8_lossy(&answer).into_owned())
    })
    .await
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("loopback").port()
}

async fn gateway(from: &str) -> (TestGateway, SocketAddr) {
    let port = free_port();
    let config = json!({"gateway": {"proxyProtocol": {"port": port, "from": [from]}}});
    let gateway = TestGateway::builder().own_config(&config).start().await;
    (gateway, SocketAddr::from(([127, 0, 0, 1], port)))
}

#[tokio::test]
async fn a_listed_proxy_says_for_whom_it_connects() {
    let (_gateway, address) = gateway("127.0.0.1").await;
    let v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x07\xc0\x00\x02\x01\x30\x39\x49\x65";
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00";
    #[rustfmt::skip]
    let rows: &[(&[u8], &[&str])] = &[
        (b"PROXY TCP4 203.0.113.7 192.0.2.1 12345 18789\r\n", &["proxied", "203.0.113.7"]),
        (b"PROXY TCP4 127.0.0.1 192.0.2.1 12345 18789\r\n",   &["proxied"]), // nobody is local by a preamble
        (b"PROXY UNKNOWN\r\n",                                &["proxy-direct"]),
        (v2,                                                  &["proxied", "203.0.113.7"]),
        (local,                                               &["proxy-direct"]),
    ];
    for (preamble, parts) in rows {
        let shown = seen(address, preamble).await.unwrap_or_default();
        for part in *parts {
            let text = String::from_utf8_lossy(preamble);
            assert!(shown.contains(part), "{text:?}: {part} is missing in {shown}");
        }
    }
    assert_eq!(seen(address, b"").await, None, "a preamble is required");
    assert_eq!(seen(address, b"PROXY TCP4 nonsense\r\n").await, None);
}

#[tokio::test]
async fn whoever_is_not_listed_is_cut() {
    let (gateway, address) = gateway("192.0.2.9").await;
    assert_eq!(seen(address, b"PROXY TCP4 203.0.113.7 192.0.2.1 12345 18789\r\n").await, None);
    gateway.logs(&["PROXY protocol port", "127.0.0.1", "gateway.proxyProtocol"]).await;
}
