//! Stop, restart, reload: what an operator asks of the process itself.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::state::no_params;
use crate::{
    control::{Control, OrderError},
    protocol::{ErrorShape, Json, Request},
    session::{Caller, Reply},
    source::SourceClass,
};

/// Answers methods about the process.
#[derive(Debug, Clone)]
pub struct ControlMethods {
    /// Takes orders to the gateway.
    pub control: Control,
    /// Names this run of the gateway; whoever waits for a restart compares it.
    pub boot_id: String,
    /// The time that open sessions get to finish.
    pub grace: Duration,
}

impl ControlMethods {
    /// Over the Unix socket only: whoever stopped a gateway over the network could not start it again.
    pub(super) async fn stop(self, caller: Arc<Caller>, request: Request) -> Reply {
        no_params(&request.method, &request)?;
        if caller.source.class != SourceClass::UnixSocket {
            return Err(ErrorShape::invalid(
                "gateway.stop is taken over the local socket only: run `openclaw gateway stop` where the gateway runs, or \
                 `openclaw gateway restart`",
            ));
        }
        log(&caller, "stop");
        self.control.stop().await.map_err(|error| refused(&error))?;
        Ok(Json::of(&json!({ "ok": true, "stopping": true, "graceMs": self.grace_ms(), "bootId": self.boot_id })))
    }

    pub(super) async fn restart(self, caller: Arc<Caller>, request: Request) -> Reply {
        no_params(&request.method, &request)?;
        log(&caller, "restart");
        self.control.restart().await.map_err(|error| refused(&error))?;
        Ok(Json::of(&json!({ "ok": true, "restarting": true, "graceMs": self.grace_ms(), "bootId": self.boot_id })))
    }

    pub(super) async fn reload(self, caller: Arc<Caller>, request: Request) -> Reply {
        no_params(&request.method, &request)?;
        log(&caller, "reload");
        let reloaded = self.control.reload().await.map_err(|error| refused(&error))?;
        Ok(Json::of(&json!({
            "ok": true, "applied": reloaded.applied, "needsRestart": reloaded.needs_restart, "warnings": reloaded.warnings,
        })))
    }

    fn grace_ms(&self) -> u64 {
        u64::try_from(self.grace.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Who had it done is worth a line whatever came of it.
fn log(caller: &Caller, what: &str) {
    tracing::info!(
        target: "gateway", "{what} asked for over {} by {} conn={}",
        caller.source.class.as_str(), crate::logs::sanitize::field(caller.client.id.as_str()), caller.id,
    );
}

fn refused(error: &OrderError) -> ErrorShape {
    match error {
        OrderError::Configuration(_) => ErrorShape::invalid(error.to_string()),
        OrderError::Busy => ErrorShape::unavailable(error.to_string()),
    }
}
