//! What is refused, and what to type instead.

use crate::openclaw;
use crate::support::home::Home;
use crate::support::our_gateway::OurGateway;

#[test]
fn a_second_gateway_is_told_of_the_first() {
    let gateway = OurGateway::start(Home::new());
    let ran = openclaw(gateway.home(), &["gateway", "run", "--bind", "loopback"]).exited(1);
    ran.says(&[
        "another gateway holds",
        &format!("pid {} since ", gateway.running().pid()),
        &format!("version {}", env!("CARGO_PKG_VERSION")),
        &gateway.url(),
        "openclaw gateway restart",
    ]);
    // The same port with a state directory of its own.
    let other = Home::new();
    let port = gateway.port().to_string();
    let ran = openclaw(&other, &["gateway", "run", "--bind", "loopback", "--port", &port]).exited(1);
    ran.says(&[&format!("pid {} since ", gateway.running().pid()), &port, "openclaw gateway restart", "--port"]);
    openclaw(gateway.home(), &["devices", "list"]).succeeded();
}

#[test]
fn without_systemd_no_unit_is_written_and_the_other_ways_are_told() {
    if std::path::Path::new("/run/systemd/system").exists() {
        println!("skipped: systemd runs here; the suite of systemd tests what it is told");
        return;
    }
    let home = Home::new();
    for words in [&["gateway", "install"][..], &["gateway", "install", "--user"]] {
        openclaw(&home, words).exited(1).says(&["and not systemd", "openclaw gateway run", "tmux", "supervisord"]);
    }
    assert!(!home.path().join(".config").exists(), "nothing was written");
    openclaw(&home, &["gateway", "unit", "--user"]).succeeded().says(&["Type=notify", "gateway reload"]);
}

#[test]
fn a_file_in_the_place_of_the_state_directory_is_called_one() {
    let home = Home::new();
    std::fs::write(home.state(), "").expect("it is ours");
    let (file, home) = (home.state(), &home);
    for (words, code) in [
        (&["gateway", "run", "--bind", "loopback", "--port", "0"][..], 78),
        (&["devices", "list"], 1),
        (&["gateway", "status"], 1),
        (&["config", "set", "gateway.bind", "lan"], 1),
    ] {
        let said = format!("the state directory {} is a file and not a directory", file.display());
        openclaw(home, words).exited(code).says(&[&said, "OPENCLAW_STATE_DIR", "mv "]).never_says(&["chown"]);
    }
}
