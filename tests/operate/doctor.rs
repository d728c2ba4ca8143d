//! `openclaw doctor`, end to end.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use serde_json::json;

use crate::support::home::Home;
use crate::support::our_gateway::OurGateway;
use crate::support::ran::Ran;
use crate::{PATIENCE, openclaw};

const MAKE_TOKEN: [&str; 3] = ["doctor", "--generate-gateway-token", "--yes"];

/// The token in force, as the operator reads it.
fn token(home: &Home) -> String {
    openclaw(home, &["config", "get", "gateway.auth.token"]).succeeded().stdout.trim().to_owned()
}

/// Lists devices over the network, from another home.
fn lists(gateway: &OurGateway, token: &str) -> Ran {
    openclaw(&Home::new(), &["devices", "list", "--url", &gateway.url(), "--token", token])
}

#[test]
fn a_new_token_counts_at_once_and_the_old_one_no_longer() {
    let gateway = OurGateway::start(Home::new());
    let before = token(gateway.home());
    let made = openclaw(gateway.home(), &MAKE_TOKEN).succeeded();
    made.says(&["Gateway token configured.", "openclaw.json", "the running gateway goes by it now"]);
    let after = token(gateway.home());
    assert!(after.len() == 48 && after != before, "{after}");
    lists(&gateway, &after).succeeded();
    lists(&gateway, &before).exited(1).says(&["gateway token mismatch"]);
    openclaw(gateway.home(), &["gateway", "status"]).succeeded().says(&["token: from", "openclaw.json"]);
    openclaw(gateway.home(), &["gateway", "restart"]).succeeded();
    assert_eq!(token(gateway.home()), after);
}

#[test]
fn a_token_that_the_environment_gives_is_not_overridden_behind_its_back() {
    let home = Home::new();
    let mut command = home.command(OurGateway::program());
    command.args(MAKE_TOKEN).env("OPENCLAW_GATEWAY_TOKEN", "from-the-environment");
    Ran::to_end(&mut command, PATIENCE).exited(1).says(&["nothing was changed", "OPENCLAW_GATEWAY_TOKEN comes from"]);
    assert!(!home.state().join("openclaw.json").exists());
}

/// A home whose configuration is mounted from a `ConfigMap`, as the kubelet does it.
fn of_a_config_map() -> Home {
    let home = Home::new();
    let state = home.state();
    fs::create_dir_all(state.join("..2026")).expect("it is ours");
    fs::write(state.join("..2026/openclaw.json"), "{}").expect("it is ours");
    symlink("..2026", state.join("..data")).expect("it is ours");
    symlink("..data/openclaw.json", state.join("openclaw.json")).expect("it is ours");
    home
}

