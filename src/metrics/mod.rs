//! What the gateway counts, as Prometheus reads it.
//!
//! | metric | labels | what |
//! | --- | --- | --- |
//! | `openclaw_sessions` | `class`, `role` | sessions that are open |
//! | `openclaw_handshakes_total` | `result` | handshakes that ended: `admitted`, `refused`, `left` |
//! | `openclaw_handshake_seconds` | | from the HTTP upgrade to an admitted session |
//! | `openclaw_refusals_total` | `reason` | refusals by the cause that the log names |
//! | `openclaw_pairing_requests` | | requests that wait for an operator |
//! | `openclaw_pairing_decisions_total` | `outcome` | `requested`, `approved`, `rejected` |
//! | `openclaw_outbound_queue_events`, `…_bytes` | | events that wait for slow readers, all sessions together |
//! | `openclaw_events_lost_total` | | events that did not fit a session's queue |
//! | `openclaw_slow_consumers_total` | | sessions that were closed because they did not read |
//! | `openclaw_store_seconds` | `operation` | how long the store of devices took: `read`, `list`, `write` |
//! | `openclaw_store_errors_total` | `operation` | what it could not do |
//! | `openclaw_build_info` | `version` | always 1 |
//! | `process_resident_memory_bytes`, `process_open_fds`, `process_start_time_seconds` | | the process |
//!
//! Labels take values from closed lists of our own only, so that no peer can make series. Nothing here names a device, an
//! address or a user.

mod gauges;
mod labels;
mod pairing;
mod process;
mod serve;
mod store;

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

use crate::{events::Hub, protocol::Role, source::SourceClass};
use gauges::HubGauges;
pub use labels::{HandshakeResult, Operation};
use labels::{OperationLabel, OutcomeLabel, ReasonLabel, ResultLabel, SessionLabels};
pub use pairing::CountedEvents;
use process::ProcessGauges;
pub use serve::MetricsServer;
pub use store::MeasuredStore;

/// Upper bounds in seconds: a handshake or a durable write takes from tens of microseconds to a few seconds.
const SECONDS: [f64; 11] = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0];

/// Everything that is counted. Clones count together.
#[derive(Clone)]
pub struct Metrics {
    counted: Arc<Counted>,
    registry: Arc<Mutex<Registry>>,
}

struct Counted {
    sessions: Family<SessionLabels, Gauge>,
    handshakes: Family<ResultLabel, Counter>,
    handshake_seconds: Histogram,
    refusals: Family<ReasonLabel, Counter>,
    requests: Family<OutcomeLabel, Counter>,
    waiting: Gauge,
    slow_consumers: Counter,
    store_seconds: Family<OperationLabel, Histogram, fn() -> Histogram>,
    store_errors: Family<OperationLabel, Counter>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// An open session. Dropping it takes it off the count.
#[derive(Debug)]
pub struct CountedSession(Gauge);

impl Drop for CountedSession {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

impl Metrics {
    /// Counts from zero; what waits in the queues of `hub` is read when somebody asks.
    pub fn new(hub: Hub) -> Self {
        let counted = Arc::new(Counted {
            sessions: Family::default(),
            handshakes: Family::default(),
            handshake_seconds: seconds(),
            refusals: Family::default(),
            requests: Family::default(),
            waiting: Gauge::default(),
            slow_consumers: Counter::default(),
            store_seconds: Family::new_with_constructor(seconds),
            store_errors: Family::default(),
        });
        let mut registry = Registry::default();
        counted.register(registry.sub_registry_with_prefix("openclaw"));
        registry.register_collector(Box::new(HubGauges(hub)));
        registry.register_collector(Box::new(ProcessGauges));
        Self { counted, registry: Arc::new(Mutex::new(registry)) }
    }

    /// A session was admitted.
    pub fn session(&self, class: SourceClass, role: Role) -> CountedSession {
        let labels = SessionLabels { class: class.as_str(), role: role.as_str() };
        let gauge = self.counted.sessions.get_or_create_owned(&labels);
        gauge.inc();
        CountedSession(gauge)
    }

    /// A handshake ended well after `took`.
    pub fn admitted(&self, took: Duration) {
        self.handshake(HandshakeResult::Admitted);
        self.counted.handshake_seconds.observe(took.as_secs_f64());
    }

    /// A handshake ended without a session: for the reason that the refusal names, or because the peer left.
    pub fn turned_away(&self, reason: Option<&'static str>) {
        let Some(reason) = reason else { return self.handshake(HandshakeResult::Left) };
        self.handshake(HandshakeResult::Refused);
        self.counted.refusals.get_or_create(&ReasonLabel { reason }).inc();
    }

    /// A session was closed because its peer did not read.
    pub fn slow_consumer(&self) {
        self.counted.slow_consumers.inc();
    }

