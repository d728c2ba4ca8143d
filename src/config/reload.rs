//! How an edit to the files is taken up.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::words;
use crate::defaults;

/// How an edit to the files is taken up. Keys below `gateway.reload`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Reload {
    /// Whether edits are taken up while the gateway runs, and what happens to those that need a restart.
    pub mode: ReloadMode,
    /// How long the files must lie still before they are read again, in milliseconds.
    pub debounce_ms: u64,
}

impl Reload {
    /// How long the files must lie still before they are read again.
    pub fn debounce(&self) -> Duration {
        Duration::from_millis(self.debounce_ms)
    }
}

impl Default for Reload {
    fn default() -> Self {
        Self { mode: ReloadMode::Hybrid, debounce_ms: defaults::RELOAD_DEBOUNCE_MS }
    }
}

words! {
    /// How an edit is taken up.
    pub enum ReloadMode {
        /// At the next start.
        Off = "off",
        /// By a restart in place.
        Restart = "restart",
        /// While running; what needs a restart waits for one.
        Hot = "hot",
        /// While running where that is possible, by a restart in place otherwise.
        Hybrid = "hybrid",
    }
}
