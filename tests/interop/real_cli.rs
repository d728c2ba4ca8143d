//! The commands of the real CLIs against our gateway.

use rstest::rstest;
use serde_json::{Value, json};

use crate::cli::Cli;
use crate::installed::{Installed, NEW, OLD};
use crate::listing::{paired_ids, pending};
use crate::support::home::Home;
use crate::support::our_gateway::OurGateway;

const TOKEN: &str = "token-of-our-gateway";

/// Our gateway with [`TOKEN`] in its configuration file, where a CLI that shares its home finds it too.
fn gateway() -> OurGateway {
    let home = Home::new();
    home.configure(&json!({ "gateway": { "mode": "local", "auth": { "mode": "token", "token": TOKEN } } }));
    OurGateway::start(home)
}

/// The target called `id` in the answer of `gateway probe --json`.
fn target<'a>(probe: &'a Value, id: &str) -> &'a Value {
    let targets = probe["targets"].as_array().expect("a list");
    targets.iter().find(|target| target["id"] == id).unwrap_or_else(|| panic!("no target {id} in {probe:#}"))
}

#[rstest]
fn with_url_and_token(#[values(OLD, NEW)] version: &'static str) {
    let Some(real) = Installed::find(version) else { return };
    let gateway = gateway();
    let cli = Cli::real(&real).at(&gateway.url(), TOKEN);
    operate(&cli, version);

    let probe = cli.run("gateway probe --json").succeeded().json();
    assert_eq!(probe["ok"], true, "{probe:#}");
    let target = target(&probe, "explicit");
    assert_eq!(target["connect"]["ok"], true, "{target:#}");
    assert_eq!(target["health"]["ok"], true, "a probe may read: {target:#}");
    assert!(target["presence"].as_array().is_some_and(|entries| !entries.is_empty()), "{target:#}");
}

#[rstest]
fn in_the_home_of_the_gateway(#[values(OLD, NEW)] version: &'static str) {
    let Some(real) = Installed::find(version) else { return };
    let gateway = gateway();
    operate(&Cli::real(&real).at_home_of(&gateway), version);
}

/// Runs what an operator runs, and checks what it shows.
fn operate(cli: &Cli, version: &str) {
    // The older CLI is a device and so is paired with its first command; the newer one sends none where it has a secret.
    let paired = usize::from(version == OLD);
    let shown = if version == OLD { "Paired (1)" } else { "No device pairing entries." };
    cli.run("devices list").succeeded().says(&[shown]);
    let list = cli.run("devices list --json").succeeded().json();
    assert!(pending(&list).is_empty(), "{list:#}");
    assert_eq!(paired_ids(&list).len(), paired, "{list:#}");
    let called = cli.run("gateway call device.pair.list --json").succeeded().json();
    assert_eq!(paired_ids(&called), paired_ids(&list), "the same by its method");

    cli.run("gateway health").succeeded().says(&["Gateway Health", "OK"]);
    let health = cli.run("gateway health --json").succeeded().json();
    assert_eq!(health["ok"], true, "{health:#}");
    let probe = if version == OLD { "RPC probe: ok" } else { "Connectivity probe: ok" };
    cli.run("gateway status").succeeded().says(&[probe]);
    cli.run("gateway call no.such.method").exited(1).says(&["unknown method: no.such.method"]);
    cli.run("logs --plain").succeeded().says(&["Log file: ", "listening on ws://127.0.0.1:"]);
}

#[rstest]
fn with_a_wrong_token(#[values(OLD, NEW)] version: &'static str) {
    let Some(real) = Installed::find(version) else { return };
    let gateway = gateway();
    let cli = Cli::real(&real).at(&gateway.url(), "another-token");
    for command in ["devices list", "devices approve 1", "gateway health", "gateway call health", "logs"] {
        cli.run(command).exited(1).says(&["unauthorized"]).never_says(&["timeout"]);
    }
    let probe = if version == OLD { "RPC probe: failed" } else { "Connectivity probe: failed" };
    cli.run("gateway status").exited(0).says(&[probe, "unauthorized"]);
    let waiting = Cli::real(&real).at(&gateway.url(), TOKEN).run("devices list --json").succeeded().json();
    assert!(pending(&waiting).is_empty(), "who proves nothing leaves no request");
}

#[test]
fn both_generations_at_once() {
    let (Some(old), Some(new)) = (Installed::find(OLD), Installed::find(NEW)) else { return };
    let gateway = gateway();
    let [old, new] = [old, new].map(|real| Cli::real(&real).at(&gateway.url(), TOKEN));
    old.run("devices list").succeeded();
    let seen = new.run("devices list --json").succeeded().json();
    let device = seen["paired"][0]["deviceId"].as_str().expect("the older CLI is paired").to_owned();

    new.run(&format!("devices rename --device {device} --name front-desk")).succeeded().says(&["front-desk"]);
    new.run("devices list").succeeded().says(&["front-desk"]);
    new.run(&format!("devices rotate --device {device} --role operator")).succeeded().json();
    // Its stored token is worth nothing now; the shared one still is.
    old.run("gateway health").succeeded();
    new.run(&format!("devices revoke --device {device} --role operator")).succeeded().json();
    new.run(&format!("devices remove {device}")).succeeded().says(&[&format!("Removed {device}")]);
    new.run("devices list").succeeded().says(&["No device pairing entries."]);
}

#[rstest]
fn logs_are_followed(#[values(OLD, NEW)] version: &'static str) {
    let Some(real) = Installed::find(version) else { return };
    let gateway = gateway();
    let cli = Cli::real(&real).at(&gateway.url(), TOKEN);
    let follower = cli.start("logs --follow --plain --interval 200");
    let deadline = std::time::Duration::from_mins(1);
    follower.expect("beginning of the log", deadline, |seen| seen.stdout.contains("listening on").then_some(()));
    // A refusal is logged; the follower shows it.
    Cli::real(&real).at(&gateway.url(), "another-token").run("gateway health").exited(1);
    follower.expect("new line of the log", deadline, |seen| seen.stdout.contains("unauthorized").then_some(()));
}
