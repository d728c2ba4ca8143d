//! An engine that leaves every published port to the kernel.

use crate::cli::{Cli, shell_of_the_operator};
use crate::docker::{Container, PORT, host_port};
use crate::needs::Needs;
use crate::place::Place;

#[test]
fn the_host_still_comes_from_the_bridge_and_others_from_their_own_address() {
    let Some(needs) = Needs::find() else { return };
    let Some(lan) = Place::lan(needs) else { return };
    let port = host_port();
    let gateway = Container::gateway(needs, &["--publish", &format!("{port}:{PORT}")]);
    let sibling = Container::idle(needs, &[]);
    let host = Place::host(needs);
    let beside = Place::Exec(sibling.id.clone());
    #[rustfmt::skip]
    let rows = [
        (&host,    "127.0.0.1",     "bridge from 172.17.0.1".to_owned(),                   true),
        (&host,    "192.168.10.1",  "bridge from 172.17.0.1".to_owned(),                   true),
        (&lan,     "192.168.10.1",  "private from 192.168.10.50".to_owned(),               false),
        (&beside,  "192.168.10.1",  format!("neighbour from {}", sibling.address()),       false),
    ];
    for (place, address, seen_as, silent) in rows {
        let cli = Cli::at(needs, place, &format!("ws://{address}:{port}"));
        cli.is_seen_as(&seen_as);
        if silent {
            cli.works();
        } else {
            cli.works_once_approved(shell_of_the_operator);
        }
    }
    drop(gateway);
}
