//! What pairing tells the sessions.

use std::fmt;

use serde_json::json;

use crate::{
    device::DeviceId,
    events::{Event, Hub, Invalidate, InvalidateReason, Signal},
    protocol::{EventName, PendingRequest, RequestId, Role},
};

/// Whom pairing tells what happened.
pub trait PairingEvents: fmt::Debug + Send + Sync {
    /// Tells every session that may see it.
    fn publish(&self, event: Event);
    /// Ends sessions.
    fn invalidate(&self, invalidate: Invalidate);
}

impl PairingEvents for Hub {
    fn publish(&self, event: Event) {
        Self::publish(self, event);
    }

    fn invalidate(&self, invalidate: Invalidate) {
        self.signal(Signal::Invalidate(invalidate));
    }
}

/// Offline there is nobody to tell; a running gateway notices the change of the files and tells its sessions itself.
#[derive(Debug)]
pub(super) struct NoEvents;

impl PairingEvents for NoEvents {
    fn publish(&self, _: Event) {}
    fn invalidate(&self, _: Invalidate) {}
}

/// Something that happened to a device.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Occurrence {
    /// It asks to be approved.
    Requested(Box<PendingRequest>),
    /// Its request was decided.
    Resolved { request: RequestId, approved: bool },
    /// Something that operators see of it changed.
    Changed,
    /// Its sessions end, in one role or in all.
    Ended { role: Option<Role>, why: InvalidateReason },
}

impl Occurrence {
    /// Tells `events` that it happened to `device` at `now_ms`.
    pub(super) fn tell(self, events: &dyn PairingEvents, device: &DeviceId, now_ms: i64) {
        let event = match self {
            Self::Requested(request) => Event::new(EventName::DevicePairRequested, &*request),
            Self::Resolved { request, approved } => {
                let decision = if approved { "approved" } else { "rejected" };
                let payload = json!({"requestId": request, "deviceId": device, "decision": decision, "ts": now_ms});
                Event::new(EventName::DevicePairResolved, &payload)
            }
            Self::Changed => Event::new(EventName::DevicePairChanged, &json!({})),
            Self::Ended { role, why } => return events.invalidate(Invalidate { device: *device, role, why }),
        };
        events.publish(event);
    }
}
