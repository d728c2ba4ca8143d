//! What is decided about a request before it may become a WebSocket.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use hyper::{HeaderMap, Response, StatusCode, header::ORIGIN};
use serde_json::json;

use super::respond::{self, Body};
use crate::{
    advice::{PeerKind, Place, Reader, Situation},
    policy::Policy,
    source::{self, Arrival, ProxyHeader, Source, SourceClass, Trust},
};

/// What requests on one connection are judged by.
#[derive(Clone)]
pub struct Gate<'a> {
    /// How the connection arrived.
    pub arrival: Arrival,
    /// What the gateway goes by.
    pub policy: Arc<Policy>,
    /// What it goes by once the proxies that are trusted by name were asked for anew.
    pub fresh: &'a (dyn Fn() -> BoxFuture<'a, Arc<Policy>> + Sync),
    /// Where the gateway's command line is reached.
    pub place: &'a Place,
    /// Told of every request that is refused for where it comes from.
    pub refused: &'a (dyn Fn(&Source, PeerKind, &Policy) + Sync),
}

impl Gate<'_> {
    /// Where a request with these headers comes from.
    pub(super) fn classify(&self, headers: &HeaderMap) -> Source {
        source::classify(self.arrival, headers, &self.policy.trust, &self.policy.surroundings)
    }

    /// Whether an unknown peer may be a trusted proxy that got another address: it stands on a network of ours and speaks as
    /// a proxy does. Then it is worth asking who it is before it is classified.
    pub(super) fn may_be_named(&self, headers: &HeaderMap) -> bool {
        let Arrival::Tcp(peer) = self.arrival else { return false };
        let (proxies, surroundings) = (&self.policy.trust.proxies, &self.policy.surroundings);
        !proxies.names.is_empty()
            && proxies.matching(peer, surroundings).is_none()
            && surroundings.neighbours(peer)
            && ProxyHeader::first_in(headers).is_some()
    }

    /// Of what kind the peer is by its address alone.
    pub fn peer_kind(&self) -> PeerKind {
        peer_kind(self.arrival, &self.policy)
    }

    /// The source, and what the gateway goes by, for somebody who proved nothing.
    pub(super) fn situation<'s>(&'s self, source: &'s Source) -> Situation<'s> {
        Situation {
            source,
            peer_kind: self.peer_kind(),
            trust: &self.policy.trust,
            in_container: self.policy.surroundings.in_container,
            place: self.place,
            reader: Reader::Stranger,
        }
    }

    /// `gateway.unattributed: "refuse"`.
    ///
    /// # Errors
    /// The response to send instead.
    pub(super) fn check_attribution(&self, source: &Source, headers: &HeaderMap) -> Result<(), Box<Response<Body>>> {
        if source.class != SourceClass::Unattributable || !self.policy.trust.refuse_unattributed {
            return Ok(());
        }
        (self.refused)(source, self.peer_kind(), &self.policy);
        let situation = self.situation(source);
        let report = situation.report();
        let next = situation.in_short().map(|short| format!("; {short}")).unwrap_or_default();
        let message = format!(
            "Proxy client attribution is required: {}{next}; where the gateway runs, `{}` works without it",
            report.evidence,
            self.place.command("devices list"),
        );
        let mut error = json!({ "message": message, "type": "proxy_attribution_required", "source": report });
        if is_browser(headers) {
            // A page from elsewhere cannot read it, but what it cannot have it need not get.
            error["source"] = json!({ "class": report.class, "evidence": report.evidence });
        }
        Err(Box::new(respond::refusal(StatusCode::FORBIDDEN, &error)))
    }
}

/// The Unix socket is no place for browsers, nor for proxies.
///
/// # Errors
/// The response to send instead.
pub(super) fn check_local(source: &Source, headers: &HeaderMap) -> Result<(), Box<Response<Body>>> {
    if source.class != SourceClass::UnixSocket {
        return Ok(());
    }
    let what = match ProxyHeader::first_in(headers) {
        Some(header) => format!("this request carries the header {}, which only proxies send", header.name()),
        None if is_browser(headers) => "this request comes from a browser, through something in between".to_owned(),
        None => return Ok(()),
    };
    let message = format!(
        "the Unix socket is for command lines, and {what}: put a reverse proxy in front of the TCP port instead, and name \
         it in gateway.trustedProxies"
    );
    Err(Box::new(respond::error(StatusCode::FORBIDDEN, "local_socket", &message)))
}

/// Of what kind the peer of a connection is by its address alone: what it would be if it sent no header.
pub fn peer_kind(arrival: Arrival, policy: &Policy) -> PeerKind {
    let trust = Trust { bridges: policy.trust.bridges.clone(), ..Trust::default() };
    let arrival = match arrival {
        Arrival::Preamble { peer, .. } => Arrival::Tcp(peer),
        other => other,
    };
    let bare = source::classify(arrival, &HeaderMap::new(), &trust, &policy.surroundings);
    PeerKind::of(bare.peer, bare.class)
}

/// Whether a browser sent the request.
pub(super) fn is_browser(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN) || headers.keys().any(|name| name.as_str().starts_with("sec-fetch-"))
}
