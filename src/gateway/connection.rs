//! One connection, through every stage.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::Shared;
use crate::{
    advice::PeerKind,
    auth::{AuthPolicy, Hop, ProxyUser, TrustedProxyFailure},
    handshake::{Refusal, Turned, Unauthenticated, Visitor, Welcome},
    http::{self, RequestHead, Upgraded},
    net::{Accepted, PeerAddr},
    observed::Sighting,
    policy::Policy,
    presence::Newcomer,
    protocol::{ClientMode, Scope},
    session::{ConnectionId, Session},
    source::{Arrival, Source},
};

/// Serves a connection until it ends. The stages before the session are boxed, so that an idle session does not keep room
/// for them.
pub(super) async fn serve(accepted: Accepted, shared: &Shared, policy: Arc<Policy>, stop: &CancellationToken) {
    let arrival = accepted.ends.map_or(Arrival::UnixSocket, |(peer, _)| Arrival::Tcp(peer.into()));
    let refused = |source: &Source, peer_kind| {
        shared.observed.note(&Sighting { source, peer_kind, foreign_host: None, epoch: policy.epoch });
        shared.doors.refused_before_upgrade(source, peer_kind, &policy);
    };
    let gate = http::Gate { arrival, policy: &policy, place: &shared.doors.place, refused: &refused };
    let peer_kind = gate.peer_kind();
    // A kept-alive HTTP connection has nothing to finish.
    let Some(Some(upgraded)) = stop.run_until_cancelled(Box::pin(http::serve(accepted, &shared.app, &gate))).await
    else {
        return;
    };
    let began = Instant::now();
    let session = match Box::pin(handshake(upgraded, peer_kind, shared, &policy, stop)).await {
        Ok(session) => session,
        Err(Turned::Away(cause)) => return shared.metrics.turned_away(Some(cause)),
        Err(Turned::Left) => return shared.metrics.turned_away(None),
    };
    shared.metrics.admitted(began.elapsed());
    drop(policy);
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

async fn handshake(
    upgraded: Upgraded,
    peer_kind: PeerKind,
    shared: &Shared,
    policy: &Policy,
    stop: &CancellationToken,
) -> Result<Box<Session<impl AsyncRead + AsyncWrite + Unpin + Send + use<>>>, Turned> {
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
    drop(ticket);
    budget.lift();
    if shared.readiness.is_draining() {
        return Err(known.refuse(&Refusal::Draining, &shared.doors, policy).await);
    }
    let entry = known.entry();
    let hello = shared.greeting.hello(entry, &known.visitor().id);
    let principal = &entry.principal;
    let subscriber = shared.hub.subscribe(signals, principal.device, principal.role, principal.scopes.clone());
    known.admit(Welcome { hello, subscriber }, &shared.doors, policy).await
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
    let scope_cap = head
        .text("x-openclaw-scopes")
        .map(|list| list.split(',').map(str::trim).filter(|scope| !scope.is_empty()).map(Scope::new).collect());
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
        scope_cap,
        source: head.source,
    }
}

fn proxy_user(head: &RequestHead, policy: &Policy) -> Option<Result<ProxyUser, TrustedProxyFailure>> {
    let AuthPolicy::TrustedProxy { proxy, .. } = &policy.auth else { return None };
    let peer_is_ours = head.source.peer.is_some_and(|peer| policy.surroundings.owns(peer));
    Some(proxy.user(Hop::of(&head.source, peer_is_ours), &head.headers))
}
