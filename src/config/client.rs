//! What only the commands that dial a gateway read.

use std::num::NonZeroU64;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::remote::websocket_url;

/// What only the commands that dial a gateway read. Keys below `gateway.client`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-file" = "gateway.json"))]
pub struct Client {
    /// The gateway to dial, before anything the files say. Secrets of the files are never sent there.
    #[serde(deserialize_with = "websocket_url")]
    pub url: Option<String>,
    /// Whether plain `ws://` is allowed to any host name, not to private addresses only.
    pub allow_insecure_private_ws: bool,
    /// How long to wait for the gateway's challenge, in milliseconds.
    pub challenge_timeout_ms: Option<NonZeroU64>,
    /// How long commands wait for the gateway of this state directory to come back after it ended, in seconds. Default: 0. For
    /// containers beside one whose gateway is recreated; the image of the command line sets 10.
    pub wait_seconds: u64,
}
