//! What `gateway status` takes for a problem.

use std::time::Instant;

use crate::support::home::Home;
use crate::support::our_gateway::OurGateway;
use crate::{PATIENCE, openclaw};

#[test]
fn a_secret_that_only_the_gateway_was_given_is_no_problem_of_commands_that_go_over_the_socket() {
    let gateway =
        OurGateway::start_with(Home::new(), |command| command.env("OPENCLAW_GATEWAY_TOKEN", "known-to-the-gateway"));
    let ran = openclaw(gateway.home(), &["gateway", "status", "--json"]).succeeded();
    assert_eq!(ran.json()["rpc"]["ok"], true, "{ran}");
    assert!(!ran.json()["troubles"].to_string().contains("device identity required"), "{ran}");
    // One that is named and wrong is.
    let words = ["gateway", "status", "--json", "--url", &gateway.url(), "--token", "another"];
    let ran = openclaw(gateway.home(), &words).succeeded();
    assert!(ran.json()["troubles"].to_string().contains("unauthorized: gateway token mismatch"), "{ran}");
}

#[test]
fn a_gateway_that_was_killed_is_told_from_one_that_was_stopped() {
    let gateway = OurGateway::start(Home::new());
    // What it writes to its log is there a moment after it happens.
    let end = Instant::now() + PATIENCE;
    while openclaw(gateway.home(), &["logs", "--grep", "ready in"]).succeeded().stdout.is_empty() {
        assert!(Instant::now() < end, "its log never says that it is ready");
    }
    let home = gateway.kill();
    let said = ["was killed or crashed", "Last in its log: ", "ready in", "openclaw gateway run"];
    openclaw(&home, &["gateway", "status"]).succeeded().says(&said);
    openclaw(&home, &["gateway", "health"]).exited(1).says(&[
        "nothing listens there",
        "The last gateway here (pid ",
        "was killed or crashed",
        "Last in its log: ",
    ]);
    let gateway = OurGateway::start(home);
    let logged = openclaw(gateway.home(), &["logs", "--grep", "killed or crashed"]).succeeded();
    logged.says(&["the gateway before this one was killed or crashed"]);
    let home = gateway.stop();
    openclaw(&home, &["gateway", "status"]).succeeded().says(&["the last one ended in order"]).never_says(&["crashed"]);
}
