//! How a connection came, as far as its session is asked for it later.

use crate::{advice::PeerKind, origin::HostJudgement};

/// How a connection came. Every session keeps one, so it keeps only what is worth telling.
#[derive(Debug, Clone)]
pub struct Approach {
    /// Of what kind the peer is by its address alone.
    pub peer_kind: PeerKind,
    /// What the request's Host is held to be.
    pub judgement: HostJudgement,
    /// The `Host` header, as sent, where it is not local.
    pub host: Option<Box<str>>,
    /// The `Origin` header, as sent.
    pub origin: Option<Box<str>>,
    /// Whether a browser sent the request.
    pub browser: bool,
    /// Whether the connection is encrypted up to the gateway.
    pub tls: bool,
}
