//! `gateway stop`, `restart` and `reload`: each acts on the process that runs, and tells what came of it.

use std::fs;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::home::Home;
use crate::support::our_gateway::OurGateway;
use crate::{PATIENCE, lock, openclaw};

/// What the lock says of the process.
fn holder(gateway: &OurGateway) -> Value {
    let text = fs::read_to_string(lock(gateway.home())).expect("it is held");
    serde_json::from_str(&text).expect("JSON")
}

/// A home whose gateway does not take up edits by itself.
fn heeding_orders_only() -> Home {
    let home = Home::new();
    home.configure(&json!({"gateway": {"reload": {"mode": "off"}}}));
    home
}

fn pid(gateway: &OurGateway) -> String {
    gateway.running().pid().to_string()
}

#[test]
fn stop_ends_the_process_and_waits_for_it() {
    let gateway = OurGateway::start(Home::new());
    let pid = pid(&gateway);
    let ran = openclaw(gateway.home(), &["gateway", "stop", "--json"]).succeeded();
    // The lock is free when the command ends; the end of the process follows at once.
    assert_eq!(fs::read_to_string(lock(gateway.home())).expect("kept"), "", "{ran}");
    let told = ran.json();
    assert_eq!(told["result"], "stopped", "{ran}");
    assert_eq!(told["via"]["channel"], "localSocket", "{ran}");
    assert_eq!(told["pid"].to_string(), pid, "{ran}");
    let status = gateway.running().wait_until(PATIENCE, |seen| seen.status).expect("it ends");
    assert!(status.success(), "{}", gateway.running().transcript());
    openclaw(gateway.home(), &["gateway", "stop"]).exited(1).says(&[
        "no gateway runs on",
        "there is nothing to stop",
        "openclaw gateway run",
    ]);
}

#[test]
fn restart_keeps_the_process_and_waits_for_the_new_run() {
    let gateway = OurGateway::start(Home::new());
    let before = holder(&gateway);
    let ran = openclaw(gateway.home(), &["gateway", "restart", "--json"]).succeeded();
    let after = holder(&gateway);
    assert_eq!(after["pid"], before["pid"], "the process stays: {ran}");
    assert_ne!(after["startedAtMs"], before["startedAtMs"], "{ran}");
    assert_eq!(ran.json()["gateway"]["url"], after["url"], "{ran}");
    openclaw(gateway.home(), &["devices", "list"]).succeeded();
    openclaw(gateway.home(), &["gateway", "restart"]).succeeded().says(&["Gateway restarted: pid", "local socket"]);
}

#[test]
fn a_restart_that_could_not_succeed_is_not_begun() {
    let gateway = OurGateway::start(Home::new());
    let before = holder(&gateway);
    fs::write(gateway.home().state().join("openclaw.json"), "{ gateway: ").expect("writable");
    for order in ["restart", "reload"] {
        openclaw(gateway.home(), &["gateway", order]).exited(1).says(&[
            &format!("Gateway {order} refused"),
            "openclaw.json: line 1",
            "openclaw config validate",
        ]);
    }
    assert_eq!(holder(&gateway), before, "it goes on as it was");
    openclaw(gateway.home(), &["devices", "list"]).succeeded();
}

#[test]
fn reload_says_what_was_applied_and_what_waits_for_a_restart() {
    let gateway = OurGateway::start(heeding_orders_only());
    let home = gateway.home();
    openclaw(home, &["gateway", "reload"]).succeeded().says(&["nothing had changed"]);
    home.configure(&json!({
        "gateway": {"auth": {"token": "a-token-of-today"}, "reload": {"mode": "off"}},
        "logging": {"level": "debug", "consoleStyle": "compact"},
    }));
    let ran = openclaw(home, &["gateway", "reload", "--json"]).succeeded();
    assert_eq!(ran.json()["applied"], json!(["gateway.auth.token", "logging.level"]), "{ran}");
    assert_eq!(ran.json()["needsRestart"], json!(["logging.consoleStyle"]), "{ran}");
    // What waits goes on waiting; what was applied is no news any more.
    let ran = openclaw(home, &["gateway", "reload"]).succeeded();
    ran.says(&["nothing had changed", "logging.consoleStyle", "openclaw gateway restart"]);
    openclaw(home, &["gateway", "restart"]).succeeded();
    openclaw(home, &["gateway", "reload"]).succeeded().never_says(&["consoleStyle"]);
}