    /// So many requests wait for an operator.
    pub fn waiting(&self, requests: usize) {
        self.counted.waiting.set(i64::try_from(requests).unwrap_or(i64::MAX));
    }

    /// The text that Prometheus reads (`OpenMetrics` 1.0).
    pub fn text(&self) -> String {
        let mut text = String::new();
        // The registry only changes when it is made, so a panic elsewhere leaves it whole. Writing to a string cannot fail.
        let registry = self.registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = encode(&mut text, &registry);
        text
    }

    fn handshake(&self, result: HandshakeResult) {
        self.counted.handshakes.get_or_create(&ResultLabel { result: result.as_str() }).inc();
    }

    fn pairing_request(&self, outcome: &'static str) {
        self.counted.requests.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    fn store(&self, operation: Operation, took: Duration, failed: bool) {
        let label = OperationLabel { operation: operation.as_str() };
        self.counted.store_seconds.get_or_create(&label).observe(took.as_secs_f64());
        if failed {
            self.counted.store_errors.get_or_create(&label).inc();
        }
    }
}

impl Counted {
    fn register(&self, registry: &mut Registry) {
        registry.register("sessions", "Sessions that are open", self.sessions.clone());
        registry.register("handshakes", "Handshakes that ended, by result", self.handshakes.clone());
        registry.register_with_unit(
            "handshake",
            "From the HTTP upgrade to an admitted session",
            Unit::Seconds,
            self.handshake_seconds.clone(),
        );
        registry.register("refusals", "Refusals by cause", self.refusals.clone());
        registry.register("pairing_requests", "Pairing requests that wait for an operator", self.waiting.clone());
        registry.register("pairing_decisions", "Pairing requests by what became of them", self.requests.clone());
        registry.register(
            "slow_consumers",
            "Sessions closed because their peer did not read",
            self.slow_consumers.clone(),
        );
        registry.register_with_unit(
            "store",
            "How long the store of devices took",
            Unit::Seconds,
            self.store_seconds.clone(),
        );
        registry.register("store_errors", "What the store of devices could not do", self.store_errors.clone());
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The build that runs", version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each, so that every family has a member.
    fn everything_once() -> (Metrics, CountedSession) {
        let metrics = Metrics::new(Hub::default());
        let open = metrics.session(SourceClass::Bridge, Role::Operator);
        drop(metrics.session(SourceClass::Bridge, Role::Operator));
        metrics.admitted(Duration::from_millis(3));
        metrics.turned_away(Some("unauthorized"));
        metrics.turned_away(None);
        metrics.waiting(2);
        metrics.pairing_request("approved");
        metrics.slow_consumer();
        metrics.store(Operation::Write, Duration::from_millis(3), true);
        (metrics, open)
    }

    #[test]
    fn what_was_counted_is_told() {
        let (metrics, open) = everything_once();
        let text = metrics.text();
        for line in [
            "openclaw_sessions{class=\"bridge\",role=\"operator\"} 1",
            "openclaw_handshakes_total{result=\"admitted\"} 1",
            "openclaw_handshakes_total{result=\"refused\"} 1",
            "openclaw_handshakes_total{result=\"left\"} 1",
            "openclaw_handshake_seconds_bucket{le=\"0.005\"} 1",
            "openclaw_refusals_total{reason=\"unauthorized\"} 1",
            "openclaw_pairing_requests 2",
            "openclaw_pairing_decisions_total{outcome=\"approved\"} 1",
            "openclaw_slow_consumers_total 1",
            "openclaw_store_seconds_count{operation=\"write\"} 1",
            "openclaw_store_errors_total{operation=\"write\"} 1",
            "openclaw_outbound_queue_events 0",
            "openclaw_events_lost_total 0",
            "# EOF",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} is missing in\n{text}");
        }
        assert!(text.contains("openclaw_build_info{version="), "{text}");
        assert!(text.contains("process_resident_memory_bytes "), "{text}");
        drop(open);
        assert!(metrics.text().contains("openclaw_sessions{class=\"bridge\",role=\"operator\"} 0"));
    }

    /// The dashboard of the chart asks for nothing that is not counted.
    #[test]
    fn the_dashboard_shows_what_is_counted() {
        let dashboard = include_str!("../../helm/openclaw/dashboards/openclaw.json");
        let text = everything_once().0.text();
        let known: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        let mut asked = 0;
        for (at, _) in dashboard.match_indices("openclaw_").chain(dashboard.match_indices("process_")) {
            let rest = &dashboard[at..];
            let name = &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len())];
            let family =
                ["_total", "_bucket", "_info"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
            assert!(known.contains(&family), "{name} is none of {known:?}");
            asked += 1;
        }
        assert!(asked > 15, "{asked}");
    }
}
