//! The unit that we print, on a machine whose first process is systemd.
//!
//! `scripts/test systemd` boots that machine and runs this. Without it the test says that it cannot run, and passes; with
//! `CI=true` it fails.

#![allow(clippy::print_stdout, reason = "what a test has to say beside its result goes there")]

#[path = "../support/mod.rs"]
mod support;

use std::env;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;

/// For a change that systemd makes by itself. It takes a second; a loaded machine gets more.
const PATIENCE: Duration = Duration::from_mins(1);

const UNIT: &str = "openclaw.service";

/// The machine.
struct Machine {
    first_process: String,
}

/// What came of a command.
struct Ran {
    line: String,
    output: Output,
}

impl Ran {
    fn text(&self) -> String {
        let (out, err) = (&self.output.stdout, &self.output.stderr);
        format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
    }

    #[track_caller]
    fn succeeds(self) -> String {
        assert!(self.output.status.success(), "{}: {}\n{}", self.line, self.output.status, self.text());
        self.text()
    }

    #[track_caller]
    fn fails_saying(self, texts: &[&str]) {
        assert!(!self.output.status.success(), "{} succeeded\n{}", self.line, self.text());
        for text in texts {
            assert!(self.text().contains(text), "{}: {text:?} is missing\n{}", self.line, self.text());
        }
    }
}

impl Machine {
    /// Runs a line of shell as root.
    fn root(&self, line: &str) -> Ran {
        self.run(&["/bin/sh", "-c", line], line)
    }

    /// Runs a line of shell as a user who has no session: no PAM, no variables.
    fn user(&self, name: &str, line: &str) -> Ran {
        let home = format!("HOME=/home/{name}");
        let user = ["/usr/bin/setpriv", "--reuid", name, "--regid", name, "--init-groups", "/usr/bin/env", &home];
        let words: Vec<&str> = user.into_iter().chain(["/bin/sh", "-c", line]).collect();
        self.run(&words, &format!("{name}: {line}"))
    }

    fn run(&self, words: &[&str], line: &str) -> Ran {
        let output = Command::new("nsenter")
            .args(["--target", &self.first_process, "--all", "--"])
            .args([
                "/usr/bin/env",
                "--chdir=/",
                "-i",
                "HOME=/root",
                "PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin",
            ])
            .args(words)
            .output()
            .expect("nsenter is there");
        Ran { line: line.to_owned(), output }
    }

    fn property(&self, name: &str) -> String {
        self.root(&format!("systemctl show {UNIT} --value -p {name}")).succeeds().trim().to_owned()
    }

    /// Waits until the property has the value.
    #[track_caller]
    fn becomes(&self, name: &str, value: &str) {
        self.eventually(&format!("{name} to be {value}"), || self.property(name) == value);
    }

    /// Waits until `condition` holds.
    #[track_caller]
    fn eventually(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let holds = support::eventually::eventually(PATIENCE, || condition().then_some(()));
        assert!(holds.is_some(), "not within {PATIENCE:?}: {what}: {}", self.journal());
    }

    fn journal(&self) -> String {
        self.root(&format!("journalctl --no-pager -n 30; systemctl status --no-pager {UNIT}")).text()
    }

    #[track_caller]
    fn systemctl(&self, verb: &str) {
        let ran = self.root(&format!("systemctl {verb} {UNIT}"));
        assert!(ran.output.status.success(), "{}\n{}\n{}", ran.line, ran.text(), self.journal());
    }

