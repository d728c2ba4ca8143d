//! Our gateway as users run it: the binary, in the foreground.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::home::Home;
use super::running::Running;

/// From start to listening. It takes milliseconds; a loaded machine running a debug build gets more.
const START: Duration = Duration::from_secs(20);

/// A running gateway with a home of its own.
pub struct OurGateway {
    running: Running,
    port: u16,
    /// Until the gateway has ended.
    home: Option<Home>,
}

impl OurGateway {
    /// The binary under test.
    pub fn program() -> &'static Path {
        Path::new(env!("CARGO_BIN_EXE_openclaw"))
    }

    /// Starts one in `home`, on a free loopback port.
    ///
    /// # Panics
    /// When it does not listen in time.
    pub fn start(home: Home) -> Self {
        Self::start_with(home, |command| command)
    }

    /// Starts one in `home`, the command changed by `change`.
    pub fn start_with(home: Home, change: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        let mut command = home.command(Self::program());
        command.args(["gateway", "run", "--bind", "loopback", "--port", "0"]);
        let running = Running::start(change(&mut command));
        let port =
            running.expect("listening gateway", START, |seen| port_in(&format!("{}{}", seen.stdout, seen.stderr)));
        Self { running, port, home: Some(home) }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL on 127.0.0.1.
    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Its home directory.
    pub fn home(&self) -> &Home {
        self.home.as_ref().expect("it is given back at the end only")
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.home().state().join("run/gateway.sock")
    }

    /// The process.
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// Ends it and gives its home back.
    ///
    /// # Panics
    /// When it does not end by itself, or not well.
    pub fn stop(mut self) -> Home {
        let status = self.running.stop();
        assert!(status.is_some_and(|status| status.success()), "{status:?}\n{}", self.running.transcript());
        self.home.take().expect("it is taken here only")
    }

    /// Kills it where it stands and gives its home back.
    pub fn kill(mut self) -> Home {
        self.running.kill();
        self.home.take().expect("it is taken here only")
    }
}

impl Drop for OurGateway {
    fn drop(&mut self) {
        // Beside what the test saw, what the gateway says of it.
        if std::thread::panicking() {
            eprintln!("{}", self.running.transcript());
        }
    }
}

/// The port in the line that tells where the gateway listens.
fn port_in(output: &str) -> Option<u16> {
    const PREFIX: &str = "ws://127.0.0.1:";
    let rest = &output[output.find(PREFIX)? + PREFIX.len()..];
    // Whatever follows the digits must be there already: the line may still be arriving.
    let end = rest.find(|char: char| !char.is_ascii_digit())?;
    rest[..end].parse().ok()
}
