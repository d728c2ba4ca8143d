//! The other ways to stand in, or beside, a container's network.

use crate::cli::{Cli, TOKEN, shell_of_the_operator};
use crate::docker::{Container, Network, PORT, host_port};
use crate::needs::Needs;
use crate::place::Place;

#[test]
fn inside_the_container() {
    let Some(needs) = Needs::find() else { return };
    let gateway = Container::gateway(needs, &[]);
    gateway.exec("devices list").succeeded();
    let cli = Cli::at(needs, &Place::Exec(gateway.id.clone()), &format!("ws://127.0.0.1:{PORT}"));
    cli.is_seen_as("loopback from 127.0.0.1");
    cli.works();
    // In a container this is also where RootlessKit brings remote clients from.
    let address = gateway.address();
    let cli = Cli::at(needs, &Place::Exec(gateway.id.clone()), &format!("ws://{address}:{PORT}"));
    cli.is_seen_as(&format!("own-address from {address}"));
    cli.works();
}

#[test]
fn a_container_that_shares_the_network_of_the_gateway() {
    let Some(needs) = Needs::find() else { return };
    let gateway = Container::gateway(needs, &[]);
    let beside = Place::container(&["--network", &format!("container:{}", gateway.id)]);
    let cli = Cli::at(needs, &beside, &format!("ws://127.0.0.1:{PORT}"));
    cli.is_seen_as("loopback from 127.0.0.1");
    cli.works();
}

#[test]
fn a_command_line_in_the_network_of_the_host() {
    let Some(needs) = Needs::find() else { return };
    let port = host_port();
    let _gateway = Container::gateway(needs, &["--publish", &format!("127.0.0.1:{port}:{PORT}")]);
    let on_host = Place::container(&["--network", "host"]);
    let cli = Cli::at(needs, &on_host, &format!("ws://127.0.0.1:{port}"));
    cli.is_seen_as("bridge from 172.17.0.1");
    cli.works();
}

#[test]
fn a_gateway_in_the_network_of_the_host() {
    let Some(needs) = Needs::find() else { return };
    let port = host_port().to_string();
    let options = ["--network", "host", "--env", "OPENCLAW_GATEWAY_BIND=lan", "--env"];
    let gateway = Container::gateway(needs, &[&options[..], &[&format!("OPENCLAW_GATEWAY_PORT={port}")]].concat());
    let cli = Cli::at(needs, &Place::host(needs), &format!("ws://127.0.0.1:{port}"));
    cli.is_seen_as("loopback from 127.0.0.1");
    cli.works();
    if let Some(lan) = Place::lan(needs) {
        // It is the host's default router, and that is a bridge to nobody here.
        let cli = Cli::at(needs, &lan, &format!("ws://192.168.10.1:{port}"));
        cli.is_seen_as("neighbour from 192.168.10.50");
        cli.works_once_approved(shell_of_the_operator);
    }
    gateway.exec("devices list").succeeded().never_says(&[TOKEN]);
}

#[test]
fn the_default_router_of_a_macvlan_is_no_bridge() {
    let Some(needs) = Needs::find() else { return };
    let Some(lan) = Place::lan(needs) else { return };
    // The container stands in the host's network, and the other machine there is its default router.
    let network = Network::new(&[
        "--driver=macvlan",
        "--opt=parent=lan0",
        "--subnet=192.168.10.0/24",
        "--ip-range=192.168.10.128/28",
        "--gateway=192.168.10.50",
    ]);
    let gateway = Container::gateway(needs, &["--network", &network.name]);
    let cli = Cli::at(needs, &lan, &format!("ws://{}:{PORT}", gateway.address()));
    cli.is_seen_as("neighbour from 192.168.10.50");
    cli.works_once_approved(shell_of_the_operator);
}