    /// The document of `gateway status`.
    fn status(&self, user: &str) -> Value {
        let ran = self.user(user, "openclaw gateway status --json");
        let text = String::from_utf8_lossy(&ran.output.stdout).into_owned();
        ran.succeeds();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

fn machine() -> Option<Machine> {
    if let Ok(first_process) = env::var("OPENCLAW_SYSTEMD_PID") {
        return Some(Machine { first_process });
    }
    let why = "cannot run: `scripts/test systemd` boots the machine that this needs";
    assert!(env::var("OPENCLAW_SYSTEMD").as_deref() != Ok("required"), "{why}");
    println!("{why}");
    None
}

/// One after the other: they share the unit.
#[test]
fn the_unit_on_a_machine_of_systemd() {
    let Some(machine) = machine() else { return };
    let machine = &machine;
    machine.root("useradd --create-home ann; useradd --create-home bob").succeeds();
    users_without_a_session_are_told_what_works(machine);
    the_unit_is_installed_and_comes_up(machine);
    it_is_reloaded_and_restarted(machine);
    it_comes_back_after_a_crash_and_not_after_a_stop(machine);
    what_the_configuration_forbids_is_not_tried_again(machine);
    systemd_makes_an_account_for_root(machine);
}

fn users_without_a_session_are_told_what_works(machine: &Machine) {
    let install = "openclaw gateway install --user";
    let works = ["sudo openclaw gateway install", "openclaw gateway run"];
    machine.user("bob", install).fails_saying(&["has no session", works[0], works[1]]);
    machine.user("bob", "openclaw gateway install").fails_saying(&["/etc/systemd/system is root's", works[0]]);
    machine.root("loginctl enable-linger bob").succeeds();
    let is_up = "test -e /run/user/$(id -u bob)/systemd/private";
    machine.eventually("bob's manager to come up", || machine.root(is_up).output.status.success());
    machine.user("bob", install).fails_saying(&["dbus-user-session is missing", works[0], works[1]]);
    // Nothing of that keeps the facts from being told, and nobody is advised about units that nobody uses.
    let status = machine.status("bob");
    assert_eq!(status["service"]["runtime"]["status"], "stopped", "{status:#}");
    assert_eq!(status["troubles"][0]["next"], "openclaw gateway run", "{status:#}");
    assert!(!status.to_string().contains("bus"), "{status:#}");
    machine.root("loginctl disable-linger bob").succeeds();
}

fn the_unit_is_installed_and_comes_up(machine: &Machine) {
    machine.root("openclaw gateway install --run-as ann").succeeds();
    machine.root(&format!("systemd-analyze verify /etc/systemd/system/{UNIT}")).succeeds();
    machine.root("systemctl daemon-reload").succeeds();
    // Type=notify: the command ends when the gateway has said that it is ready.
    machine.systemctl("enable --now");
    assert_eq!(machine.property("Type"), "notify");
    assert_eq!(machine.property("ActiveState"), "active");
    assert_eq!(machine.property("StatusText"), "serving");
    machine.user("ann", "openclaw devices list").succeeds();
    let status = machine.status("ann");
    assert_eq!(status["supervisor"]["kind"], "systemd", "{status:#}");
    assert_eq!(status["supervisor"]["unit"], UNIT, "{status:#}");
    assert_eq!(status["service"]["runtime"]["pid"].to_string(), machine.property("MainPID"), "{status:#}");
    assert_eq!(status["troubles"], Value::Array(Vec::new()), "{status:#}");
    let exposure = machine.root(&format!("systemd-analyze security --no-pager --threshold=30 {UNIT}"));
    exposure.succeeds();
}

fn it_is_reloaded_and_restarted(machine: &Machine) {
    let pid = machine.property("MainPID");
    let config = "/home/ann/.openclaw/openclaw.json";
    machine.user("ann", &format!("echo '{{logging: {{level: \"debug\"}}}}' > {config}")).succeeds();
    machine.systemctl("reload");
    let journal = machine.root("journalctl --no-pager -u openclaw").succeeds();
    assert!(journal.contains("applied: logging.level"), "{journal}");
    machine.user("ann", &format!("echo '{{' > {config}")).succeeds();
    machine.root(&format!("systemctl reload {UNIT}")).fails_saying(&[]);
    assert_eq!(machine.property("ActiveState"), "active", "a file that cannot be used changes nothing");
    machine.user("ann", "openclaw gateway restart").fails_saying(&["Gateway restart refused"]);
    machine.user("ann", &format!("rm {config}")).succeeds();
    machine.user("ann", "openclaw gateway restart").succeeds();
    machine.becomes("ActiveState", "active");
    assert_eq!(machine.property("MainPID"), pid, "a restart of ours keeps the process");
    assert_eq!(machine.property("NRestarts"), "0");
    machine.systemctl("restart");
    assert_ne!(machine.property("MainPID"), pid);
    machine.user("ann", "openclaw devices list").succeeds();
}

fn it_comes_back_after_a_crash_and_not_after_a_stop(machine: &Machine) {
    machine.root(&format!("systemctl kill --signal=KILL {UNIT}")).succeeds();
    machine.becomes("NRestarts", "1");
    machine.becomes("ActiveState", "active");
    machine.user("ann", "openclaw devices list").succeeds();
    machine.user("ann", "openclaw gateway stop").succeeds();
    machine.becomes("ActiveState", "inactive");
    assert_eq!(machine.property("Result"), "success");
    let status = machine.status("ann");
    assert_eq!(status["troubles"][0]["next"], format!("systemctl start {UNIT}"), "{status:#}");
    machine.systemctl("start");
    machine.systemctl("stop");
    assert_eq!(machine.property("Result"), "success");
}

fn what_the_configuration_forbids_is_not_tried_again(machine: &Machine) {
    machine.user("ann", "echo '{' > /home/ann/.openclaw/openclaw.json").succeeds();
    machine.root(&format!("systemctl start {UNIT}")).fails_saying(&[]);
    machine.becomes("ActiveState", "failed");
    assert_eq!((machine.property("ExecMainStatus"), machine.property("NRestarts")), ("78".into(), "0".into()));
    machine.user("ann", "rm /home/ann/.openclaw/openclaw.json").succeeds();
    machine.root(&format!("systemctl reset-failed {UNIT}")).succeeds();
}

fn systemd_makes_an_account_for_root(machine: &Machine) {
    machine.root("openclaw gateway install && systemctl daemon-reload").succeeds();
    machine.systemctl("start");
    let ran = machine.root("OPENCLAW_STATE_DIR=/var/lib/openclaw openclaw gateway status --json");
    let status: Value = serde_json::from_slice(&ran.output.stdout).expect("JSON");
    assert_eq!(status["supervisor"]["unit"], UNIT, "{status:#}");
    machine.root("OPENCLAW_STATE_DIR=/var/lib/openclaw openclaw devices list").succeeds();
    machine.systemctl("reload");
    machine.systemctl("stop");
}
