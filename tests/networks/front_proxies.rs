//! Real reverse proxies before the gateway: strangers until they are trusted.

use std::process::Command;

use rstest::rstest;
use serde_json::json;

use crate::boxed::Boxed;
use crate::cli::{Cli, TOKEN};
use crate::machine::{Machine, Server};
use crate::needs::Needs;
use crate::place::Place;
use crate::proxies::{FRONT, Proxy};
use crate::support::ran::Ran;

/// The client's address, as the proxy sees it.
const CLIENT: &str = "192.168.10.50";

/// The proxy's address, as the gateway sees it.
const PROXY: &str = "172.20.0.3";

/// The gateway's port that requires a PROXY preamble.
const INTRODUCED: u16 = 18790;

/// A client that reaches a gateway only through a proxy, each on a machine of its own.
struct Front {
    client: Machine,
    _proxy: Machine,
    gateway: Machine,
    _server: Server,
}

impl Front {
    /// With `proxy` on the machine between the two.
    fn with(proxy: Proxy) -> Self {
        Self::with_port(proxy, 18789)
    }

    /// The same, before another port of the gateway.
    fn with_port(proxy: Proxy, port: u16) -> Self {
        let [client, between, gateway] = machines();
        let server = proxy.start(&between, &format!("172.20.0.2:{port}"));
        Self { client, _proxy: between, gateway, _server: server }
    }

    /// With `proxy` on the gateway's own machine, and the one between the two passing on packets only.
    fn beside(proxy: Proxy) -> Self {
        let [client, between, gateway] = machines();
        between.switch_on("ipv4/ip_forward");
        client.ip("route add default via 192.168.10.1");
        gateway.ip(&format!("route add default via {PROXY}"));
        let server = proxy.start(&gateway, "127.0.0.1:18789");
        Self { client, _proxy: between, gateway, _server: server }
    }

    /// Our command line on the client's machine, for the proxy on its own one.
    fn cli(&self, needs: &'static Needs) -> Cli {
        self.cli_by(needs, "ws")
    }

    /// The same by `wss`, say.
    fn cli_by(&self, needs: &'static Needs, scheme: &str) -> Cli {
        Cli::at(needs, &Place::on(&self.client), &format!("{scheme}://192.168.10.1:{FRONT}"))
    }

    /// Sends a request to upgrade with `headers`, and returns once it is answered.
    #[track_caller]
    fn upgrade(&self, headers: &str) -> Ran {
        let script = format!(
            "exec 3<>/dev/tcp/192.168.10.1/{FRONT}; printf 'GET / HTTP/1.1\\r\\nHost: gateway\\r\\nConnection: Upgrade\\r\\n\
             Upgrade: websocket\\r\\nSec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\\r\\n{headers}\\r\\n' >&3; \
             IFS= read -r -t 20 -u 3 line; printf '%s' \"$line\""
        );
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.client.namespace())).args(["--", "bash", "-c", &script]);
        Ran::to_end(&mut command, std::time::Duration::from_secs(30)).succeeded()
    }
}

/// Client, proxy and gateway, with a cable from each to the next.
fn machines() -> [Machine; 3] {
    let [client, proxy, gateway] = std::array::from_fn(|_| Machine::new());
    client.cable("eth0", &proxy, "eth1");
    client.ip(&format!("address add {CLIENT}/24 dev eth0"));
    proxy.ip("address add 192.168.10.1/24 dev eth1");
    proxy.cable("eth0", &gateway, "eth0");
    proxy.ip(&format!("address add {PROXY}/24 dev eth0"));
    gateway.ip("address add 172.20.0.2/24 dev eth0");
    [client, proxy, gateway]
}

#[rstest]
fn nobody_vouches_for_who_comes_through_an_untrusted_proxy(
    #[values(Proxy::Nginx, Proxy::Caddy, Proxy::Haproxy)] proxy: Proxy,
) {
    let Some(needs) = Needs::find() else { return };
    let front = Front::with(proxy);
    let gateway = Boxed::start(needs, &front.gateway, &[]);
    let cli = front.cli(needs);
    cli.is_seen_as(&format!("unattributable from {PROXY}"));
    gateway.logs(&["Proxy headers detected from untrusted address", PROXY, "setting=gateway.trustedProxies"]);
    // The header is not believed, and so it is also no way around: a request waits for an operator.
    cli.works_once_approved(|command| gateway.advised(command));
}

#[rstest]
fn a_trusted_proxy_vouches_for_its_client(#[values(Proxy::Nginx, Proxy::Caddy, Proxy::Haproxy)] proxy: Proxy) {
    let Some(needs) = Needs::find() else { return };
    let front = Front::with(proxy);
    let gateway = Boxed::start(needs, &front.gateway, &[("OPENCLAW_GATEWAY_TRUSTED_PROXIES", PROXY)]);
    let cli = front.cli(needs);
    cli.run_with("devices list", "another-token").exited(1).says(&["unauthorized", "seen as proxied", PROXY]);
    gateway.logs(&["unauthorized", "class=proxied", &format!("remote={CLIENT}")]);
    cli.run("devices list").exited(1).says(&["pairing required"]);
    let waiting = gateway.exec("devices list --json").succeeded().json();
    assert_eq!(waiting["pending"][0]["remoteIp"], CLIENT, "{waiting:#}");
    cli.works_once_approved(|command| gateway.advised(command));
}

