//! Paired devices, and the state directory of a gateway that knows them.

use std::{collections::BTreeMap, fs};

use anyhow::Context as _;
use openclaw::{
    auth::TokenKey,
    device::{
        Identity, PayloadVersion,
        signature::{Signed, sign},
    },
    protocol::{
        Challenge, ClientId, ClientInfo, ClientMode, ConnectAuth, ConnectDevice, ConnectParams, Json, Role, Scopes,
        encode_request,
    },
    state::StateDir,
    store::{Paired, TokenHash, TokenRecord},
};
use secrecy::ExposeSecret as _;
use serde_json::json;
use tempfile::TempDir;

/// A paired device with what it sends at every connect.
pub(crate) struct Device {
    identity: Identity,
    connect: ConnectParams,
}

impl Device {
    /// The frame that answers `challenge`, signed.
    pub(crate) fn connect(&self, challenge: &Challenge) -> String {
        let mut connect = self.connect.clone();
        let signed = Signed { signed_at: challenge.ts, nonce: Some(&challenge.nonce), ..Signed::of(&connect) };
        connect.device = Some(ConnectDevice {
            id: self.identity.device_id().to_string(),
            public_key: self.identity.key().to_string(),
            signature: sign(&self.identity, &signed, PayloadVersion::V3),
            signed_at: challenge.ts,
            nonce: Some(challenge.nonce.clone()),
        });
        encode_request("connect", "connect", Some(&Json::of(&connect)))
    }
}

/// Writes a state directory that knows `count` devices, as full operators with a device token each.
///
/// The records are written as one file. By way of the store each device would cost a write of all that came before it, and
/// this is about the gateway that reads them.
pub(crate) fn pair(count: usize) -> anyhow::Result<(TempDir, Vec<Device>)> {
    let directory = TempDir::new()?;
    let state = StateDir::new(directory.path());
    let key = TokenKey::load_or_create(&state)?;
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let mut records = BTreeMap::new();
    let mut devices = Vec::with_capacity(count);
    for number in 0..count {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_be_bytes());
        let identity = Identity::from_seed(&seed);
        let id = identity.device_id();
        let token = key.derive(&id, Role::Operator, 1);
        let token = token.expose_secret();
        let mut record = TokenRecord::new(Role::Operator, &Scopes::full_operator(), 1, now_ms);
        record.hash = Some(TokenHash::of(token));
        let mut paired: Paired = serde_json::from_value(json!({
            "deviceId": id, "publicKey": identity.key().to_string(), "displayName": format!("device {number}"),
            "platform": "linux", "clientId": "cli", "clientMode": "cli", "role": "operator", "roles": ["operator"],
            "scopes": Scopes::full_operator(), "createdAtMs": now_ms, "approvedAtMs": now_ms, "approvedVia": "owner",
        }))?;
        paired.tokens.insert(Role::Operator, record);
        records.insert(id.to_string(), paired);
        devices.push(Device { identity, connect: connect(token) });
    }
    fs::create_dir_all(state.devices())?;
    fs::write(state.devices().join("paired.json"), serde_json::to_vec_pretty(&records)?)
        .context("the records of the devices")?;
    Ok((directory, devices))
}

fn connect(token: &str) -> ConnectParams {
    ConnectParams {
        min_protocol: 4,
        max_protocol: 4,
        client: ClientInfo {
            id: ClientId::cli(),
            display_name: None,
            version: "2026.9.6".into(),
            build_id: None,
            platform: "linux".into(),
            device_family: Some("Linux".into()),
            model_identifier: None,
            time_zone: None,
            // Not listed in the presence, so that idle sessions cost the others nothing.
            mode: ClientMode::Cli,
            instance_id: None,
        },
        caps: Vec::new(),
        commands: Vec::new(),
        permissions: None,
        path_env: None,
        role: Some("operator".into()),
        scopes: Scopes::full_operator().iter().map(ToString::to_string).collect(),
        device: None,
        auth: Some(ConnectAuth { token: Some(token.to_owned()), ..ConnectAuth::default() }),
        locale: None,
        user_agent: None,
    }
}
