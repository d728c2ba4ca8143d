//! A device that was turned down.

use serde::{Deserialize, Serialize};

use super::Unknown;

/// That an operator turned the device down: until it is approved, it is never approved silently.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// When, in milliseconds since the Unix epoch.
    pub refused_at_ms: i64,
    /// What else the file says.
    #[serde(flatten)]
    pub unknown: Unknown,
}

impl Refused {
    /// A mark made at `now_ms`.
    pub fn at(now_ms: i64) -> Self {
        Self { refused_at_ms: now_ms, unknown: Unknown::new() }
    }
}