#[test]
fn a_token_that_only_the_gateway_was_given_is_not_said_to_be_replaced() {
    type Given = fn(&mut Command) -> &mut Command;
    let by_variable: Given = |run| run.env("OPENCLAW_GATEWAY_TOKEN", "of-the-gateway");
    let by_flag: Given = |run| run.args(["--token", "of-the-gateway"]);
    for (given, by) in [(by_variable, "OPENCLAW_GATEWAY_TOKEN"), (by_flag, "--token")] {
        for home in [Home::new(), of_a_config_map()] {
            let gateway = OurGateway::start_with(home, given);
            let before = fs::read_to_string(gateway.home().state().join("openclaw.json")).ok();
            let set = ["config", "set", "gateway.auth.token", "another-one"];
            for words in [&MAKE_TOKEN[..], &set] {
                let refused = openclaw(gateway.home(), words).exited(1);
                refused.says(&["nothing was changed", &format!("gateway.auth.token from {by}"), "change it where"]);
            }
            let after = fs::read_to_string(gateway.home().state().join("openclaw.json")).ok();
            assert_eq!((before, gateway.home().state().join("identity/gateway-token").exists()), (after, false));
            lists(&gateway, "of-the-gateway").succeeded();
            let asked = openclaw(gateway.home(), &["config", "get", "gateway.auth.token"]).exited(1);
            asked.says(&[&format!("the running gateway has it from {by}")]).never_says(&["first start"]);
            openclaw(gateway.home(), &["dashboard", "--with-token", "--no-open"]).says(&["no token is known here"]);
        }
        let asked = openclaw(&Home::new(), &["config", "get", "gateway.auth.token"]).exited(1);
        asked.says(&["the gateway makes one at its first start"]);
        // What stands in the file as well can be taken out of it.
        let home = Home::new();
        home.configure(&json!({"gateway": {"auth": {"token": "of-the-gateway"}}}));
        let gateway = OurGateway::start_with(home, given);
        let page = openclaw(gateway.home(), &["dashboard", "--with-token", "--no-open"]).succeeded();
        if by == "--token" {
            page.says(&["the running gateway goes by that from --token"]);
        } else {
            page.says(&["#token=of-the-gateway"]).never_says(&["goes by"]);
        }
        openclaw(gateway.home(), &["config", "unset", "gateway.auth.token"]).succeeded();
    }
    let by_password = OurGateway::start_with(Home::new(), |run| run.args(["--auth", "password", "--password", "word"]));
    openclaw(by_password.home(), &MAKE_TOKEN).exited(1).says(&["does not go by a token", "as --auth says"]);
}

#[test]
fn where_the_configuration_is_a_config_map_the_gateways_own_token_is_replaced() {
    let home = of_a_config_map();
    let state = home.state();
    let gateway = OurGateway::start(home);
    let before = token(gateway.home());
    let made = openclaw(gateway.home(), &MAKE_TOKEN).succeeded();
    made.says(&["identity/gateway-token", "the running gateway goes by it now"]);
    let after = token(gateway.home());
    assert_ne!(after, before);
    assert_eq!(fs::read_to_string(state.join("openclaw.json")).expect("kept"), "{}");
    lists(&gateway, &after).succeeded();
    lists(&gateway, &before).exited(1);
}

#[test]
fn a_key_that_is_damaged_and_a_gateway_that_was_killed_are_found() {
    let home = OurGateway::start(Home::new()).kill();
    openclaw(&home, &["doctor"]).exited(2).says(&["was killed or crashed", "openclaw logs"]);
    fs::write(home.state().join("identity/token.key"), "bad").expect("it is ours");
    openclaw(&home, &["doctor"]).exited(1).says(&["error: the key of the device tokens", "token.key", "restore "]);
    openclaw(&home, &["gateway", "run", "--port", "0"]).exited(1).says(&["token.key"]);
}

#[test]
fn the_exit_status_tells_healthy_from_warnings_and_errors() {
    let gateway = OurGateway::start(Home::new());
    let home = gateway.home();
    let doctor = |words: &[&str]| openclaw(home, &[&["doctor"], words].concat());
    let healthy = doctor(&["--json"]).exited(0).json();
    assert!(healthy["findings"].as_array().is_some_and(|found| found.iter().all(|one| one["severity"] == "info")));

    let token = home.state().join("identity/gateway-token");
    fs::set_permissions(&token, Permissions::from_mode(0o644)).expect("it is ours");
    doctor(&[]).exited(2).says(&["warning: others may read", "gateway-token", "chmod 600"]);
    doctor(&["--repair", "--yes"]).exited(0).says(&["repaired: chmod 600"]);
    let mode = fs::metadata(&token).expect("kept").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    doctor(&[]).exited(0);

    let home = gateway.stop();
    fs::create_dir_all(home.state().join("devices")).expect("it is ours");
    fs::write(home.state().join("devices/paired.json"), "{ damaged").expect("it is ours");
    openclaw(&home, &["doctor"]).exited(1).says(&["error: ", "paired.json", "Fix: "]);
}
