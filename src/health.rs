//! The gateway's health snapshot: taken on a timer, encoded once, served to every caller.

use std::sync::{
    Arc, PoisonError, RwLock, RwLockReadGuard,
    atomic::{AtomicBool, Ordering},
};

use crate::{
    clock::now_ms,
    events::{Event, Hub, Versions},
    protocol::{AgentHealth, EventName, HealthSnapshot, Heartbeat, Json, SessionsSummary},
    readiness::Readiness,
};

/// The last health snapshot, and the switch for heartbeats.
#[derive(Debug, Clone)]
pub struct Health {
    last: Arc<RwLock<Taken>>,
    /// Agents beat in another gateway; the switch is kept for whoever relays to one, and shown in `status`.
    heartbeats: Arc<AtomicBool>,
    versions: Arc<Versions>,
    hub: Hub,
    readiness: Readiness,
}

/// A snapshot.
#[derive(Debug)]
struct Taken {
    encoded: Json,
    failing: Vec<&'static str>,
}

impl Health {
    /// A first snapshot, of a gateway that has just written its state directory.
    pub fn new(versions: Arc<Versions>, hub: Hub, readiness: Readiness) -> Self {
        let heartbeats = Arc::new(AtomicBool::new(true));
        let last = Arc::new(RwLock::new(Taken::now(Vec::new())));
        Self { last, heartbeats, versions, hub, readiness }
    }

    /// The last snapshot, where it still holds and the state directory is not to be looked at again.
    pub fn fresh(&self) -> Option<Json> {
        let last = self.last();
        (!self.readiness.is_check_due() && self.readiness.failing() == last.failing).then(|| last.encoded.clone())
    }

    /// A snapshot after a look at the state directory: the last one, where that is as it was.
    pub async fn checked(&self) -> Json {
        if self.readiness.check().await == self.last().failing { self.encoded() } else { self.refresh() }
    }

    /// The last snapshot, encoded.
    pub fn encoded(&self) -> Json {
        self.last().encoded.clone()
    }

    /// Takes a snapshot and tells every session.
    pub fn refresh(&self) -> Json {
        let taken = Taken::now(self.readiness.failing());
        let payload = taken.encoded.clone();
        *self.last.write().unwrap_or_else(PoisonError::into_inner) = taken;
        let state_version = Some(self.versions.health_taken());
        self.hub.publish(Event { name: EventName::Health, payload: payload.clone(), state_version });
        payload
    }

    fn last(&self) -> RwLockReadGuard<'_, Taken> {
        self.last.read().unwrap_or_else(PoisonError::into_inner)
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

impl Taken {
    fn now(failing: Vec<&'static str>) -> Self {
        Self { encoded: Json::of(&snapshot(&failing)), failing }
    }
}

/// Agents and channels are not served here, so what clients list is empty; the default agent's name is what their
/// headings show.
fn snapshot(failing: &[&str]) -> HealthSnapshot {
    let agent = "main".to_owned();
    HealthSnapshot {
        ok: failing.is_empty(),
        failing: failing.iter().map(ToString::to_string).collect(),
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
