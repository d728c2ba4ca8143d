//! Which addresses mean what, as the files say it.

mod entry;
mod parse;
#[cfg(test)]
mod tests;

pub use entry::EntryDefect;
pub use parse::EntryOddity;
pub(super) use parse::{Outcome, parse};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::config::words::words;

/// Which addresses mean what. Keys directly below `gateway`, as they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Trust {
    /// Reverse proxies whose forwarding headers count: addresses, networks (`10.42.0.0/16`) or DNS names. A link-local IPv6
    /// address names its link (`fe80::1%eth0`).
    pub trusted_proxies: Vec<String>,
    /// Container hops, behind which the host's own users stand: addresses or networks, `auto` to find them, `off` for none.
    #[schemars(extend("x-file" = "gateway.json"))]
    pub trusted_bridges: Option<OneOrMany>,
    /// Where the container's port is published: `loopback`, or the address it is published on. On any other address than
    /// loopback, whoever comes through a bridge may be anybody, and no device is approved at once there.
    #[schemars(extend("x-file" = "gateway.json"))]
    pub published_on: Option<String>,
    /// Whether a proxy that leaves no evidence (a mesh, an L4 forwarder) connects from loopback.
    #[schemars(extend("x-file" = "gateway.json"))]
    pub loopback_is_proxy: bool,
    /// Whether `X-Real-IP` counts where a trusted proxy sends no `X-Forwarded-For`.
    pub allow_real_ip_fallback: bool,
    /// What becomes of connections whose forwarding headers cannot be believed: `remote` treats them as any stranger's,
    /// `refuse` answers 403 before the WebSocket.
    #[schemars(extend("x-file" = "gateway.json"))]
    pub unattributed: Unattributed,
    /// A port of its own for proxies that say in a PROXY protocol preamble for whom they connect.
    #[schemars(extend("x-file" = "gateway.json"))]
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Whether `trustedProxies` may cover most of the internet: then anybody can name any client. Dangerous.
    #[schemars(extend("x-file" = "gateway.json"))]
    pub dangerously_trust_all_proxies: bool,
}

/// A port for the PROXY protocol (versions 1 and 2). Keys below `gateway.proxyProtocol`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ProxyProtocol {
    /// The port, on the addresses of the gateway's own port, and another one than that. Every connection to it must begin with a
    /// preamble, and none to the gateway's own port may.
    pub port: Option<u16>,
    /// Who may connect to it: addresses, networks or DNS names of the proxies. Everybody else is cut.
    pub from: Vec<String>,
}

words! {
    /// What becomes of connections whose forwarding headers cannot be believed.
    #[derive(Default)]
    pub enum Unattributed {
        /// They are treated as any stranger's.
        #[default]
        Remote = "remote",
        /// They are refused before the WebSocket.
        Refuse = "refuse",
    }
}

/// A setting that may be written as one word or as a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OneOrMany(pub Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;

        impl<'de> serde::de::Visitor<'de> for Texts {
            type Value = OneOrMany;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a text or a list of texts")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![text.to_owned()]))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<OneOrMany, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = items.next_element()? {
                    texts.push(text);
                }
                Ok(OneOrMany(texts))
            }
        }

        deserializer.deserialize_any(Texts)
    }
}

impl JsonSchema for OneOrMany {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "OneOrMany".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] })
    }
}
