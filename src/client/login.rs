//! As what a client presents itself.

use std::{sync::Arc, time::Duration};

use crate::{
    config::Secret,
    defaults::HANDSHAKE_TIMEOUT,
    device::{
        Identity, PayloadVersion,
        signature::{Signed, sign},
    },
    protocol::{
        Challenge, ClientId, ClientInfo, ClientMode, ConnectAuth, ConnectDevice, ConnectParams, ProtocolRange, Role,
        Scopes,
    },
};

/// The secrets that a client presents. A device token goes where a shared token goes: protocol 3 takes it only there, and
/// protocol 4 takes it there too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Presented {
    /// The shared token, or a stored device token.
    pub token: Option<Secret>,
    /// The shared password.
    pub password: Option<Secret>,
}

impl Presented {
    /// A token alone.
    pub fn token(token: Secret) -> Self {
        Self { token: Some(token), password: None }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.token.is_none() && self.password.is_none()
    }
}

/// As what a client presents itself.
#[derive(Debug, Clone)]
pub struct Login {
    /// What it says of itself.
    pub client: ClientInfo,
    /// As what it wants to be connected.
    pub role: Role,
    /// What it wants to be allowed.
    pub scopes: Scopes,
    /// The versions of the protocol that it offers.
    pub protocol: ProtocolRange,
    /// Its secrets.
    pub presented: Presented,
    /// Its key.
    pub device: Option<Arc<Identity>>,
    /// How long it waits for the gateway's challenge.
    pub challenge_timeout: Duration,
}

impl Login {
    /// A command of this CLI, without a secret and without a device.
    ///
    /// The scopes are the same for every command, probes included: gateways of protocol 3 compare them literally with what
    /// the device was first approved for, and refuse anything else until a person approves it.
    pub fn cli() -> Self {
        Self::as_mode(ClientMode::Cli)
    }

    /// A command that only asks whether, and as what, one can connect.
    pub fn probe() -> Self {
        Self::as_mode(ClientMode::Probe)
    }

    fn as_mode(mode: ClientMode) -> Self {
        Self {
            client: ClientInfo {
                id: ClientId::cli(),
                display_name: None,
                version: env!("CARGO_PKG_VERSION").into(),
                build_id: None,
                platform: std::env::consts::OS.into(),
                // The closed schemas of protocol 3 know no device family in what is signed, so it is left out.
                device_family: None,
                model_identifier: None,
                time_zone: None,
                mode,
                instance_id: None,
            },
            role: Role::Operator,
            scopes: Scopes::full_operator(),
            protocol: ProtocolRange { min: 3, max: 4 },
            presented: Presented::default(),
            device: None,
            challenge_timeout: HANDSHAKE_TIMEOUT,
        }
    }

    /// With these secrets.
    #[must_use]
    pub fn presenting(mut self, presented: Presented) -> Self {
        self.presented = presented;
        self
    }

    /// With this device.
    #[must_use]
    pub fn with_device(mut self, device: Option<Arc<Identity>>) -> Self {
        self.device = device;
        self
    }

    /// The parameters of `connect` in answer to `challenge`.
    pub fn answer(&self, challenge: &Challenge) -> ConnectParams {
        let secret = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().to_owned());
        let auth = (!self.presented.is_empty()).then(|| ConnectAuth {
            token: secret(&self.presented.token),
            password: secret(&self.presented.password),
            ..ConnectAuth::default()
        });
        let mut connect = ConnectParams {
            min_protocol: self.protocol.min,
            max_protocol: self.protocol.max,
            client: self.client.clone(),
            caps: Vec::new(),
            commands: Vec::new(),
            permissions: None,
            path_env: None,
            role: Some(self.role.as_str().into()),
            scopes: self.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
            device: None,
            auth,
            locale: None,
            user_agent: None,
        };
        connect.device = self.device.as_deref().map(|device| prove(device, &connect, challenge));
        connect
    }
}

/// The second payload is the only one that the gateways of both generations verify.
fn prove(device: &Identity, connect: &ConnectParams, challenge: &Challenge) -> ConnectDevice {
    let signed = Signed { signed_at: challenge.ts, nonce: Some(&challenge.nonce), ..Signed::of(connect) };
    ConnectDevice {
        id: device.device_id().to_string(),
        public_key: device.key().to_string(),
        signature: sign(device, &signed, PayloadVersion::V2),
        // The gateway's own clock, so that a wrong one of ours is no obstacle.
        signed_at: challenge.ts,
        nonce: Some(challenge.nonce.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{
        ProofRules,
        signature::{Claim, verify},
    };

    fn challenge() -> Challenge {
        Challenge { nonce: "n-1".into(), ts: 1_767_225_600_000 }
    }

    #[test]
    fn the_proof_holds_for_what_is_sent() {
        let device = Arc::new(Identity::from_seed(&[7; 32]));
        let login =
            Login::cli().presenting(Presented::token(Secret::new("secret-token"))).with_device(Some(device.clone()));
        let connect = login.answer(&challenge());
        let now = challenge().ts;
        let claim = Claim::of(&connect).expect("a device");
        let proven = verify(&claim, "n-1", now, ProofRules { nonce_optional: false }).expect("our own proof");
        assert_eq!((proven.id, proven.payload), (device.device_id(), PayloadVersion::V2));
    }

    #[test]
    fn only_members_that_every_generation_takes_are_sent() {
        let device = Arc::new(Identity::from_seed(&[7; 32]));
        let presented = Presented { token: Some(Secret::new("t")), password: Some(Secret::new("p")) };
        let connect = Login::cli().presenting(presented).with_device(Some(device)).answer(&challenge());
        let mut sent = serde_json::to_value(&connect).expect("json");
        let device = sent["device"].as_object_mut().expect("a device");
        device.insert("signature".into(), "…".into());
        insta::assert_json_snapshot!(sent, {".client.version" => "…"}, @r#"
        {
          "minProtocol": 3,
          "maxProtocol": 4,
          "client": {
            "id": "cli",
            "version": "…",
            "platform": "linux",
            "mode": "cli"
          },
          "role": "operator",
          "scopes": [
            "operator.admin",
            "operator.approvals",
            "operator.pairing"
          ],
          "device": {
            "id": "fe812c12f3ab4ce6ac5db69ac352f906cb1b11ef43fb33e252ef7ff552263889",
            "publicKey": "6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw",
            "signature": "…",
            "signedAt": 1767225600000,
            "nonce": "n-1"
          },
          "auth": {
            "token": "t",
            "password": "p"
          }
        }
        "#);
    }
}
