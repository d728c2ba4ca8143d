//! Devices for tests.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    device::DeviceId,
    protocol::{ClientMode, PendingRequest, RequestId, Role, Scope, Scopes},
    store::{Paired, Pending, Refused, TokenHash, TokenRecord},
};

/// Scopes from names without their prefix, such as `read pairing`.
pub(crate) fn scopes(names: &str) -> Scopes {
    names.split_whitespace().map(|name| Scope::new(format!("operator.{name}"))).collect()
}

/// The device with this number.
pub(crate) fn device(number: u32) -> DeviceId {
    format!("{number:064x}").parse().expect("64 hex digits")
}

/// That device's key.
pub(crate) fn key(number: u32) -> String {
    let mut raw = [0; 32];
    raw[..4].copy_from_slice(&number.to_be_bytes());
    URL_SAFE_NO_PAD.encode(raw)
}

/// A device that was approved as operator for `scopes`, at 1000 ms.
pub(crate) fn paired(number: u32, approved: &Scopes) -> Paired {
    let mut token = TokenRecord::new(Role::Operator, approved, 1, 1000);
    token.hash = Some(TokenHash::of("token"));
    Paired {
        device_id: device(number).to_string(),
        public_key: key(number),
        display_name: Some(format!("device {number}")),
        operator_label: None,
        platform: Some("linux".into()),
        device_family: None,
        client_id: Some("cli".into()),
        client_mode: Some("cli".into()),
        browser_origin: None,
        role: Some(Role::Operator),
        roles: vec![Role::Operator],
        scopes: approved.clone(),
        remote_ip: None,
        tokens: [(Role::Operator, token)].into(),
        created_at_ms: 1000,
        approved_at_ms: 1000,
        approved_via: Some("owner".into()),
        last_seen_at_ms: None,
        last_seen_reason: None,
        unknown: serde_json::Map::new(),
    }
}

/// A request of that device to be an operator with `wanted`, made at 2000 ms.
pub(crate) fn pending(number: u32, wanted: &Scopes) -> Pending {
    Pending {
        request: PendingRequest {
            request_id: RequestId::random(),
            device_id: device(number).to_string(),
            public_key: key(number),
            display_name: None,
            platform: Some("linux".into()),
            device_family: None,
            client_id: Some("cli".into()),
            client_mode: Some(ClientMode::Cli),
            browser_origin: None,
            role: Some(Role::Operator),
            roles: Some(vec![Role::Operator]),
            scopes: Some(wanted.clone()),
            remote_ip: Some("192.0.2.50".into()),
            silent: None,
            is_repair: None,
            ts: 2000,
        },
        refreshed_at_ms: None,
        unknown: serde_json::Map::new(),
    }
}

/// A refusal at 3000 ms.
pub(crate) fn refused() -> Refused {
    Refused::at(3000)
}
