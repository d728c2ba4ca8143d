//! Why a peer is not let in: one value, from which the answer, the close frame and the log line are made.

use serde_json::{Map, Value, json};

use super::audience::Audience;
use crate::{
    advice::Reader,
    auth::AuthFailure,
    defaults::MAX_CLOSE_REASON_BYTES,
    device::{DeviceId, DeviceProofError},
    hint::Hint,
    origin::OriginRefusal,
    pairing::{Asked, PairingReason, PairingRefusal},
    protocol::{
        ClientInfo, ClientMode, Close, CloseCode, ConnectParams, Dialect, ErrorCode, ErrorShape, ProtocolRange, Role,
    },
    source::Silence,
};

/// Why a peer is not let in.
#[derive(Debug)]
pub enum Refusal {
    /// No `connect` came in time.
    Timeout,
    /// The first frame was no JSON.
    NotJson,
    /// The first frame was JSON, but no request.
    NotARequest,
    /// The first frame was larger than a peer that proved nothing may send.
    TooBig,
    /// The first request was another method.
    NotConnect,
    /// The parameters of `connect` do not have their shape.
    Params(ErrorShape),
    /// No common protocol version.
    Protocol(ProtocolRange),
    /// The role is neither operator nor node.
    Role,
    /// The page that connects is not allowed to.
    Origin(OriginRefusal),
    /// No device, and nothing that permits to come without one.
    DeviceRequired,
    /// A Control UI without a device: its browser has no key in an insecure context.
    UiWithoutDevice,
    /// The device did not prove its key.
    Proof(DeviceProofError),
    /// The credentials do not hold.
    Auth(AuthFailure),
    /// The device waits for an operator.
    Pairing(PairingRefusal),
    /// The state could not be read or written.
    Store(String),
    /// The shared secret was replaced while the connection was being made.
    AuthChanged,
    /// There is no room for another session.
    TooManySessions {
        /// How many there may be.
        most: usize,
        /// The device that has its share; `None` where all together have theirs.
        of_device: Option<DeviceId>,
    },
    /// The gateway is stopping.
    Draining,
}

/// What a refused peer is told.
#[derive(Debug)]
pub struct Told {
    /// The answer to its `connect`; `None` where it sent nothing that could be answered.
    pub error: Option<ErrorShape>,
    /// The close frame.
    pub close: Close,
}

