//! A bridge with a gateway and a sibling behind it, a host, and another machine: the kernel's part of what engines do, by hand, so
//! that each row is there whatever engine a machine has.

use std::path::Path;

use crate::boxed::Boxed;
use crate::cli::Cli;
use crate::machine::{Machine, Server};
use crate::needs::Needs;
use crate::place::Place;
use crate::support::home::Home;

/// Published on every address of the host.
const PORT: u16 = 18789;

/// The machines, each with an address of both families towards the host.
struct Networks {
    host: Machine,
    gateway: Machine,
    sibling: Machine,
    lan: Machine,
    /// Copies what comes to the published port, as docker-proxy does.
    _copy: Option<Server>,
}

/// How the host brings connections to the gateway.
#[derive(Clone, Copy, PartialEq)]
enum Publishing {
    /// Rewritten where the kernel sees them arrive, and copied where it does not.
    WithCopy,
    /// Rewritten everywhere.
    RewrittenOnly,
}

impl Networks {
    fn new(publishing: Publishing) -> Self {
        let [host, gateway, sibling, lan] = std::array::from_fn(|_| Machine::new());
        host.ip("link add bridge0 type bridge");
        host.ip("address add 172.17.0.1/16 dev bridge0");
        host.ip("link set bridge0 up");
        for (port, machine, address) in [("port1", &gateway, "172.17.0.2"), ("port2", &sibling, "172.17.0.3")] {
            host.cable(port, machine, "eth0");
            host.ip(&format!("link set {port} master bridge0"));
            machine.ip(&format!("address add {address}/16 dev eth0"));
            machine.ip("route add default via 172.17.0.1");
        }
        host.cable("lan0", &lan, "eth0");
        host.ip("address add 192.168.10.1/24 dev lan0");
        host.ip("address add fd00:10::1/64 dev lan0 nodad");
        lan.ip("address add 192.168.10.50/24 dev eth0");
        lan.ip("address add fd00:10::50/64 dev eth0 nodad");
        host.switch_on("ipv4/ip_forward");
        publish(&host, publishing);
        let copy = (publishing == Publishing::WithCopy).then(|| copy_on(&host));
        Self { host, gateway, sibling, lan, _copy: copy }
    }
}

/// The rules that engines make for a published port.
fn publish(host: &Machine, publishing: Publishing) {
    host.iptables("-t nat -N PUBLISHED");
    host.iptables("-t nat -A PREROUTING -m addrtype --dst-type LOCAL -j PUBLISHED");
    host.iptables("-t nat -A POSTROUTING -s 172.17.0.0/16 ! -o bridge0 -j MASQUERADE");
    let destination = format!("-p tcp --dport {PORT} -j DNAT --to-destination 172.17.0.2:{PORT}");
    match publishing {
        Publishing::WithCopy => {
            host.iptables("-t nat -A OUTPUT -m addrtype --dst-type LOCAL ! -d 127.0.0.0/8 -j PUBLISHED");
            host.iptables(&format!("-t nat -A PUBLISHED ! -i bridge0 {destination}"));
        }
        Publishing::RewrittenOnly => {
            host.switch_on("ipv4/conf/bridge0/route_localnet");
            // Answers to a sibling must come back through the rules that rewrote the question.
            host.switch_on("bridge/bridge-nf-call-iptables");
            host.iptables("-t nat -A OUTPUT -m addrtype --dst-type LOCAL -j PUBLISHED");
            host.iptables("-t nat -A POSTROUTING -o bridge0 -m addrtype --src-type LOCAL -j MASQUERADE");
            host.iptables(&format!("-t nat -A PUBLISHED {destination}"));
        }
    }
}

/// A forwarder of connections that adds nothing, on every address of both families.
fn copy_on(host: &Machine) -> Server {
    let home = Home::new();
    let configuration = home.path().join("haproxy.cfg");
    let text = format!(
        "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1m\n  timeout server 1m\n\
         listen copy\n  bind 0.0.0.0:{PORT}\n  bind [::]:{PORT} v6only\n  server gateway 172.17.0.2:{PORT}\n"
    );
    std::fs::write(&configuration, text).expect("it is ours");
    let mut command = host.command(Path::new("haproxy"));
    command.arg("-db").arg("-f").arg(configuration);
    Server::start(command, home, &host.namespace(), PORT)
}

