//! What is known of a peer before it says anything: its source and its HTTP request.

use std::net::SocketAddr;

use crate::{
    auth::{ProxyUser, TrustedProxyFailure},
    protocol::Scopes,
    session::ConnectionId,
    source::Source,
};

/// A peer whose HTTP request became a WebSocket.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// Names the connection.
    pub id: ConnectionId,
    /// Where it comes from.
    pub source: Source,
    /// The two ends of the socket; `None` for the Unix socket.
    pub ends: Option<(SocketAddr, SocketAddr)>,
    /// The `Host` header, as sent.
    pub host: Option<String>,
    /// The `Origin` header, as sent.
    pub origin: Option<String>,
    /// Whether a browser sent the request: it has an `Origin` or a `Sec-Fetch-*` header.
    pub browser: bool,
    /// The `User-Agent` header, as sent.
    pub user_agent: Option<String>,
    /// The `X-Forwarded-For` header, as sent.
    pub forwarded_for: Option<String>,
    /// Whether the request's Host names this machine.
    pub local_host: bool,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// The most that `X-OpenClaw-Scopes` lets the connection have; never a grant.
    pub scope_cap: Option<Scopes>,
    /// For whom a trusted proxy vouches, in the mode that asks for it.
    pub proxy_user: Option<Result<ProxyUser, TrustedProxyFailure>>,
}
