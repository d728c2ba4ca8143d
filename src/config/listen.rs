//! Where the gateway listens.

use std::{net::IpAddr, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use super::words::words;
use crate::defaults;

/// Where the gateway listens. Keys directly below `gateway`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Listen {
    /// TCP port; 0 lets the system choose one.
    pub port: u16,
    /// Which addresses are listened on: `loopback`, `lan` (every interface), `tailnet`, `custom` (see `customBindHost`), or
    /// `auto`: every interface inside a container that has a network of its own, loopback elsewhere.
    pub bind: Bind,
    /// The address of `bind: "custom"`.
    #[serde(deserialize_with = "address")]
    #[schemars(with = "Option<IpAddr>")]
    pub custom_bind_host: Option<IpAddr>,
    /// Path of the local socket. Unset: `run/gateway.sock` in the state directory.
    #[schemars(extend("x-file" = "gateway.json"))]
    pub socket: Option<PathBuf>,
}

impl Default for Listen {
    fn default() -> Self {
        Self { port: defaults::PORT, bind: Bind::Auto, custom_bind_host: None, socket: None }
    }
}

impl Listen {
    /// Whether `bind` names loopback addresses and nothing else. `None` where only the network's own facts can tell.
    pub fn loopback_only(&self) -> Option<bool> {
        match self.bind {
            Bind::Auto => None,
            Bind::Loopback => Some(true),
            Bind::Lan | Bind::Tailnet => Some(false),
            Bind::Custom => Some(self.custom_bind_host.is_some_and(|host| host.is_loopback())),
        }
    }
}

words! {
    /// The addresses that are listened on.
    pub enum Bind {
        /// Every interface inside a container that has a network of its own, loopback elsewhere.
        Auto = "auto",
        /// Every interface.
        Lan = "lan",
        /// 127.0.0.1 and `::1`.
        Loopback = "loopback",
        /// One address, `gateway.customBindHost`.
        Custom = "custom",
        /// The machine's address in its tailnet.
        Tailnet = "tailnet",
    }
}

/// Reads an address with a text of our own about what would be right.
fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<IpAddr>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    match text.parse() {
        Ok(address) => Ok(Some(address)),
        Err(_) => Err(de::Error::invalid_value(
            de::Unexpected::Str(&text),
            &"an IP address of this machine, for example \"192.0.2.10\"",
        )),
    }
}
