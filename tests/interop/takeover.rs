//! A state directory that OpenClaw 2026.2.19 wrote is taken over as it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::cli::Cli;
use crate::installed::{Installed, OLD};
use crate::listing::{paired_ids, pending};
use crate::proxy::ForwardingProxy;
use crate::support::home::Home;
use crate::support::our_gateway::OurGateway;

/// The request that waits in the directory.
const REQUEST: &str = "dba1219c-61d4-40e0-a528-0e85ed4c11c2";
/// The device that asks.
const ASKING: &str = "f6b38c3bcecfdf0315e9ef62f7bd4a3beb713b1a826dba5ecac5a4a626c94131";

fn fixture(part: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/state-2026.2.19").join(part)
}

/// A copy of the directory whose waiting request is a minute old.
fn taken_over() -> Home {
    let home = Home::with_state(&fixture("gateway"));
    let path = home.state().join("devices/pending.json");
    let mut requests = read(&path);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    requests[REQUEST]["ts"] = json!(u64::try_from(now).expect("before the year 500 million") - 60_000);
    fs::write(path, requests.to_string()).expect("it is ours");
    home
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every token in the directory's files.
fn tokens() -> Vec<String> {
    let paired = read(&fixture("gateway/devices/paired.json"));
    let records = paired.as_object().expect("a map").values();
    let tokens = records.flat_map(|record| record["tokens"].as_object().expect("a map").values());
    tokens.map(|token| token["token"].as_str().expect("a text").to_owned()).collect()
}

/// Device id, roles and scopes of each paired device, by id.
fn summary<'a>(records: impl Iterator<Item = &'a Value>) -> Vec<(String, Value, Value)> {
    let mut summary: Vec<_> = records
        .map(|record| {
            let id = record["deviceId"].as_str().expect("an id").to_owned();
            let scopes = record.get("scopes").filter(|scopes| !scopes.is_null()).cloned().unwrap_or_else(|| json!([]));
            (id, record["roles"].clone(), scopes)
        })
        .collect();
    summary.sort_by(|left, right| left.0.cmp(&right.0));
    summary
}

#[test]
fn the_same_devices_and_requests() {
    let before = read(&fixture("gateway/devices/paired.json"));
    let gateway = OurGateway::start(taken_over());
    let cli = Cli::ours().at_home_of(&gateway);
    let list = cli.run("devices list --json").succeeded().json();
    assert_eq!(
        summary(list["paired"].as_array().expect("a list").iter()),
        summary(before.as_object().expect("a map").values())
    );
    let kitchen = list["paired"].as_array().expect("a list").iter().find(|device| device["displayName"] == "kitchen");
    assert!(kitchen.expect("it is there")["tokens"][0]["revokedAtMs"].is_i64(), "{list:#}");
    assert_eq!(list["pending"][0]["requestId"], REQUEST, "{list:#}");
    assert_eq!(list["pending"][0]["deviceId"], ASKING, "{list:#}");

    cli.run(&format!("devices approve {REQUEST}")).succeeded().says(&[&format!("Approved {ASKING}")]);
    let home = gateway.stop();
    let gateway = OurGateway::start(home);
    let list = Cli::ours().at_home_of(&gateway).run("devices list --json").succeeded().json();
    assert_eq!(paired_ids(&list).len(), 4, "after a restart: {list:#}");
    assert!(pending(&list).is_empty(), "{list:#}");
}

#[test]
fn no_token_stays_in_clear() {
    let gateway = OurGateway::start(taken_over());
    Cli::ours().at_home_of(&gateway).run("devices list").succeeded();
    let home = gateway.stop();
    let (devices, logs) = (home.state().join("devices"), home.state().join("logs"));
    let mut looked_at = 0;
    for entry in [devices, logs].iter().filter_map(|path| fs::read_dir(path).ok()).flatten() {
        let path = entry.expect("a directory that nobody writes to").path();
        let text = fs::read_to_string(&path).unwrap_or_default();
        looked_at += usize::from(!text.is_empty());
        for token in tokens() {
            assert!(!text.contains(&token), "{} holds a token in clear:\n{text}", path.display());
        }
    }
    assert!(looked_at >= 2, "{looked_at} files");
}

#[test]
fn the_cli_of_the_host_goes_on() {
    let Some(real) = Installed::find(OLD) else { return };
    let gateway = OurGateway::start(taken_over());
    let before = read(&fixture("gateway/identity/device-auth.json"));
    let host = Cli::real(&real).at_home_of(&gateway);
    let list = host.run("devices list --json").succeeded().json();
    assert_eq!(paired_ids(&list).len(), 3, "not paired again: {list:#}");
    host.run("gateway health").succeeded();
    let after = read(&gateway.home().state().join("identity/device-auth.json"));
    assert_eq!(after["deviceId"], before["deviceId"]);
    assert_eq!(after["tokens"]["operator"]["scopes"], before["tokens"]["operator"]["scopes"]);
}

#[test]
fn a_device_token_is_still_worth_what_it_was() {
    let Some(real) = Installed::find(OLD) else { return };
    let gateway = OurGateway::start(taken_over());
    let proxy = ForwardingProxy::before(gateway.port());
    let remote = || Cli::real(&real).at_home(Home::with_state(&fixture("remote-cli")));
    let token = read(&fixture("remote-cli/identity/device-auth.json"));
    let token = token["tokens"]["operator"]["token"].as_str().expect("a text").to_owned();
    // From afar, where only the token speaks for the device.
    remote().at(&proxy.url(), &token).run("devices list").succeeded().says(&["Paired (3)"]);
    let revoked = tokens().into_iter().find(|revoked| *revoked != token).expect("there are others");
    remote().at(&proxy.url(), &revoked).run("devices list").exited(1).says(&["unauthorized"]);
}
