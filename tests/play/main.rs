//! The whole case that this project began with, row by row, in each place where a gateway runs: a machine without systemd and
//! without a bus, a machine of systemd, a container of a Docker engine, and a pod. Every row ends in a working `devices list`.
//!
//! The rows are written once ([`rows`]); a place ([`place::Place`]) says how its gateway is started and stopped, where its operator
//! types, and who comes to it. The suites `networks`, `systemd` and `kubernetes` of `scripts/test` bring the places. Without them
//! each test says that it cannot run, and passes; with `OPENCLAW_PLAY=required` it fails.

#![allow(unreachable_pub, reason = "a test binary has no outside")]
#![allow(clippy::print_stderr, reason = "what a test has to say beside its result goes there")]

mod container;
mod machine;
#[path = "../networks/machine.rs"]
#[allow(dead_code, reason = "the networks need more of it")]
mod network;
mod place;
mod pod;
mod rows;
#[path = "../support/mod.rs"]
mod support;
mod visitor;

/// Says why a place cannot be played in.
///
/// # Panics
/// Where that is a failure.
fn cannot_run(why: &str) {
    assert!(std::env::var("OPENCLAW_PLAY").as_deref() != Ok("required"), "cannot run: {why}");
    eprintln!("cannot run: {why}");
}

/// What a suite of `scripts/test` has prepared, or a word about it.
fn prepared(name: &str, suite: &str) -> Option<String> {
    let found = std::env::var(name).ok().filter(|value| !value.is_empty());
    if found.is_none() {
        cannot_run(&format!("{name} is not set; `scripts/test {suite}` sets it"));
    }
    found
}

#[test]
fn on_a_machine_without_a_bus() {
    let Some(binary) = prepared("OPENCLAW_STATIC_BINARY", "networks") else { return };
    rows::play(&machine::Machine::without_systemd(binary.as_ref()));
}

#[test]
fn on_a_machine_of_systemd() {
    let Some(first_process) = prepared("OPENCLAW_SYSTEMD_PID", "systemd") else { return };
    rows::play(&machine::Machine::of_systemd(&first_process));
}

#[test]
fn in_a_container() {
    let Some(image) = prepared("OPENCLAW_GATEWAY_IMAGE", "networks") else { return };
    let Some(cli_image) = prepared("OPENCLAW_CLI_IMAGE", "networks") else { return };
    // A caller's engine (DOCKER_HOST) has none.
    let Some(lan) = prepared("OPENCLAW_ENGINE_LAN", "networks") else { return };
    rows::play(&container::Container::new(&image, &cli_image, &lan));
}

#[test]
fn in_a_pod() {
    let Some(release) = prepared("OPENCLAW_PLAY_RELEASE", "kubernetes") else { return };
    let Some(node) = prepared("OPENCLAW_KUBE_HOST", "kubernetes") else { return };
    rows::play(&pod::Pod::new(&release, &node));
}
