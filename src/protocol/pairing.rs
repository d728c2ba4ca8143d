//! Device records as they are on the wire, for events and the `device.*` methods.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{ClientMode, Role, Scopes};

/// Names a pairing request. Ours are UUIDs; others' match `[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(String);

impl RequestId {
    /// A fresh random id.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string())
    }

    /// The text on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that cannot name a pairing request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a request id is 1 to 128 letters, digits, dots, colons, hyphens and underscores, and begins with a letter or digit"
)]
pub struct InvalidRequestId;

impl FromStr for RequestId {
    type Err = InvalidRequestId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest_fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-');
        let fits =
            text.len() <= 128 && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(rest_fits);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidRequestId) }
    }
}

/// A device that asks to be approved: in `device.pair.list`, as payload of `device.pair.requested`, and in `pending.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingRequest {
    /// Names the request.
    pub request_id: RequestId,
    /// Names the device.
    pub device_id: String,
    /// The device's key, unpadded base64url.
    pub public_key: String,
    /// What the device calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
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
    pub client_mode: Option<ClientMode>,
    /// The page's origin, for browsers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser_origin: Option<String>,
    /// The role asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Every role asked for while the request waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<Role>>,
    /// The permissions asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Scopes>,
    /// Where it asked from; absent for local clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_ip: Option<String>,
    /// Whether it was approved at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent: Option<bool>,
    /// Whether the device was known already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_repair: Option<bool>,
    /// When it was made, in milliseconds since the Unix epoch.
    pub ts: i64,
}

/// How a device came to be approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovedVia {
    /// By an operator.
    Owner,
    /// At once, for where it came from and the secret it brought.
    Silent,
    /// By a way that this gateway does not have.
    #[serde(other)]
    Other,
}

/// A paired device, in `device.pair.list` and in the answer to an approval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairedDevice {
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
    pub client_mode: Option<ClientMode>,
    /// The role approved last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Every role approved.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// The permissions approved.
    #[serde(default)]
    pub scopes: Scopes,
    /// Where it asked from; absent for local clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_ip: Option<String>,
    /// Its tokens, sorted by role; never the secret.
    #[serde(default)]
    pub tokens: Vec<TokenSummary>,
    /// When the record was made, in milliseconds since the Unix epoch.
    #[serde(default)]
    pub created_at_ms: i64,
    /// When it was last approved, in milliseconds since the Unix epoch.
    #[serde(default)]
    pub approved_at_ms: i64,
    /// How it was approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_via: Option<ApprovedVia>,
    /// When it was last seen, in milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_at_ms: Option<i64>,
    /// What it did then: `connect`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_reason: Option<String>,
    /// Whether it has a session now; absent where nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected: Option<bool>,
}

/// A device token without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenSummary {
    /// The role that it serves.
    pub role: Role,
    /// What it permits.
    pub scopes: Scopes,
    /// When it was first made, in milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// When it was last replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_at_ms: Option<i64>,
    /// When it stopped counting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at_ms: Option<i64>,
    /// When it was last presented.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at_ms: Option<i64>,
}

/// The answer of `device.pair.list`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PairingList {
    /// Waiting requests, newest first.
    pub pending: Vec<PendingRequest>,
    /// Paired devices, last approved first.
    pub paired: Vec<PairedDevice>,
}

/// The answer of `device.pair.approve`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApproveResult {
    /// The request.
    pub request_id: RequestId,
    /// The device as it is now; without `connected`.
    pub device: PairedDevice,
}

/// The answer of `device.pair.reject`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RejectResult {
    /// The request.
    pub request_id: RequestId,
    /// The device.
    pub device_id: String,
}

/// The answer of `device.pair.remove`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveResult {
    /// The device.
    pub device_id: String,
}

/// The answer of `device.pair.rename`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RenameResult {
    /// The device.
    pub device_id: String,
    /// Its new label.
    pub label: String,
}

/// How a rotated token reaches its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenDelivery {
    /// In this answer, to the device itself.
    InBand,
    /// Not to another device: it gets the token at its next connect.
    WithheldCrossDevice,
}

/// The answer of `device.token.rotate`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RotateResult {
    /// The device.
    pub device_id: String,
    /// The role whose token was replaced.
    pub role: Role,
    /// What the new token permits.
    pub scopes: Scopes,
    /// When, in milliseconds since the Unix epoch.
    pub rotated_at_ms: i64,
    /// How the new token reaches its device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_delivery: Option<TokenDelivery>,
    /// The token, for the device itself only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl fmt::Debug for RotateResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RotateResult")
            .field("device_id", &self.device_id)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// The answer of `device.token.revoke`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RevokeResult {
    /// The device.
    pub device_id: String,
    /// The role whose token no longer counts.
    pub role: Role,
    /// Since when, in milliseconds since the Unix epoch.
    pub revoked_at_ms: i64,
}
