//! What runs in the engine under test; each is removed with its value.

use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use crate::cli::TOKEN;
use crate::needs::Needs;
use crate::place::docker;
use crate::support::home::Home;
use crate::support::ran::Ran;
use crate::support::running::Running;

/// For one command of Docker's client, a container started or removed included.
const DEADLINE: Duration = Duration::from_mins(1);

/// From the start of a container to a gateway that listens.
const START: Duration = Duration::from_mins(1);

/// The gateway's port inside its container.
pub const PORT: u16 = 18789;

/// Runs Docker's client.
pub fn run(words: &[&str]) -> Ran {
    let home = Home::new();
    Ran::to_end(docker(&home).args(words), DEADLINE)
}

/// A port of the host that nothing else here takes. Published on all addresses, a port that the engine chooses differs between
/// the two families.
pub fn host_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(21_000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A name that nothing else has.
fn name(kind: &str) -> String {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    format!("openclaw-{kind}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A network of containers, as a project has one.
pub struct Network {
    /// Its name.
    pub name: String,
}

impl Network {
    /// A new one, with `options` for its making.
    pub fn new(options: &[&str]) -> Self {
        let name = name("network");
        run(&[&["network", "create"], options, &[name.as_str()]].concat()).succeeded();
        Self { name }
    }

    /// The host's address in it.
    pub fn host_address(&self) -> String {
        let template = "{{range .IPAM.Config}}{{.Gateway}}{{end}}";
        let ran = run(&["network", "inspect", "--format", template, &self.name]).succeeded();
        ran.stdout.trim().to_owned()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        report(&run(&["network", "rm", &self.name]));
    }
}

/// A running container.
pub struct Container {
    /// Its id.
    pub id: String,
    /// Its name, by which others in a network of a project reach it.
    pub name: String,
    logs: Running,
    /// Of the client that shows the logs.
    _home: Home,
}

impl Container {
    /// Our gateway, with `options` for `docker run`. It listens.
    #[track_caller]
    pub fn gateway(needs: &Needs, options: &[&str]) -> Self {
        let token = format!("OPENCLAW_GATEWAY_TOKEN={TOKEN}");
        let gateway = Self::start(&needs.gateway_image, &[&["--env", &token], options].concat(), &[]);
        gateway.logs.expect("listening gateway", START, |seen| {
            format!("{}{}", seen.stdout, seen.stderr).contains("listening on ws").then_some(())
        });
        gateway
    }

    /// One that only is there.
    pub fn idle(needs: &Needs, options: &[&str]) -> Self {
        Self::start(&needs.cli_image, options, &["idle"])
    }

    /// A proxy that adds `X-Forwarded-For`, before `upstream` (`ADDRESS:PORT`). It listens on port 8080.
    pub fn proxy(needs: &Needs, upstream: &str, options: &[&str]) -> Self {
        let upstream = format!("UPSTREAM={upstream}");
        Self::start(&needs.proxy_image, &[&["--env", &upstream], options].concat(), &[])
    }

    fn start(image: &str, options: &[&str], words: &[&str]) -> Self {
        let name = name("container");
        let start = [&["run", "--detach", "--name", &name], options, &[image], words].concat();
        let id = run(&start).succeeded().stdout.trim().to_owned();
        let home = Home::new();
        let logs = Running::start(docker(&home).args(["logs", "--follow", &id]));
        Self { id, name, logs, _home: home }
    }

    /// Its address in its network.
    pub fn address(&self) -> String {
        let template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        run(&["inspect", "--format", template, &self.id]).succeeded().stdout.trim().to_owned()
    }

    /// Waits for a line of its log that contains all of `texts`.
    #[track_caller]
    pub fn logs(&self, texts: &[&str]) {
        self.logs.expect("line of the log", DEADLINE, |seen| {
            let all = |line: &str| texts.iter().all(|text| line.contains(text));
            (seen.stdout.lines().any(all) || seen.stderr.lines().any(all)).then_some(())
        });
    }

    /// Our command line beside what runs in it.
    pub fn exec(&self, words: &str) -> Ran {
        let words: Vec<_> = words.split_whitespace().collect();
        run(&[&["exec", &self.id, "openclaw"], words.as_slice()].concat())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs.transcript());
        }
        report(&run(&["rm", "--force", "--volumes", &self.id]));
    }
}

/// Says what could not be removed. Not a panic: a test that fails is told why it fails.
fn report(ran: &Ran) {
    if ran.code != Some(0) {
        eprintln!("{ran}");
    }
}
