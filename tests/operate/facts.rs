//! What `gateway status` takes for a problem.

use std::time::Instant;

use serde_json::json;

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
    openclaw(&home, &["status"]).succeeded().says(&["The last gateway here (pid ", "was killed or crashed"]);
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

#[test]
fn a_healthy_gateway_has_no_problem_wherever_else_its_socket_could_be() {
    let gateway = OurGateway::start(Home::new());
    for words in [&["gateway", "status"][..], &["gateway", "status", "--deep"]] {
        let ran = openclaw(gateway.home(), words).succeeded();
        // It was told so on its command line; the configuration says auto.
        ran.says(&["bind=loopback (127.0.0.1; the running gateway)"]).never_says(&["Problem:", "bind=auto"]);
    }
    let words = ["gateway", "status", "--url", &gateway.url(), "--token", "bad"];
    let ran = openclaw(gateway.home(), &words).succeeded();
    ran.says(&["Problem: ", "Next: the right token is"])
        .never_says(&["Next: where the gateway runs", "Next: openclaw gateway status"]);
}

#[test]
fn a_gateway_elsewhere_is_told_of_and_not_the_one_that_is_not_here() {
    let gateway = OurGateway::start_with(Home::new(), |run| run.env("OPENCLAW_GATEWAY_TOKEN", "of-that-gateway"));
    let (url, page) = (gateway.url(), format!("http://127.0.0.1:{}/", gateway.port()));
    let client = Home::new();
    let by_url = |words: &[&str], token: &str| openclaw(&client, &[words, &["--url", &url, "--token", token]].concat());
    by_url(&["status"], "bad").succeeded().says(&["running, and it refuses this command", &url, "token mismatch"]);
    let ran = by_url(&["logs"], "bad").exited(1);
    ran.says(&["The gateway answers, and refuses this command.", "Hint: the right token is"])
        .never_says(&["Is it running"]);
    let ran = by_url(&["gateway", "status"], "of-that-gateway").succeeded();
    ran.says(&["Connectivity probe: ok", &page]).never_says(&["Problem:"]);

    let remote = |home: &Home, url: &str, token: Option<&str>| {
        home.configure(&json!({"gateway": {"mode": "remote", "remote": {"url": url, "token": token}}}));
    };
    remote(&client, &url, Some("of-that-gateway"));
    openclaw(&client, &["status"]).succeeded().says(&["Gateway: running", &format!("Dashboard: {page}")]);
    openclaw(&client, &["dashboard", "--no-open"]).succeeded().says(&[&page]);
    openclaw(&client, &["gateway", "status"]).succeeded().says(&["Connectivity probe: ok"]).never_says(&["Problem:"]);
    openclaw(&client, &["doctor", "--repair"]).succeeded();
    openclaw(&client, &["doctor"]).succeeded().says(&["Healthy"]).never_says(&["gateway.mode local"]);
    let set = openclaw(&client, &["config", "set", "logging.level", "debug"]).succeeded();
    set.never_says(&["still wrong"]);

    // One that the gateway does not know.
    let stranger = Home::new();
    remote(&stranger, &url, Some("bad"));
    let fix = "Fix: openclaw config set gateway.remote.token";
    openclaw(&stranger, &["doctor"]).exited(1).says(&["gateway token mismatch", fix]);
    openclaw(&stranger, &["status"]).succeeded().says(&["running, and it refuses this command", "token mismatch"]);
    stranger.configure(&json!({"gateway": {"mode": "remote", "remote": {"url": url}}}));
    let ran = openclaw(&stranger, &["devices", "list"]).exited(1);
    ran.says(&["gateway.remote.token"]).never_says(&["override"]);

    remote(&stranger, "ws://127.0.0.1:1", Some("any"));
    openclaw(&stranger, &["status"]).succeeded().says(&["not running where it should be", "ws://127.0.0.1:1"]);
    openclaw(&stranger, &["doctor"]).exited(1).says(&["nothing listens there", "check host and port"]);
    let ran = openclaw(&stranger, &["gateway", "status"]).succeeded();
    ran.says(&["nothing listens there", "Next: check host and port"]);
}
