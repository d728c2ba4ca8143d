//! A gateway process with a state directory of its own.

use std::{
    ffi::OsString,
    fmt::Write as _,
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tempfile::TempDir;

use super::{Answer, Connect, Dial, Refused, Session, eventually, exchange};

/// What a gateway is started with.
#[derive(Clone)]
pub(crate) struct Builder {
    home: Arc<TempDir>,
    state: Option<PathBuf>,
    environment: Vec<(OsString, OsString)>,
    arguments: Vec<OsString>,
    port: u16,
}

/// A running gateway; killed when it is dropped.
pub(crate) struct TestGateway {
    builder: Builder,
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    tls: bool,
}

/// How a start ended that was not to succeed.
#[derive(Debug)]
pub(crate) struct Exit {
    pub(crate) status: ExitStatus,
    /// Both streams.
    pub(crate) output: String,
}

impl Builder {
    /// Sets an environment variable; nothing else is in the environment.
    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Adds a flag.
    pub(crate) fn flag(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Writes `openclaw.json`.
    pub(crate) fn config(self, config: &Value) -> Self {
        self.file("openclaw.json", &config.to_string())
    }

    /// Writes `gateway.json`, where the settings are that only this product knows.
    pub(crate) fn own_config(self, config: &Value) -> Self {
        self.file("gateway.json", &config.to_string())
    }

    /// Writes a file below the state directory.
    pub(crate) fn file(self, path: &str, content: &str) -> Self {
        let path = self.state().join(path);
        fs::create_dir_all(path.parent().expect("a file has a directory")).expect("the state directory can be made");
        fs::write(path, content).expect("a file can be written");
        self
    }

    pub(crate) fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Another state directory than the usual one.
    pub(crate) fn state_at(mut self, state: impl Into<PathBuf>) -> Self {
        self.state = Some(state.into());
        self
    }

    /// The state directory.
    pub(crate) fn state(&self) -> PathBuf {
        self.state.clone().unwrap_or_else(|| self.home().join("state"))
    }

    /// The home directory, in which the state directory lies.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Starts it and waits until it is ready.
    pub(crate) async fn start(self) -> TestGateway {
        let before = fs::read_to_string(self.lock());
        let mut child = self.spawn();
        let (address, tls) = eventually("the gateway to be ready", async || {
            if let Some(status) = child.try_wait().expect("the child can be asked") {
                panic!("the gateway ended with {status}: {}", self.output());
            }
            let lock = fs::read_to_string(self.lock()).ok().filter(|lock| before.as_ref().ok() != Some(lock))?;
            let lock: Value = serde_json::from_str(&lock).ok()?;
            let (scheme, rest) = lock["url"].as_str()?.split_once("://")?;
            let address: SocketAddr = rest.trim_end_matches('/').parse().ok()?;
            let tls = scheme == "wss";
            let dial = if tls { Dial::tls(address) } else { Dial::tcp(address) };
            dial.connect().await.ok()?;
            let answer =
                exchange(&dial, b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
            (answer.status == 200).then_some((address, tls))
        })
        .await;
        TestGateway { builder: self, child, address, tls }
    }

    /// Starts it and waits until it ends, which it should without ever serving.
    pub(crate) async fn fails(&self) -> Exit {
        let mut child = Reaped(self.spawn());
        let status =
            eventually("the start to fail", async || child.0.try_wait().expect("the child can be asked")).await;
        Exit { status, output: self.output() }
    }

    fn spawn(&self) -> Child {
        let stream = |name: &str| File::create(self.home().join(name)).expect("an output file can be made");
        Command::new(env!("CARGO_BIN_EXE_openclaw"))
            .args(["gateway", "run", "--bind", "loopback", "--port", &self.port.to_string()])
            .args(&self.arguments)
            .env_clear()
            .env("HOME", self.home())
            .env("OPENCLAW_STATE_DIR", self.state())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.home())
            .stdin(Stdio::null())
            .stdout(stream("stdout"))
            .stderr(stream("stderr"))
            .spawn()
            .expect("the gateway's program can be started")
    }

    fn lock(&self) -> PathBuf {
        self.state().join("run/gateway.lock")
    }

    fn output(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.home().join(name)).unwrap_or_default();
        format!("{}{}", read("stdout"), read("stderr"))
    }
}

impl TestGateway {
    pub(crate) fn builder() -> Builder {
        Builder {
            home: Arc::new(TempDir::with_prefix("openclaw-test-").expect("a temporary directory can be made")),
            state: None,
            environment: Vec::new(),
            arguments: Vec::new(),
            port: 0,
        }
    }

    /// A gateway as it is on a fresh machine.
    pub(crate) async fn start() -> Self {
        Self::builder().start().await
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.builder.state()
    }

    /// The token that it generated for itself.
    pub(crate) fn token(&self) -> String {
        let path = self.state().join("identity/gateway-token");
        fs::read_to_string(path).expect("the gateway generated a token").trim().to_owned()
    }

    pub(crate) fn dial(&self) -> Dial {
        if self.tls { Dial::tls(self.address) } else { Dial::tcp(self.address) }
    }

    pub(crate) fn dial_unix(&self) -> Dial {
        Dial::unix(self.state().join("run/gateway.sock"))
    }

    /// Connects over loopback.
    pub(crate) async fn enter(&self, connect: &Connect) -> Result<Session, Refused> {
        self.dial().enter(connect).await
    }

    /// Connects over loopback, and has to be let in.
    pub(crate) async fn admit(&self, connect: &Connect) -> Session {
        self.enter(connect).await.unwrap_or_else(|refused| panic!("not let in: {refused:?}"))
    }

    /// Connects over loopback, and has to be refused.
    pub(crate) async fn refuse(&self, connect: &Connect) -> Refused {
        refused(self.enter(connect).await)
    }

    /// Connects with evidence of a proxy that nobody vouches for.
    pub(crate) async fn enter_from_afar(&self, connect: &Connect) -> Result<Session, Refused> {
        self.dial().with_evidence().enter(connect).await
    }

    /// Connects with such evidence, and has to be let in.
    pub(crate) async fn admit_from_afar(&self, connect: &Connect) -> Session {
        self.enter_from_afar(connect).await.unwrap_or_else(|refused| panic!("not let in: {refused:?}"))
    }

    /// Connects with such evidence, and has to be refused.
    pub(crate) async fn refuse_from_afar(&self, connect: &Connect) -> Refused {
        refused(self.enter_from_afar(connect).await)
    }

    /// An operator with every right, over the Unix socket.
    pub(crate) async fn owner(&self) -> Session {
        self.dial_unix().enter(&Connect::v4().scopes(&[])).await.unwrap_or_else(|refused| panic!("{refused:?}"))
    }

    /// `method path`, with these headers, on a connection of its own.
    pub(crate) async fn http(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            let _ = write!(request, "host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            let _ = write!(request, "{name}: {value}\r\n");
        }
        request += "\r\n";
        exchange(&self.dial(), request.as_bytes()).await.unwrap_or_else(|| panic!("no answer to {request:?}"))
    }

    /// Everything that it wrote so far: its output and its log files.
    pub(crate) fn log(&self) -> String {
        let files = fs::read_dir(self.state().join("logs")).into_iter().flatten().flatten();
        let files = files.map(|file| fs::read_to_string(file.path()).unwrap_or_default());
        files.fold(self.builder.output(), |log, file| log + &file)
    }

    /// Waits until the log has a line with every one of `parts`.
    pub(crate) async fn logs(&self, parts: &[&str]) {
        let line_has = |line: &str| parts.iter().all(|part| line.contains(part));
        eventually(format!("a log line with {parts:?}"), async || self.log().lines().any(line_has).then_some(())).await;
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        kill(pid, signal).expect("the gateway runs");
    }

    /// Waits until it ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        eventually("the gateway to end", async || self.child.try_wait().expect("the child can be asked")).await
    }

    /// Kills it and starts it again on the same state directory.
    pub(crate) async fn restart(self) -> Self {
        let builder = self.builder.clone();
        drop(self);
        builder.start().await
    }
}

/// The refusal that was expected.
pub(crate) fn refused(entered: Result<Session, Refused>) -> Refused {
    match entered {
        Err(refused) => refused,
        Ok(session) => panic!("let in: {}", session.hello),
    }
}

impl Drop for TestGateway {
    #[expect(clippy::print_stdout, reason = "the harness shows it when the test fails")]
    fn drop(&mut self) {
        reap(&mut self.child);
        let output = self.builder.output();
        if std::thread::panicking() {
            println!("the gateway wrote:\n{output}");
        } else {
            assert!(!output.contains("panicked at"), "a task of the gateway panicked:\n{output}");
        }
    }
}

/// A process that does not outlive the test.
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        reap(&mut self.0);
    }
}

fn reap(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}
