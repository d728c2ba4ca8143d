//! Health probes: without authentication, and without information for strangers.

use hyper::{Response, StatusCode};
use serde_json::json;

use super::respond::{self, Body};
use crate::readiness::Readiness;

/// A probe's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    /// The process serves at all.
    Live,
    /// Requests can be served.
    Ready,
    /// The start is over.
    Started,
}

impl Probe {
    /// The probe at `path`.
    pub(super) fn at(path: &str) -> Option<Self> {
        match path {
            "/healthz" | "/health" | "/livez" => Some(Self::Live),
            "/readyz" | "/ready" => Some(Self::Ready),
            "/startupz" => Some(Self::Started),
            _ => None,
        }
    }

    /// The answer. Liveness touches nothing but this function; a restart would mend nothing that readiness reports.
    pub(super) async fn answer(self, readiness: &Readiness) -> Response<Body> {
        match self {
            Self::Live => respond::json(StatusCode::OK, &json!({ "ok": true, "status": "live" })),
            Self::Started if readiness.is_listening() => {
                respond::json(StatusCode::OK, &json!({ "ok": true, "status": "started" }))
            }
            Self::Started => {
                respond::json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "ok": false, "status": "starting" }))
            }
            Self::Ready => {
                let failing = readiness.check().await;
                let status = if failing.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
                respond::json(status, &json!({ "ready": failing.is_empty(), "failing": failing }))
            }
        }
    }
}
