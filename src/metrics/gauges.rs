//! What is read from the hub when somebody asks, instead of being counted at every event.

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};

use crate::events::Hub;

#[derive(Debug)]
pub(super) struct HubGauges(pub(super) Hub);

impl Collector for HubGauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let waiting = self.0.waiting();
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        for (name, help, value) in [
            ("openclaw_outbound_queue_events", "Events that wait for their sessions", number(waiting.events)),
            ("openclaw_outbound_queue_bytes", "Bytes of the events that wait", number(waiting.bytes)),
        ] {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        let lost = ConstCounter::new(waiting.lost);
        lost.encode(encoder.encode_descriptor(
            "openclaw_events_lost",
            "Events that did not fit a session's queue",
            None,
            lost.metric_type(),
        )?)
    }
}
