//! A request that waits for an operator.

use serde::{Deserialize, Serialize};

use super::{Unknown, scopes_of};
use crate::{
    defaults::PAIRING_REQUEST_TTL,
    protocol::{PendingRequest, Role, Scopes},
};

/// A request that waits for an operator, in the shape of `pending.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// The request as it is on the wire.
    #[serde(flatten)]
    pub request: PendingRequest,
    /// When the device last repeated it, in milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refreshed_at_ms: Option<i64>,
    /// What else the file says.
    #[serde(flatten)]
    pub unknown: Unknown,
}

impl Pending {
    /// Every role asked for. A request that names none is an operator's.
    pub fn roles(&self) -> Vec<Role> {
        match (&self.request.roles, self.request.role) {
            (Some(roles), _) if !roles.is_empty() => roles.clone(),
            (_, role) => vec![role.unwrap_or_default()],
        }
    }

    /// The scopes asked for, of every role.
    pub fn scopes(&self) -> Scopes {
        self.request.scopes.clone().unwrap_or_default()
    }

    /// The scopes asked for in `role`.
    pub fn scopes_of(&self, role: Role) -> Scopes {
        scopes_of(role, &self.scopes())
    }

    /// When it was made or last repeated, in milliseconds since the Unix epoch.
    pub fn refreshed_at_ms(&self) -> i64 {
        self.refreshed_at_ms.unwrap_or(self.request.ts)
    }

    /// Whether it is forgotten at `now_ms`, when its device last repeated it at `refreshed_at_ms`. A time in the future is
    /// a clock that was set back, and no reason to forget.
    pub fn is_expired(refreshed_at_ms: i64, now_ms: i64) -> bool {
        u128::from(now_ms.saturating_sub(refreshed_at_ms).max(0).unsigned_abs()) >= PAIRING_REQUEST_TTL.as_millis()
    }
}
