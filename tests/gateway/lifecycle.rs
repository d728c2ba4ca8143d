//! Starting beside others, and stopping.

use std::{fs, net::TcpListener};

use nix::sys::signal::Signal;
use serde_json::json;

use crate::support::{Close, Connect, Device, TestGateway};

#[tokio::test]
async fn when_it_is_told_to_stop_sessions_are_told_and_the_exit_is_clean() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        stops_cleanly(signal).await;
    }
}

async fn stops_cleanly(signal: Signal) {
    let mut gateway = TestGateway::start().await;
    let mut sessions = vec![gateway.owner().await];
    for generation in [3, 4] {
        let connect = Connect::of_generation(generation).token(&gateway.token());
        sessions.push(gateway.admit(&connect.clone().device(&Device::fresh())).await);
        sessions.push(gateway.admit(&connect.device(&Device::fresh()).node()).await);
    }
    let mut undecided = gateway.dial().open().await;
    undecided.challenge().await;
    gateway.signal(signal);
    for session in &mut sessions {
        let shutdown = session.event("shutdown").await;
        assert!(shutdown["payload"]["reason"].is_string(), "{shutdown}");
        assert_eq!(session.socket.closed_at_once().await, Close::new(1012, "service restart"));
    }
    undecided.closed().await;
    assert_eq!(gateway.ended().await.code(), Some(0));
    gateway.dial().connect().await.map(drop).expect_err("nobody listens any more");
}

#[tokio::test]
async fn a_stop_does_not_wait_for_who_says_nothing() {
    let mut gateway = TestGateway::start().await;
    let _silent = gateway.dial().connect().await.expect("a connection");
    let _undecided = gateway.dial().open().await;
    let _deaf = gateway.owner().await;
    gateway.signal(Signal::SIGTERM);
    assert_eq!(gateway.ended().await.code(), Some(0));
}

#[tokio::test]
async fn told_twice_to_stop_it_ends_at_once() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut gateway = TestGateway::start().await;
        // It never answers the close frame, which is waited for.
        let _deaf = gateway.owner().await;
        gateway.signal(signal);
        gateway.logs(&["draining 1 connections"]).await;
        gateway.signal(signal);
        assert_eq!(gateway.ended().await.code(), Some(0));
        gateway.logs(&["told to stop while stopping: ending at once"]).await;
    }
}

#[tokio::test]
async fn a_port_that_another_program_holds_is_named_with_its_holder() {
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = holder.local_addr().expect("an address").port();
    let exit = TestGateway::builder().port(port).fails().await;
    assert!(!exit.status.success(), "{exit:?}");
    assert!(exit.output.contains(&port.to_string()), "the port: {exit:?}");
    assert!(exit.output.contains(&std::process::id().to_string()), "the process, by id: {exit:?}");
    let name = fs::read_to_string("/proc/self/comm").expect("a name");
    assert!(exit.output.contains(name.trim()), "the process, by name: {exit:?}");
}

#[tokio::test]
async fn a_port_that_another_gateway_holds_is_named_as_such() {
    let first = TestGateway::start().await;
    let exit = TestGateway::builder().port(first.address.port()).fails().await;
    assert!(!exit.status.success(), "{exit:?}");
    assert!(exit.output.contains(&first.pid().to_string()), "{exit:?}");
    assert!(exit.output.to_lowercase().contains("openclaw gateway"), "{exit:?}");
    first.owner().await.ok("health", json!({})).await;
}

#[tokio::test]
async fn one_state_directory_has_one_gateway() {
    let first = TestGateway::start().await;
    let exit = TestGateway::builder().state_at(first.state()).fails().await;
    assert!(!exit.status.success(), "{exit:?}");
    assert!(exit.output.contains(&first.state().display().to_string()), "the directory: {exit:?}");
    assert!(exit.output.contains(&first.address.to_string()), "how to reach its holder: {exit:?}");
    first.owner().await.ok("health", json!({})).await;
    // When the first is gone, the directory is free, however it went.
    let first = first.restart().await;
    first.owner().await.ok("health", json!({})).await;
}

#[tokio::test]
async fn both_loopback_addresses_have_the_same_port() {
    let gateway = TestGateway::start().await;
    if TcpListener::bind("[::1]:0").is_err() {
        println!("skipped: this machine has no ::1");
        return;
    }
    let address = (std::net::Ipv6Addr::LOCALHOST, gateway.address.port()).into();
    let dial = crate::support::Dial::tcp(address);
    let connect = Connect::v4().token(&gateway.token()).device(&Device::fresh());
    dial.enter(&connect).await.expect("::1 is loopback as well");
}

#[tokio::test]
async fn the_start_says_what_an_operator_needs() {
    let gateway = TestGateway::start().await;
    for part in [
        format!("ws://{}", gateway.address),
        gateway.state().display().to_string(),
        "gateway-token".to_owned(),
        "openclaw devices list".to_owned(),
    ] {
        gateway.logs(&[&part]).await;
    }
}
