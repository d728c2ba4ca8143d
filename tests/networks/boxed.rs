//! Our gateway on a machine of the tests, in a root directory with the marks of a container: a container without an engine.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::cli::TOKEN;
use crate::machine::Machine;
use crate::needs::Needs;
use crate::support::home::Home;
use crate::support::ran::Ran;
use crate::support::running::Running;

/// From start to listening.
const START: Duration = Duration::from_secs(20);

/// For one command beside it.
const DEADLINE: Duration = Duration::from_secs(20);

/// A running gateway.
pub struct Boxed {
    running: Running,
    /// Until the gateway has ended.
    root: Home,
}

impl Boxed {
    /// Starts one on `machine`, with `environment`.
    #[track_caller]
    pub fn start(needs: &Needs, machine: &Machine, environment: &[(&str, &str)]) -> Self {
        Self::configured(needs, machine, environment, &Value::Null)
    }

    /// The same with a configuration file.
    #[track_caller]
    pub fn configured(needs: &Needs, machine: &Machine, environment: &[(&str, &str)], config: &Value) -> Self {
        let root = Home::new();
        for directory in ["proc", "state", "tmp"] {
            fs::create_dir_all(root.path().join(directory)).expect("it is ours");
        }
        fs::write(root.path().join(".dockerenv"), "").expect("it is ours");
        if !config.is_null() {
            fs::write(root.path().join("state/openclaw.json"), config.to_string()).expect("it is ours");
        }
        // Not copied: a file that any thread has open for writing when another one starts a program cannot be run.
        fs::hard_link(&needs.binary, root.path().join("openclaw")).expect("it is in the same file system");
        let running = Running::start(
            machine
                .command(Path::new("unshare"))
                .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
                .arg(format!("--root={}", root.path().display()))
                .args(["/openclaw", "gateway", "run", "--bind", "lan"])
                .env_clear()
                .env("PATH", "/usr/bin:/usr/sbin:/bin:/sbin")
                .env("OPENCLAW_STATE_DIR", "/state")
                .env("OPENCLAW_GATEWAY_TOKEN", TOKEN)
                .env("OPENCLAW_GATEWAY_TRUSTED_BRIDGES", "auto")
                .envs(environment.iter().copied()),
        );
        running.expect("listening gateway", START, |seen| {
            format!("{}{}", seen.stdout, seen.stderr).contains("listening on ws").then_some(())
        });
        Self { running, root }
    }

    /// Our command line beside it, over its socket.
    pub fn exec(&self, words: &str) -> Ran {
        let mut command = Command::new("chroot");
        command.arg(self.root.path()).arg("/openclaw").args(words.split_whitespace());
        command.env_clear().env("PATH", "/usr/bin:/usr/sbin").env("OPENCLAW_STATE_DIR", "/state");
        Ran::to_end(&mut command, DEADLINE)
    }

    /// Runs what a refusal advises, as an operator would beside it.
    pub fn advised(&self, command: &str) -> Ran {
        let (_, words) = command.split_once("openclaw ").unwrap_or_else(|| panic!("no command of ours: {command}"));
        self.exec(words)
    }

    /// The word after `text` in its log.
    #[track_caller]
    pub fn told(&self, text: &str) -> String {
        self.running.expect("word of the log", DEADLINE, |seen| {
            let log = format!("{}{}", seen.stdout, seen.stderr);
            let word = log.split_once(text)?.1.split([' ', '"', '\n']).next()?;
            Some(word.to_owned())
        })
    }

    /// Waits for a line of its log that contains all of `texts`.
    #[track_caller]
    pub fn logs(&self, texts: &[&str]) {
        self.running.expect("line of the log", DEADLINE, |seen| {
            let all = |line: &str| texts.iter().all(|text| line.contains(text));
            (seen.stdout.lines().any(all) || seen.stderr.lines().any(all)).then_some(())
        });
    }
}

impl Drop for Boxed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.running.transcript());
        }
        self.running.stop();
    }
}
