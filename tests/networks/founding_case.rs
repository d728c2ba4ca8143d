//! The case that this project began with: a command line on the host, a gateway in a container, docker-proxy between them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::{Cli, TOKEN, shell_of_the_operator};
use crate::docker::{Container, Network, PORT, host_port};
use crate::installed::{Installed, NEW, OLD};
use crate::needs::Needs;
use crate::place::Place;
use crate::support::home::Home;
use crate::support::ran::Ran;

/// What a real command line gets for one command.
const DEADLINE: Duration = Duration::from_secs(90);

/// A gateway whose port is published on the host's loopback address, and its URL there.
fn published(needs: &'static Needs, options: &[&str]) -> (Container, String) {
    let port = host_port();
    let publish = format!("127.0.0.1:{port}:{PORT}");
    (Container::gateway(needs, &[&["--publish", &publish], options].concat()), format!("ws://127.0.0.1:{port}"))
}

#[test]
fn the_command_line_of_the_host_is_behind_the_bridge_and_works() {
    let Some(needs) = Needs::find() else { return };
    let (gateway, url) = published(needs, &[]);
    let cli = Cli::at(needs, &Place::host(needs), &url);
    cli.is_seen_as("bridge from 172.17.0.1");
    let source = cli.works();
    assert_eq!((&source["class"], &source["peer"]), (&json!("bridge"), &json!("172.17.0.1")), "{source:#}");
    assert_eq!(source["client"], Value::Null, "nobody can be told apart behind it: {source:#}");
    let list = cli.run("devices list --json").succeeded().json();
    assert_eq!(list["pending"], json!([]), "a wrong secret leaves no request, and a right one needs none");
    assert_eq!(list["paired"].as_array().map(Vec::len), Some(1), "paired at once: {list:#}");
    // Somebody else on the host, with the secret as well.
    Cli::at(needs, &Place::host(needs), &url).works();
    gateway.exec("devices list").succeeded().says(&["Paired (2)"]).never_says(&["Pending"]);
}

#[test]
fn without_the_secret_the_refusal_says_who_asks_and_what_to_type() {
    let Some(needs) = Needs::find() else { return };
    let (gateway, url) = published(needs, &[]);
    let cli = Cli::at(needs, &Place::host(needs), &url);
    let id = &gateway.id[..12];
    let command = format!("docker exec {id} openclaw gateway status");
    let refused = cli.run_with("devices list", "another-token").exited(1);
    let refused = refused.says(&["unauthorized", "bridge", "172.17.0.1", &command]);
    shell_of_the_operator(&command).succeeded().never_says(&[TOKEN]);
    gateway.exec("devices list --json").succeeded().never_says(&["requestId"]);
    gateway.logs(&["unauthorized", "class=bridge", "172.17.0.1"]);
    drop(refused);
}

#[test]
fn in_the_network_of_a_project_the_bridge_has_another_address() {
    let Some(needs) = Needs::find() else { return };
    let network = Network::new(&[]);
    let (_gateway, url) = published(needs, &["--network", &network.name]);
    let cli = Cli::at(needs, &Place::host(needs), &url);
    cli.is_seen_as(&format!("bridge from {}", network.host_address()));
    cli.works();
}

#[test]
fn the_real_command_lines_work_through_docker_proxy() {
    let Some(needs) = Needs::find() else { return };
    for version in [OLD, NEW] {
        let Some(real) = Installed::find(version) else { return };
        let (gateway, url) = published(needs, &[]);
        let list = |token: &str| real_cli(needs, &real, &url, token);
        list("another-token").exited(1).says(&["unauthorized"]);
        list(TOKEN).succeeded();
        list(TOKEN).succeeded();
        gateway.exec("devices list").succeeded().never_says(&["Pending"]);
    }
}

/// `devices list` of a real release on the host.
fn real_cli(needs: &Needs, real: &Installed, url: &str, token: &str) -> Ran {
    let home = Home::new();
    let installed = real.command(&home);
    let mut command = Place::host(needs).command(&home, installed.get_program().as_ref());
    command
        .args(installed.get_args())
        .envs(installed.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .args(["devices", "list", "--url", url, "--token", token]);
    Ran::to_end(&mut command, DEADLINE)
}
