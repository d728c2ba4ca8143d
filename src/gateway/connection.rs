//! One connection, through every stage.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use futures_util::FutureExt as _;
use hyper::HeaderMap;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::{Shared, policies::Policies, seats::Seat};
use crate::{
    advice::PeerKind,
    auth::{AuthPolicy, Hop, ProxyUser, TrustedProxyFailure},
    defaults::WRITE_TIMEOUT,
    handshake::{Refusal, Turned, Unauthenticated, Visitor, Welcome},
    http::{self, RequestHead, Upgraded},
    net::{Accepted, PeerAddr, Transport},
    observed::Sighting,
    policy::Policy,
    presence::Newcomer,
    protocol::{ClientMode, Scope, Scopes},
    session::{ConnectionId, Session},
    source::{Arrival, Preamble, Silence, Source},
};

/// A connection that was accepted, and what it is judged by.
pub(super) struct Arrived {
    pub(super) accepted: Accepted,
    /// What a listed proxy said of it, on a port that requires that.
    pub(super) preamble: Option<Preamble>,
    /// The policy that was in force.
    pub(super) policy: Arc<Policy>,
}

/// A session, and the room that was made for it.
type Admitted<S> = (Box<Session<S>>, Option<Seat>);

/// Serves a connection until it ends. What comes before the session is boxed, so that an idle session does not keep room
/// for it.
pub(super) async fn serve(arrived: Arrived, shared: &Shared, policies: &Policies, stop: &CancellationToken) {
    let Some((session, _seat)) = Box::pin(enter(arrived, shared, policies, stop)).await else { return };
    let caller = Arc::clone(session.caller());
    let _counted = shared.metrics.session(caller.source.class, caller.principal.role);
    let _present = shared.presence.enter(Newcomer {
        principal: &caller.principal,
        client: &caller.client,
        connection: caller.id.as_str(),
        address: caller.source.remote_address(),
    });
    let is_webchat = caller.client.mode == ClientMode::Webchat;
    if is_webchat {
        let client = crate::logs::sanitize::field(caller.client.id.as_str());
        info!(target: "gateway/ws", "webchat connected conn={} client={client} {}", caller.id, caller.client.mode.as_str());
    }
    let ended = session.run(&shared.methods, stop).await;
    if ended.slow_consumer {
        shared.metrics.slow_consumer();
    }
    let (code, reason) = (ended.code.map_or_else(|| "n/a".into(), |code| code.to_string()), ended.reason);
    if is_webchat {
        info!(target: "gateway/ws", "webchat disconnected code={code} reason={} conn={}", crate::logs::sanitize::field(&reason), caller.id);
    } else {
        debug!(target: "gateway/ws", conn = %caller.id, code, reason, "disconnected");
    }
}

/// Everything before the session; `None` where there will be none.
async fn enter(
    arrived: Arrived,
    shared: &Shared,
    policies: &Policies,
    stop: &CancellationToken,
) -> Option<Admitted<impl Transport + use<>>> {
    let Arrived { accepted, preamble, policy } = arrived;
    let arrival = match (accepted.ends, preamble) {
        (None, _) => Arrival::UnixSocket,
        (Some((peer, _)), None) => Arrival::Tcp(peer.into()),
        (Some((peer, _)), Some(preamble)) => Arrival::Preamble { peer: peer.into(), preamble },
    };
    let refused = |source: &Source, peer_kind, policy: &Policy| {
        shared.observed.note(&Sighting { source, peer_kind, foreign_host: None, epoch: policy.epoch });
        shared.doors.refused_before_upgrade(source, peer_kind, policy);
    };
    let fresh = || policies.with_fresh_names().boxed();
    let gate = http::Gate { arrival, policy, fresh: &fresh, place: &shared.doors.place, refused: &refused };
    let peer_kind = gate.peer_kind();
    // A kept-alive HTTP connection has nothing to finish.
    let upgraded = stop.run_until_cancelled(http::serve(accepted, &shared.app, &gate)).await??;
    let began = Instant::now();
    let policy = Arc::clone(&upgraded.head.policy);
    match handshake(upgraded, peer_kind, shared, &policy, stop).await {
        Ok(session) => {
            shared.metrics.admitted(began.elapsed());
            Some(session)
        }
        Err(Turned::Away(cause)) => {
            shared.metrics.turned_away(Some(cause));
            None
        }
        Err(Turned::Left) => {
            shared.metrics.turned_away(None);
            None
        }
    }
}

