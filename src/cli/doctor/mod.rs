//! `openclaw doctor`: facts first, then checks over facts.
//!
//! The facts are one struct, found out where input and output are allowed. A check is a function from facts to findings, so
//! that each can be tested without a machine that is broken in just that way. A finding names what is wrong, what makes us
//! think so, and the exact command.

mod checks;
mod command;
mod facts;
mod finding;
mod gather;
mod network;
mod repair;

use std::path::Path;

pub(super) use self::command::Doctor;
use self::network::{Network, bridges_among};

/// What is to be said of bridges among the items of `gateway.trustedProxies`.
pub(super) fn bridge_as_proxy(items: &[&str]) -> Vec<String> {
    let bridges = bridges_among(items, &Network::read(Path::new("/")));
    let sentence = |bridge: network::Bridge| {
        format!(
            "{address} looks like a container bridge, not a proxy ({why}). Trusted as a proxy, it is believed when it names \
             another client, and so is everybody who comes through it: remote IPv6 clients too, where docker-proxy forwards \
             them. If it is there for the users of the host, take it out and name it as a bridge: \
             openclaw config set gateway.trustedBridges '[\"{address}\"]'",
            address = bridge.address,
            why = bridge.why
        )
    };
    bridges.into_iter().map(sentence).collect()
}
