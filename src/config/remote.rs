//! The gateway elsewhere that this machine's commands use.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use super::{secret::Secret, words::words};

words! {
    /// What this machine is.
    pub enum GatewayMode {
        /// It runs a gateway.
        Local = "local",
        /// Its commands use the gateway of [`Remote`].
        Remote = "remote",
    }
}

/// The gateway that commands dial when `gateway.mode` is `remote`. Keys below `gateway.remote`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Remote {
    /// Its address, `wss://HOST:PORT` or `ws://HOST:PORT`.
    #[serde(deserialize_with = "websocket_url")]
    pub url: Option<String>,
    /// Its shared token.
    pub token: Option<Secret>,
    /// Its shared password.
    pub password: Option<Secret>,
    /// SHA-256 fingerprint of its certificate, in hexadecimal; a certificate that matches it needs no authority.
    pub tls_fingerprint: Option<String>,
}

/// Reads an address with a text of our own about what would be right.
pub(super) fn websocket_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let host = ["wss://", "ws://", "https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    match host {
        Some(host) if !host.is_empty() && !host.starts_with(['/', ':', '?', '#']) => Ok(Some(text.to_owned())),
        _ => Err(de::Error::invalid_value(
            de::Unexpected::Str(text),
            &"an address such as \"wss://gateway.example:18789\"",
        )),
    }
}
