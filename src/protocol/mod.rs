//! The OpenClaw gateway protocol's wire types, for the server, the client and the tests.
//!
//! One WebSocket carries JSON text frames in three envelopes (request, response, event), all closed: a strange top-level
//! key makes some peers drop the frame, so none is ever added. Two generations are spoken on one port, protocol 3 and
//! protocol 4; what differs between them is asked of [`Dialect`].

mod client;
mod close;
mod connect;
mod error;
mod event;
mod frame;
mod health;
mod hello;
mod json;
mod logs;
mod pairing;
mod presence;
mod role;
pub mod schema;
mod scope;
mod sources;
mod version;
mod whoami;

pub use client::{ClientId, ClientInfo, ClientMode};
pub use close::{Close, CloseCode};
pub use connect::{ConnectAuth, ConnectDevice, ConnectParams};
pub use error::{ErrorCode, ErrorShape};
pub use event::{EventGuard, EventName};
pub use frame::{
    EventFrame, NotARequest, Params, Request, ServerFrame, StateVersion, encode_error, encode_ok, encode_request,
};
pub use health::{AgentHealth, HealthSnapshot, Heartbeat, SessionsSummary};
pub use hello::{Challenge, Features, HelloAuth, HelloOk, HelloPolicy, HelloServer, HelloSnapshot, SessionDefaults};
pub use json::Json;
pub use logs::{LogsTail, LogsTailParams};
pub use pairing::{
    ApproveResult, ApprovedVia, PairedDevice, PairingList, PendingRequest, RejectResult, RemoveResult, RenameResult,
    RequestId, RevokeResult, RotateResult, TokenDelivery, TokenSummary,
};
pub use presence::PresenceEntry;
pub use role::Role;
pub use scope::{Scope, Scopes};
pub use sources::{SeenSource, SourceFinding, SourcesReport};
pub use version::{Dialect, ProtocolRange};
pub use whoami::{PlaceReport, Remedy, RequestReport, SessionReport, SourceReport, WhoAmI};
