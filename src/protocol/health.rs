//! The answer of `health`.
//!
//! Agents and channels live in another gateway, so their lists are empty here; real clients walk them, so they are there.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The gateway's health, in the shape that clients of both generations render.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthSnapshot {
    /// Whether the gateway serves.
    pub ok: bool,
    /// What keeps it from serving, in the words of `/readyz`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failing: Vec<String>,
    /// When the snapshot was taken, in milliseconds since the Unix epoch.
    pub ts: i64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Channels by id.
    pub channels: Map<String, Value>,
    /// Channel ids in display order.
    pub channel_order: Vec<String>,
    /// Channel names by id.
    pub channel_labels: Map<String, Value>,
    /// Seconds between two heartbeats of an agent; 0 while there are none.
    pub heartbeat_seconds: u64,
    /// The agent that is meant where none is named.
    pub default_agent_id: String,
    /// The agents.
    pub agents: Vec<AgentHealth>,
    /// The sessions of agents.
    pub sessions: SessionsSummary,
}

/// One agent within [`HealthSnapshot`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentHealth {
    /// Its id.
    pub agent_id: String,
    /// Whether it is meant where none is named.
    pub is_default: bool,
    /// Its heartbeat.
    pub heartbeat: Heartbeat,
    /// Its sessions.
    pub sessions: SessionsSummary,
}

/// An agent's heartbeat.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Heartbeat {
    /// Whether it beats.
    pub enabled: bool,
    /// How often, for people.
    pub every: String,
    /// How often, in milliseconds.
    pub every_ms: Option<u64>,
}

/// A summary of agent sessions.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SessionsSummary {
    /// Where they are kept; empty where there are none.
    pub path: String,
    /// How many there are.
    pub count: u64,
    /// The newest.
    pub recent: Vec<Value>,
}
