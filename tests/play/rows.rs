//! The rows, written once.

use crate::place::{Facts, Kind, PATIENCE, Place, eventually};
use crate::support::ran::Ran;
use crate::support::running::Running;

/// What went wrong for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    /// `devices list` on the host of the gateway, whose port docker-proxy publishes.
    BehindDockerProxy,
    /// The same from a machine from which nothing is let in silently.
    PairingRequired,
    /// A device that may read wants to do everything.
    ScopeUpgrade,
    /// The URL has the machine's own name.
    MachineName,
    /// A reverse proxy that is not trusted adds headers.
    ProxyHeaders,
    /// A reverse proxy that passes no WebSockets on: the first of the two 1006.
    NoUpgrade,
    /// No bus of the user's, and commands that asked it.
    NoUserBus,
    /// No gateway runs: the other 1006.
    NotRunning,
    /// `wss` to a plain port.
    WrongScheme,
    /// `ws` to a port with TLS.
    TlsUnasked,
    /// `--url` without a secret.
    NoSecret,
    /// The address of the page from `gateway status`, which asks for pairing as well.
    Dashboard,
    /// A gateway runs there already.
    PortTaken,
    /// `logs --follow` beside a client that is refused.
    FollowedLog,
    /// Another token, a restart, and the work of an operator over the network with it.
    NewToken,
    /// A reverse proxy that comes to be trusted while the gateway runs.
    TrustedProxy,
    /// A gateway that was killed: the last of the 1006.
    Crashed,
}

