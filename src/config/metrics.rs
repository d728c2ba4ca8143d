//! The port that Prometheus reads.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::defaults;

/// The port that Prometheus reads. Keys below `gateway.metrics`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-file" = "gateway.json"))]
pub struct Metrics {
    /// Whether `GET /metrics` is answered. It names no device, no address and no user, and asks for no secret.
    pub enabled: bool,
    /// TCP port; 0 lets the system choose one.
    pub port: u16,
    /// The address to listen on. Unset: every interface inside a container that has a network of its own, loopback elsewhere.
    pub host: Option<IpAddr>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { enabled: false, port: defaults::METRICS_PORT, host: None }
    }
}
