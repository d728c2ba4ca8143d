//! What is known of a peer before it says anything: its source and its HTTP request.

use std::net::SocketAddr;

use crate::{
    advice::PeerKind,
    auth::{ProxyUser, TrustedProxyFailure},
    origin::HostJudgement,
    protocol::Scopes,
    session::{Approach, ConnectionId},
    source::{Source, SourceClass},
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
    /// What the request's Host is held to be.
    pub judgement: HostJudgement,
    /// Of what kind the peer is by its address alone.
    pub peer_kind: PeerKind,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// The most that `X-OpenClaw-Scopes` lets the connection have; never a grant.
    pub scope_cap: Option<Scopes>,
    /// For whom a trusted proxy vouches, in the mode that asks for it.
    pub proxy_user: Option<Result<ProxyUser, TrustedProxyFailure>>,
}

impl Visitor {
    /// The Host that it asked for, where that is not this machine's.
    pub fn foreign_host(&self) -> Option<&str> {
        self.host.as_deref().filter(|_| !self.judgement.is_ours())
    }

    /// What `X-OpenClaw-Scopes` leaves of scopes: it can take away, never give.
    pub(super) fn capped(&self, scopes: Scopes) -> Scopes {
        match &self.scope_cap {
            Some(cap) => cap.granted_to(&scopes),
            None => scopes,
        }
    }

    /// Whether it leaves all of them.
    pub(super) fn permits(&self, scopes: &Scopes) -> bool {
        self.scope_cap.as_ref().is_none_or(|cap| scopes.iter().all(|scope| cap.cover(scope)))
    }

    /// Whether TLS ended here, or before something that stands in front.
    pub(super) fn behind_tls(&self) -> bool {
        use SourceClass::{Proxied, ProxyDirect, Unattributable};
        self.tls || matches!(self.source.class, Proxied | ProxyDirect | Unattributable)
    }

    /// Its id, its source, and what its session keeps of how it came.
    pub(super) fn into_session(self) -> (ConnectionId, Source, Approach) {
        let host = self.host.filter(|_| self.judgement != HostJudgement::Local);
        let approach = Approach {
            peer_kind: self.peer_kind,
            judgement: self.judgement,
            host: host.map(String::into_boxed_str),
            origin: self.origin.map(String::into_boxed_str),
            browser: self.browser,
            tls: self.tls,
        };
        (self.id, self.source, approach)
    }
}
