//! `gateway check-pairing`: a way to the gateway is tried with a device of its own.

use std::io::ErrorKind;
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::openclaw;
use crate::support::home::Home;
use crate::support::our_gateway::OurGateway;

#[test]
fn a_way_that_pairs_leaves_no_device() {
    let gateway = OurGateway::start(Home::new());
    let words = ["gateway", "check-pairing", "--url", &gateway.url(), "--own-secret", "--json"];
    let checked = openclaw(gateway.home(), &words).succeeded();
    let said = checked.json();
    assert_eq!((&said["ok"], &said["requestId"]), (&json!(true), &Value::Null), "{checked}");
    let listed = openclaw(gateway.home(), &["devices", "list", "--json"]).succeeded();
    assert_eq!((&listed.json()["paired"], &listed.json()["pending"]), (&json!([]), &json!([])), "{listed}");
}

#[test]
fn a_wrong_secret_pairs_nobody() {
    let gateway = OurGateway::start(Home::new());
    openclaw(gateway.home(), &["gateway", "check-pairing", "--url", &gateway.url(), "--token", "wrong"])
        .exited(1)
        .says(&["unauthorized"]);
    openclaw(gateway.home(), &["gateway", "check-pairing"]).exited(1).says(&["--url"]);
}

#[test]
fn a_url_that_was_typed_gets_no_secret_that_was_not() {
    let gateway = OurGateway::start(Home::new());
    // Whoever is there would learn it: nobody is even called.
    let elsewhere = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    elsewhere.set_nonblocking(true).expect("it can be asked without waiting");
    let url = format!("ws://{}", elsewhere.local_addr().expect("it is bound"));
    openclaw(gateway.home(), &["gateway", "check-pairing", "--url", &url])
        .exited(1)
        .says(&["gateway url override requires explicit credentials", "pass --token or --password"]);
    let called = elsewhere.accept().map(|(_, from)| from).map_err(|error| error.kind());
    assert_eq!(called, Err(ErrorKind::WouldBlock));
}
