//! Docker's command line, and what tests make with it.

use std::{
    env, fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use tempfile::TempDir;

use crate::support;

use crate::support::{ran::Ran, running::Running};

/// For everything that should happen soon, on a loaded machine with a cold disk.
pub(crate) const DEADLINE: Duration = Duration::from_mins(2);

/// The engine that the suite started.
#[derive(Clone, Copy)]
pub(crate) struct Engine(());

/// Distinguishes what the tests of this process make.
static MADE: AtomicU32 = AtomicU32::new(0);

impl Engine {
    /// The engine, or `None` with a word about it where the suite did not start one.
    pub(crate) fn of_suite() -> Option<Self> {
        if env::var_os("OPENCLAW_CONTAINERS").is_none() {
            eprintln!("cannot run: no engine; `scripts/test containers` starts one");
            return None;
        }
        Some(Self(()))
    }

    /// `openclaw-gateway:VERSION` or `openclaw-cli:VERSION`.
    pub(crate) fn image(self, which: &str) -> String {
        format!("openclaw-{which}:{}", env!("CARGO_PKG_VERSION"))
    }

    /// A command in the project's directory that sees the engine.
    pub(crate) fn command(self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(root());
        command
    }

    /// Runs `docker ARGUMENTS` to its end.
    pub(crate) fn docker(self, arguments: &[&str]) -> Ran {
        Ran::to_end(self.command("docker").args(arguments), DEADLINE)
    }

    /// A name that nothing else has.
    pub(crate) fn name(self, what: &str) -> String {
        format!("oc{}-{what}{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed))
    }

    /// `docker run --detach --name … OPTIONS IMAGE WORDS`.
    pub(crate) fn container(self, options: &[&str], image: &str, words: &[&str]) -> Container {
        let name = self.name("c");
        let mut arguments = vec!["run", "--detach", "--name", &name];
        arguments.extend(options);
        arguments.push(image);
        arguments.extend(words);
        let container = Container { engine: self, name: name.clone() };
        self.docker(&arguments).succeeded();
        container
    }

    /// A gateway that is ready.
    pub(crate) fn gateway(self, options: &[&str]) -> Container {
        let gateway = self.container(options, &self.image("gateway"), &[]);
        gateway.ready();
        gateway
    }

    /// A named volume that nobody used yet.
    pub(crate) fn volume(self) -> Volume {
        let name = self.name("v");
        self.docker(&["volume", "create", &name]).succeeded();
        Volume { engine: self, name }
    }
}

/// The project's directory.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A container; removed with this value, and what it wrote is shown when its test fails.
pub(crate) struct Container {
    pub(crate) engine: Engine,
    pub(crate) name: String,
}

impl Container {
    /// Waits until the gateway in it says that it is ready.
    pub(crate) fn ready(&self) {
        eventually("a gateway that is ready", || {
            let log = self.log();
            assert!(self.inspect("{{.State.Running}}") == "true" || log.contains("ready in"), "it ended:\n{log}");
            log.contains("ready in").then_some(())
        });
    }

    /// Waits until the gateway in it has said so for the `times`th time.
    pub(crate) fn ready_again(&self, times: usize) {
        eventually("a gateway that is ready again", || (self.log().matches("ready in").count() >= times).then_some(()));
    }

    /// `docker exec OPTIONS NAME WORDS`.
    pub(crate) fn exec_with(&self, options: &[&str], words: &[&str]) -> Ran {
        let mut arguments = vec!["exec"];
        arguments.extend(options);
        arguments.push(&self.name);
        arguments.extend(words);
        self.engine.docker(&arguments)
    }

    /// `docker exec NAME WORDS`.
    pub(crate) fn exec(&self, words: &[&str]) -> Ran {
        self.exec_with(&[], words)
    }

    /// What `docker inspect` knows.
    pub(crate) fn inspect(&self, format: &str) -> String {
        let found = self.engine.docker(&["inspect", "--format", format, &self.name]).succeeded();
        found.stdout.trim().to_owned()
    }

    /// Everything that it wrote.
    pub(crate) fn log(&self) -> String {
        self.engine.docker(&["logs", &self.name]).output()
    }

    /// Waits for a log line with this text.
    pub(crate) fn logs(&self, text: &str) {
        eventually(text, || self.log().contains(text).then_some(()));
    }

    /// Sends a signal to its first process.
    pub(crate) fn kill(&self, signal: &str) {
        self.engine.docker(&["kill", "--signal", signal, &self.name]).succeeded();
    }

    /// Waits until it ended, and says with what.
    pub(crate) fn ended(&self) -> i32 {
        self.engine.docker(&["wait", &self.name]).succeeded().stdout.trim().parse().expect("an exit code")
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{} wrote:\n{}", self.name, self.log());
        }
        self.engine.docker(&["rm", "--force", "--volumes", &self.name]);
    }
}

/// A volume; removed with this value, which must outlive the containers that use it.
pub(crate) struct Volume {
    engine: Engine,
    pub(crate) name: String,
}

impl Volume {
    /// The option that mounts it as the state directory.
    pub(crate) fn mounted(&self) -> String {
        format!("--volume={}:/home/node/.openclaw", self.name)
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        self.engine.docker(&["volume", "rm", "--force", &self.name]);
    }
}

/// A compose project with a port of its own; taken down with this value.
pub(crate) struct Project {
    pub(crate) engine: Engine,
    pub(crate) name: String,
    pub(crate) port: u16,
    environment: Vec<(String, String)>,
    overrides: Vec<String>,
    home: TempDir,
}

impl Project {
    /// One that has not been started.
    pub(crate) fn new(engine: Engine) -> Self {
        let port = 20_000 + u16::try_from(MADE.fetch_add(1, Ordering::Relaxed)).expect("few");
        Self {
            engine,
            name: engine.name("p"),
            port,
            environment: Vec::new(),
            overrides: Vec::new(),
            home: TempDir::new().expect("a directory"),
        }
    }

    /// With a variable.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// With `docker/compose.NAME.yaml`.
    pub(crate) fn beside(mut self, name: &str) -> Self {
        self.overrides.push(format!("docker/compose.{name}.yaml"));
        self
    }

    /// A directory for what the test needs.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// `docker compose WORDS` as a command to start.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.engine.command("docker");
        command.args(["compose", "--file", "compose.yaml"]);
        for file in &self.overrides {
            command.args(["--file", file]);
        }
        command
            .args(words)
            .env("COMPOSE_PROJECT_NAME", &self.name)
            .env("OPENCLAW_GATEWAY_PORT", self.port.to_string())
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// `docker compose WORDS`.
    pub(crate) fn compose(&self, words: &[&str]) -> Ran {
        Ran::to_end(&mut self.command(words), DEADLINE)
    }

    /// The same, beside the test.
    pub(crate) fn begin(&self, words: &[&str]) -> Running {
        Running::start(&mut self.command(words))
    }

    /// Brings the gateway up.
    pub(crate) fn up(&self) {
        self.compose(&["up", "--detach", "--wait"]).succeeded();
    }

    /// The command line in its service.
    pub(crate) fn cli(&self, words: &[&str]) -> Ran {
        let mut all = vec!["run", "--rm", "--no-TTY", "openclaw-cli"];
        all.extend(words);
        self.compose(&all)
    }

    /// Where the gateway's port is published.
    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// The gateway's container.
    pub(crate) fn container(&self) -> String {
        self.compose(&["ps", "--all", "--quiet", "openclaw-gateway"]).succeeded().stdout.trim().to_owned()
    }

    /// The token that the gateway made.
    pub(crate) fn token(&self) -> String {
        token_in(self.engine, &self.container())
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", self.compose(&["logs"]));
        }
        self.compose(&["--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "2"]);
    }
}

/// The token that the gateway of a container made.
pub(crate) fn token_in(engine: Engine, container: &str) -> String {
    let folder = TempDir::new().expect("a directory");
    let file = folder.path().join("token");
    let from = format!("{container}:/home/node/.openclaw/identity/gateway-token");
    engine.docker(&["cp", &from, file.to_str().expect("text")]).succeeded();
    fs::read_to_string(file).expect("copied").trim().to_owned()
}

/// Asks again and again until `holds` answers with something.
pub(crate) fn eventually<T>(what: &str, holds: impl FnMut() -> Option<T>) -> T {
    support::eventually::eventually(DEADLINE, holds).unwrap_or_else(|| panic!("waited {DEADLINE:?} for {what}"))
}

/// Whether anything listens there.
pub(crate) fn listens(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}

/// Our own program on the host.
pub(crate) fn host_cli(home: &Path) -> Command {
    let mut command = Command::new(PathBuf::from(env!("CARGO_BIN_EXE_openclaw")));
    command.env_clear().env("HOME", home).current_dir(home);
    command
}