async fn handshake(
    upgraded: Upgraded,
    peer_kind: PeerKind,
    shared: &Shared,
    policy: &Policy,
    stop: &CancellationToken,
) -> Result<Admitted<impl Transport + use<>>, Turned> {
    let Upgraded { socket, budget, head, ends, tls, ticket } = upgraded;
    let visitor = visitor(head, peer_kind, ends, tls, policy);
    shared.observed.note(&Sighting {
        source: &visitor.source,
        peer_kind: visitor.peer_kind,
        foreign_host: visitor.foreign_host(),
        epoch: policy.epoch,
    });
    let stranger = tokio::select! {
        challenged = Unauthenticated::challenge(socket, visitor, &shared.doors, policy) => challenged?,
        () = ticket.expired() => return Err(Turned::Left),
    };
    let patience = async {
        tokio::select! {
            () = ticket.expired() => Refusal::Timeout,
            () = stop.cancelled() => Refusal::Draining,
        }
    };
    let signals = shared.hub.listen();
    let known = stranger.authenticate(&shared.doors, policy, patience).await?;
    if shared.readiness.is_draining() {
        return Err(known.refuse(&Refusal::Draining, &shared.doors, policy).await);
    }
    let seat = match known.visitor().source.silence {
        Silence::Always => None,
        _ => match shared.seats.take(known.entry().principal.device) {
            Ok(seat) => Some(seat),
            Err(refusal) => return Err(known.refuse(&refusal, &shared.doors, policy).await),
        },
    };
    // Whoever is refused keeps its place among those that count for nothing until it is gone.
    drop(ticket);
    budget.lift();
    let entry = known.entry();
    let hello = shared.greeting.hello(entry, &known.visitor().id);
    let principal = &entry.principal;
    let subscriber = shared.hub.subscribe(signals, principal.device, principal.role, &principal.scopes);
    tokio::select! {
        admitted = timeout(WRITE_TIMEOUT, known.admit(Welcome { hello, subscriber }, &shared.doors, policy)) => {
            // Whoever does not read its greeting is gone as far as we can tell.
            Ok((admitted.unwrap_or(Err(Turned::Left))?, seat))
        }
        () = stop.cancelled() => Err(Turned::Left),
    }
}

fn visitor(
    head: RequestHead,
    peer_kind: PeerKind,
    ends: Option<(PeerAddr, SocketAddr)>,
    tls: bool,
    policy: &Policy,
) -> Visitor {
    let text = |name| head.text(name).map(ToOwned::to_owned);
    let host = text("host");
    let own = policy.surroundings.own_addresses();
    let judgement = policy.hosts(&own).judge(host.as_deref());
    Visitor {
        id: ConnectionId::random(),
        proxy_user: proxy_user(&head, policy),
        ends: ends.map(|(peer, local)| (peer.socket(), local)),
        host,
        origin: text("origin"),
        browser: head.is_browser(),
        user_agent: text("user-agent"),
        forwarded_for: text("x-forwarded-for"),
        judgement,
        peer_kind,
        tls,
        scope_cap: scope_cap(&head.headers),
        source: head.source,
    }
}

/// What every line of the header permits. One that cannot be read permits nothing: a cap never widens.
fn scope_cap(headers: &HeaderMap) -> Option<Scopes> {
    let lines = headers.get_all("x-openclaw-scopes").iter().map(|line| {
        let list = line.to_str().unwrap_or_default();
        list.split(',').map(str::trim).filter(|scope| !scope.is_empty()).map(Scope::new).collect::<Scopes>()
    });
    lines.reduce(|one, other| {
        let common =
            |these: &Scopes, those: &Scopes| these.iter().filter(|scope| those.cover(scope)).cloned().collect();
        Scopes::union(&common(&one, &other), &common(&other, &one))
    })
}

fn proxy_user(head: &RequestHead, policy: &Policy) -> Option<Result<ProxyUser, TrustedProxyFailure>> {
    let AuthPolicy::TrustedProxy { proxy, .. } = &policy.auth else { return None };
    let peer_is_ours = head.source.peer.is_some_and(|peer| policy.surroundings.owns(peer));
    Some(proxy.user(Hop::of(&head.source, peer_is_ours), &head.headers))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn every_line_of_a_cap_takes_away() {
        #[rustfmt::skip]
        type Row = (&'static [&'static [u8]], Option<&'static [&'static str]>);
        let rows: [Row; 8] = [
            (&[], None),
            (&[b""], Some(&[])),
            (&[b"operator.read, operator.pairing"], Some(&["operator.read", "operator.pairing"])),
            (&[b"operator.admin", b"operator.read"], Some(&["operator.read"])),
            (&[b"operator.read", b"operator.admin"], Some(&["operator.read"])),
            (&[b"operator.read", b"operator.pairing"], Some(&[])),
            (&[b"operator.read, \xe9"], Some(&[])),
            (&[b"operator.admin", b"\xe9", b"operator.admin"], Some(&[])),
        ];
        for (lines, expected) in rows {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-openclaw-scopes", HeaderValue::from_bytes(line).expect("a value"));
            }
            let cap = scope_cap(&headers);
            let names = cap.as_ref().map(|cap| cap.iter().map(Scope::as_str).collect::<Vec<_>>());
            assert_eq!(names.as_deref(), expected, "{lines:?}");
        }
    }
}
