//! From HTTP to a WebSocket: which requests are let through.

use std::fmt::Write as _;

use crate::support::{TestGateway, exchange};

/// The key of the example in RFC 6455, section 1.3, and what it is answered with.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const GET: &str = "GET / HTTP/1.1";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

fn request(line: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("{line}\r\n");
    for (name, value) in headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    (text + "\r\n").into_bytes()
}

/// A request that is fine, with one header changed; `None` leaves it out.
fn changed(line: &str, name: &str, value: Option<&str>) -> Vec<u8> {
    let good = [
        ("host", "localhost"),
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", KEY),
    ];
    let mut headers: Vec<_> = good.into_iter().filter(|(known, _)| *known != name).collect();
    headers.extend(value.map(|value| (name, value)));
    request(line, &headers)
}

#[tokio::test]
async fn any_path_leads_to_the_gateway_but_the_reserved_ones() {
    let gateway = TestGateway::start().await;
    for path in ["/", "/ws", "/some/where?x=1", "/healthz-not"] {
        gateway.dial().path(path).open().await.challenge().await;
    }
    for path in
        ["/__openclaw__/worker", "/desktop/observe", "/node-desktop/attach", "/node-portal/attach", "/__openclaw__/ws"]
    {
        let Err(answer) = gateway.dial().path(path).try_open().await else { panic!("{path} was upgraded") };
        assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn a_bad_upgrade_is_answered_as_http_says() {
    let gateway = TestGateway::start().await;
    #[rustfmt::skip]
    let rows = [
        // what is wrong            the request                                             the status
        ("no key",                  changed(GET, "sec-websocket-key", None),                400),
        ("a short key",             changed(GET, "sec-websocket-key", Some("AAAA")),        400),
        ("no version",              changed(GET, "sec-websocket-version", None),            426),
        ("another version",         changed(GET, "sec-websocket-version", Some("8")),       426),
        ("not GET",                 changed("POST / HTTP/1.1", "x", None),                  405),
        ("an older HTTP",           changed("GET / HTTP/1.0", "x", None),                   400),
    ];
    for (what, request, status) in rows {
        let answer = exchange(&gateway.dial(), &request).await.unwrap_or_else(|| panic!("{what}: no answer"));
        assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
        if status == 426 {
            assert_eq!((answer.status, answer.header("sec-websocket-version")), (426, "13"), "{what}: {answer:?}");
        }
    }
    // A wish for another protocol than WebSocket is no upgrade of ours.
    let answer = exchange(&gateway.dial(), &changed(GET, "upgrade", Some("h2c"))).await;
    assert!(answer.is_none_or(|answer| answer.status != 101));
}

#[tokio::test]
async fn the_answer_is_what_the_rfc_says() {
    let gateway = TestGateway::start().await;
    let mut good =
        changed("GET / HTTP/1.1", "sec-websocket-extensions", Some("permessage-deflate; client_max_window_bits"));
    let answer = exchange(&gateway.dial(), &good).await.expect("an answer");
    assert_eq!((answer.status, answer.header("sec-websocket-accept")), (101, ACCEPT), "{answer:?}");
    assert_eq!(answer.header("sec-websocket-extensions"), "", "no compression: {answer:?}");
    assert_eq!(answer.header("sec-websocket-protocol"), "", "{answer:?}");

    good = changed("GET / HTTP/1.1", "sec-websocket-protocol", Some("first, second"));
    let answer = exchange(&gateway.dial(), &good).await.expect("an answer");
    assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, "first"), "{answer:?}");

    for connection in ["keep-alive, Upgrade", "upgrade"] {
        good = changed("GET / HTTP/1.1", "connection", Some(connection));
        let answer = exchange(&gateway.dial(), &good).await.expect("an answer");
        assert_eq!(answer.status, 101, "{connection}: {answer:?}");
    }
}

#[tokio::test]
async fn untrusted_headers_are_logged_with_the_remedy() {
    let gateway = TestGateway::start().await;
    gateway.dial().with_evidence().open().await.challenge().await;
    gateway.logs(&["Proxy headers detected from untrusted address", "127.0.0.1", "gateway.trustedProxies"]).await;
}
