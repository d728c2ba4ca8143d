//! A container of a Docker engine, its port published on every address of the engine's host.

use std::env;
use std::path::Path;
use std::process::Command;

use crate::place::{Facts, Kind, PATIENCE, Place, eventually};
use crate::support::home::Home;
use crate::support::ran::Ran;
use crate::visitor::Visitor;

/// Where it is published.
const PORT: u16 = 22_789;

/// The engine's host in the network of the other machine, and that machine.
const HOST: &str = "192.168.10.1";
const VISITOR: &str = "192.168.10.50";

/// A gateway in a container.
pub struct Container {
    home: Home,
    name: String,
    cli_image: String,
    lan: String,
}

impl Container {
    /// One of `image`, beside which `cli_image` is used; `lan` is the network namespace of another machine.
    pub fn new(image: &str, cli_image: &str, lan: &str) -> Self {
        let name = format!("openclaw-play-{}", std::process::id());
        let container =
            Self { home: Home::new(), name: name.clone(), cli_image: cli_image.to_owned(), lan: lan.to_owned() };
        let publish = format!("{PORT}:18789");
        container.docker(&["run", "--detach", "--name", &name, "--publish", &publish, image]).succeeded();
        container.ready();
        container
    }

    fn program(&self, program: &str) -> Command {
        let mut command = self.home.command(Path::new(program));
        command.envs(env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DOCKER_")));
        command
    }

    fn docker(&self, words: &[&str]) -> Ran {
        Ran::to_end(self.program("docker").args(words), PATIENCE)
    }

    #[track_caller]
    fn ready(&self) {
        eventually("a gateway that answers", || (self.operator("gateway health").code == Some(0)).then_some(()));
    }
}

impl Place for Container {
    fn kind(&self) -> Kind {
        Kind::Container
    }

    fn facts(&self) -> Facts {
        Facts {
            visitor_seen_as: format!("private from {VISITOR}"),
            // An engine gives a container its id as a name, and that name the container's own address.
            own_name: self
                .docker(&["inspect", "--format", "{{.Config.Hostname}}", &self.name])
                .stdout
                .trim()
                .to_owned(),
            own_name_class: "own-address",
            own_name_is_silent: true,
            supervisor: Some("container"),
            no_unit: &["and not systemd", "openclaw gateway run"],
            starts_with: Some("docker start"),
            comes_back: false,
        }
    }

    fn command(&self, words: &str) -> Command {
        let mut command = self.program("docker");
        command.args(["exec", &self.name, "openclaw"]).args(words.split_whitespace());
        command
    }

    fn operator_without_gateway(&self, words: &str) -> Ran {
        let words: Vec<_> = words.split_whitespace().collect();
        self.docker(&[&["run", "--rm", "--volumes-from", &self.name, &self.cli_image], words.as_slice()].concat())
    }

    fn types(&self, line: &str) -> Ran {
        Ran::to_end(self.program("sh").args(["-c", line]), PATIENCE)
    }

    fn start(&self) {
        self.docker(&["start", &self.name]).succeeded();
        self.ready();
    }

    fn stop(&self) {
        self.docker(&["stop", &self.name]).succeeded();
    }

    fn kill(&self) {
        self.docker(&["kill", &self.name]).succeeded();
    }

    fn log(&self) -> String {
        self.docker(&["logs", &self.name]).succeeded().output()
    }

    fn visitor(&self) -> Visitor {
        Visitor::new(Some(&self.lan), &format!("{HOST}:{PORT}"), &self.token())
    }

    fn behind_the_bridge(&self) -> Option<Visitor> {
        let host = env::var("OPENCLAW_ENGINE_HOST").ok();
        Some(Visitor::new(host.as_deref(), &format!("127.0.0.1:{PORT}"), &self.token()))
    }

    fn another_gateway(&self) -> Option<String> {
        Some(format!("docker exec --env OPENCLAW_STATE_DIR=/tmp/another {} openclaw gateway run --bind lan", self.name))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.docker(&["logs", &self.name]));
        }
        self.docker(&["rm", "--force", "--volumes", &self.name]);
    }
}
