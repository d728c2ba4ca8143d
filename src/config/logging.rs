//! Logs.

use std::{num::NonZeroU64, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::words;
use crate::defaults;

/// Logs. Keys below `logging`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Logging {
    /// The log file. Unset: one a day in `logs/` of the state directory.
    pub file: Option<PathBuf>,
    /// The least severity that is written to the file.
    pub level: LogLevel,
    /// The least severity that is written to the console. Unset: as `level`.
    pub console_level: Option<LogLevel>,
    /// How the console's lines look. Unset: `pretty` on a terminal, `json` elsewhere.
    pub console_style: Option<ConsoleStyle>,
    /// Size at which the log file is set aside and a new one begun, in bytes.
    pub max_file_bytes: NonZeroU64,
}

impl Default for Logging {
    fn default() -> Self {
        Self {
            file: None,
            level: LogLevel::Info,
            console_level: None,
            console_style: None,
            max_file_bytes: defaults::MAX_LOG_FILE_BYTES,
        }
    }
}

impl Logging {
    /// The least severity that is written to the console.
    pub fn console_level(&self) -> LogLevel {
        self.console_level.unwrap_or(self.level)
    }
}

words! {
    /// The least severity that is written.
    pub enum LogLevel {
        /// Nothing at all.
        Silent = "silent",
        /// What ends the process.
        Fatal = "fatal",
        /// What wakes someone.
        Error = "error",
        /// What someone should look at.
        Warn = "warn",
        /// Steps of a life.
        Info = "info",
        /// Per call.
        Debug = "debug",
        /// Per frame.
        Trace = "trace",
    }
}

words! {
    /// How the console's lines look.
    pub enum ConsoleStyle {
        /// Coloured, for a person.
        Pretty = "pretty",
        /// Plain text, one line each.
        Compact = "compact",
        /// One JSON object a line.
        Json = "json",
    }
}
