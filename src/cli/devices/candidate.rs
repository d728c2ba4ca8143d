//! A pairing request beside what is known of its device.

use std::fmt;

use serde_json::{Value, json};

use crate::protocol::{PairedDevice, PairingList, PendingRequest, Role, Scopes};

/// What approving a request would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// What kind of request it is.
    pub(super) kind: Kind,
    /// Whether the device was known when it asked.
    pub(super) repair: bool,
}

/// What kind of request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The device is not known.
    NewPairing,
    /// The device is known, with another key.
    KeyChange,
    /// It asks for another role.
    RoleUpgrade,
    /// It asks for more scopes.
    ScopeUpgrade,
    /// It asks for nothing that it does not have.
    ReApproval,
}

impl Kind {
    /// The name in JSON.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::NewPairing => "new-pairing",
            Self::KeyChange => "key-change",
            Self::RoleUpgrade => "role-upgrade",
            Self::ScopeUpgrade => "scope-upgrade",
            Self::ReApproval => "re-approval",
        }
    }

    /// What an operator should know before deciding.
    pub(super) const fn note(self) -> &'static str {
        match self {
            Self::NewPairing => "New device: nothing is approved yet.",
            Self::KeyChange => "Known device with another key: approve only if you know why.",
            Self::RoleUpgrade => "Known device that asks for another role; what it was granted goes on working.",
            Self::ScopeUpgrade => "Known device that asks for more scopes; what it was granted goes on working.",
            Self::ReApproval => "Known device that asks for nothing new.",
        }
    }
}

impl Standing {
    /// Compares `request` with the record of its device.
    pub(super) fn of(request: &PendingRequest, known: Option<&PairedDevice>) -> Self {
        let kind = match known {
            None => Kind::NewPairing,
            Some(device) if device.public_key != request.public_key => Kind::KeyChange,
            Some(device) if request.asked_roles().iter().any(|role| !device.roles.contains(role)) => Kind::RoleUpgrade,
            Some(device) if !device.scopes.cover_all(&request.scopes.clone().unwrap_or_default()) => Kind::ScopeUpgrade,
            Some(_) => Kind::ReApproval,
        };
        Self { kind, repair: request.is_repair == Some(true) }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind.as_str().replace('-', " "))?;
        if self.repair { f.write_str(", repair") } else { Ok(()) }
    }
}

impl PendingRequest {
    /// Every role that the request asks for.
    pub(super) fn asked_roles(&self) -> Vec<Role> {
        match &self.roles {
            Some(roles) if !roles.is_empty() => roles.clone(),
            _ => self.role.into_iter().collect(),
        }
    }
}

/// Roles for people.
pub(super) fn roles_of(roles: &[Role]) -> String {
    if roles.is_empty() { "none".into() } else { roles.iter().map(Role::to_string).collect::<Vec<_>>().join(", ") }
}

/// Scopes for people.
pub(super) fn scopes_of(scopes: Option<&Scopes>) -> String {
    match scopes {
        Some(scopes) if !scopes.is_empty() => scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        _ => "none".into(),
    }
}

/// What approving would change, for programs.
pub(super) fn approval_state(request: &PendingRequest, list: &PairingList) -> Value {
    let known = list.paired.iter().find(|device| device.device_id == request.device_id);
    json!({
        "kind": Standing::of(request, known).kind.as_str(),
        "requested": { "roles": request.asked_roles(), "scopes": request.scopes.clone().unwrap_or_default() },
        "approved": known.map(|device| json!({ "roles": device.roles, "scopes": device.scopes })),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A list with one of everything, as the wire has it; names are as bad as peers may send them.
    pub(in super::super) fn example(now_ms: i64) -> PairingList {
        let (one, two, three) = ("a1".repeat(32), "b2".repeat(32), "c3".repeat(32));
        serde_json::from_value(json!({
            "pending": [
                {"requestId": "11111111-2222-4333-8444-555555555555", "deviceId": one, "publicKey": "k1", "role": "operator",
                 "scopes": ["operator.admin", "operator.pairing"], "clientId": "cli", "clientMode": "cli", "isRepair": true,
                 "remoteIp": "192.0.2.7", "ts": now_ms - 20_000},
                {"requestId": "22222222-2222-4333-8444-555555555555", "deviceId": three, "publicKey": "k3", "role": "node",
                 "displayName": "evil\u{1b}[2J\u{202e}eman\nsecond line", "ts": now_ms - 200_000},
            ],
            "paired": [
                {"deviceId": one, "publicKey": "k1", "displayName": "laptop", "role": "operator", "roles": ["operator"],
                 "scopes": ["operator.read"], "tokens": [{"role": "operator", "scopes": ["operator.read"], "createdAtMs": 1}],
                 "createdAtMs": 1, "approvedAtMs": 2, "lastSeenAtMs": now_ms - 3_600_000, "remoteIp": "192.0.2.7"},
                {"deviceId": two, "publicKey": "k2", "operatorLabel": "build server", "displayName": "host-17",
                 "roles": ["operator", "node"], "scopes": ["operator.admin", "operator.approvals", "operator.pairing"],
                 "tokens": [{"role": "node", "scopes": [], "createdAtMs": 1, "revokedAtMs": 5},
                            {"role": "operator", "scopes": ["operator.admin"], "createdAtMs": 1}],
                 "createdAtMs": 1, "approvedAtMs": 1, "connected": true},
            ],
        }))
        .expect("the wire's shape")
    }

    #[test]
    fn what_a_request_would_change() {
        let list = example(1_000_000);
        let (request, known) = (&list.pending[0], &list.paired[0]);
        let asks = |roles: &[Role], scopes: &[&str], key: &str| PendingRequest {
            roles: Some(roles.to_vec()),
            scopes: Some(scopes.iter().map(|scope| crate::protocol::Scope::new(*scope)).collect()),
            public_key: key.into(),
            is_repair: None,
            ..request.clone()
        };
        #[rustfmt::skip]
        let rows = [
            (asks(&[Role::Operator], &["operator.read"], "k1"),             None,        "new pairing"),
            (asks(&[Role::Operator], &["operator.read"], "other"),          Some(known), "key change"),
            (asks(&[Role::Node], &[], "k1"),                                Some(known), "role upgrade"),
            (asks(&[Role::Operator, Role::Node], &["operator.admin"], "k1"), Some(known), "role upgrade"),
            (asks(&[Role::Operator], &["operator.admin"], "k1"),            Some(known), "scope upgrade"),
            (asks(&[Role::Operator], &["operator.sessions.read"], "k1"),    Some(known), "re approval"),
            (request.clone(),                                               Some(known), "scope upgrade, repair"),
        ];
        for (request, known, expected) in rows {
            assert_eq!(Standing::of(&request, known).to_string(), expected, "{request:?}");
        }
    }
}
