//! The hub: events from services to sessions.
//!
//! A frame is encoded once and shared; each session adds only its own number. Queues are bounded, and publishing
//! never waits: a session that cannot keep up loses what can be lost, and else its connection. Revocation is an event too,
//! so nobody keeps a list of sessions to close: each session reads what concerns it and closes itself.

mod hub;
mod queue;
mod versions;

pub use hub::{Hub, QueuesDepth, Signals, Subscriber, Summons};
pub use queue::{Delivery, SignalsLost};
pub use versions::Versions;

use crate::{
    device::DeviceId,
    protocol::{EventFrame, EventName, Json, Role, StateVersion},
};

/// Something that sessions are told.
#[derive(Debug, Clone)]
pub struct Event {
    /// Which event; also decides who may see it.
    pub name: EventName,
    /// Its payload, encoded.
    pub payload: Json,
    /// The versions that `presence` and `health` carry.
    pub state_version: Option<StateVersion>,
}

impl Event {
    /// An event without state versions.
    pub fn new(name: EventName, payload: &impl serde::Serialize) -> Self {
        Self { name, payload: Json::of(payload), state_version: None }
    }

    /// The frame that all sessions share.
    fn into_frame(self) -> EventFrame {
        EventFrame::new(self.name.as_str(), &self.payload, self.state_version)
    }
}

/// Why sessions of a device end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidateReason {
    /// The device was removed.
    Removed,
    /// Its token was replaced.
    Rotated,
    /// Its token was revoked.
    Revoked,
}

/// The sessions of `device`, in `role` or in every role, no longer count.
#[derive(Debug, Clone)]
pub struct Invalidate {
    /// The device.
    pub device: DeviceId,
    /// The role whose sessions end; every role when `None`.
    pub role: Option<Role>,
    /// Why.
    pub why: InvalidateReason,
}

/// What ends sessions. Each session reads it and decides whether it is meant.
#[derive(Debug, Clone)]
pub enum Signal {
    /// The sessions of a device no longer count.
    Invalidate(Invalidate),
    /// The shared secret changed: sessions that were let in by an earlier one end.
    SecretRotated {
        /// The policy epoch from which the new secret counts.
        epoch: u64,
    },
}
