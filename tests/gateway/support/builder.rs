//! How a gateway process is started.

use std::{
    ffi::OsString,
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{Dial, TestGateway, eventually, exchange};

/// What a gateway is started with.
#[derive(Clone)]
pub(crate) struct Builder {
    home: Arc<TempDir>,
    state: Option<PathBuf>,
    environment: Vec<(OsString, OsString)>,
    arguments: Vec<OsString>,
    port: u16,
    open_files: Option<u32>,
}

/// How a start ended that was not to succeed.
#[derive(Debug)]
pub(crate) struct Exit {
    pub(crate) status: ExitStatus,
    /// Both streams.
    pub(crate) output: String,
}

impl Builder {
    /// A gateway as it is on a fresh machine.
    pub(super) fn new() -> Self {
        Self {
            home: Arc::new(TempDir::with_prefix("openclaw-test-").expect("a temporary directory can be made")),
            state: None,
            environment: Vec::new(),
            arguments: Vec::new(),
            port: 0,
            open_files: None,
        }
    }

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

    /// Lets it have no more open files than this.
    pub(crate) fn open_files(mut self, most: u32) -> Self {
        self.open_files = Some(most);
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
        TestGateway::running(self, child, address, tls)
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
        let program = env!("CARGO_BIN_EXE_openclaw");
        let mut command = match self.open_files {
            None => Command::new(program),
            Some(most) => {
                let mut shell = Command::new("/bin/sh");
                shell.args(["-c", &format!("ulimit -n {most} && exec \"$@\""), "sh", program]);
                shell
            }
        };
        command
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

    pub(super) fn output(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.home().join(name)).unwrap_or_default();
        format!("{}{}", read("stdout"), read("stderr"))
    }
}

/// A process that does not outlive the test.
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        reap(&mut self.0);
    }
}

/// Ends a process that may have ended by itself.
pub(super) fn reap(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}
