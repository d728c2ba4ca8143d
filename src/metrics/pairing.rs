//! Counts what pairing tells the sessions.

use super::Metrics;
use crate::{
    events::{Event, Invalidate},
    pairing::PairingEvents,
    protocol::EventName,
};

/// Hands on what pairing tells, and counts it.
#[derive(Debug)]
pub struct CountedEvents<E> {
    inner: E,
    metrics: Metrics,
}

impl<E> CountedEvents<E> {
    /// Counts what goes to `inner`.
    pub fn new(inner: E, metrics: Metrics) -> Self {
        Self { inner, metrics }
    }
}

impl<E: PairingEvents> PairingEvents for CountedEvents<E> {
    fn publish(&self, event: Event) {
        match event.name {
            EventName::DevicePairRequested => self.metrics.pairing_request("requested"),
            EventName::DevicePairResolved => {
                let approved = event.payload.as_str().contains("\"decision\":\"approved\"");
                self.metrics.pairing_request(if approved { "approved" } else { "rejected" });
            }
            _ => {}
        }
        self.inner.publish(event);
    }

    fn invalidate(&self, invalidate: Invalidate) {
        self.inner.invalidate(invalidate);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::events::Hub;

    #[test]
    fn requests_and_decisions_are_counted() {
        let metrics = Metrics::new(Hub::default());
        let events = CountedEvents::new(Hub::default(), metrics.clone());
        events.publish(Event::new(EventName::DevicePairRequested, &json!({})));
        events.publish(Event::new(EventName::DevicePairResolved, &json!({"decision": "approved"})));
        events.publish(Event::new(EventName::DevicePairResolved, &json!({"decision": "rejected"})));
        events.publish(Event::new(EventName::Tick, &json!({})));
        let text = metrics.text();
        for outcome in ["requested", "approved", "rejected"] {
            let line = format!("openclaw_pairing_decisions_total{{outcome=\"{outcome}\"}} 1");
            assert!(text.contains(&line), "{line} is missing in\n{text}");
        }
    }
}