/// Whether a row can happen in a place.
#[derive(Debug, Clone, Copy)]
enum Cell {
    Here,
    /// It cannot, and why.
    Never(&'static str),
}
use Cell::{Here, Never};

const NO_ENGINE: &str =
    "no engine publishes its port: a client of the host is loopback, seen in the row of the machine's name";
const NO_COPY: &str =
    "kube-proxy rewrites addresses and copies no connections: who comes by the node has the row after this one";

const CONFIG_MAP: &str =
    "its configuration is a ConfigMap, and TLS a Secret: neither is switched on by a command of ours";

#[rustfmt::skip]
const TABLE: [(Row, [Cell; 4]); 17] = [
    //                        plain machine      systemd           container  pod
    (Row::BehindDockerProxy, [Never(NO_ENGINE), Never(NO_ENGINE), Here,      Never(NO_COPY)]),
    (Row::PairingRequired,   [Here,             Here,             Here,      Here]),
    (Row::ScopeUpgrade,      [Here,             Here,             Here,      Here]),
    (Row::MachineName,       [Here,             Here,             Here,      Here]),
    (Row::ProxyHeaders,      [Here,             Here,             Here,      Here]),
    (Row::NoUpgrade,         [Here,             Here,             Here,      Here]),
    (Row::NoUserBus,         [Here,             Here,             Here,      Here]),
    (Row::NotRunning,        [Here,             Here,             Here,      Here]),
    (Row::WrongScheme,       [Here,             Here,             Here,      Here]),
    (Row::TlsUnasked,        [Here,             Here,             Here,      Never(CONFIG_MAP)]),
    (Row::NoSecret,          [Here,             Here,             Here,      Here]),
    (Row::Dashboard,         [Here,             Here,             Here,      Here]),
    (Row::PortTaken,         [Here,             Here,             Here,      Here]),
    (Row::FollowedLog,       [Here,             Here,             Here,      Here]),
    (Row::NewToken,          [Here,             Here,             Here,      Here]),
    (Row::TrustedProxy,      [Here,             Here,             Here,      Here]),
    (Row::Crashed,           [Here,             Here,             Here,      Here]),
];

/// Plays every row in `place`, one after the other: they share its gateway.
#[track_caller]
pub fn play(place: &dyn Place) {
    let column = match place.kind() {
        Kind::Plain => 0,
        Kind::Systemd => 1,
        Kind::Container => 2,
        Kind::Pod => 3,
    };
    for (row, cells) in TABLE {
        match cells[column] {
            Here => {
                eprintln!("{:?}, {row:?}", place.kind());
                row.play(place, &place.facts());
                place.operator("devices list").succeeded();
            }
            Never(why) => eprintln!("{:?}, {row:?}: never happens there: {why}", place.kind()),
        }
    }
}

impl Row {
    fn play(self, place: &dyn Place, facts: &Facts) {
        match self {
            Self::BehindDockerProxy => behind_docker_proxy(place),
            Self::PairingRequired => pairing_required(place, facts),
            Self::ScopeUpgrade => scope_upgrade(place),
            Self::MachineName => machine_name(place, facts),
            Self::ProxyHeaders => proxy_headers(place),
            Self::NoUpgrade => no_upgrade(place),
            Self::NoUserBus => no_user_bus(place, facts),
            Self::NotRunning => not_running(place, facts),
            Self::WrongScheme => wrong_scheme(place),
            Self::TlsUnasked => tls_unasked(place),
            Self::NoSecret => no_secret(place),
            Self::Dashboard => dashboard(place),
            Self::PortTaken => port_taken(place),
            Self::FollowedLog => followed_log(place),
            Self::NewToken => new_token(place),
            Self::TrustedProxy => trusted_proxy(place),
            Self::Crashed => crashed(place, facts),
        }
    }
}

/// Types the command that a refusal names, as it stands there.
#[track_caller]
fn as_advised(place: &dyn Place, refused: &Ran) {
    let output = refused.output();
    let command = output.split('`').skip(1).step_by(2).find(|quoted| quoted.contains("openclaw devices approve "));
    place.types(command.unwrap_or_else(|| panic!("no command that approves\n{refused}"))).succeeded();
}

/// The request that a refusal names.
#[track_caller]
fn request(refusal: &str) -> &str {
    let id = refusal.split("devices approve ").nth(1).and_then(|rest| rest.split(['`', ' ', ')', '\n']).next());
    id.unwrap_or_else(|| panic!("no request: {refusal}"))
}

/// Waits for a line of the gateway's log with all of `texts`.
#[track_caller]
fn logged(place: &dyn Place, texts: &[&str]) {
    eventually(&format!("a line of the log with {texts:?}"), || {
        place.log().lines().any(|line| texts.iter().all(|text| line.contains(text))).then_some(())
    });
}

fn behind_docker_proxy(place: &dyn Place) {
    let client = place.behind_the_bridge().expect("a place with docker-proxy has a host behind it");
    assert_eq!(client.seen_as(&client.url("ws")), "bridge from 172.17.0.1");
    client.run("devices list").succeeded();
    // Reading first and then everything, which locked the command line out: silent where pairing is.
    let reader = place.behind_the_bridge().expect("as before");
    reader.reads().expect("it is paired at once");
    reader.run("devices list").succeeded();
    place.operator("devices list").succeeded().never_says(&["Pending"]);
    logged(
        place,
        &["security audit: device access upgrade", "scopesFrom=operator.read", "operator.admin", "client=cli"],
    );
}

fn pairing_required(place: &dyn Place, facts: &Facts) {
    let visitor = place.visitor();
    assert_eq!(visitor.seen_as(&visitor.url("ws")), facts.visitor_seen_as);
    let refused = visitor.run("devices list").exited(1).says(&["pairing required", "seen as", "approve with `"]);
    logged(place, &["closed before connect", "code=1008", "pairing required"]);
    // Following it does not need what is refused.
    place.operator("logs --limit 50").succeeded().says(&["pairing required"]);
    // The other facts do not depend on it either.
    let status = visitor.run("gateway status").succeeded();
    status.says(&["Connectivity probe: failed", "pairing required", "Next: ", "State directory: "]);
    place.operator("devices list").succeeded().says(&["Pending (1)"]);
    as_advised(place, &refused);
    visitor.run("devices list").succeeded();
}

fn scope_upgrade(place: &dyn Place) {
    let visitor = place.visitor();
    let refused = visitor.reads().expect_err("nobody approved it").to_string();
    place.operator(&format!("devices approve {}", request(&refused))).succeeded();
    visitor.reads().expect("it is approved");
    let refused = visitor.run("devices list").exited(1).says(&["missing scope: operator.pairing"]);
    logged(
        place,
        &[
            "security audit: device access upgrade requested reason=scope-upgrade",
            "scopesFrom=operator.read",
            "client=cli",
        ],
    );
    // What was granted goes on working while more waits.
    visitor.reads().expect("it may still read");
    as_advised(place, &refused);
    visitor.run("devices list").succeeded();
}

fn machine_name(place: &dyn Place, facts: &Facts) {
    let target = format!("--url ws://{}:18789 --token {}", facts.own_name, place.token());
    if !facts.own_name_is_silent {
        let refused = place.operator(&format!("devices list {target}")).exited(1).says(&["pairing required"]);
        as_advised(place, &refused);
    }
    place.operator(&format!("devices list {target}")).succeeded();
    let who = place.operator(&format!("gateway whoami --json {target}")).succeeded();
    assert_eq!(who.json()["source"]["class"], facts.own_name_class, "{who}");
}

fn proxy_headers(place: &dyn Place) {
    let visitor = place.visitor();
    let front = visitor.nginx(true);
    let seen = visitor.seen_as(&front.url);
    assert!(seen.starts_with("unattributable from "), "{seen}");
    logged(place, &["Proxy headers detected from untrusted address", "setting=gateway.trustedProxies"]);
    let refused =
        visitor.at(&front.url, "devices list").exited(1).says(&["pairing required", "gateway.trustedProxies"]);
    as_advised(place, &refused);
    visitor.at(&front.url, "devices list").succeeded();
}

fn no_upgrade(place: &dyn Place) {
    let visitor = place.visitor();
    let refused = {
        let front = visitor.nginx(false);
        visitor.at(&front.url, "devices list").exited(1)
    };
    refused.says(&["nginx", "does not pass WebSockets on", "proxy_set_header Upgrade $http_upgrade"]);
    // As the hint says.
    let front = visitor.nginx(true);
    as_advised(place, &visitor.at(&front.url, "devices list").exited(1));
    visitor.at(&front.url, "devices list").succeeded();
}

fn no_user_bus(place: &dyn Place, facts: &Facts) {
    place.operator("gateway install --user").exited(1).says(facts.no_unit);
    let status = place.operator("gateway status --json").succeeded();
    let told = status.json();
    assert_eq!(told["service"]["runtime"]["status"], "running", "{status}");
    assert_eq!(told["supervisor"]["kind"].as_str(), facts.supervisor, "{status}");
    assert_eq!(told["rpc"]["ok"], true, "{status}");
    assert_eq!(told["troubles"], serde_json::json!([]), "{status}");
    status.never_says(&["D-Bus", "No medium found", "systemctl --user"]);
}

fn not_running(place: &dyn Place, facts: &Facts) {
    let visitor = place.visitor();
    let refused = visitor.run("devices list").exited(1).says(&["pairing required"]);
    as_advised(place, &refused);
    place.stop();
    visitor.run("devices list").exited(1).says(&["Gateway not reachable at ws://", "nothing listens there", "Hint: "]);
    if let Some(command) = facts.starts_with {
        place.operator_without_gateway("devices list").succeeded().says(&["working on the files", "Paired"]);
        let status = place.operator_without_gateway("gateway status --json").succeeded();
        assert_eq!(status.json()["service"]["runtime"]["status"], "stopped", "{status}");
        let next = status.json()["troubles"][0]["next"].as_str().unwrap_or_default().to_owned();
        assert!(next.contains(command), "{next}\n{status}");
        place.operator_without_gateway("logs --limit 5").succeeded();
    }
    place.start();
    visitor.run("devices list").succeeded();
}

fn wrong_scheme(place: &dyn Place) {
    let visitor = place.visitor();
    let plain = visitor.url("ws");
    visitor
        .at(&visitor.url("wss"), "devices list")
        .exited(1)
        .says(&["the port speaks plain HTTP, and wss:// was used", &format!("use {plain}")]);
    as_advised(place, &visitor.at(&plain, "devices list").exited(1));
    visitor.at(&plain, "devices list").succeeded();
}

fn tls_unasked(place: &dyn Place) {
    let visitor = place.visitor();
    as_advised(place, &visitor.run("devices list").exited(1));
    let set = place.operator("config set gateway.tls.enabled true").succeeded();
    set.says(&["The running gateway restarts for it by itself"]);
    // Whoever asks for a restart in just that moment is served all the same.
    place.operator("gateway restart").succeeded();
    let told = format!("use {}", visitor.url("wss"));
    visitor.run("devices list").exited(1).says(&["the port speaks TLS, and ws:// was used", &told]);
    place.operator("devices list").succeeded();
    place.operator("config unset gateway.tls.enabled").succeeded();
    place.operator("gateway restart").succeeded();
    visitor.run("devices list").succeeded();
}

fn no_secret(place: &dyn Place) {
    let visitor = place.visitor();
    visitor.without_secret("devices list").exited(1).says(&[
        "gateway url override requires explicit credentials",
        "pass --token or --password",
        "Hint: the token is gateway.auth.token on the gateway's machine",
    ]);
    // With the one that is there, as the hint says.
    as_advised(place, &visitor.run("devices list").exited(1));
    visitor.run("devices list").succeeded();
}

fn dashboard(place: &dyn Place) {
    place
        .operator("dashboard --no-open")
        .succeeded()
        .says(&["Dashboard URL: http://", "If the page asks for pairing: openclaw devices list"]);
    let status = place.operator("gateway status").succeeded();
    status.says(&["Dashboard: http://"]);
}

fn port_taken(place: &dyn Place) {
    let said = ["Gateway failed to start: another gateway", "pid ", "since "];
    place.operator("gateway run --bind lan").exited(1).says(&said).says(&["openclaw gateway restart"]);
    if let Some(line) = place.another_gateway() {
        // It is not this state directory's, so no command that goes by the directory reaches it.
        place.types(&line).exited(1).says(&said).says(&["another --port"]).never_says(&["gateway restart"]);
    }
    place.operator("gateway restart").succeeded().says(&["Gateway restarted"]);
}

fn followed_log(place: &dyn Place) {
    let visitor = place.visitor();
    let follows = Running::start(&mut place.command("logs --follow --limit 1"));
    follows.expect("what was logged before", PATIENCE, |seen| (!seen.stdout.is_empty()).then_some(()));
    let before = follows.seen().stdout.len();
    let refused = visitor.run("devices list").exited(1).says(&["pairing required"]);
    follows.expect("the refusal", PATIENCE, |seen| seen.stdout[before..].contains("pairing required").then_some(()));
    as_advised(place, &refused);
    visitor.run("devices list").succeeded();
}

fn new_token(place: &dyn Place) {
    let (knows_the_old_one, old) = (place.visitor(), place.token());
    let made = place.operator("doctor --generate-gateway-token --yes").succeeded();
    made.says(&["Gateway token configured.", "config get gateway.auth.token", "the running gateway goes by it now"]);
    assert_ne!(place.token(), old);
    place.operator("gateway restart").succeeded().says(&["Gateway restarted"]);
    knows_the_old_one.run("devices list").exited(1).says(&["gateway token mismatch"]);
    let visitor = place.visitor();
    as_advised(place, &visitor.run("devices list").exited(1));
    visitor.run("devices list").succeeded();
    // Whoever was approved approves the next one, over the network.
    let another = place.visitor();
    let refused = another.run("devices list").exited(1);
    visitor.run(&format!("devices approve {}", request(&refused.output()))).succeeded();
    another.run("devices list").succeeded();
}

fn trusted_proxy(place: &dyn Place) {
    let visitor = place.visitor();
    let front = visitor.nginx(true);
    let began =
        || place.operator("gateway status --json").succeeded().json()["service"]["runtime"]["startedAtMs"].clone();
    let (before, seen) = (began(), visitor.seen_as(&front.url));
    let proxy = seen.strip_prefix("unattributable from ").unwrap_or_else(|| panic!("{seen}"));
    place.trust(&[proxy]);
    let seen = eventually("another class", || {
        let seen = visitor.seen_as(&front.url);
        (!seen.starts_with("unattributable")).then_some(seen)
    });
    assert_eq!(seen, format!("proxied from {proxy}"));
    as_advised(place, &visitor.at(&front.url, "devices list").exited(1).says(&["pairing required"]));
    visitor.at(&front.url, "devices list").succeeded();
    place.trust(&[]);
    eventually("the first class", || visitor.seen_as(&front.url).starts_with("unattributable").then_some(()));
    assert_eq!(began(), before, "it was restarted");
    if place.behind_the_bridge().is_some() {
        let said = place.operator("config set gateway.trustedProxies [\"172.17.0.1\"]").succeeded();
        said.says(&["172.17.0.1 looks like a container bridge, not a proxy", "config set gateway.trustedBridges"]);
        place.trust(&[]);
    }
}

fn crashed(place: &dyn Place, facts: &Facts) {
    let visitor = place.visitor();
    as_advised(place, &visitor.run("devices list").exited(1));
    place.kill();
    if !facts.comes_back {
        visitor.run("devices list").exited(1).says(&["nothing listens there", "Hint: "]);
        let last = "Last in its log: ";
        let status = place.operator_without_gateway("gateway status").succeeded();
        status.says(&["was killed or crashed", last, facts.starts_with.expect("nothing else starts it")]);
        place.operator_without_gateway("gateway health").exited(1).says(&["nothing listens there", last]);
        place.start();
    }
    logged(place, &["the gateway before this one was killed or crashed"]);
    visitor.run("devices list").succeeded();
}
