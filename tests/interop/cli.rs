//! A CLI, real or ours, with a home of its own.

use std::process::Command;
use std::time::Duration;

use crate::installed::Installed;
use crate::support::home::Home;
use crate::support::our_gateway::OurGateway;
use crate::support::ran::Ran;
use crate::support::running::Running;

/// For one command: a second or two on an idle machine, and much more when everything else runs beside it.
const DEADLINE: Duration = Duration::from_secs(90);

/// A CLI with a home of its own.
pub struct Cli {
    program: Program,
    home: Home,
    /// Added to every command: where the gateway is and what proves us, or nothing.
    target: Vec<String>,
    environment: Vec<(String, String)>,
}

#[derive(Clone)]
enum Program {
    Real(Installed),
    Ours,
}

impl Cli {
    /// The CLI of a real release.
    pub fn real(installed: &Installed) -> Self {
        Self::of(Program::Real(installed.clone()))
    }

    /// Our CLI.
    pub fn ours() -> Self {
        Self::of(Program::Ours)
    }

    fn of(program: Program) -> Self {
        Self { program, home: Home::new(), target: Vec::new(), environment: Vec::new() }
    }

    /// With `home` instead of an empty one.
    pub fn at_home(self, home: Home) -> Self {
        Self { home, ..self }
    }

    /// With `--url` and `--token` after every command.
    pub fn at(self, url: &str, token: &str) -> Self {
        self.with_target(&["--url", url, "--token", token])
    }

    /// With `target` after every command.
    pub fn with_target(self, target: &[&str]) -> Self {
        Self { target: target.iter().map(|&word| word.to_owned()).collect(), ..self }
    }

    /// With the state directory of `gateway`, as another shell of the user who runs it has it.
    pub fn at_home_of(self, gateway: &OurGateway) -> Self {
        let state = gateway.home().state();
        let state = state.to_str().expect("the temporary directory has a plain name");
        self.with("OPENCLAW_STATE_DIR", state).with("OPENCLAW_GATEWAY_PORT", &gateway.port().to_string())
    }

    /// With a variable in its environment.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Runs `words`, split at spaces, to the end.
    pub fn run(&self, words: &str) -> Ran {
        Ran::to_end(&mut self.command(words), DEADLINE)
    }

    /// Starts `words`, split at spaces.
    pub fn start(&self, words: &str) -> Running {
        Running::start(&mut self.command(words))
    }

    fn command(&self, words: &str) -> Command {
        let mut command = match &self.program {
            Program::Real(installed) => installed.command(&self.home),
            Program::Ours => self.home.command(OurGateway::program()),
        };
        command.envs(self.environment.iter().cloned()).args(words.split_whitespace()).args(&self.target);
        command
    }
}
