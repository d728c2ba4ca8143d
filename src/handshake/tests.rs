//! What refused peers are told.

use std::{net::IpAddr, time::Duration};

use serde_json::json;

use super::{Refusal, Visitor, audience::Audience};
use crate::{
    advice::{Marks, PeerKind, Place},
    auth::AuthFailure,
    defaults::MAX_CLOSE_REASON_BYTES,
    origin::{HostJudgement, OriginRefusal},
    pairing::{Asked, PairingReason, PairingRefusal},
    policy::Policy,
    protocol::{ConnectParams, Params, ProtocolRange, RequestId, Scopes},
    session::ConnectionId,
    source::{Rule, Source, SourceClass},
};

fn visitor() -> Visitor {
    let peer = Some(IpAddr::from([192, 0, 2, 7]).into());
    Visitor {
        id: ConnectionId::random(),
        source: Source::of(SourceClass::Public, peer, Rule::OtherAddress),
        ends: None,
        host: None,
        origin: None,
        browser: false,
        user_agent: None,
        forwarded_for: None,
        judgement: HostJudgement::Foreign,
        peer_kind: PeerKind::Public,
        tls: false,
        scope_cap: None,
        proxy_user: None,
    }
}

fn connect(mode: &str, protocol: u32) -> ConnectParams {
    ConnectParams::read(&Params::of(&json!({
        "minProtocol": protocol, "maxProtocol": protocol,
        "client": { "id": if mode == "node" { "node-host" } else { "cli" }, "version": "1", "platform": "linux", "mode": mode },
    })))
    .expect("valid")
}

fn pairing(reason: PairingReason, asked: Asked) -> Refusal {
    Refusal::Pairing(PairingRefusal {
        reason,
        asked,
        approved_roles: Vec::new(),
        approved_scopes: Scopes::none(),
        revoked: false,
    })
}

fn places() -> [Place; 4] {
    let marks = |container, kubernetes, compose_service, hostname| {
        Place::of(Marks { container, kubernetes, compose_service, hostname })
    };
    [
        marks(false, false, None, "box"),
        marks(true, false, None, "0123456789ab"),
        marks(true, false, Some("openclaw-cli"), "0123456789ab"),
        marks(true, true, None, "openclaw-gateway-with-a-name-that-is-rather-long-0"),
    ]
}

#[test]
fn the_approving_command_reaches_every_client_whole() {
    let visitor = visitor();
    for place in &places() {
        for reason in [PairingReason::NotPaired, PairingReason::RoleUpgrade, PairingReason::ScopeUpgrade] {
            for (mode, protocol) in [("cli", 3), ("cli", 4), ("node", 4)] {
                let id = RequestId::random();
                let connect = connect(mode, protocol);
                let refusal = pairing(reason, Asked::Request(id.clone()));
                let told = refusal.told(Audience {
                    visitor: &visitor,
                    connect: Some(&connect),
                    place,
                    policy: &Policy::open(),
                });
                let row = format!("{place:?} {reason:?} {mode} {protocol}: {told:?}");
                assert_eq!(told.close.code.number(), 1008, "{row}");
                assert!(told.close.reason.starts_with("pairing required: "), "{row}");
                assert!(told.close.reason.len() <= MAX_CLOSE_REASON_BYTES, "{row}");
                assert!(told.close.reason.ends_with(&format!("devices approve {id}")), "{row}");
                let error = told.error.as_ref().expect("an answer");
                assert!(error.message.contains(&place.command(&format!("devices approve {id}"))), "{row}");
                assert!(error.message.ends_with(&format!("(requestId: {id})")), "{row}");
                let details = error.details.as_ref().expect("details");
                assert_eq!(details["requestId"], json!(id), "{row}");
                assert_eq!(details["pauseReconnect"], json!(false), "{row}");
                // Newer command lines replace the message of this code, and with it the command.
                assert_eq!(details["code"] == "PAIRING_REQUIRED", (mode, protocol) != ("cli", 4), "{row}");
            }
        }
    }
}

