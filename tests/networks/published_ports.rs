//! A port published on every address of the host: the rows of who is seen as what.

use crate::cli::{Cli, shell_of_the_operator};
use crate::docker::{Container, Network, PORT, host_port};
use crate::needs::Needs;
use crate::place::Place;

/// The host's addresses in the network of the other machine, and that machine's.
const HOST: &str = "192.168.10.1";
const HOST_6: &str = "[fd00:10::1]";
const CLIENT: &str = "192.168.10.50";

/// A gateway whose port is published on every address, and that port.
fn published(needs: &'static Needs, options: &[&str]) -> (Container, u16) {
    let port = host_port();
    let publish = format!("{port}:{PORT}");
    (Container::gateway(needs, &[&["--publish", &publish], options].concat()), port)
}

/// The other machine, where one is known.
fn lan(needs: &'static Needs) -> Option<Place> {
    let lan = Place::lan(needs);
    if lan.is_none() {
        eprintln!("left out: no other machine is known in the network of this engine's host");
    }
    lan
}

#[test]
fn the_host_itself() {
    let Some(needs) = Needs::find() else { return };
    let (_gateway, port) = published(needs, &[]);
    let host = Place::host(needs);
    let cli = Cli::at(needs, &host, &format!("ws://127.0.0.1:{port}"));
    cli.is_seen_as("bridge from 172.17.0.1");
    cli.works();
    if lan(needs).is_none() {
        return;
    }
    // Rewritten on its way out, so that docker-proxy never sees it.
    let cli = Cli::at(needs, &host, &format!("ws://{HOST}:{port}"));
    cli.is_seen_as(&format!("private from {HOST}"));
    cli.works_once_approved(shell_of_the_operator);
}

#[test]
fn another_machine_comes_with_its_own_address() {
    let Some(needs) = Needs::find() else { return };
    let Some(lan) = lan(needs) else { return };
    let (gateway, port) = published(needs, &[]);
    let cli = Cli::at(needs, &lan, &format!("ws://{HOST}:{port}"));
    cli.is_seen_as(&format!("private from {CLIENT}"));
    cli.works_once_approved(shell_of_the_operator);
    gateway.logs(&["closed before connect", "class=private", CLIENT, "approve="]);
}

#[test]
fn over_ipv6_another_machine_looks_like_the_host() {
    let Some(needs) = Needs::find() else { return };
    let Some(lan) = lan(needs) else { return };
    // The address is the bridge's, so only what the operator says of the port can tell them apart.
    let (_gateway, port) = published(needs, &["--env", "OPENCLAW_GATEWAY_PUBLISHED_ON=0.0.0.0"]);
    let stranger = Cli::at(needs, &lan, &format!("ws://{HOST_6}:{port}"));
    stranger.is_seen_as("bridge from 172.17.0.1");
    stranger.works_once_approved(shell_of_the_operator);

    let (gateway, port) = published(needs, &[]);
    let stranger = Cli::at(needs, &lan, &format!("ws://{HOST_6}:{port}"));
    stranger.is_seen_as("bridge from 172.17.0.1");
    stranger.works();
    gateway.logs(&["gateway.publishedOn"]);
}

#[test]
fn siblings() {
    let Some(needs) = Needs::find() else { return };
    let (gateway, port) = published(needs, &[]);
    let sibling = Container::idle(needs, &[]);
    let beside = Place::Exec(sibling.id.clone());
    let cli = Cli::at(needs, &beside, &format!("ws://{}:{PORT}", gateway.address()));
    cli.is_seen_as(&format!("neighbour from {}", sibling.address()));
    cli.works_once_approved(shell_of_the_operator);
    // Through the host and docker-proxy it looks like the host.
    let round = Cli::at(needs, &Place::container(&[]), &format!("ws://172.17.0.1:{port}"));
    round.is_seen_as("bridge from 172.17.0.1");
    round.works();
}

#[test]
fn siblings_in_the_network_of_a_project() {
    let Some(needs) = Needs::find() else { return };
    let network = Network::new(&[]);
    let (gateway, port) = published(needs, &["--network", &network.name]);
    let sibling = Container::idle(needs, &["--network", &network.name]);
    let cli = Cli::at(needs, &Place::Exec(sibling.id.clone()), &format!("ws://{}:{PORT}", gateway.name));
    cli.is_seen_as(&format!("neighbour from {}", sibling.address()));
    cli.works_once_approved(shell_of_the_operator);
    // From another network, by the host's address there.
    let other = Cli::at(needs, &Place::container(&[]), &format!("ws://172.17.0.1:{port}"));
    other.is_seen_as(&format!("bridge from {}", network.host_address()));
}
