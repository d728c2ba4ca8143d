//! The lines that operators grep for, word for word.

use std::time::Instant;

use tracing::{info, warn};

use super::{
    Refusal, Told, Visitor,
    audience::Audience,
    log_budget::{LogBudget, Permit, Sort},
};
use crate::{
    advice::{Reader, Situation},
    auth::{ProxyUser, ThrottleKey},
    logs::sanitize::{field, header},
    origin::HostJudgement,
    pairing::Asked,
    protocol::{ConnectParams, Remedy},
    source::{ForwardedClient, Peer, Rule, Source, SourceClass},
};

const TARGET: &str = "gateway/ws";

/// Says what a refusal was, and what it rested on.
pub(super) fn refused(refusal: &Refusal, told: &Told, audience: Audience<'_>, budget: &LogBudget) {
    let visitor = audience.visitor;
    if !permitted(budget, Sort::Closed, &visitor.source) {
        return;
    }
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
            visitor.id, ends(visitor), remote(visitor), client(audience.connect), audience.presented(),
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
    // Where the source has no say in a refusal, what would change it is beside the point.
    let fix = if refusal.depends_on_source() { fix(audience) } else { String::new() };
    write_closed(
        visitor,
        &told.close.code.number().to_string(),
        &told.close.reason,
        &format!("cause={} {}{request}{fix}", refusal.cause(), seen_as(&visitor.source)),
    );
}

/// Says that a peer left, or was cut, before it was let in.
pub(super) fn closed_before_connect(visitor: &Visitor, code: &str, reason: &str, phase: &str, budget: &LogBudget) {
    if permitted(budget, Sort::Closed, &visitor.source) {
        write_closed(visitor, code, reason, &format!("phase={phase} {}", seen_as(&visitor.source)));
    }
}

fn write_closed(visitor: &Visitor, code: &str, reason: &str, more: &str) {
    let reason = if reason.is_empty() { "n/a".to_owned() } else { header(reason) };
    warn!(target: TARGET, "closed before connect {} code={code} reason={reason} {more}", who(visitor));
}

/// Says what in a request takes away what its address would have had.
pub(super) fn arrived(visitor: &Visitor, situation: &Situation<'_>, budget: &LogBudget) {
    let source = &visitor.source;
    let foreign = source.class == SourceClass::Loopback && visitor.judgement != HostJudgement::Local;
    let header = match source.rule {
        Rule::ProxyHeader(name) => Some(name),
        _ => None,
    };
    if (header.is_none() && !foreign) || !permitted(budget, Sort::Arrived, source) {
        return;
    }
    if let Some(header) = header {
        warn!(
            target: TARGET,
            "Proxy headers detected from untrusted address. Connection will not be treated as local. Configure \
             gateway.trustedProxies to restore local client detection behind your proxy. peer={} header={} \
             setting=gateway.trustedProxies{}",
            ends(visitor), header.name(), command(&situation.remedies()),
        );
    } else {
        let remedy = situation.distrust_loopback();
        warn!(
            target: TARGET,
            "Loopback connection with non-local Host header. Treating it as loopback, since it brought no proxy headers; if a \
             proxy stands there, set gateway.loopbackIsProxy. peer={} host={} setting=gateway.loopbackIsProxy{}",
            ends(visitor), field(visitor.host.as_deref().unwrap_or("n/a")), command(&[remedy]),
        );
    }
}

/// Says that `gateway.unattributed` refused a request before the WebSocket.
pub(super) fn refused_before_upgrade(situation: &Situation<'_>, budget: &LogBudget) {
    let source = situation.source;
    if permitted(budget, Sort::Closed, source) {
        let remedies = situation.remedies();
        let setting = remedies.iter().find_map(|remedy| remedy.setting.as_deref()).unwrap_or("gateway.unattributed");
        warn!(
            target: TARGET,
            "Proxy headers detected from untrusted address. Refused with HTTP 403, as gateway.unattributed says. {} {} \
             setting={setting}{}",
            peer(source), seen_as(source), command(&remedies),
        );
    }
}

/// Says for whom a trusted proxy vouched.
pub(super) fn vouched_for(visitor: &Visitor, user: &ProxyUser) {
    info!(
        target: TARGET, "trusted proxy vouches for user={} conn={} {} remote={}",
        field(user.as_str()), visitor.id, peer(&visitor.source), remote(visitor),
    );
}

/// Whether there is room for a line about this visitor; says what was left out before it.
fn permitted(budget: &LogBudget, sort: Sort, source: &Source) -> bool {
    match budget.permit(sort, ThrottleKey::of(source), Instant::now()) {
        Permit::Skip => false,
        Permit::Write { left_out } => {
            if left_out > 0 {
                warn!(target: TARGET, "{left_out} lines about connections like the next one were left out");
            }
            true
        }
    }
}

/// Class, rule and trusted hops.
fn seen_as(source: &Source) -> String {
    format!("class={} rule=\"{}\"", source.class, source.rule)
}

/// The setting that decides, and the command that changes it.
fn fix(audience: Audience<'_>) -> String {
    let remedies = audience.situation(Reader::Operator).remedies();
    let setting = remedies.iter().find_map(|remedy| remedy.setting.as_deref());
    setting.map_or_else(String::new, |setting| format!(" setting={setting}{}", command(&remedies)))
}

fn command(remedies: &[Remedy]) -> String {
    let command = remedies.iter().find_map(|remedy| remedy.command.as_deref());
    command.map_or_else(String::new, |command| format!(" fix=\"{}\"", command.replace('"', "\\\"")))
}

fn peer(source: &Source) -> String {
    source.peer.map_or_else(|| "peer=n/a".to_owned(), |peer| format!("peer={peer}"))
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
