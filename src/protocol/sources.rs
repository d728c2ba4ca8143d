//! The answer of `gateway.sources`: what a gateway of ours has seen of where connections come from, and what of it speaks
//! against the trust that is configured. OpenClaw's gateways have no such method.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Remedy;

/// The answer of `gateway.sources`; scope `operator.admin`, no parameters.
///
/// Counts are since the gateway started, and of connections that asked for a WebSocket, let in or not. Times are in
/// milliseconds since the Unix epoch.
///
/// ```json
/// {
///   "since": 1767225600000,
///   "connections": [
///     {"class": "loopback", "rule": "loopback peer without proxy headers", "peerKind": "loopback", "count": 12, "lastAt": 1767225700000}
///   ],
///   "findings": [
///     {"kind": "untrusted-proxy", "class": "unattributable", "rule": "header x-forwarded-* from …", "peerKind": "loopback",
///      "count": 3, "firstAt": 1767225600000, "lastAt": 1767225700000, "peers": ["127.0.0.1"], "hosts": ["gw.example"],
///      "beforeChange": false, "text": "a proxy that nobody trusts …",
///      "remedies": [{"setting": "gateway.trustedProxies", "text": "…", "command": "openclaw config set …"}]}
///   ]
/// }
/// ```
///
/// `findings` is empty where nothing speaks against the configuration. `kind` is one of `untrusted-proxy` (a proxy's header
/// from a peer that is none), `covers-clients` (`gateway.trustedProxies` covers the clients: the walk found none),
/// `unreadable-chain` (a trusted proxy's headers contradict each other or cannot be read), `silent-proxy` (a trusted proxy
/// names no client), `bridge-foreign-host` (a trusted bridge brought a Host that is not this machine's), `published-on-unset`
/// (a bridge is used, and nobody said where the port is published), `loopback-foreign-host` (loopback brought such a Host).
/// `hosts` are shown by strangers: no control characters, cut, but not to be put into a command. `beforeChange` says that the
/// policy changed since it was seen last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourcesReport {
    /// When counting began.
    pub since: i64,
    /// Every kind of source that was seen, the most recent first.
    pub connections: Vec<SeenSource>,
    /// What speaks against the trust that is configured, the most recent first.
    pub findings: Vec<SourceFinding>,
}

/// How often one kind of source was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenSource {
    /// The class.
    pub class: String,
    /// The rule that decided, in words.
    pub rule: String,
    /// Of what kind the peer is by its address alone.
    pub peer_kind: String,
    /// How often.
    pub count: u64,
    /// When last.
    pub last_at: i64,
}

/// Something that speaks against the trust that is configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceFinding {
    /// What it is, as [`SourcesReport`] lists them.
    pub kind: String,
    /// The class that such connections were given.
    pub class: String,
    /// The rule that decided, in words.
    pub rule: String,
    /// Of what kind the peer is by its address alone.
    pub peer_kind: String,
    /// How often.
    pub count: u64,
    /// When first.
    pub first_at: i64,
    /// When last.
    pub last_at: i64,
    /// Some of the peers.
    pub peers: Vec<IpAddr>,
    /// Some of the Hosts that were asked for, where these are what is odd.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Whether the policy changed since it was seen last.
    pub before_change: bool,
    /// What it means, for a person.
    pub text: String,
    /// What to do about it, most likely first.
    pub remedies: Vec<Remedy>,
}
