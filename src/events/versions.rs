//! The two counters that tell clients whether they have seen the newest state.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::protocol::StateVersion;

/// Counts changes of the presence list and health snapshots, each from 1.
#[derive(Debug)]
pub struct Versions {
    presence: AtomicU64,
    health: AtomicU64,
}

impl Default for Versions {
    fn default() -> Self {
        Self { presence: AtomicU64::new(1), health: AtomicU64::new(1) }
    }
}

impl Versions {
    /// Both counters as they are.
    pub fn now(&self) -> StateVersion {
        StateVersion { presence: self.presence.load(Ordering::Relaxed), health: self.health.load(Ordering::Relaxed) }
    }

    /// Counts a change of the presence list.
    pub fn presence_changed(&self) -> StateVersion {
        self.presence.fetch_add(1, Ordering::Relaxed);
        self.now()
    }

    /// Counts a health snapshot.
    pub fn health_taken(&self) -> StateVersion {
        self.health.fetch_add(1, Ordering::Relaxed);
        self.now()
    }
}
