//! The `connect` request: what real clients send, and every way to spoil it.

use std::{
    rc::Rc,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use super::{CLI_SCOPES, Device};

/// Which payload string a device signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payload {
    /// Without a nonce.
    V1,
    /// With the challenge's nonce.
    V2,
    /// With platform and device family too.
    V3,
}

/// Which nonce a device signs and sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Nonce {
    /// That of this connection's challenge.
    Challenge,
    /// None.
    Absent,
    /// Another text.
    Other(String),
}

/// Spoils the parameters of a `connect`.
type Change = dyn Fn(&mut Value);

/// A `connect` to be sent. Clones differ only in what is changed after.
#[derive(Clone)]
pub(crate) struct Connect {
    range: (u32, u32),
    client: Value,
    role: Option<String>,
    scopes: Vec<String>,
    auth: Option<Value>,
    device: Option<Device>,
    payload: Payload,
    nonce: Nonce,
    age_ms: i64,
    spoil: Vec<Rc<Change>>,
}

impl Connect {
    /// The command line of the older generation.
    pub(crate) fn v3() -> Self {
        Self::of((3, 3), Payload::V2)
    }

    /// The command line of the newer generation.
    pub(crate) fn v4() -> Self {
        Self::of((4, 4), Payload::V3)
    }

    /// The command line of either generation, by its number.
    pub(crate) fn of_generation(number: u32) -> Self {
        if number == 3 { Self::v3() } else { Self::v4() }
    }

    fn of(range: (u32, u32), payload: Payload) -> Self {
        Self {
            range,
            client: json!({"id": "cli", "version": "dev", "platform": "linux", "mode": "cli"}),
            role: Some("operator".into()),
            scopes: CLI_SCOPES.map(Into::into).to_vec(),
            auth: None,
            device: None,
            payload,
            nonce: Nonce::Challenge,
            age_ms: 0,
            spoil: Vec::new(),
        }
    }

    pub(crate) fn range(mut self, min: u32, max: u32) -> Self {
        self.range = (min, max);
        self
    }

    pub(crate) fn client(mut self, id: &str, mode: &str) -> Self {
        self.client["id"] = json!(id);
        self.client["mode"] = json!(mode);
        self
    }

    /// A member of `client`.
    pub(crate) fn client_member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.client[name] = value.into();
        self
    }

    pub(crate) fn role(mut self, role: &str) -> Self {
        self.role = Some(role.into());
        self
    }

    /// A node host: its own client, role and no scopes.
    pub(crate) fn node(self) -> Self {
        self.client("node-host", "node").role("node").scopes(&[])
    }

    pub(crate) fn scopes(mut self, scopes: &[&str]) -> Self {
        self.scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self
    }

    /// The whole `auth` member.
    pub(crate) fn auth(mut self, auth: Value) -> Self {
        self.auth = Some(auth);
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.auth(json!({"token": token}))
    }

    pub(crate) fn password(self, password: &str) -> Self {
        self.auth(json!({"password": password}))
    }

    /// Only the stored device token, as the command line of this generation sends it.
    pub(crate) fn device_token(self, token: &str) -> Self {
        let member = if self.range.1 == 3 { "token" } else { "deviceToken" };
        self.auth(json!({ member: token }))
    }

    pub(crate) fn device(mut self, device: &Device) -> Self {
        self.device = Some(device.clone());
        self
    }

    pub(crate) fn payload(mut self, payload: Payload) -> Self {
        self.payload = payload;
        if payload == Payload::V1 { self.nonce(Nonce::Absent) } else { self }
    }

    pub(crate) fn nonce(mut self, nonce: Nonce) -> Self {
        self.nonce = nonce;
        self
    }

    /// Signs as if the clock were this much behind; negative: ahead.
    pub(crate) fn signed_ago_ms(mut self, age_ms: i64) -> Self {
        self.age_ms = age_ms;
        self
    }

    /// Changes the parameters after they were signed.
    pub(crate) fn spoil(mut self, change: impl Fn(&mut Value) + 'static) -> Self {
        self.spoil.push(Rc::new(change));
        self
    }

    /// The parameters, signed for a connection with this challenge.
    pub(crate) fn params(&self, challenge: &Value) -> Value {
        let mut params = json!({
            "minProtocol": self.range.0, "maxProtocol": self.range.1, "client": self.client, "scopes": self.scopes,
        });
        if let Some(role) = &self.role {
            params["role"] = json!(role);
        }
        if let Some(auth) = &self.auth {
            params["auth"] = auth.clone();
        }
        if let Some(device) = &self.device {
            params["device"] = self.prove(device, challenge);
        }
        for change in &self.spoil {
            change(&mut params);
        }
        params
    }

    /// The whole request.
    pub(crate) fn request(&self, id: &str, challenge: &Value) -> Value {
        json!({"type": "req", "id": id, "method": "connect", "params": self.params(challenge)})
    }

    fn prove(&self, device: &Device, challenge: &Value) -> Value {
        let nonce = match &self.nonce {
            Nonce::Challenge => challenge["nonce"].as_str().map(ToOwned::to_owned),
            Nonce::Absent => None,
            Nonce::Other(nonce) => Some(nonce.clone()),
        };
        let signed_at = now_ms() - self.age_ms;
        let auth = |member: &str| self.auth.as_ref().and_then(|auth| auth[member].as_str());
        let token = auth("token").or(auth("deviceToken")).unwrap_or_default();
        let text = |member: &str| self.client[member].as_str().unwrap_or_default().trim().to_ascii_lowercase();
        let mut payload = vec![
            device.id(),
            self.client["id"].as_str().unwrap_or_default().to_owned(),
            self.client["mode"].as_str().unwrap_or_default().to_owned(),
            self.role.clone().unwrap_or_else(|| "operator".into()),
            self.scopes.join(","),
            signed_at.to_string(),
            token.to_owned(),
        ];
        let version = match self.payload {
            Payload::V1 => "v1",
            Payload::V2 | Payload::V3 => {
                payload.push(nonce.clone().unwrap_or_default());
                if self.payload == Payload::V3 { "v3" } else { "v2" }
            }
        };
        if self.payload == Payload::V3 {
            payload.extend([text("platform"), text("deviceFamily")]);
        }
        payload.insert(0, version.into());
        let mut proof = json!({
            "id": device.id(), "publicKey": device.public_key(), "signature": device.sign(&payload.join("|")),
            "signedAt": signed_at,
        });
        if let Some(nonce) = nonce {
            proof["nonce"] = json!(nonce);
        }
        proof
    }
}

/// Milliseconds since the Unix epoch.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(since.as_millis()).expect("the clock is not past the year 292000000")
}
