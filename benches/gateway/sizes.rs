//! How much is measured.

use std::time::Duration;

/// The sizes of one run.
pub(crate) struct Sizes {
    /// Whether this only shows that every figure can be produced.
    pub(crate) smoke: bool,
    /// The whole run ends after this at the latest.
    pub(crate) longest_run: Duration,
    /// How often each server is driven, in turn with the other.
    pub(crate) rounds: usize,
    /// How long one round of a closed loop lasts.
    pub(crate) round: Duration,
    /// Handshakes under way at once.
    pub(crate) handshakes_at_once: usize,
    /// Connections that send requests.
    pub(crate) request_connections: usize,
    /// Sessions that hear a broadcast.
    pub(crate) listeners: usize,
    /// Events of one round of broadcasts.
    pub(crate) events: u64,
    /// Idle sessions whose memory is measured.
    pub(crate) idle_sessions: usize,
    /// Paired devices of the gateway that is compared with the bare server.
    pub(crate) devices: usize,
    /// Paired devices of the gateway that is compared with one that knows a single device.
    pub(crate) many_devices: usize,
    /// How often a process is started.
    pub(crate) starts: usize,
}

/// What `cargo bench` measures.
pub(crate) const FULL: Sizes = Sizes {
    smoke: false,
    longest_run: Duration::from_mins(5),
    rounds: 5,
    round: Duration::from_millis(1500),
    handshakes_at_once: 32,
    request_connections: 64,
    listeners: 200,
    events: 4000,
    idle_sessions: 5000,
    devices: 64,
    many_devices: 10_000,
    starts: 20,
};

/// What shows that it works.
pub(crate) const SMOKE: Sizes = Sizes {
    smoke: true,
    longest_run: Duration::from_mins(1),
    rounds: 1,
    round: Duration::from_millis(200),
    handshakes_at_once: 4,
    request_connections: 4,
    listeners: 8,
    events: 20,
    idle_sessions: 50,
    devices: 4,
    many_devices: 200,
    starts: 2,
};
