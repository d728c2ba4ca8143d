//! Where a value came from.

use std::{fmt, path::PathBuf};

/// Where a value came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    #[default]
    Default,
    /// The token that was generated because none was configured.
    Generated(PathBuf),
    /// `openclaw.json`.
    ConfigFile(PathBuf),
    /// `gateway.json`.
    OwnFile(PathBuf),
    /// An environment variable.
    Variable(&'static str),
    /// The file that an environment variable names.
    SecretFile {
        /// The variable.
        variable: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A command line flag.
    Flag(&'static str),
}

/// The kind of place that a value came from; a later one wins over an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Nobody said anything.
    Default,
    /// The token that was generated because none was configured.
    Generated,
    /// `openclaw.json`.
    ConfigFile,
    /// `gateway.json`.
    OwnFile,
    /// An environment variable.
    Variable,
    /// The file that an environment variable names.
    SecretFile,
    /// A command line flag.
    Flag,
}

impl Origin {
    /// The kind of place.
    pub fn layer(&self) -> Layer {
        match self {
            Self::Default => Layer::Default,
            Self::Generated(_) => Layer::Generated,
            Self::ConfigFile(_) => Layer::ConfigFile,
            Self::OwnFile(_) => Layer::OwnFile,
            Self::Variable(_) => Layer::Variable,
            Self::SecretFile { .. } => Layer::SecretFile,
            Self::Flag(_) => Layer::Flag,
        }
    }

    /// Whether it came from the process's environment, directly or through a file that a variable names.
    pub fn is_environment(&self) -> bool {
        matches!(self, Self::Variable(_) | Self::SecretFile { .. })
    }

    /// Whether it came from `openclaw.json` or `gateway.json`.
    pub fn is_file(&self) -> bool {
        matches!(self, Self::ConfigFile(_) | Self::OwnFile(_))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::Generated(path) | Self::ConfigFile(path) | Self::OwnFile(path) => path.display().fmt(formatter),
            Self::Variable(name) | Self::Flag(name) => formatter.write_str(name),
            Self::SecretFile { variable, path } => write!(formatter, "{variable} ({})", path.display()),
        }
    }
}