impl Refusal {
    /// The cause under which the log files it.
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::Timeout => "handshake-timeout",
            Self::NotJson | Self::NotARequest | Self::NotConnect | Self::Params(_) | Self::TooBig => {
                "invalid-handshake"
            }
            Self::Protocol(_) => "protocol-mismatch",
            Self::Role => "invalid-role",
            Self::Origin(_) => "origin-mismatch",
            Self::DeviceRequired => "device-required",
            Self::UiWithoutDevice => "control-ui-insecure-auth",
            Self::Proof(_) => "device-auth-invalid",
            Self::Auth(_) => "unauthorized",
            Self::Pairing(_) => "pairing-required",
            Self::Store(_) => "store-unavailable",
            Self::AuthChanged => "auth-changed",
            Self::TooManySessions { .. } => "too-many-sessions",
            Self::Draining => "draining",
        }
    }

    /// Whether another source might have been let in: then what would change how it is seen is worth telling.
    pub(super) const fn depends_on_source(&self) -> bool {
        match self {
            Self::Origin(_) | Self::DeviceRequired | Self::UiWithoutDevice | Self::Auth(_) | Self::Pairing(_) => true,
            Self::Proof(error) => matches!(error, DeviceProofError::NonceMissing),
            _ => false,
        }
    }

    /// What the peer is told, in the words of its generation, and how it is seen.
    pub(super) fn told(&self, audience: Audience<'_>) -> Told {
        let mut told = self.answer(audience);
        if self.depends_on_source() {
            let source = json!(audience.situation(Reader::Stranger).report());
            told.error = told.error.map(|error| error.with_detail("source", source));
        }
        told
    }

    fn answer(&self, audience: Audience<'_>) -> Told {
        let policy = |error: ErrorShape| {
            let close = Close::new(CloseCode::Policy, error.message.clone());
            Told { error: Some(error), close }
        };
        let silent = |code, reason: &str| Told { error: None, close: Close::new(code, reason) };
        match self {
            Self::Timeout | Self::NotJson => silent(CloseCode::Normal, ""),
            Self::NotARequest => silent(CloseCode::Policy, "invalid request frame"),
            Self::TooBig => silent(CloseCode::TooBig, "preauth payload too large"),
            Self::NotConnect => policy(ErrorShape::invalid("invalid handshake: first request must be connect")),
            Self::Params(error) => policy(error.clone()),
            Self::Role => policy(ErrorShape::invalid("invalid role")),
            Self::Protocol(range) => Told {
                error: Some(protocol_mismatch(*range)),
                close: Close::new(CloseCode::ProtocolMismatch, "protocol mismatch"),
            },
            Self::Origin(refusal) => {
                let message = "origin not allowed (open the Control UI from the gateway host or allow it in gateway.controlUi.allowedOrigins)";
                let mut told = policy(ErrorShape::invalid(message).with_details(json!({
                    "code": "CONTROL_UI_ORIGIN_NOT_ALLOWED", "reason": refusal.to_string(),
                })));
                told.advise(refusal.remedy());
                told
            }
            Self::DeviceRequired => device_required(audience),
            Self::UiWithoutDevice => policy(
                ErrorShape::invalid(match audience.dialect() {
                    Some(Dialect::V3) => "control ui requires HTTPS or localhost (secure context)",
                    _ => "control ui requires device identity (use HTTPS or localhost secure context)",
                })
                .with_details(json!({ "code": "CONTROL_UI_DEVICE_IDENTITY_REQUIRED" })),
            ),
            Self::Proof(error) => policy(ErrorShape::invalid(error.to_string()).with_details(json!({
                "code": error.detail_code(), "reason": error.log_reason(),
            }))),
            Self::Auth(failure) => unauthorized(failure, audience),
            Self::Pairing(refusal) => pairing_required(refusal, audience),
            Self::Store(_) => {
                let message = "the gateway cannot read or write its state (its log says why)";
                Told { error: Some(ErrorShape::unavailable(message)), close: Close::new(CloseCode::Internal, message) }
            }
            Self::AuthChanged => Told {
                error: Some(ErrorShape {
                    retryable: Some(true),
                    ..ErrorShape::unavailable(
                        "the gateway's secret was changed while this connection was being made: connect again, with the new one",
                    )
                }),
                close: Close::new(CloseCode::Invalidated, "gateway auth changed"),
            },
            Self::TooManySessions { most, of_device } => {
                let type_there = |command: &str| audience.place.command(command);
                let (whose, next) = match of_device {
                    Some(device) => {
                        let remove = type_there(&format!("devices remove {device}"));
                        ("this device has", format!("`{remove}` ends all of them, and the device pairs anew"))
                    }
                    None => ("the gateway has", format!("`{}` shows who is connected", type_there("devices list"))),
                };
                let message = format!(
                    "{whose} {most} sessions, which is the most that there may be: end some; where the gateway runs, {next}"
                );
                Told {
                    error: Some(ErrorShape { retryable: Some(true), ..ErrorShape::unavailable(message) }),
                    close: Close::new(CloseCode::TryAgainLater, "too many sessions"),
                }
            }
            Self::Draining => Told {
                error: Some(ErrorShape {
                    retryable: Some(true),
                    ..ErrorShape::unavailable("the gateway is stopping: try again in a moment")
                }),
                close: Close::new(CloseCode::ServiceRestart, "service restart"),
            },
        }
    }
}

impl Told {
    /// Appends advice to the message. The close reason stays as it is: clients match it.
    fn advise(&mut self, advice: impl std::fmt::Display) {
        if let Some(error) = &mut self.error {
            error.message = format!("{}; {advice}", error.message);
        }
    }
}

fn protocol_mismatch(range: ProtocolRange) -> ErrorShape {
    ErrorShape::invalid("protocol mismatch").with_details(json!({
        "code": "PROTOCOL_MISMATCH",
        "clientMinProtocol": range.min,
        "clientMaxProtocol": range.max,
        "expectedProtocol": Dialect::V4.number(),
        "minimumProbeProtocol": Dialect::V3.number(),
    }))
}

/// Newer command lines send no device unless they have one already, and print this message as it is: so it says how they
/// get one.
fn device_required(audience: Audience<'_>) -> Told {
    let is_cli = audience.client().is_some_and(ClientInfo::may_come_without_device);
    let brought_secret = audience.presented() != "none";
    let advice = if is_cli {
        let secret = if brought_secret { "" } else { ", and no token or password came either: give --token" };
        let next = audience.place.command("devices list");
        format!(
            " (this client sent none; run openclaw logs once, then try again{secret}); {}; or run it where the gateway is: `{next}`",
            audience.visitor.source.explain(),
        )
    } else {
        String::new()
    };
    let reason = "device identity required";
    Told {
        error: Some(
            ErrorShape::new(ErrorCode::NotPaired, format!("{reason}{advice}"))
                .with_details(json!({ "code": "DEVICE_IDENTITY_REQUIRED" })),
        ),
        close: Close::new(CloseCode::Policy, reason),
    }
}