#[test]
fn whoever_is_held_back_is_told_to_try_again() {
    let failure = AuthFailure::RateLimited { retry_after: Duration::from_millis(1500) };
    let (visitor, connect) = (visitor(), connect("cli", 4));
    let audience =
        Audience { visitor: &visitor, connect: Some(&connect), place: &Place::Host, policy: &Policy::open() };
    let error = Refusal::Auth(failure).told(audience).error.expect("an answer");
    assert_eq!((error.retryable, error.retry_after_ms), (Some(true), Some(1500)));
}

#[test]
fn the_words_of_the_protocol() {
    let (visitor, place) = (visitor(), Place::Host);
    let token = || AuthFailure::TokenMismatch { can_retry_with_device_token: false };
    #[rustfmt::skip]
    let rows: [(Refusal, u16, &str, &str); 14] = [
        // refusal                                       close  reason                                                   message begins
        (Refusal::Timeout,                               1000, "",                                                       ""),
        (Refusal::NotJson,                               1000, "",                                                       ""),
        (Refusal::NotARequest,                           1008, "invalid request frame",                                  ""),
        (Refusal::TooBig,                                1009, "preauth payload too large",                              ""),
        (Refusal::NotConnect,                            1008, "invalid handshake: first request must be connect",       "invalid handshake: first request must be connect"),
        (Refusal::Protocol(ProtocolRange { min: 5, max: 6 }), 1002, "protocol mismatch",                                 "protocol mismatch"),
        (Refusal::Role,                                  1008, "invalid role",                                           "invalid role"),
        (Refusal::Origin(OriginRefusal::Invalid),        1008, "origin not allowed (open the Control UI from the gateway host or allow it in gateway.controlUi.allowedOrigins)", "origin not allowed (open"),
        (Refusal::DeviceRequired,                        1008, "device identity required",                               "device identity required (this client sent none; run openclaw logs once"),
        (Refusal::UiWithoutDevice,                       1008, "control ui requires device identity (use HTTPS or localhost secure context)", "control ui requires device identity"),
        (Refusal::Auth(token()),                         1008, "unauthorized: gateway token mismatch (set gateway.remote.token to match gateway.auth.token)", "unauthorized: gateway token mismatch (set gateway.remote.token to match gateway.auth.token); seen as public from 192.0.2.7: "),
        (Refusal::AuthChanged,                           4001, "gateway auth changed",                                   "the gateway's secret was changed"),
        (Refusal::TooManySessions { most: 9, of_device: None }, 1013, "too many sessions",                               "the gateway has 9 sessions, which is the most that there may be: end some; where the gateway runs, `"),
        (Refusal::Draining,                              1012, "service restart",                                        "the gateway is stopping"),
    ];
    let connect = connect("cli", 4);
    for (refusal, code, reason, message) in rows {
        let told = refusal.told(Audience {
            visitor: &visitor,
            connect: Some(&connect),
            place: &place,
            policy: &Policy::open(),
        });
        assert_eq!((told.close.code.number(), told.close.reason.as_str()), (code, reason), "{refusal:?}");
        let said = told.error.map(|error| error.message).unwrap_or_default();
        assert!(said.starts_with(message) && said.is_empty() == message.is_empty(), "{refusal:?}: {said}");
    }
}

#[test]
fn a_full_list_is_told_with_the_way_to_empty_it() {
    let (visitor, connect) = (visitor(), connect("cli", 4));
    let refusal = pairing(PairingReason::NotPaired, Asked::ListFull);
    let told = refusal.told(Audience {
        visitor: &visitor,
        connect: Some(&connect),
        place: &Place::Host,
        policy: &Policy::open(),
    });
    let error = told.error.expect("an answer");
    assert!(error.message.contains("`openclaw devices list`"), "{}", error.message);
    assert!(error.details.expect("details").get("requestId").is_none());
}
