//! Why a command failed, and how that is told: cause, target, and the next command to type.

mod connect;
mod document;
mod exit;
mod lines;
#[cfg(test)]
mod tests;

use std::{io, path::PathBuf};

use super::target::TargetError;
use crate::{
    config::ConfigError,
    gateway::GatewayError,
    hint::{Hint, chain},
};

pub use connect::{CallError, ConnectError, Target};
pub use exit::Exit;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line does not say what is needed.
    #[error("{message}")]
    Usage {
        /// What is missing or wrong.
        message: String,
        /// What to type instead.
        hint: String,
    },
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no telling which gateway is meant.
    #[error("{error}")]
    Target {
        /// Why.
        #[source]
        error: TargetError,
        /// The configuration file.
        config: PathBuf,
    },
    /// No connection.
    #[error(transparent)]
    Connect(Box<ConnectError>),
    /// A connection, but no answer.
    #[error(transparent)]
    Call(Box<CallError>),
    /// A gateway holds the state directory, so its files are not to be touched.
    #[error("{message}")]
    Occupied {
        /// Which one, and why nothing is done.
        message: String,
        /// What can be done.
        hint: String,
    },
    /// The work on the files failed.
    #[error("{message}")]
    Files {
        /// Why, with its causes.
        message: String,
        /// What can be done.
        hint: String,
    },
    /// The gateway did not start.
    #[error("{message}")]
    Gateway {
        /// Why, with its causes.
        message: String,
        /// What can be done.
        hint: String,
    },
    /// Nobody reads our output, or it cannot be written.
    #[error("cannot write the output")]
    Output(#[from] io::Error),
}

impl From<GatewayError> for CliError {
    fn from(error: GatewayError) -> Self {
        Self::Gateway { message: format!("Gateway failed to start: {}", chain(&error)), hint: error.hint() }
    }
}