fn unauthorized(failure: &AuthFailure, audience: Audience<'_>) -> Told {
    let Some(connect) = audience.connect else {
        return Told { error: None, close: Close::new(CloseCode::Policy, "unauthorized") };
    };
    let near = audience.visitor.source.silence != Silence::Never;
    let message = failure.message(&connect.client, audience.dialect().unwrap_or(Dialect::V4), near);
    let close = Close::new(CloseCode::Policy, message.clone());
    let mut details = failure.details();
    let source = &audience.visitor.source;
    let next = audience.place.command("gateway status");
    if let Value::Object(members) = &mut details {
        members.insert("nextCommand".into(), json!(next));
    }
    let why = match failure {
        AuthFailure::TrustedProxy(why) => format!("{why} ({}); ", failure.hint()),
        _ => String::new(),
    };
    let message =
        format!("{message}; {why}{}; where the gateway runs, `{next}` says which secret counts", source.explain());
    let retry_after_ms = failure.retry_after_ms();
    let error = ErrorShape { retry_after_ms, retryable: retry_after_ms.map(|_| true), ..ErrorShape::invalid(message) };
    Told { error: Some(error.with_details(details)), close }
}

fn pairing_required(refusal: &PairingRefusal, audience: Audience<'_>) -> Told {
    let Some(connect) = audience.connect else {
        return Told { error: None, close: Close::new(CloseCode::Policy, "pairing required") };
    };
    let prefix = "pairing required";
    let requirement = match refusal.reason {
        PairingReason::NotPaired => "device is not approved yet",
        PairingReason::RoleUpgrade if refusal.revoked => {
            "device is asking for a higher role than currently approved: an operator revoked its token for it"
        }
        PairingReason::RoleUpgrade => "device is asking for a higher role than currently approved",
        PairingReason::ScopeUpgrade => "device is asking for more scopes than currently approved",
    };
    let (message, reason) = match &refusal.asked {
        Asked::Request(id) => {
            let words = format!("devices approve {id}");
            let command = audience.place.command(&words);
            let short = audience.place.command_within(&words, MAX_CLOSE_REASON_BYTES - prefix.len() - 2);
            let mut reason = format!("{prefix}: approve with {short}");
            if reason.len() > MAX_CLOSE_REASON_BYTES {
                reason = format!("{prefix}: {short}");
            }
            let seen = audience.seen();
            (format!("{prefix}: {requirement}; {seen}; approve with `{command}` (requestId: {id})"), reason)
        }
        Asked::ListFull => {
            let command = audience.place.command("devices list");
            let message = format!(
                "{prefix}: {requirement}; {}; no request was made, because as many wait as may: decide on them with `{command}`",
                audience.seen(),
            );
            (message, format!("{prefix}: too many requests wait; see openclaw devices list"))
        }
    };
    let error = ErrorShape { retryable: Some(true), ..ErrorShape::new(ErrorCode::NotPaired, message) };
    Told {
        error: Some(error.with_details(Value::Object(pairing_details(refusal, connect, audience)))),
        close: Close::new(CloseCode::Policy, reason),
    }
}

fn pairing_details(refusal: &PairingRefusal, connect: &ConnectParams, audience: Audience<'_>) -> Map<String, Value> {
    let mut details = Map::new();
    let mut put = |name: &str, value: Value| {
        details.insert(name.into(), value);
    };
    // Newer command lines replace the message of this code by one without the approving command; under another they print
    // what they got. Browsers and nodes act on the code.
    let prints_message = audience.dialect() == Some(Dialect::V4)
        && matches!(connect.client.mode, ClientMode::Cli | ClientMode::Probe | ClientMode::Backend);
    put("code", json!(if prints_message { "PAIRING_APPROVAL_PENDING" } else { "PAIRING_REQUIRED" }));
    put("reason", json!(refusal.reason.as_str()));
    if let Asked::Request(id) = &refusal.asked {
        put("requestId", json!(id));
        put("approveCommand", json!(audience.place.command(&format!("devices approve {id}"))));
    }
    put(
        "remediationHint",
        json!(match refusal.reason {
            PairingReason::NotPaired => "Approve this device from the pending pairing requests.",
            PairingReason::RoleUpgrade => "Review the requested role upgrade, then approve the pending request.",
            PairingReason::ScopeUpgrade => "Review the requested scopes, then approve the pending upgrade.",
        }),
    );
    if let Some(device) = &connect.device {
        put("deviceId", json!(device.id));
    }
    put("requestedRole", json!(connect.role.as_deref().unwrap_or(Role::Operator.as_str())));
    if !connect.scopes.is_empty() {
        put("requestedScopes", json!(connect.scopes));
    }
    if !refusal.approved_roles.is_empty() {
        put("approvedRoles", json!(refusal.approved_roles));
        put("approvedScopes", json!(refusal.approved_scopes));
    }
    // Without these three a newer node host pauses for good, and approving it would not be enough.
    put("recommendedNextStep", json!("wait_then_retry"));
    put("retryable", json!(true));
    put("pauseReconnect", json!(false));
    details
}
