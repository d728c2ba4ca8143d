//! How a gateway of ours sees a connection: in refusals, in `missing scope`, and as the answer of `gateway.whoami`.
//!
//! OpenClaw's gateways know none of it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{RequestId, Role, Scopes};

/// Something that would change what becomes of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remedy {
    /// The setting that decides, by its key; absent where it is not decided at the gateway (a proxy has to be told, say).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<String>,
    /// What to do, and when it is right to do it.
    pub text: String,
    /// The command that does it; absent where none should be suggested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// Where a connection comes from, as a gateway sees it: member `source` of refusals' details, and of [`WhoAmI`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceReport {
    /// The class, for example `bridge`.
    pub class: String,
    /// The rule that decided, in words.
    pub rule: String,
    /// The other end of the socket; absent for the Unix socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<IpAddr>,
    /// Of what kind the peer is by its address alone, for example `loopback`.
    pub peer_kind: String,
    /// The client that the connection is attributed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<IpAddr>,
    /// The trusted proxies between the client and us, the nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<IpAddr>,
    /// Class, peer, hops and rule in one line.
    pub evidence: String,
    /// What the class is granted here, and why that much; absent from `missing scope`, where the message tells it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub grant: String,
    /// What would change it, most likely first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remedies: Vec<Remedy>,
}

/// The answer of `gateway.whoami`, which every session may call.
///
/// ```json
/// {
///   "source": {"class": "bridge", "rule": "…", "peer": "172.18.0.1", "peerKind": "bridge", "client": null, "hops": [],
///              "evidence": "seen as bridge from 172.18.0.1: …", "grant": "…", "remedies": [{"setting": "…", "text": "…"}]},
///   "request": {"host": "127.0.0.1:18789", "hostJudgement": "local", "browser": false, "tls": false},
///   "session": {"mechanism": "token", "mode": "token", "role": "operator", "scopes": ["operator.read"], "device": "…",
///               "connection": "…", "advice": "…"},
///   "place": {"kind": "container", "command": "docker exec 0123456789ab openclaw devices list"},
///   "version": "0.1.0"
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WhoAmI {
    /// Where the connection comes from.
    pub source: SourceReport,
    /// The HTTP request that became the WebSocket.
    pub request: RequestReport,
    /// As what the connection was let in.
    pub session: SessionReport,
    /// Where the gateway runs.
    pub place: PlaceReport,
    /// The gateway's version.
    pub version: String,
}

/// The HTTP request that became a WebSocket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestReport {
    /// The `Host` header, as sent; absent where it is local, and so of no interest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// What the Host is held to be: `local`, `listed`, `own-name`, `fixed` or `foreign`.
    pub host_judgement: String,
    /// The `Origin` header of a browser, as sent. It was allowed, or there would be no session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Whether a browser sent the request.
    pub browser: bool,
    /// Whether the connection is encrypted up to the gateway.
    pub tls: bool,
}

/// As what a connection was let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionReport {
    /// What let it in, for example `token`.
    pub mechanism: String,
    /// The user for whom a trusted proxy vouched, as it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The gateway's authentication mode.
    pub mode: String,
    /// Operator or node.
    pub role: Role,
    /// What it may do.
    pub scopes: Scopes,
    /// Its device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Its id in the gateway's log.
    pub connection: String,
    /// The request for more permissions that waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<RequestId>,
    /// Why permissions that were asked for are missing, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// Where a gateway runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceReport {
    /// `host`, `container`, `compose` or `pod`.
    pub kind: String,
    /// The command that works next to the gateway, whatever the network looks like.
    pub command: String,
}