#[test]
fn where_the_gateway_cannot_be_asked_a_signal_goes_to_the_process_that_holds_the_lock() {
    let gateway = OurGateway::start(heeding_orders_only());
    let home = gateway.home();
    let by_signal = |order: &str, signal: &str| {
        fs::remove_file(gateway.socket()).expect("it is there");
        // The port is open, and this secret is not the gateway's.
        let mut command = home.command(OurGateway::program());
        command.args(["gateway", order, "--token", "not-the-token"]);
        let ran = crate::support::ran::Ran::to_end(&mut command, PATIENCE).succeeded();
        ran.says(&["the gateway cannot be asked", &format!("by {signal} to pid {}", pid(&gateway))])
    };
    home.configure(&json!({"gateway": {"reload": {"mode": "off"}}, "logging": {"level": "debug"}}));
    by_signal("reload", "SIGHUP").says(&["Configuration reloaded", "applied: logging.level"]);
    // Put back for the next order by a run of its own.
    openclaw(home, &["gateway", "restart"]).succeeded().says(&["local loopback"]);
    let before = holder(&gateway);
    by_signal("restart", "SIGUSR1").says(&["Gateway restarted"]);
    assert_ne!(holder(&gateway)["startedAtMs"], before["startedAtMs"]);
    by_signal("stop", "SIGTERM").says(&["Gateway stopped"]);
    assert!(gateway.running().wait_until(PATIENCE, |seen| seen.status).is_some_and(|status| status.success()));
}

#[test]
fn what_flags_give_is_not_said_to_have_been_changed() {
    let gateway = OurGateway::start(Home::new());
    let ran = openclaw(gateway.home(), &["config", "set", "gateway.bind", "lan", "--json"]).succeeded();
    assert_eq!(ran.json()["takesEffect"], "overridden", "{ran}");
    openclaw(gateway.home(), &["config", "set", "gateway.port", "18790"])
        .succeeded()
        .says(&["goes on as before", "from --port, which wins over the files"]);
    openclaw(gateway.home(), &["config", "set", "logging.level", "debug"]).succeeded().says(&["goes by it now"]);
}

#[test]
fn a_gateway_that_hangs_is_ended_by_the_command_that_is_named() {
    let gateway = OurGateway::start(Home::new());
    gateway.running().signal(Signal::SIGSTOP);
    let health = openclaw(gateway.home(), &["gateway", "health", "--timeout", "500"]).exited(1);
    health.says(&["the gateway hangs", "openclaw gateway restart"]);
    let kill = format!("kill -9 {}", pid(&gateway));
    for order in ["restart", "stop"] {
        openclaw(gateway.home(), &["gateway", order, "--timeout", "500"]).exited(1).says(&["one that hangs", &kill]);
    }
    assert!(Command::new("sh").args(["-c", &kill]).status().expect("there is a shell").success());
    gateway.running().wait_until(PATIENCE, |seen| seen.status).expect("it is gone");
}

#[test]
fn over_the_network_a_gateway_is_restarted_and_not_stopped() {
    let gateway = OurGateway::start(Home::new());
    let token = fs::read_to_string(gateway.home().state().join("identity/gateway-token")).expect("it made one");
    let elsewhere = Home::new();
    let url = gateway.url();
    let over = |order: &str| openclaw(&elsewhere, &["gateway", order, "--url", &url, "--token", token.trim()]);
    over("stop").exited(1).says(&["over the local socket only"]);
    over("reload").succeeded().says(&["Configuration reloaded", "cli --url"]);
    // It chose its port itself, so the new run listens elsewhere and cannot be seen from here.
    let before = holder(&gateway);
    let short = ["gateway", "restart", "--url", &url, "--token", token.trim(), "--timeout", "2000"];
    openclaw(&elsewhere, &short)
        .exited(1)
        .says(&["Gateway restart not finished", "no new run of the gateway answered"]);
    assert_ne!(holder(&gateway)["startedAtMs"], before["startedAtMs"]);
}

/// A home between two runs of its gateway's process.
fn between_two_runs() -> Home {
    let gateway = OurGateway::start(Home::new());
    let mut held = holder(&gateway);
    held["restart"] = json!({ "untilMs": jiff::Timestamp::now().as_millisecond() + 60_000, "begun": true });
    let home = gateway.kill();
    fs::write(lock(&home), held.to_string()).expect("writable");
    home
}

#[test]
fn a_restart_that_ends_before_the_lock_is_not_waited_for() {
    let home = between_two_runs();
    openclaw(&home, &["gateway", "status"]).says(&["restarting"]);
    fs::write(home.state().join("openclaw.json"), "{ gateway: ").expect("writable");
    openclaw(&home, &["gateway", "run", "--port", "0"]).exited(78);
    fs::remove_file(home.state().join("openclaw.json")).expect("there");
    openclaw(&home, &["gateway", "status"]).says(&["stopped"]).never_says(&["restarting"]);
    openclaw(&home, &["devices", "list"]).succeeded().never_says(&["waiting"]);
}

#[test]
fn a_command_that_meets_a_restart_waits_for_its_end() {
    let home = between_two_runs();
    let mut command = home.command(OurGateway::program());
    let waits = crate::support::running::Running::start(command.args(["gateway", "restart"]));
    waits.expect("it says that it waits", PATIENCE, |seen| seen.stderr.contains("which restarts").then_some(()));
    let gateway = OurGateway::start(home);
    let status = waits.wait_until(PATIENCE, |seen| seen.status).expect("it ends");
    assert!(status.success(), "{}", waits.transcript());
    openclaw(gateway.home(), &["devices", "list"]).succeeded();
}
