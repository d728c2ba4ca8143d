//! The servers as processes, and what the kernel says of them.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use nix::{
    sys::resource::{Resource, getrlimit, setrlimit},
    unistd::{SysconfVar, sysconf},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::bare::Script;

/// For a server to begin to answer.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// The shared secret of every gateway that is started here.
const GATEWAY_TOKEN: &str = "the-shared-secret-of-the-bench";

/// A server under measurement; it is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Its files; they go after it.
    directory: TempDir,
}

impl Server {
    /// Starts our gateway on `state` and waits until it is ready.
    pub(crate) async fn gateway(state: TempDir) -> anyhow::Result<Self> {
        let child = Killed(Some(
            openclaw(state.path())
                .args(["gateway", "run", "--bind", "loopback", "--port", "0"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .context("our gateway")?,
        ));
        let deadline = Instant::now() + START_TIMEOUT;
        let address = loop {
            if let Some(address) = announced(state.path(), child.id()) {
                break address;
            }
            ensure!(Instant::now() < deadline, "our gateway announces no address");
            tokio::time::sleep(Duration::from_micros(200)).await;
        };
        while !is_ready(address).await {
            ensure!(Instant::now() < deadline, "our gateway is not ready");
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        Ok(Self { child: child.keep(), address, directory: state })
    }

    /// Starts the bare server with `script`; `argument` says as what.
    pub(crate) fn bare(script: &Script, argument: &str) -> anyhow::Result<Self> {
        let directory = TempDir::new()?;
        let path = directory.path().join("script");
        fs::write(&path, script.to_lines())?;
        let mut child = Killed(Some(
            Command::new(std::env::current_exe()?)
                .arg(argument)
                .arg(path)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()
                .context("the bare server")?,
        ));
        let stdout = child.0.as_mut().and_then(|child| child.stdout.take()).context("the bare server's stdout")?;
        let mut port = String::new();
        BufReader::new(stdout).read_line(&mut port)?;
        let port: u16 = port.trim().parse().context("the bare server announces no port")?;
        Ok(Self { child: child.keep(), address: ([127, 0, 0, 1], port).into(), directory })
    }

    /// Its files.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Its resident memory, in bytes.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kibibytes = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        Ok(kibibytes.context("no VmRSS")? * 1024)
    }

    /// The processor time that it has used, all threads together. The kernel counts in hundredths of a second.
    pub(crate) fn processor_time(&self) -> anyhow::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name in parentheses may hold anything; utime and stime are the 12th and 13th word after it.
        let (_, words) = stat.rsplit_once(')').context("no stat")?;
        let ticks: Vec<u64> = words.split_whitespace().skip(11).take(2).filter_map(|word| word.parse().ok()).collect();
        let second = sysconf(SysconfVar::CLK_TCK)?.context("no clock")?.unsigned_abs();
        Ok(Duration::from_millis(ticks.iter().sum::<u64>() * 1000 / second))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// A process that is killed unless somebody keeps it.
struct Killed(Option<Child>);

impl Killed {
    fn id(&self) -> u32 {
        self.0.as_ref().map_or(0, Child::id)
    }

    fn keep(mut self) -> Child {
        self.0.take().expect("taken only here, and `self` goes with it")
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            end(child);
        }
    }
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// The release binary on a state directory, and with nothing else of our environment.
pub(crate) fn openclaw(state: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openclaw"));
    command
        .env_clear()
        .env("HOME", state)
        .env("OPENCLAW_STATE_DIR", state)
        .env("OPENCLAW_GATEWAY_TOKEN", GATEWAY_TOKEN);
    command
}

/// What the gateway with this process id says of where it listens.
fn announced(state: &Path, process: u32) -> Option<SocketAddr> {
    let lock = fs::read(state.join("run/gateway.lock")).ok()?;
    let lock: openclaw::net::LockHolder = serde_json::from_slice(&lock).ok()?;
    (lock.pid == process).then_some(lock.url?)?.strip_prefix("ws://")?.parse().ok()
}

async fn is_ready(address: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await?;
        Ok::<_, std::io::Error>(&answer == b"HTTP/1.1 200")
    };
    ask.await.unwrap_or(false)
}

/// Lets this process, and those that it starts, hold `sessions` connections.
pub(crate) fn raise_open_files(sessions: usize) -> anyhow::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    let needed = sessions as u64 + 512;
    if hard < needed {
        bail!("{needed} open files are needed and {hard} allowed: raise the limit (ulimit -Hn)");
    }
    Ok(())
}

/// Says what is being done, where somebody watches.
pub(crate) fn progress(what: &str) {
    let _ = writeln!(std::io::stderr(), "measuring {what}");
}
