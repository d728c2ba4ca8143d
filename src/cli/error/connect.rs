//! No connection, or no answer: with whom.

use std::path::PathBuf;

use crate::{
    cli::target::Source,
    client::{CallFailure, Failure},
    config::Bind,
};

/// No connection to a gateway, with all that a user needs to find out why.
#[derive(Debug, thiserror::Error)]
#[error("{failure}")]
pub struct ConnectError {
    /// What went wrong.
    #[source]
    pub failure: Failure,
    /// To whom, and why to them.
    pub target: Target,
    /// What else is known, a line each: ways that were tried before, last words of the gateway.
    pub remarks: Vec<String>,
    /// Advice that fits this command better than the failure's own.
    pub advice: Option<String>,
}

/// A connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("{failure}")]
pub struct CallError {
    /// What went wrong.
    #[source]
    pub failure: CallFailure,
    /// Of whom.
    pub target: Target,
}

/// Whom a command talked to, in the words of the detail block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// URL or path.
    pub address: String,
    /// Why that one.
    pub source: Source,
    /// The configuration file.
    pub config: PathBuf,
    /// The configured bind mode, where the gateway is this machine's own.
    pub bind: Option<Bind>,
    /// Which secret was presented, by where it came from.
    pub secret_from: Option<String>,
}

impl Target {
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!("Gateway target: {}", self.address),
            format!("Source: {}", self.source),
            format!("Config: {}", self.config.display()),
        ];
        lines.extend(self.bind.map(|bind| format!("Bind: {bind}")));
        lines
    }
}
