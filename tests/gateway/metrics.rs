//! The port that Prometheus reads.

use std::net::{SocketAddr, TcpListener};

use serde_json::json;

use crate::support::{Connect, Device, Dial, TestGateway, eventually, exchange};

async fn get(address: SocketAddr, path: &str) -> crate::support::Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    exchange(&Dial::tcp(address), request.as_bytes()).await.expect("an answer")
}

/// Where the gateway says that its metrics are.
fn announced(gateway: &TestGateway) -> SocketAddr {
    let log = gateway.log();
    let (_, rest) = log.split_once("metrics on http://").unwrap_or_else(|| panic!("no metrics port in {log}"));
    let (address, _) = rest.split_once("/metrics").expect("the path follows");
    address.parse().expect("an address")
}

#[tokio::test]
async fn what_happens_is_counted() {
    let gateway =
        TestGateway::builder().own_config(&json!({"gateway": {"metrics": {"enabled": true, "port": 0}}})).start().await;
    let metrics = announced(&gateway);
    assert!(metrics.ip().is_loopback() && metrics.port() != gateway.address.port(), "{metrics}");
    let session = gateway.admit(&Connect::v4().token(&gateway.token()).device(&Device::fresh())).await;
    gateway.refuse(&Connect::v4().token("wrong").device(&Device::fresh())).await;
    gateway.refuse_from_afar(&Connect::v4().token(&gateway.token()).device(&Device::fresh())).await;
    // A refusal is counted when its connection has ended.
    let refused = "openclaw_handshakes_total{result=\"refused\"} 2";
    let answer = eventually("both refusals are counted", async || {
        let answer = get(metrics, "/metrics").await;
        answer.body.contains(refused).then_some(answer)
    })
    .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"), "{answer:?}");
    for line in [
        "openclaw_sessions{class=\"loopback\",role=\"operator\"} 1",
        "openclaw_handshakes_total{result=\"admitted\"} 1",
        "openclaw_handshakes_total{result=\"refused\"} 2",
        "openclaw_refusals_total{reason=\"unauthorized\"} 1",
        "openclaw_refusals_total{reason=\"pairing-required\"} 1",
        "openclaw_pairing_requests 1",
        "openclaw_pairing_decisions_total{outcome=\"requested\"} 1",
    ] {
        assert!(answer.body.lines().any(|shown| shown == line), "{line} is missing in\n{}", answer.body);
    }
    for secret in [gateway.token().as_str(), "127.0.0.1"] {
        assert!(!answer.body.contains(secret), "{}", answer.body);
    }
    session.socket.close().await;
    let gone = "openclaw_sessions{class=\"loopback\",role=\"operator\"} 0";
    eventually("the session is off the count", async || {
        get(metrics, "/metrics").await.body.contains(gone).then_some(())
    })
    .await;
    assert_eq!(get(metrics, "/").await.status, 404);
    assert_eq!(gateway.http("GET", "/metrics", &[]).await.status, 404, "the gateway's own port tells nothing");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_its_setting() {
    let other = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let port = other.local_addr().expect("bound").port();
    let exit = TestGateway::builder()
        .own_config(&json!({"gateway": {"metrics": {"enabled": true, "port": port}}}))
        .fails()
        .await;
    assert!(!exit.status.success(), "{exit:?}");
    for part in ["cannot serve metrics", &port.to_string(), "gateway.metrics.port"] {
        assert!(exit.output.contains(part), "{part} is missing in {}", exit.output);
    }
}
