//! Machines that are no more than a network namespace, and the cables between them. They are gone with the process that holds them.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::home::Home;
use crate::support::ran::Ran;
use crate::support::running::Running;

/// For one command that changes a network, and for a namespace to be there. Milliseconds on an idle machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// A machine with a network of its own: loopback, and what cables bring.
pub struct Machine {
    holder: Running,
}

impl Machine {
    /// A machine with nothing but loopback.
    pub fn new() -> Self {
        let holder =
            Running::start(Command::new("unshare").args(["--net", "sh", "-c", "echo made; exec sleep infinity"]));
        holder.expect("namespace", DEADLINE, |seen| seen.stdout.contains("made").then_some(()));
        let machine = Self { holder };
        machine.ip("link set lo up");
        machine
    }

    /// The file of its network namespace.
    pub fn namespace(&self) -> String {
        format!("/proc/{}/ns/net", self.holder.pid())
    }

    /// `program`, to be run here.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.namespace())).arg("--").arg(program);
        command
    }

    /// Runs `ip WORDS` here.
    #[track_caller]
    pub fn ip(&self, words: &str) {
        self.run("ip", words);
    }

    /// Runs `iptables WORDS` here.
    #[track_caller]
    pub fn iptables(&self, words: &str) {
        self.run("iptables", words);
    }

    /// Switches on what is at `path` below `/proc/sys/net`, in this machine's network.
    #[track_caller]
    pub fn switch_on(&self, path: &str) {
        let mut command = self.command(Path::new("sh"));
        command.args(["-c", "echo 1 > \"$0\""]).arg(format!("/proc/sys/net/{path}"));
        Ran::to_end(&mut command, DEADLINE).succeeded();
    }

    #[track_caller]
    fn run(&self, program: &str, words: &str) {
        let mut command = self.command(Path::new(program));
        Ran::to_end(command.args(words.split_whitespace()), DEADLINE).succeeded();
    }

    /// Lays a cable from the interface `here` to the interface `there` of another machine. Both are up.
    #[track_caller]
    pub fn cable(&self, here: &str, other: &Self, there: &str) {
        self.ip(&format!("link add {here} type veth peer name {there} netns {}", other.holder.pid()));
        self.ip(&format!("link set {here} up"));
        other.ip(&format!("link set {there} up"));
    }
}

/// A program of Debian's, such as a proxy, that serves on a machine until its value is dropped.
pub struct Server {
    running: Running,
    _home: Home,
}

impl Server {
    /// Starts `command` and waits until something listens on `port` of the machine at `namespace`.
    #[track_caller]
    pub fn start(mut command: Command, home: Home, namespace: &str, port: u16) -> Self {
        let running = Running::start(&mut command);
        let end = Instant::now() + DEADLINE;
        // The kernel tells who listens without a connection that the server, or who is behind it, would see.
        let filter = format!("sport = :{port}");
        loop {
            let mut ask = Command::new("nsenter");
            ask.arg(format!("--net={namespace}")).args(["--", "ss", "-Hltn", &filter]);
            if !Ran::to_end(&mut ask, DEADLINE).succeeded().stdout.is_empty() {
                return Self { running, _home: home };
            }
            let ended = running.seen().is_complete() || Instant::now() >= end;
            assert!(!ended, "nothing listens on {port}\n{}", running.transcript());
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.running.transcript());
        }
        self.running.stop();
    }
}
