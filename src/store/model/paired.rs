//! A device that was approved.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Pending, TokenRecord, Unknown};
use crate::{
    device::{DeviceId, DeviceKey},
    protocol::{ApprovedVia, PairedDevice, Role, Scopes, TokenSummary},
};

/// A device that was approved, in the shape of `paired.json`, but without any token.
///
/// What other programs may have written more freely than we do (a mode, a way of approval) is kept as text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Paired {
    /// Names the device.
    pub device_id: String,
    /// The device's key, unpadded base64url.
    pub public_key: String,
    /// What the device calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What an operator calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator_label: Option<String>,
    /// The operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// The kind of machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_family: Option<String>,
    /// The program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// How it uses the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_mode: Option<String>,
    /// The page's origin, for browsers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser_origin: Option<String>,
    /// The role approved last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Every role approved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    /// The permissions approved, of every role, in the order of approval.
    #[serde(default)]
    pub scopes: Scopes,
    /// Where it asked from; absent for local clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_ip: Option<String>,
    /// Its tokens by role.
    #[serde(default)]
    pub tokens: BTreeMap<Role, TokenRecord>,
    /// When it was first approved, in milliseconds since the Unix epoch.
    #[serde(default)]
    pub created_at_ms: i64,
    /// When it was last approved, in milliseconds since the Unix epoch.
    #[serde(default)]
    pub approved_at_ms: i64,
    /// How it was last approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_via: Option<String>,
    /// When it was last seen, in milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_at_ms: Option<i64>,
    /// What it did then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_reason: Option<String>,
    /// What else the file says.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Those of `scopes` that belong to `role`: their names begin with it. Others are never granted, since one list holds the
/// scopes of every role and a node could otherwise collect what an operator gets.
pub fn scopes_of(role: Role, scopes: &Scopes) -> Scopes {
    let belongs = |name: &str| name.strip_prefix(role.as_str()).is_some_and(|rest| rest.starts_with('.'));
    scopes.iter().filter(|scope| belongs(scope.as_str())).cloned().collect()
}

impl Paired {
    /// Whether this is the device's key, in whichever form it was written.
    pub fn has_key(&self, key: &DeviceKey) -> bool {
        self.public_key.parse() == Ok(*key)
    }

    /// Every role approved. Old records name a single one.
    pub fn roles(&self) -> Vec<Role> {
        if self.roles.is_empty() { self.role.into_iter().collect() } else { self.roles.clone() }
    }

    /// Whether the device may come in `role`: it was approved, and its token was not revoked since.
    pub fn has_role(&self, role: Role) -> bool {
        self.roles().contains(&role) && !self.tokens.get(&role).is_some_and(TokenRecord::is_revoked)
    }

    /// What was approved for `role`.
    pub fn approved(&self, role: Role) -> Scopes {
        scopes_of(role, &self.scopes)
    }

    /// What the token of `role` permits: what is written with it, as far as it is approved.
    pub fn permitted_by_token(&self, role: Role) -> Scopes {
        let approved = self.approved(role);
        let of_token = self.tokens.get(&role).map(|token| token.scopes.clone()).unwrap_or_default();
        of_token.iter().filter(|scope| approved.cover(scope)).cloned().collect()
    }

    /// Whether a token of any role was revoked and not replaced since.
    pub fn has_revocation(&self) -> bool {
        self.tokens.values().any(TokenRecord::is_revoked)
    }

    /// Whether approving `pending` would add nothing.
    pub fn covers(&self, pending: &Pending) -> bool {
        self.public_key == pending.request.public_key
            && pending.roles().into_iter().all(|role| {
                let wanted = pending.scopes_of(role);
                self.has_role(role)
                    && self.approved(role).cover_all(&wanted)
                    && self.permitted_by_token(role).cover_all(&wanted)
            })
    }

    /// As it is on the wire: nothing of a token but that it exists.
    pub fn to_wire(&self) -> PairedDevice {
        PairedDevice {
            device_id: self.device_id.clone(),
            public_key: self.public_key.clone(),
            display_name: self.display_name.clone(),
            operator_label: self.operator_label.clone(),
            platform: self.platform.clone(),
            device_family: self.device_family.clone(),
            client_id: self.client_id.clone(),
            client_mode: self.client_mode.as_ref().and_then(|mode| serde_json::from_value(mode.as_str().into()).ok()),
            role: self.role,
            roles: self.roles(),
            scopes: self.scopes.clone(),
            remote_ip: self.remote_ip.clone(),
            tokens: self.tokens.values().map(summary).collect(),
            created_at_ms: self.created_at_ms,
            approved_at_ms: self.approved_at_ms,
            approved_via: self.approved_via.as_deref().map(|via| match via {
                "owner" => ApprovedVia::Owner,
                "silent" => ApprovedVia::Silent,
                _ => ApprovedVia::Other,
            }),
            last_seen_at_ms: self.last_seen_at_ms,
            last_seen_reason: self.last_seen_reason.clone(),
            connected: None,
        }
    }

    /// Whether this is a record of `device` and not one that somebody put under another name.
    pub(crate) fn is_of(&self, device: &DeviceId) -> bool {
        self.device_id == device.to_string() && self.tokens.iter().all(|(role, token)| *role == token.role)
    }
}

fn summary(token: &TokenRecord) -> TokenSummary {
    TokenSummary {
        role: token.role,
        scopes: token.scopes.clone(),
        created_at_ms: token.created_at_ms,
        rotated_at_ms: token.rotated_at_ms,
        revoked_at_ms: token.revoked_at_ms,
        last_used_at_ms: token.last_used_at_ms,
    }
}
