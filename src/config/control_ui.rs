//! The browser's user interface.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The browser's user interface. Keys below `gateway.controlUi`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ControlUi {
    /// Whether the gateway serves it.
    pub enabled: bool,
    /// Path that it is served under, for example `/openclaw`; empty for the root.
    pub base_path: String,
    /// Directory with the interface's files; unset for those that the binary carries.
    pub root: Option<PathBuf>,
    /// Origins that browsers may connect from beside the gateway's own and loopback, for example `https://ui.example`.
    pub allowed_origins: Vec<String>,
}

impl Default for ControlUi {
    fn default() -> Self {
        Self { enabled: true, base_path: String::new(), root: None, allowed_origins: Vec::new() }
    }
}
