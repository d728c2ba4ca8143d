//! The lines that operators grep for, word for word.

use tracing::warn;

use super::{Refusal, Told, Visitor, refusal::Audience};
use crate::{
    http::HostJudgement,
    logs::sanitize::{field, header},
    pairing::Asked,
    protocol::ConnectParams,
    source::{ForwardedClient, Peer, Rule, SourceClass},
};

const TARGET: &str = "gateway/ws";

/// Says what a refusal was, and what it rested on.
pub(super) fn refused(refusal: &Refusal, told: &Told, audience: Audience<'_>) {
    let visitor = audience.visitor;
    match refusal {
        Refusal::Timeout => warn!(target: TARGET, "handshake timeout conn={} remote={}", visitor.id, remote(visitor)),
        Refusal::NotJson | Refusal::NotARequest | Refusal::NotConnect | Refusal::Params(_) => {
            warn!(target: TARGET, "invalid handshake {}", who(visitor));
        }
        Refusal::Protocol(range) => warn!(
            target: TARGET, "protocol mismatch conn={} remote={} {} min={} max={} expected=4 probeMin=3",
            visitor.id, remote(visitor), client(audience.connect), range.min, range.max,
        ),
        Refusal::Auth(failure) => warn!(
            target: TARGET, "unauthorized conn={} peer={} remote={} {} auth={} device={} class={} rule=\"{}\" reason={}",
            visitor.id, ends(visitor), remote(visitor), client(audience.connect), presented(audience.connect),
            if audience.connect.is_some_and(|connect| connect.device.is_some()) { "yes" } else { "no" },
            visitor.source.class, visitor.source.rule, failure.reason(),
        ),
        Refusal::Store(why) => tracing::error!(target: TARGET, "cannot decide on conn={}: {why}", visitor.id),
        _ => {}
    }
    let request = match refusal {
        Refusal::Pairing(refusal) => match &refusal.asked {
            Asked::Request(id) => {
                format!(" request={id} approve=\"{}\"", audience.place.command(&format!("devices approve {id}")))
            }
            Asked::ListFull => " request=none".to_owned(),
        },
        _ => String::new(),
    };
    closed_before_connect(
        visitor,
        &told.close.code.number().to_string(),
        &told.close.reason,
        &format!("cause={} class={} rule=\"{}\"{request}", refusal.cause(), visitor.source.class, visitor.source.rule),
    );
}

/// Says that a peer left, or was cut, before it was let in.
pub(super) fn closed_before_connect(visitor: &Visitor, code: &str, reason: &str, more: &str) {
    let reason = if reason.is_empty() { "n/a".to_owned() } else { header(reason) };
    warn!(target: TARGET, "closed before connect {} code={code} reason={reason} {more}", who(visitor));
}

/// Says what in a request takes away what its address would have had.
pub(super) fn arrived(visitor: &Visitor) {
    let source = &visitor.source;
    match source.rule {
        Rule::ProxyHeader(name) => warn!(
            target: TARGET,
            "Proxy headers detected from untrusted address. Connection will not be treated as local. Configure \
             gateway.trustedProxies to restore local client detection behind your proxy. peer={} header={} setting=gateway.trustedProxies",
            ends(visitor), name.name(),
        ),
        _ if source.class == SourceClass::Loopback && visitor.judgement != HostJudgement::Local => warn!(
            target: TARGET,
            "Loopback connection with non-local Host header. Treating it as loopback, since it brought no proxy headers; if a \
             proxy stands there, set gateway.loopbackIsProxy. peer={} host={}",
            ends(visitor), field(visitor.host.as_deref().unwrap_or("n/a")),
        ),
        _ => {}
    }
}

fn who(visitor: &Visitor) -> String {
    let shown = |value: &Option<String>| value.as_deref().map_or_else(|| "n/a".to_owned(), field);
    format!(
        "conn={} peer={} remote={} fwd={} origin={} host={} ua={}",
        visitor.id,
        ends(visitor),
        remote(visitor),
        shown(&visitor.forwarded_for),
        shown(&visitor.origin),
        shown(&visitor.host),
        shown(&visitor.user_agent),
    )
}

fn remote(visitor: &Visitor) -> String {
    let source = &visitor.source;
    let client = source.forwarded.map(ForwardedClient::ip).or(source.peer.map(Peer::ip));
    client.map_or_else(|| "?".to_owned(), |address| address.to_string())
}

fn ends(visitor: &Visitor) -> String {
    visitor.ends.map_or_else(|| "n/a".to_owned(), |(peer, local)| format!("{peer}->{local}"))
}

fn client(connect: Option<&ConnectParams>) -> String {
    connect.map_or_else(
        || "client=n/a".to_owned(),
        |connect| {
            let client = &connect.client;
            let name = client.display_name.as_deref().unwrap_or_else(|| client.id.as_str());
            format!("client={} {} v{}", field(name), client.mode.as_str(), field(&client.version))
        },
    )
}

fn presented(connect: Option<&ConnectParams>) -> &'static str {
    let Some(auth) = connect.and_then(|connect| connect.auth.as_ref()) else { return "none" };
    let given = |value: &Option<String>| value.as_deref().is_some_and(|text| !text.is_empty());
    if given(&auth.token) {
        "token"
    } else if given(&auth.password) {
        "password"
    } else if given(&auth.device_token) {
        "device-token"
    } else if given(&auth.bootstrap_token) {
        "bootstrap-token"
    } else {
        "none"
    }
}
