//! A machine: its own processes, network, users and root file system, and another machine at the end of a cable.

use std::cell::RefCell;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::network;
use crate::place::{Facts, Kind, PATIENCE, Place, eventually};
use crate::support::home::Home;
use crate::support::ran::Ran;
use crate::support::running::Running;
use crate::visitor::Visitor;

/// Who operates it. No session, no PAM, no variables: what `sudo -iu` from another user leaves.
const USER: &str = "kim";

const ADDRESS: &str = "192.168.20.1";
const VISITOR: &str = "192.168.20.50";

/// From the start of a machine to its first process.
const BOOT: Duration = Duration::from_secs(30);

/// A machine.
pub struct Machine {
    first_process: String,
    systemd: bool,
    lan: network::Machine,
    /// The gateway, where nothing supervises it.
    foreground: RefCell<Option<Running>>,
    /// What starts the machine without systemd, and ends it.
    _boot: Option<(Running, Home)>,
}

impl Machine {
    /// A machine whose first process is nobody's supervisor, with the program `binary`.
    pub fn without_systemd(binary: &Path) -> Self {
        let root = Home::new();
        let boot = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/play/boot.sh");
        let running = Running::start(
            Command::new("unshare")
                .args(["--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child"])
                .args(["--propagation", "private", "sh", boot])
                .arg(root.path().join("tmp"))
                .arg(binary),
        );
        running.expect("machine", BOOT, |seen| seen.stdout.contains("up").then_some(()));
        let children = format!("/proc/{0}/task/{0}/children", running.pid());
        let children = std::fs::read_to_string(children).expect("the kernel lists them");
        let machine = Self::cabled(children.trim(), false, Some((running, root)));
        machine.prepare();
        machine.start();
        machine
    }

    /// The one that the suite booted, with our unit.
    pub fn of_systemd(first_process: &str) -> Self {
        let machine = Self::cabled(first_process, true, None);
        machine.root(&format!("useradd --create-home {USER}")).succeeded();
        // As Debian's installer writes it.
        machine.root("hostname machine && echo '127.0.1.1 machine' >> /etc/hosts").succeeded();
        machine.prepare();
        machine.root(&format!("openclaw gateway install --run-as {USER} && systemctl daemon-reload")).succeeded();
        machine.start();
        machine
    }

    fn cabled(first_process: &str, systemd: bool, boot: Option<(Running, Home)>) -> Self {
        let lan = network::Machine::new();
        lan.ip(&format!("link add eth0 type veth peer name lan0 netns {first_process}"));
        lan.ip("link set eth0 up");
        lan.ip(&format!("address add {VISITOR}/24 dev eth0"));
        // With this machine's `ip`: the other one need not have any.
        for words in ["link set lan0 up", &format!("address add {ADDRESS}/24 dev lan0")] {
            let mut command = Command::new("nsenter");
            command.args(["--target", first_process, "--net", "--", "ip"]).args(words.split_whitespace());
            Ran::to_end(&mut command, PATIENCE).succeeded();
        }
        Self { first_process: first_process.to_owned(), systemd, lan, foreground: RefCell::default(), _boot: boot }
    }

    fn prepare(&self) {
        self.types("openclaw config set gateway.bind lan").succeeded();
    }

    /// A line of shell as root.
    fn root(&self, line: &str) -> Ran {
        Ran::to_end(&mut self.line("root", line), PATIENCE)
    }

    /// A line of shell as `user`.
    fn line(&self, user: &str, line: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.first_process, "--all", "--", "/usr/bin/env", "-i"]);
        command.arg("PATH=/opt:/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin");
        if user == "root" {
            command.arg("HOME=/root");
        } else {
            command.arg(format!("HOME=/home/{user}"));
            command.args(["/usr/bin/setpriv", "--reuid", user, "--regid", user, "--init-groups"]);
        }
        command.args(["/bin/sh", "-c", &format!("cd; {line}")]);
        command
    }

    fn is_running(&self) -> bool {
        self.types("openclaw gateway health").code == Some(0)
    }
}

impl Place for Machine {
    fn kind(&self) -> Kind {
        if self.systemd { Kind::Systemd } else { Kind::Plain }
    }

    fn facts(&self) -> Facts {
        Facts {
            visitor_seen_as: format!("neighbour from {VISITOR}"),
            own_name: "machine".into(),
            own_name_class: "loopback",
            own_name_is_silent: true,
            supervisor: Some(if self.systemd { "systemd" } else { "none" }),
            no_unit: if self.systemd {
                &["has no session", "sudo openclaw gateway install", "openclaw gateway run"]
            } else {
                &["and not systemd", "openclaw gateway run", "tmux", "supervisord"]
            },
            starts_with: Some(if self.systemd { "systemctl start openclaw.service" } else { "openclaw gateway run" }),
            comes_back: self.systemd,
        }
    }

    fn command(&self, words: &str) -> Command {
        let words: Vec<_> = words.split_whitespace().map(|word| format!("'{word}'")).collect();
        self.line(USER, &format!("exec openclaw {}", words.join(" ")))
    }

    fn types(&self, line: &str) -> Ran {
        Ran::to_end(&mut self.line(USER, line), PATIENCE)
    }

    fn start(&self) {
        if self.systemd {
            self.root("systemctl start openclaw.service").succeeded();
        } else {
            let running = Running::start(&mut self.line(USER, "exec openclaw gateway run"));
            self.foreground.replace(Some(running));
        }
        eventually("a gateway that answers", || self.is_running().then_some(()));
    }

    fn stop(&self) {
        let ran =
            if self.systemd { self.root("systemctl stop openclaw.service") } else { self.operator("gateway stop") };
        ran.succeeded();
    }

    fn kill(&self) {
        let status = self.operator("gateway status --json").succeeded();
        let (pid, begun) = run_of(&status);
        self.types(&format!("kill -KILL {pid}")).succeeded();
        eventually("a gateway that is gone, or another one", || {
            let status = self.operator("gateway status --json").succeeded();
            let running = status.json()["service"]["runtime"]["status"] == "running";
            let gone = if self.systemd { running && run_of(&status).1 != begun } else { !running };
            gone.then_some(())
        });
    }

    fn log(&self) -> String {
        self.types("cat .openclaw/logs/*.log").succeeded().stdout
    }

    fn visitor(&self) -> Visitor {
        Visitor::new(Some(&self.lan.namespace()), &format!("{ADDRESS}:18789"), &self.token())
    }

    fn another_gateway(&self) -> Option<String> {
        Some("OPENCLAW_STATE_DIR=$HOME/another openclaw gateway run --bind lan".into())
    }
}

/// The process of the gateway that `status` tells of, and when it took its lock.
fn run_of(status: &Ran) -> (Value, Value) {
    let runtime = &status.json()["service"]["runtime"];
    (runtime["pid"].clone(), runtime["startedAtMs"].clone())
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.types("tail -n 60 .openclaw/logs/*.log"));
        }
        if self.systemd {
            self.root("systemctl stop openclaw.service; rm -f /etc/systemd/system/openclaw.service");
        }
    }
}
