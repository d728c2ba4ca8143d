//! Which addresses mean what, as the files say it.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::words::words;

/// Which addresses mean what. Keys directly below `gateway`, as they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Trust {
    /// Reverse proxies whose forwarding headers count: addresses, networks (`10.42.0.0/16`) or DNS names.
    pub trusted_proxies: Vec<String>,
    /// Container hops, behind which the host's own users stand: addresses or networks, `auto` to find them, `off` for none.
    #[schemars(extend("x-file" = "gateway.json"))]
    pub trusted_bridges: Option<OneOrMany>,
    /// Where the container's port is published: `loopback`, or the address it is published on.
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
    /// Proxies that must send a PROXY protocol preamble; nobody else may connect then.
    #[schemars(extend("x-file" = "gateway.json"))]
    pub proxy_protocol: Option<serde_json::Value>,
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
