//! Health, status, presence: what the gateway says of itself.

use std::{path::Path, sync::Arc};

use futures_util::FutureExt as _;
use serde::Deserialize;
use serde_json::json;

use crate::{
    cgroup,
    clock::now_ms,
    device::Identity,
    health::Health,
    presence::Presence,
    protocol::{
        ErrorShape, Json, PresenceEntry, Request, Role, Scopes,
        schema::{self, EMPTY, IGNORED, Kind, Object, UNBOUNDED, optional, required},
    },
    session::{Answer, Caller, Reply},
    state::StateDir,
};

/// Answers methods about the gateway's own state.
#[derive(Debug, Clone)]
pub struct StateMethods {
    /// The health snapshot.
    pub health: Health,
    /// Who is connected.
    pub presence: Presence,
    /// Where the gateway's identity lies.
    pub state: StateDir,
}

const SYSTEM_EVENT: Object = Object {
    fields: &[
        required("text", Kind::Text(1, UNBOUNDED)),
        optional("deviceId", Kind::Text(1, UNBOUNDED)),
        optional("instanceId", Kind::Text(1, UNBOUNDED)),
        optional("host", Kind::Text(1, UNBOUNDED)),
        optional("ip", Kind::Text(1, UNBOUNDED)),
        optional("mode", Kind::Text(1, UNBOUNDED)),
        optional("version", Kind::Text(1, UNBOUNDED)),
        optional("platform", Kind::Text(1, UNBOUNDED)),
        optional("deviceFamily", Kind::Text(1, UNBOUNDED)),
        optional("modelIdentifier", Kind::Text(1, UNBOUNDED)),
        optional("lastInputSeconds", Kind::Integer(0, i64::MAX)),
        optional("reason", Kind::Text(1, UNBOUNDED)),
        optional("roles", Kind::Texts(1)),
        optional("scopes", Kind::Texts(1)),
        optional("tags", Kind::Texts(1)),
    ],
    closed: true,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SystemEvent {
    text: String,
    device_id: Option<String>,
    instance_id: Option<String>,
    host: Option<String>,
    ip: Option<String>,
    mode: Option<String>,
    version: Option<String>,
    platform: Option<String>,
    device_family: Option<String>,
    model_identifier: Option<String>,
    last_input_seconds: Option<u64>,
    reason: Option<String>,
    roles: Option<Vec<String>>,
    scopes: Option<Scopes>,
    tags: Option<Vec<String>>,
}

const SET_HEARTBEATS: Object = Object { fields: &[required("enabled", Kind::Flag)], closed: false };

#[derive(Deserialize)]
struct SetHeartbeats {
    enabled: bool,
}

#[derive(Default, Deserialize)]
struct HealthParams {
    #[serde(default)]
    probe: bool,
}

impl StateMethods {
    /// Answers at once from the last snapshot, unless the state directory is to be looked at again.
    pub(super) fn health(&self, _: &Arc<Caller>, request: &Request) -> Answer {
        // A table that ignores strange members refuses only what is no object.
        let params = request.params.is_given().then(|| schema::read("health", &request.params, &IGNORED)).transpose();
        let HealthParams { probe } = match params {
            Ok(params) => params.unwrap_or_default(),
            Err(error) => return Answer::Now(Err(error)),
        };
        if let Some(health) = self.health.fresh().filter(|_| !probe) {
            return Answer::Now(Ok(health));
        }
        let health = self.health.clone();
        let look = async move {
            let checked = health.checked().await;
            Ok(if probe { health.refresh() } else { checked })
        };
        Answer::Later(look.boxed())
    }

    pub(super) fn status(&self, _: &Caller, request: &Request) -> Reply {
        schema::read::<serde_json::Value>("status", &request.params, &IGNORED)?;
        Ok(Json::of(&json!({
            "runtimeVersion": env!("CARGO_PKG_VERSION"),
            "limits": cgroup::Limits::read(Path::new("/")),
            "heartbeat": { "defaultAgentId": "main", "enabled": self.health.heartbeats(), "agents": [] },
            "channelSummary": [],
            "queuedSystemEvents": [],
            "sessions": {
                "paths": [], "count": 0, "defaults": { "model": null, "contextTokens": null },
                "recent": [], "byAgent": [],
            },
        })))
    }

    pub(super) fn presence(&self, _: &Caller, request: &Request) -> Reply {
        schema::read::<serde_json::Value>("system-presence", &request.params, &IGNORED)?;
        Ok(Json::of(&self.presence.list()))
    }

    pub(super) fn system_event(&self, _: &Caller, request: &Request) -> Reply {
        let event: SystemEvent = schema::read("system-event", &request.params, &SYSTEM_EVENT)?;
        if event.text.trim().is_empty() {
            return Err(ErrorShape::invalid("text required"));
        }
        let roles: Option<Result<Vec<Role>, _>> =
            event.roles.map(|roles| roles.iter().map(|role| role.parse()).collect());
        let roles = roles
            .transpose()
            .map_err(|error| ErrorShape::invalid_params("system-event", &[format!("at /roles: {error}")]))?;
        let names = [&event.device_id, &event.instance_id, &event.host, &event.ip];
        let key = names.into_iter().flatten().next().unwrap_or(&event.text).clone();
        self.presence.report(
            key,
            PresenceEntry {
                host: event.host,
                ip: event.ip,
                version: event.version,
                platform: event.platform,
                device_family: event.device_family,
                model_identifier: event.model_identifier,
                mode: event.mode,
                last_input_seconds: event.last_input_seconds,
                reason: event.reason,
                tags: event.tags,
                text: Some(event.text),
                ts: now_ms(),
                device_id: event.device_id,
                roles,
                scopes: event.scopes,
                instance_id: event.instance_id,
            },
        );
        Ok(Json::of(&json!({ "ok": true })))
    }

    /// Agents beat in another gateway, so there has never been a heartbeat here.
    pub(super) fn last_heartbeat(_: &Self, _: &Caller, request: &Request) -> Reply {
        schema::read::<serde_json::Value>("last-heartbeat", &request.params, &IGNORED)?;
        Ok(Json::of(&serde_json::Value::Null))
    }

    pub(super) fn set_heartbeats(&self, _: &Caller, request: &Request) -> Reply {
        let Ok(SetHeartbeats { enabled }) = schema::read("set-heartbeats", &request.params, &SET_HEARTBEATS) else {
            return Err(ErrorShape::invalid("invalid set-heartbeats params: enabled (boolean) required"));
        };
        self.health.set_heartbeats(enabled);
        Ok(Json::of(&json!({ "ok": true, "enabled": enabled })))
    }

    pub(super) async fn identity(self, _: Arc<Caller>, request: Request) -> Reply {
        schema::read::<serde_json::Value>("gateway.identity.get", &request.params, &IGNORED)?;
        let identity = tokio::task::spawn_blocking(move || Identity::load_or_create(&self.state)).await;
        match identity {
            Ok(Ok(identity)) => {
                Ok(Json::of(&json!({ "deviceId": identity.device_id(), "publicKey": identity.key().to_string() })))
            }
            Ok(Err(error)) => Err(ErrorShape::unavailable(format!("the gateway's identity cannot be read: {error}"))),
            Err(_) => Err(ErrorShape::unavailable("the gateway is stopping")),
        }
    }
}

/// Refuses parameters of methods that take none.
pub(super) fn no_params(method: &str, request: &Request) -> Result<(), ErrorShape> {
    schema::read::<serde_json::Value>(method, &request.params, &EMPTY).map(drop)
}
