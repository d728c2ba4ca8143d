//! What is logged where.

use std::num::NonZeroU64;

use crate::{
    config::{ConsoleStyle, LogLevel, Logging},
    defaults::MAX_LOG_FILE_BYTES,
    logs::{Location, Severity},
    state::StateDir,
};

/// How standard output looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Console {
    /// [`Human`](Self::Human) on a terminal, [`Json`](Self::Json) elsewhere.
    #[default]
    Auto,
    /// `<ISO time> [<subsystem>] <message>`, coloured on a terminal.
    Human,
    /// As [`Human`](Self::Human), never coloured.
    Plain,
    /// One JSON object a line.
    Json,
    /// Nothing.
    Off,
}

/// What is logged where.
#[derive(Debug, Clone)]
pub struct Options {
    /// How standard output looks.
    pub console: Console,
    /// The least severity on standard output; `None` for silence.
    pub console_level: Option<Severity>,
    /// The least severity in the file; `None` for silence.
    pub level: Option<Severity>,
    /// The log file; `None` for none.
    pub file: Option<Location>,
    /// Size at which the file is set aside, in bytes.
    pub max_file_bytes: NonZeroU64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            console: Console::Auto,
            console_level: Some(Severity::Info),
            level: Some(Severity::Info),
            file: None,
            max_file_bytes: MAX_LOG_FILE_BYTES,
        }
    }
}

impl Options {
    /// What the configuration's `logging` asks for, with the file in `state` unless it names one.
    pub fn configured(logging: &Logging, state: &StateDir) -> Self {
        Self {
            console: match logging.console_style {
                None => Console::Auto,
                Some(ConsoleStyle::Pretty) => Console::Human,
                Some(ConsoleStyle::Compact) => Console::Plain,
                Some(ConsoleStyle::Json) => Console::Json,
            },
            console_level: severity(logging.console_level()),
            level: severity(logging.level),
            file: Some(Location::new(logging.file.clone(), state)),
            max_file_bytes: logging.max_file_bytes,
        }
    }
}

/// The least severity that a configured level lets pass; `None` when nothing passes.
pub fn severity(level: LogLevel) -> Option<Severity> {
    match level {
        LogLevel::Silent => None,
        LogLevel::Fatal => Some(Severity::Fatal),
        LogLevel::Error => Some(Severity::Error),
        LogLevel::Warn => Some(Severity::Warn),
        LogLevel::Info => Some(Severity::Info),
        LogLevel::Debug => Some(Severity::Debug),
        LogLevel::Trace => Some(Severity::Trace),
    }
}
