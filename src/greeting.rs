//! `hello-ok`: what a peer that was let in is told of the gateway, in the shape of its generation.
//!
//! Everything that is the same for all is encoded once; a greeting is those pieces, the state of the moment, and what
//! concerns this one connection.

use std::{sync::Arc, time::Instant};

use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    events::Versions,
    handshake::Entry,
    health::Health,
    presence::Presence,
    protocol::{
        Dialect, EventName, Features, HelloAuth, HelloPolicy, Json, PresenceEntry, Scope, SessionDefaults, StateVersion,
    },
    session::ConnectionId,
};

/// Composes greetings.
#[derive(Debug, Clone)]
pub struct Greeting {
    /// Who is connected.
    pub presence: Presence,
    /// The health snapshot.
    pub health: Health,
    /// The versions of both.
    pub versions: Arc<Versions>,
    /// This machine and this run.
    pub identity: Arc<GatewayIdentity>,
    /// `features` and `policy`, encoded.
    pub constant: Arc<Constant>,
}

/// What names this gateway.
#[derive(Debug)]
pub struct GatewayIdentity {
    /// The machine's name.
    pub host: String,
    /// This run of the gateway.
    pub boot_id: String,
    /// When it began.
    pub started: Instant,
    /// The configuration file; operators with full rights are told.
    pub config_path: String,
    /// The state directory; operators with full rights are told.
    pub state_dir: String,
    /// The authentication mode; operators with full rights are told.
    pub auth_mode: &'static str,
}

/// The parts of every greeting that never change.
#[derive(Debug)]
pub struct Constant {
    features: Box<RawValue>,
    policy: Box<RawValue>,
    session_defaults: Box<RawValue>,
}

impl Constant {
    /// Encodes what is the same in every greeting. `methods` are the names of the method table.
    ///
    /// # Panics
    /// Never: the values are plain data.
    pub fn of(methods: Vec<String>) -> Self {
        let events = EventName::ALL.iter().map(|event| event.as_str().to_owned()).collect();
        let encoded = "plain data can be encoded";
        Self {
            features: to_raw_value(&Features { methods, events }).expect(encoded),
            policy: to_raw_value(&HelloPolicy::default()).expect(encoded),
            session_defaults: to_raw_value(&SessionDefaults::default()).expect(encoded),
        }
    }
}

#[derive(Serialize)]
struct Hello<'a> {
    r#type: &'static str,
    protocol: u32,
    server: Server<'a>,
    features: &'a RawValue,
    snapshot: Snapshot<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<HelloAuth>,
    policy: &'a RawValue,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Server<'a> {
    version: &'static str,
    /// The older generation's object is open, the newer one's closed without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    conn_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    boot_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Snapshot<'a> {
    presence: Vec<PresenceEntry>,
    health: &'a RawValue,
    state_version: StateVersion,
    uptime_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    config_path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_dir: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_mode: Option<&'static str>,
    session_defaults: &'a RawValue,
}

impl Greeting {
    /// The payload of `hello-ok` for a peer that entered as `entry` on `connection`.
    ///
    /// # Panics
    /// Never: the health snapshot is JSON, and the rest is plain data.
    pub fn hello(&self, entry: &Entry, connection: &ConnectionId) -> Json {
        let scopes = &entry.principal.scopes;
        let may_read = scopes.cover(&Scope::READ);
        let is_admin = scopes.cover(&Scope::ADMIN);
        let identity = &self.identity;
        let health = self.health.encoded();
        let v3 = entry.dialect == Dialect::V3;
        Json::of(&Hello {
            r#type: "hello-ok",
            protocol: entry.dialect.number(),
            server: Server {
                version: env!("CARGO_PKG_VERSION"),
                host: v3.then_some(identity.host.as_str()),
                conn_id: connection.as_str(),
                boot_id: (!v3).then_some(identity.boot_id.as_str()),
            },
            features: &self.constant.features,
            snapshot: Snapshot {
                presence: if may_read { self.presence.list() } else { Vec::new() },
                health: serde_json::from_str(health.as_str()).expect("our own encoding"),
                state_version: self.versions.now(),
                uptime_ms: u64::try_from(identity.started.elapsed().as_millis()).unwrap_or(u64::MAX),
                config_path: is_admin.then_some(identity.config_path.as_str()),
                state_dir: is_admin.then_some(identity.state_dir.as_str()),
                auth_mode: is_admin.then_some(identity.auth_mode),
                session_defaults: &self.constant.session_defaults,
            },
            auth: auth_of(entry),
            policy: &self.constant.policy,
        })
    }
}

/// The older generation's greeting has this member only with a device token, and tells the token's scopes; the newer one's
/// has it always, and tells the connection's.
fn auth_of(entry: &Entry) -> Option<HelloAuth> {
    let principal = &entry.principal;
    let token = entry.token.as_ref();
    let device_token = token.map(|token| token.secret.expose_secret().to_owned());
    let issued_at_ms = token.map(|token| token.issued_at_ms);
    match (entry.dialect, token) {
        (Dialect::V3, None) => None,
        (Dialect::V3, Some(token)) => Some(HelloAuth {
            method: None,
            role: principal.role,
            scopes: token.scopes.clone(),
            device_token,
            issued_at_ms,
        }),
        (Dialect::V4, _) => Some(HelloAuth {
            method: Some(principal.mechanism.as_str().to_owned()),
            role: principal.role,
            scopes: principal.scopes.clone(),
            device_token,
            issued_at_ms,
        }),
    }
}
