//! A reverse proxy that is trusted by its name in the network of a project, whatever address it has at the moment.

use crate::cli::Cli;
use crate::docker::{Container, Network, PORT};
use crate::needs::Needs;
use crate::place::Place;

/// Where the proxy listens.
const FRONT: u16 = 8080;

#[test]
fn a_proxy_that_was_recreated_is_trusted_at_its_new_address_and_its_old_one_is_not() {
    let Some(needs) = Needs::find() else { return };
    // Addresses can be asked for only where the subnet was.
    let network = Network::new(&["--subnet", "10.88.7.0/24"]);
    let in_network = ["--network", network.name.as_str()];
    let trusted = ["--env", "OPENCLAW_GATEWAY_TRUSTED_PROXIES=front"];
    let gateway = Container::gateway(needs, &[&in_network[..], &trusted].concat());
    let upstream = format!("{}:{PORT}", gateway.address());
    let front = || Container::proxy(needs, &upstream, &[&in_network[..], &["--network-alias", "front"]].concat());
    let client = Container::idle(needs, &in_network);
    let at = |proxy: &Container| {
        let url = format!("ws://{}:{FRONT}", proxy.address());
        Cli::at(needs, &Place::Exec(client.id.clone()), &url)
    };

    let proxy = front();
    let before = proxy.address();
    let cli = at(&proxy);
    cli.is_proxied(&before, &client.address());
    drop(proxy);

    // Somebody else gets the address first, and forwards as well.
    let stranger = Container::proxy(needs, &upstream, &[&in_network[..], &["--ip", &before]].concat());
    let proxy = front();
    assert_ne!(proxy.address(), before);
    at(&proxy).is_proxied(&proxy.address(), &client.address());
    at(&stranger).is_seen_as(&format!("unattributable from {before}"));
}