#[rstest]
fn what_a_client_writes_into_the_header_is_not_believed(
    #[values(Proxy::Nginx, Proxy::Caddy, Proxy::Haproxy)] proxy: Proxy,
    #[values("127.0.0.1", "172.17.0.1", "10.0.0.1, 127.0.0.1")] forged: &str,
) {
    let Some(needs) = Needs::find() else { return };
    let front = Front::with(proxy);
    let gateway = Boxed::start(needs, &front.gateway, &[("OPENCLAW_GATEWAY_TRUSTED_PROXIES", PROXY)]);
    front.upgrade(&format!("X-Forwarded-For: {forged}\\r\\n")).says(&["101"]);
    gateway.logs(&["closed before connect", &format!("remote={CLIENT} ")]);
}

#[rstest]
fn refused_before_the_websocket_where_that_is_wanted(
    #[values(Proxy::Nginx, Proxy::Caddy, Proxy::Haproxy)] proxy: Proxy,
) {
    let Some(needs) = Needs::find() else { return };
    let front = Front::with(proxy);
    let _gateway = Boxed::start(needs, &front.gateway, &[("OPENCLAW_GATEWAY_UNATTRIBUTED", "refuse")]);
    front.upgrade("").says(&["403"]);
    front.cli(needs).run("devices list").exited(1).says(&["403", "gateway.trustedProxies"]);
}

#[test]
fn a_forwarder_that_adds_nothing_is_a_neighbour() {
    let Some(needs) = Needs::find() else { return };
    let front = Front::with(Proxy::Tcp);
    let gateway = Boxed::start(needs, &front.gateway, &[]);
    let cli = front.cli(needs);
    cli.is_seen_as(&format!("neighbour from {PROXY}"));
    cli.works_once_approved(|command| gateway.advised(command));
}

#[test]
fn a_forwarder_that_is_trusted_and_adds_nothing_speaks_for_itself() {
    let Some(needs) = Needs::find() else { return };
    let front = Front::with(Proxy::Tcp);
    let gateway = Boxed::start(needs, &front.gateway, &[("OPENCLAW_GATEWAY_TRUSTED_PROXIES", PROXY)]);
    let cli = front.cli(needs);
    cli.is_seen_as(&format!("proxy-direct from {PROXY}"));
    cli.works_once_approved(|command| gateway.advised(command));
}

#[rstest]
fn a_forwarder_that_names_its_client_before_the_first_byte_vouches_for_it(
    #[values(Proxy::TcpProxyV1, Proxy::TcpProxyV2)] proxy: Proxy,
    #[values("ws", "wss")] scheme: &str,
) {
    let Some(needs) = Needs::find() else { return };
    let front = Front::with_port(proxy, INTRODUCED);
    let tls = scheme == "wss";
    let config = json!({"gateway": {
        "proxyProtocol": {"port": INTRODUCED, "from": [PROXY]},
        "tls": {"enabled": tls, "autoGenerate": tls},
    }});
    let gateway = Boxed::configured(needs, &front.gateway, &[], &config);
    let fingerprint = tls.then(|| gateway.told("certificate SHA-256 fingerprint "));
    let cli = front.cli_by(needs, scheme).pinned(fingerprint);
    cli.is_proxied(PROXY, CLIENT);
    gateway.logs(&["unauthorized", "class=proxied", &format!("remote={CLIENT}")]);
    cli.works_once_approved(|command| gateway.advised(command));
}

#[rstest]
fn a_preamble_that_nobody_asked_for_says_nothing(#[values(Proxy::TcpProxyV1, Proxy::TcpProxyV2)] proxy: Proxy) {
    let Some(needs) = Needs::find() else { return };
    // The gateway's own port: anybody could bring a preamble there.
    let front = Front::with(proxy);
    let gateway = Boxed::start(needs, &front.gateway, &[("OPENCLAW_GATEWAY_TRUSTED_PROXIES", PROXY)]);
    front.cli(needs).run("devices list").exited(1).says(&["takes no PROXY protocol preamble", "gateway.proxyProtocol"]);
    gateway.logs(&["PROXY protocol preamble", PROXY, "gateway.proxyProtocol"]);
}

#[rstest]
#[case::http(Proxy::Nginx, "unattributable")]
#[case::http_by_another(Proxy::Caddy, "unattributable")]
#[case::bytes_only(Proxy::Tcp, "proxy-direct")]
fn on_the_machine_of_the_gateway(#[case] proxy: Proxy, #[case] class: &str) {
    let Some(needs) = Needs::find() else { return };
    let front = Front::beside(proxy);
    // Nothing but the setting tells a forwarder of bytes from the operator's own shell.
    let gateway = Boxed::start(needs, &front.gateway, &[("OPENCLAW_GATEWAY_LOOPBACK_IS_PROXY", "true")]);
    let cli = Cli::at(needs, &Place::on(&front.client), &format!("ws://172.20.0.2:{FRONT}"));
    cli.is_seen_as(&format!("{class} from 127.0.0.1"));
    cli.works_once_approved(|command| gateway.advised(command));
    gateway.exec("devices list").succeeded().never_says(&[TOKEN]);
}
