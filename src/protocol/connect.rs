//! The parameters of `connect`, the first request on every connection.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ClientId, ClientInfo, ClientMode, Dialect, ErrorShape, Params, ProtocolRange, Scopes,
    schema::{self, Kind, Object, UNBOUNDED, optional, required},
};

/// The parameters of `connect` (gateway protocol, handshake). A closed object: the union of what both generations send.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectParams {
    /// Lowest protocol version that the client takes.
    pub min_protocol: u32,
    /// Highest protocol version that the client takes.
    pub max_protocol: u32,
    /// What the client says of itself.
    pub client: ClientInfo,
    /// What the client can do beyond the protocol.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<String>,
    /// The commands that a node offers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// A node's permissions on its machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<BTreeMap<String, bool>>,
    /// A node's search path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_env: Option<String>,
    /// `operator` or `node`; kept as text, since another role has a close reason of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The permissions asked for, in the order in which they were signed.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The device and the proof of its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<ConnectDevice>,
    /// Secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<ConnectAuth>,
    /// The user's language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// The program's own user agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

/// The `device` member of `connect`: a key and the proof of holding it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectDevice {
    /// Lowercase hexadecimal SHA-256 of the raw public key.
    pub id: String,
    /// The Ed25519 key, base64url of its 32 bytes or a PEM.
    pub public_key: String,
    /// Signature over the payload string, base64url.
    pub signature: String,
    /// When it was signed, in milliseconds since the Unix epoch.
    pub signed_at: i64,
    /// The nonce of this connection's challenge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

/// The `auth` member of `connect`. An empty text counts as absent.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectAuth {
    /// The shared token, or from older clients the device token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The shared password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The device token, from newer clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<String>,
    /// A setup code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap_token: Option<String>,
}

impl std::fmt::Debug for ConnectAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectAuth").finish_non_exhaustive()
    }
}

const CLIENT: Object = Object {
    fields: &[
        required("id", Kind::OneOf(&ClientId::KNOWN)),
        optional("displayName", Kind::Text(1, UNBOUNDED)),
        required("version", Kind::Text(1, UNBOUNDED)),
        optional("buildId", Kind::Text(1, 96)),
        required("platform", Kind::Text(1, UNBOUNDED)),
        optional("deviceFamily", Kind::Text(0, UNBOUNDED)),
        optional("modelIdentifier", Kind::Text(0, UNBOUNDED)),
        optional("timeZone", Kind::Text(1, 64)),
        required("mode", Kind::OneOf(&ClientMode::KNOWN)),
        optional("instanceId", Kind::Text(0, UNBOUNDED)),
    ],
    closed: true,
};

const DEVICE: Object = Object {
    fields: &[
        required("id", Kind::Text(1, UNBOUNDED)),
        required("publicKey", Kind::Text(1, UNBOUNDED)),
        required("signature", Kind::Text(1, UNBOUNDED)),
        required("signedAt", Kind::Integer(0, i64::MAX)),
        optional("nonce", Kind::Text(1, UNBOUNDED)),
    ],
    closed: true,
};

const AUTH: Object = Object {
    fields: &[
        optional("token", Kind::Text(0, UNBOUNDED)),
        optional("password", Kind::Text(0, UNBOUNDED)),
        optional("deviceToken", Kind::Text(0, UNBOUNDED)),
        optional("bootstrapToken", Kind::Text(0, UNBOUNDED)),
        optional("approvalRuntimeToken", Kind::Text(0, UNBOUNDED)),
        optional("agentRuntimeIdentityToken", Kind::Text(0, UNBOUNDED)),
    ],
    closed: true,
};

const CONNECT: Object = Object {
    fields: &[
        required("minProtocol", Kind::Integer(1, u32::MAX as i64)),
        required("maxProtocol", Kind::Integer(1, u32::MAX as i64)),
        required("client", Kind::Nested(&CLIENT)),
        optional("caps", Kind::Texts(1)),
        optional("commands", Kind::Texts(1)),
        optional("permissions", Kind::Flags),
        optional("pathEnv", Kind::Text(0, UNBOUNDED)),
        optional("computerUse", Kind::Any),
        optional("workerRuns", Kind::Any),
        optional("role", Kind::Text(1, UNBOUNDED)),
        optional("scopes", Kind::Texts(1)),
        optional("modelCatalog", Kind::Open),
        optional("device", Kind::Nested(&DEVICE)),
        optional("auth", Kind::Nested(&AUTH)),
        optional("locale", Kind::Text(0, UNBOUNDED)),
        optional("userAgent", Kind::Text(0, UNBOUNDED)),
    ],
    closed: true,
};

impl ConnectParams {
    /// Reads the parameters of a `connect` request.
    ///
    /// # Errors
    /// `INVALID_REQUEST` `invalid connect params: …` with every problem.
    pub fn read(params: &Params) -> Result<Self, ErrorShape> {
        schema::read_changed("connect", params, &CONNECT, without_nulls)
    }

    /// The generation that this client can be spoken to in.
    pub fn dialect(&self) -> Option<Dialect> {
        Dialect::negotiate(ProtocolRange { min: self.min_protocol, max: self.max_protocol })
    }

    /// The permissions asked for, without repeats.
    pub fn wanted_scopes(&self) -> Scopes {
        self.scopes.iter().map(super::Scope::new).collect()
    }

    /// The token that entered the signature payload: the shared token, else the device token, else the setup code.
    pub fn signed_token(&self) -> &str {
        let auth = self.auth.as_ref();
        auth.and_then(|auth| auth.token.as_deref().or(auth.device_token.as_deref()).or(auth.bootstrap_token.as_deref()))
            .unwrap_or_default()
    }
}

/// Older clients send `null` for members that they leave out.
fn without_nulls(params: Value) -> Value {
    match params {
        Value::Object(mut members) => {
            members.retain(|_, member| !member.is_null());
            Value::Object(members)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn minimal() -> Value {
        json!({
            "minProtocol": 3, "maxProtocol": 4,
            "client": {"id": "cli", "version": "dev", "platform": "linux", "mode": "cli"},
        })
    }

    #[test]
    fn the_least_that_a_client_sends() {
        let connect = ConnectParams::read(&Params::of(&minimal())).expect("valid");
        assert_eq!(connect.dialect(), Some(Dialect::V4));
        assert!(connect.wanted_scopes().is_empty());
        assert_eq!(connect.signed_token(), "");
    }

    #[test]
    fn every_problem_is_named() {
        let mut params = minimal();
        params["client"]["id"] = json!("mine");
        params["scopes"] = json!([""]);
        params["color"] = json!("red");
        let error = ConnectParams::read(&Params::of(&params)).expect_err("invalid");
        assert_eq!(
            error.message,
            "invalid connect params: at root: unexpected property 'color'; at /client/id: must be equal to one of the \
             allowed values; at /scopes/0: must NOT have fewer than 1 characters"
        );
    }

    #[test]
    fn the_token_that_is_signed() {
        #[rustfmt::skip]
        let rows = [
            (json!({}),                                                 ""),
            (json!({"password": "p"}),                                  ""),
            (json!({"token": "t", "deviceToken": "d"}),                 "t"),
            (json!({"deviceToken": "d", "bootstrapToken": "b"}),        "d"),
            (json!({"bootstrapToken": "b"}),                            "b"),
        ];
        for (auth, token) in rows {
            let mut params = minimal();
            params["auth"] = auth.clone();
            let connect = ConnectParams::read(&Params::of(&params)).expect("valid");
            assert_eq!(connect.signed_token(), token, "{auth}");
        }
    }
}
