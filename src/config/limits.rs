//! Limits that an operator may have to move.

use std::{num::NonZeroU64, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::defaults;

/// Limits that an operator may have to move. Keys below `gateway.limits`; every other limit is fixed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-file" = "gateway.json"))]
pub struct Limits {
    /// From accept to an accepted `connect`, in milliseconds. Unset: the protocol's own 15000.
    pub handshake_timeout_ms: Option<NonZeroU64>,
    /// Time that open sessions get to finish after SIGTERM, in seconds. Keep it below what the supervisor grants:
    /// `stop_grace_period` of compose, `terminationGracePeriodSeconds` of a pod, 10 for a plain `docker stop`.
    pub drain_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { handshake_timeout_ms: None, drain_seconds: defaults::DRAIN_SECONDS }
    }
}

impl Limits {
    /// From accept to an accepted `connect`.
    pub fn handshake_timeout(&self) -> Duration {
        self.handshake_timeout_ms.map_or(defaults::HANDSHAKE_TIMEOUT, |limit| Duration::from_millis(limit.get()))
    }

    /// Time that open sessions get to finish.
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }
}
