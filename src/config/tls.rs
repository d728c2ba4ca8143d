//! TLS on the gateway port.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// TLS on the gateway port. Keys below `gateway.tls`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Tls {
    /// Whether the port speaks TLS (`wss`, `https`) instead of plain text.
    pub enabled: bool,
    /// Whether a self-signed certificate is made on first start when no files are named.
    pub auto_generate: bool,
    /// PEM file with the certificate chain. Goes together with `keyPath`. A relative path counts from the file that names it.
    pub cert_path: Option<PathBuf>,
    /// PEM file with the certificate's private key.
    pub key_path: Option<PathBuf>,
    /// PEM file with further authorities.
    pub ca_path: Option<PathBuf>,
}

impl Default for Tls {
    fn default() -> Self {
        Self { enabled: false, auto_generate: true, cert_path: None, key_path: None, ca_path: None }
    }
}
