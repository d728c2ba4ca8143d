//! Our CLI against the real gateways.

use rstest::rstest;
use serde_json::Value;

use crate::cli::Cli;
use crate::installed::{Installed, NEW, OLD};
use crate::listing::{paired_ids, pending};
use crate::proxy::{ForwardingProxy, TRUSTABLE};
use crate::real_gateway::RealGateway;

// One test a release: their gateways take ten seconds to start.
#[rstest]
fn operates_a_real_gateway(#[values(OLD, NEW)] version: &'static str) {
    let Some(real) = Installed::find(version) else { return };
    let gateway = RealGateway::start(&real);
    let cli = Cli::ours().at(&gateway.url(), RealGateway::TOKEN);
    every_command(&cli);
    // A protocol 3 gateway never widens what it granted: had the first command asked for less than the next one needs, they
    // would fail from here on.
    every_command(&cli);
    a_wrong_token(&gateway);
    requests(&gateway, &cli);
}

fn every_command(cli: &Cli) {
    cli.run("devices list").succeeded();
    let list = cli.run("devices list --json").succeeded().json();
    assert!(pending(&list).is_empty(), "{list:#}");
    let called = cli.run("gateway call device.pair.list --json").succeeded().json();
    assert_eq!(paired_ids(&called), paired_ids(&list), "the same by its method");
    cli.run("gateway health").succeeded().says(&["Gateway: ok"]);
    assert_eq!(cli.run("gateway health --json").succeeded().json()["ok"], true);
    cli.run("gateway status").succeeded();
    cli.run("gateway status --json").succeeded().json();
    cli.run("gateway probe").succeeded();
    assert_eq!(cli.run("gateway probe --json").succeeded().json()["ok"], true);
    cli.run("gateway call no.such.method").exited(1).says(&["unknown method: no.such.method"]);
    cli.run("logs --plain").succeeded().says(&["gateway.log"]);
    let lines = cli.run("logs --json --limit 5").succeeded();
    let lines: Vec<Value> = lines.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
    assert_eq!(lines[0]["type"], "meta", "{lines:#?}");
    assert!(lines.len() > 1, "{lines:#?}");
}

fn a_wrong_token(gateway: &RealGateway) {
    let cli = Cli::ours().at(&gateway.url(), "another-token");
    for command in ["devices list", "gateway health", "gateway call health", "logs"] {
        cli.run(command).exited(1).says(&["unauthorized"]).never_says(&["another-token"]);
    }
}

fn requests(gateway: &RealGateway, operator: &Cli) {
    // The newer release answers a proxy that it was not told about with 403, before any pairing.
    let proxy = ForwardingProxy::from(TRUSTABLE, gateway.port());
    for (decision, shown) in [("approve", "Approved"), ("reject", "Rejected")] {
        let stranger = Cli::ours().at(&proxy.url(), RealGateway::TOKEN);
        let refused = stranger.run("devices list").exited(1).says(&["pairing required"]);
        let list = operator.run("devices list --json").succeeded().json();
        let [request] = pending(&list) else { panic!("not one request\n{refused}\n{list:#}") };
        let id = request["requestId"].as_str().expect("an id");
        let device = request["deviceId"].as_str().expect("an id");
        operator.run("devices list").succeeded().says(&[id]);
        operator.run(&format!("devices {decision} {id}")).succeeded().says(&[&format!("{shown} {device}")]);
        let after = operator.run("devices list --json").succeeded().json();
        assert!(pending(&after).is_empty(), "{after:#}");
        let approved = decision == "approve";
        stranger.run("devices list").exited(i32::from(!approved));
    }
    operator.run("devices approve no-such-request").exited(1);
}
