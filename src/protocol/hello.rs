//! The gateway's greeting: the challenge before `connect`, and `hello-ok` after it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{PresenceEntry, Role, Scopes, StateVersion};

/// The payload of `connect.challenge`, the first frame on every connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// What the device signs.
    pub nonce: String,
    /// The gateway's clock, in milliseconds since the Unix epoch; newer clients sign with it.
    pub ts: i64,
}

/// The payload of the response to an accepted `connect`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HelloOk {
    /// Always `hello-ok`.
    pub r#type: String,
    /// The generation spoken from here on.
    pub protocol: u32,
    /// Which gateway this is.
    pub server: HelloServer,
    /// What can be called and will be sent.
    #[serde(default)]
    pub features: Features,
    /// The state at this moment.
    #[serde(default)]
    pub snapshot: HelloSnapshot,
    /// As what the client is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<HelloAuth>,
    /// The limits of the connection.
    #[serde(default)]
    pub policy: HelloPolicy,
}

/// Which gateway this is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HelloServer {
    /// The gateway's version.
    pub version: String,
    /// The machine's name; protocol 3 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Names this connection in the gateway's log.
    pub conn_id: String,
    /// Names this run of the gateway; protocol 4 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
}

/// What can be called and will be sent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Features {
    /// The names of the methods.
    pub methods: Vec<String>,
    /// The names of the events.
    pub events: Vec<String>,
}

/// The state at the moment of the greeting.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HelloSnapshot {
    /// Who is connected; empty for clients that may not read.
    pub presence: Vec<PresenceEntry>,
    /// The last health snapshot, or an empty object.
    pub health: Value,
    /// Versions of the two above.
    pub state_version: Option<StateVersion>,
    /// How long the gateway has run, in milliseconds.
    pub uptime_ms: u64,
    /// The configuration file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_path: Option<String>,
    /// The state directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_dir: Option<String>,
    /// The authentication mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_mode: Option<String>,
    /// Where a chat would go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_defaults: Option<SessionDefaults>,
}

/// The names under which clients file a chat when none is chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionDefaults {
    /// The agent.
    pub default_agent_id: String,
    /// The agent's main session.
    pub main_key: String,
    /// Both together.
    pub main_session_key: String,
    /// Who shares a session.
    pub scope: String,
}

impl Default for SessionDefaults {
    fn default() -> Self {
        Self {
            default_agent_id: "main".into(),
            main_key: "main".into(),
            main_session_key: "agent:main:main".into(),
            scope: "per-sender".into(),
        }
    }
}

/// As what the client is connected.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HelloAuth {
    /// What proved it; protocol 4 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The role.
    pub role: Role,
    /// Protocol 3: the device token's scopes; protocol 4: the connection's.
    pub scopes: Scopes,
    /// The device token, to be kept and presented from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_token: Option<String>,
    /// When that token was made, in milliseconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_at_ms: Option<i64>,
}

impl std::fmt::Debug for HelloAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HelloAuth")
            .field("method", &self.method)
            .field("role", &self.role)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

/// The limits of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HelloPolicy {
    /// Largest frame that the gateway takes, in bytes.
    pub max_payload: usize,
    /// Most bytes that wait for a slow reader before it is closed.
    pub max_buffered_bytes: usize,
    /// Milliseconds between two ticks.
    pub tick_interval_ms: u64,
}

impl Default for HelloPolicy {
    fn default() -> Self {
        use crate::defaults::{MAX_FRAME_BYTES, MAX_OUTBOUND_BYTES, TICK_INTERVAL};
        Self {
            max_payload: MAX_FRAME_BYTES,
            max_buffered_bytes: MAX_OUTBOUND_BYTES,
            tick_interval_ms: u64::try_from(TICK_INTERVAL.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
