//! `gateway check-pairing`: a way to the gateway is tried with a device of its own.

use serde_json::{Value, json};

use crate::openclaw;
use crate::support::home::Home;
use crate::support::our_gateway::OurGateway;

#[test]
fn a_way_that_pairs_leaves_no_device() {
    let gateway = OurGateway::start(Home::new());
    let checked =
        openclaw(gateway.home(), &["gateway", "check-pairing", "--url", &gateway.url(), "--json"]).succeeded();
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
