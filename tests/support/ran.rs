//! A program that ran to its end.

use std::fmt;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::running::{Running, code};

/// What came of a command.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Command, output and exit code, for the message of an assertion.
    transcript: String,
    /// The exit code; `None` when it was killed at its deadline.
    pub code: Option<i32>,
    /// What it wrote to its standard output.
    pub stdout: String,
    /// What it wrote to its standard error.
    pub stderr: String,
}

impl Ran {
    /// Runs `command` to its end, or kills it at the deadline.
    pub fn to_end(command: &mut Command, deadline: Duration) -> Self {
        let running = Running::start(command);
        let ended = running.wait_until(deadline, |seen| seen.is_complete().then(|| seen.clone()));
        let seen = ended.clone().unwrap_or_else(|| running.kill());
        let code = ended.and_then(|seen| seen.status).map(code);
        let end = code.map_or_else(|| format!("killed after {deadline:?}"), |code| format!("exit code {code}"));
        let transcript = format!("{}\n[{end}]", running.transcript());
        Self { transcript, code, stdout: seen.stdout, stderr: seen.stderr }
    }

    /// Checks that it succeeded.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        self.exited(0)
    }

    /// Checks its exit code.
    #[track_caller]
    pub fn exited(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Checks that it wrote each of `texts`, on either output.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Self {
        let output = self.output();
        for text in texts {
            assert!(output.contains(text), "{text:?} is missing\n{self}");
        }
        self
    }

    /// Checks that it wrote none of `texts`.
    #[track_caller]
    pub fn never_says(self, texts: &[&str]) -> Self {
        let output = self.output();
        for text in texts {
            assert!(!output.contains(text), "{text:?} was written\n{self}");
        }
        self
    }

    /// Its standard output, which must be one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("stdout is no JSON: {error}\n{self}"))
    }

    /// Both outputs.
    pub fn output(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.transcript)
    }
}
