//! The gateway's health snapshot: taken on a timer, encoded once, served to every caller.

use std::sync::{Arc, PoisonError, RwLock, atomic::AtomicBool, atomic::Ordering};

use crate::{
    clock::now_ms,
    events::{Event, Hub, Versions},
    protocol::{AgentHealth, EventName, HealthSnapshot, Heartbeat, Json, SessionsSummary},
};

/// The last health snapshot, and the switch for heartbeats.
#[derive(Debug, Clone)]
pub struct Health {
    encoded: Arc<RwLock<Json>>,
    /// Agents beat in another gateway; the switch is kept for whoever relays to one, and shown in `status`.
    heartbeats: Arc<AtomicBool>,
    versions: Arc<Versions>,
    hub: Hub,
}

impl Health {
    /// A first snapshot, taken now.
    pub fn new(versions: Arc<Versions>, hub: Hub) -> Self {
        let heartbeats = Arc::new(AtomicBool::new(true));
        let encoded = Arc::new(RwLock::new(Json::of(&snapshot())));
        Self { encoded, heartbeats, versions, hub }
    }

    /// The last snapshot, encoded.
    pub fn encoded(&self) -> Json {
        self.encoded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes a snapshot and tells every session.
    pub fn refresh(&self) -> Json {
        let payload = Json::of(&snapshot());
        *self.encoded.write().unwrap_or_else(PoisonError::into_inner) = payload.clone();
        let state_version = Some(self.versions.health_taken());
        self.hub.publish(Event { name: EventName::Health, payload: payload.clone(), state_version });
        payload
    }

    /// Whether heartbeats are switched on.
    pub fn heartbeats(&self) -> bool {
        self.heartbeats.load(Ordering::Relaxed)
    }

    /// Switches heartbeats on or off.
    pub fn set_heartbeats(&self, enabled: bool) {
        self.heartbeats.store(enabled, Ordering::Relaxed);
    }
}

/// Agents and channels are not served here, so what clients list is empty; the default agent's name is what their
/// headings show.
fn snapshot() -> HealthSnapshot {
    let agent = "main".to_owned();
    HealthSnapshot {
        ok: true,
        ts: now_ms(),
        duration_ms: 0,
        channels: serde_json::Map::new(),
        channel_order: Vec::new(),
        channel_labels: serde_json::Map::new(),
        heartbeat_seconds: 0,
        default_agent_id: agent.clone(),
        agents: vec![AgentHealth {
            agent_id: agent,
            is_default: true,
            heartbeat: Heartbeat { enabled: false, every: "disabled".into(), every_ms: None },
            sessions: SessionsSummary::default(),
        }],
        sessions: SessionsSummary::default(),
    }
}