#[test]
fn published_with_a_copy_for_what_the_kernel_does_not_rewrite() {
    let Some(needs) = Needs::find() else { return };
    let networks = Networks::new(Publishing::WithCopy);
    let Networks { host, gateway, sibling, lan, .. } = &networks;
    let running = Boxed::start(needs, gateway, &[]);
    #[rustfmt::skip]
    let rows = [
        // from     to              seen as                        silent
        (host,      "127.0.0.1",     "bridge from 172.17.0.1",       true),  // the copy
        (host,      "[::1]",         "bridge from 172.17.0.1",       true),
        (host,      "192.168.10.1",  "private from 192.168.10.1",    false), // rewritten on its way out
        (host,      "172.17.0.2",    "bridge from 172.17.0.1",       true),
        (lan,       "192.168.10.1",  "private from 192.168.10.50",   false), // rewritten on its way in
        (lan,       "[fd00:10::1]",  "bridge from 172.17.0.1",       true),  // a stranger with the host's address
        (sibling,   "172.17.0.2",    "neighbour from 172.17.0.3",    false),
        (sibling,   "172.17.0.1",    "bridge from 172.17.0.1",       true),
        (sibling,   "192.168.10.1",  "bridge from 172.17.0.1",       true),
        (gateway,   "127.0.0.1",     "loopback from 127.0.0.1",      true),
        (gateway,   "[::1]",         "loopback from ::1",            true),
        (gateway,   "172.17.0.2",    "own-address from 172.17.0.2",  true),
    ];
    check(needs, &running, &rows);
}

#[test]
fn published_wider_than_loopback_the_bridge_grants_nothing() {
    let Some(needs) = Needs::find() else { return };
    let networks = Networks::new(Publishing::WithCopy);
    let Networks { host, gateway, sibling, lan, .. } = &networks;
    let running = Boxed::start(needs, gateway, &[("OPENCLAW_GATEWAY_PUBLISHED_ON", "0.0.0.0")]);
    #[rustfmt::skip]
    let rows = [
        (host,      "127.0.0.1",     "bridge from 172.17.0.1",       false),
        (lan,       "[fd00:10::1]",  "bridge from 172.17.0.1",       false),
        (sibling,   "172.17.0.1",    "bridge from 172.17.0.1",       false),
        (gateway,   "127.0.0.1",     "loopback from 127.0.0.1",      true),
    ];
    check(needs, &running, &rows);
}

#[test]
fn published_by_rewriting_only() {
    let Some(needs) = Needs::find() else { return };
    let networks = Networks::new(Publishing::RewrittenOnly);
    let Networks { host, gateway, sibling, lan, .. } = &networks;
    let running = Boxed::start(needs, gateway, &[]);
    #[rustfmt::skip]
    let rows = [
        (host,      "127.0.0.1",     "bridge from 172.17.0.1",       true),
        (host,      "192.168.10.1",  "bridge from 172.17.0.1",       true),
        (lan,       "192.168.10.1",  "private from 192.168.10.50",   false),
        (sibling,   "192.168.10.1",  "neighbour from 172.17.0.3",    false),
        (sibling,   "172.17.0.2",    "neighbour from 172.17.0.3",    false),
    ];
    check(needs, &running, &rows);
}

#[test]
fn without_trusted_bridges_the_host_is_a_neighbour() {
    let Some(needs) = Needs::find() else { return };
    let networks = Networks::new(Publishing::WithCopy);
    let running = Boxed::start(needs, &networks.gateway, &[("OPENCLAW_GATEWAY_TRUSTED_BRIDGES", "off")]);
    check(needs, &running, &[(&networks.host, "127.0.0.1", "neighbour from 172.17.0.1", false)]);
}

#[test]
fn a_mark_of_kubernetes_ends_the_search_for_a_bridge() {
    let Some(needs) = Needs::find() else { return };
    let networks = Networks::new(Publishing::WithCopy);
    let running = Boxed::start(needs, &networks.gateway, &[("KUBERNETES_SERVICE_HOST", "10.96.0.1")]);
    check(needs, &running, &[(&networks.host, "127.0.0.1", "neighbour from 172.17.0.1", false)]);
}

/// Checks each row: from where, to which address, what it is seen as, and whether the right secret is enough there.
#[track_caller]
fn check(needs: &'static Needs, gateway: &Boxed, rows: &[(&Machine, &str, &str, bool)]) {
    for (machine, address, seen_as, silent) in rows {
        let cli = Cli::at(needs, &Place::on(machine), &format!("ws://{address}:{PORT}"));
        cli.is_seen_as(seen_as);
        if *silent {
            cli.works();
        } else {
            cli.works_once_approved(|command| gateway.advised(command));
        }
    }
}
