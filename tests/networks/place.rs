//! Where a command line stands.

use std::path::Path;
use std::process::Command;

use crate::machine::Machine;
use crate::needs::Needs;
use crate::support::home::Home;

/// Where a command line stands: on a machine, or in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the network namespace of this file.
    Namespace(String),
    /// On the machine that runs this test.
    Here,
    /// In this container, beside what runs there.
    Exec(String),
    /// In a container of its own, made with these words.
    Container(Vec<String>),
}

impl Place {
    /// The host of the engine.
    pub fn host(needs: &Needs) -> Self {
        needs.host.clone().map_or(Self::Here, Self::Namespace)
    }

    /// Another machine in the host's network, where one is known.
    pub fn lan(needs: &Needs) -> Option<Self> {
        needs.lan.clone().map(Self::Namespace)
    }

    /// A machine that the test made.
    pub fn on(machine: &Machine) -> Self {
        Self::Namespace(machine.namespace())
    }

    /// A container of its own, with `words` for `docker run`.
    pub fn container(words: &[&str]) -> Self {
        Self::Container(words.iter().map(|&word| word.to_owned()).collect())
    }

    /// `program` of this machine, on a machine of the tests.
    ///
    /// # Panics
    /// When the place is a container: nothing of this machine is in there.
    pub fn command(&self, home: &Home, program: &Path) -> Command {
        match self {
            Self::Here => home.command(program),
            Self::Namespace(namespace) => {
                let mut command = home.command(Path::new("nsenter"));
                command.arg(format!("--net={namespace}")).arg("--").arg(program);
                command
            }
            Self::Exec(_) | Self::Container(_) => panic!("{} is not in a container", program.display()),
        }
    }

    /// Our command line.
    pub fn openclaw(&self, needs: &Needs, home: &Home) -> Command {
        match self {
            Self::Here | Self::Namespace(_) => self.command(home, &needs.binary),
            Self::Exec(container) => {
                let mut command = docker(home);
                command.args(["exec", container, "openclaw"]);
                command
            }
            Self::Container(words) => {
                let mut command = docker(home);
                command.args(["run", "--rm"]).args(words).arg(&needs.cli_image);
                command
            }
        }
    }
}

/// Docker's client, of the engine under test.
pub fn docker(home: &Home) -> Command {
    let mut command = home.command(Path::new("docker"));
    command.envs(std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DOCKER_")));
    command
}
