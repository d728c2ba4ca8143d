//! Our command line, somewhere, and what it is told of where it comes from.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::needs::Needs;
use crate::place::{Place, docker};
use crate::support::home::Home;
use crate::support::ran::Ran;

/// For one command. It takes milliseconds, in a container of its own a second; a loaded machine gets more.
const DEADLINE: Duration = Duration::from_mins(1);

/// The token of every gateway of these tests.
pub const TOKEN: &str = "token-of-the-networks";

/// Our command line at a place, with a home of its own.
pub struct Cli {
    needs: &'static Needs,
    place: Place,
    url: String,
    home: Home,
    fingerprint: Option<String>,
}

impl Cli {
    /// At `place`, for the gateway at `url`.
    pub fn at(needs: &'static Needs, place: &Place, url: &str) -> Self {
        Self { needs, place: place.clone(), url: url.to_owned(), home: Home::new(), fingerprint: None }
    }

    /// The same, which trusts the certificate of this fingerprint.
    pub fn pinned(self, fingerprint: Option<String>) -> Self {
        Self { fingerprint, ..self }
    }

    /// Runs `words` with the right token.
    pub fn run(&self, words: &str) -> Ran {
        self.run_with(words, TOKEN)
    }

    /// Runs `words` with `token`.
    pub fn run_with(&self, words: &str, token: &str) -> Ran {
        let mut command = self.command();
        command.args(words.split_whitespace()).args(["--url", &self.url, "--token", token]);
        command.args(self.fingerprint.iter().flat_map(|fingerprint| ["--tls-fingerprint", fingerprint]));
        Ran::to_end(&mut command, DEADLINE)
    }

    fn command(&self) -> Command {
        let mut command = self.place.openclaw(self.needs, &self.home);
        // Names like those that people give their machines.
        command.env("OPENCLAW_ALLOW_INSECURE_PRIVATE_WS", "1");
        command
    }

    /// Checks what the gateway takes it for, `CLASS from PEER`, without having proved anything.
    #[track_caller]
    pub fn is_seen_as(&self, expected: &str) {
        let refused = self.run_with("gateway whoami --json", "another-token").exited(1);
        let source = &refused.json()["error"]["details"]["source"];
        assert_eq!(seen_as(source), expected, "{:?} at {}\n{refused}", self.place, self.url);
    }

    /// Checks that the gateway takes it for `client`, for whom the trusted proxy at `peer` vouches.
    #[track_caller]
    pub fn is_proxied(&self, peer: &str, client: &str) {
        let refused = self.run_with("gateway whoami --json", "another-token").exited(1);
        let source = refused.json()["error"]["details"]["source"].clone();
        let seen = ["class", "peer", "client"].map(|member| source[member].as_str().unwrap_or_default());
        assert_eq!(seen, ["proxied", peer, client], "{:?} at {}\n{refused}", self.place, self.url);
    }

    /// Checks that it works at once with the right token, as what silent pairing and no pairing at all look like. Returns what
    /// `gateway whoami --json` says of its source.
    #[track_caller]
    pub fn works(&self) -> Value {
        self.run("devices list --json").succeeded();
        let who = self.run("gateway whoami --json").succeeded();
        let source = who.json()["source"].clone();
        for member in ["class", "rule", "peer", "peerKind", "evidence", "grant"] {
            assert!(source[member].as_str().is_some_and(|text| !text.is_empty()), "no {member}\n{who}");
        }
        source
    }

    /// Checks that the right token is not enough, that the refusal names a command that is, and that it is.
    #[track_caller]
    pub fn works_once_approved(&self, advised: impl Fn(&str) -> Ran) -> Value {
        let refused = self.run("devices list").exited(1).says(&["pairing required", "approve with"]);
        let command = advice(&refused);
        assert!(command.contains(" devices approve "), "{command}\n{refused}");
        advised(&command).succeeded();
        self.works()
    }
}

/// Runs what a refusal advises, word for word, in a shell of who operates the engine.
pub fn shell_of_the_operator(command: &str) -> Ran {
    let home = Home::new();
    let mut shell = Command::new("sh");
    shell.envs(docker(&home).get_envs().filter_map(|(name, value)| Some((name, value?)))).args(["-c", command]);
    Ran::to_end(&mut shell, DEADLINE)
}

/// `CLASS from PEER` in what the gateway tells of a source.
#[track_caller]
fn seen_as(source: &Value) -> String {
    let evidence = source["evidence"].as_str().unwrap_or_else(|| panic!("no evidence: {source:#}"));
    let seen = evidence.strip_prefix("seen as ").unwrap_or(evidence);
    seen.split_once(": ").map_or(seen, |(seen, _rule)| seen).to_owned()
}

/// The command between backticks after "approve with".
#[track_caller]
fn advice(refused: &Ran) -> String {
    let output = refused.output();
    let (_, rest) = output.split_once("approve with `").unwrap_or_else(|| panic!("no command\n{refused}"));
    rest.split_once('`').unwrap_or_else(|| panic!("no command\n{refused}")).0.to_owned()
}
