//! The one table of sections: which struct stands at which key.

use schemars::{JsonSchema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    auth::AuthKeys,
    client::Client,
    control_ui::ControlUi,
    keys,
    limits::Limits,
    listen::Listen,
    logging::Logging,
    metrics::Metrics,
    reload::Reload,
    remote::{GatewayMode, Remote},
    tls::Tls,
    trust::Trust,
};

/// Keys directly below `gateway` that belong to no section.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, serde::Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct General {
    /// What this machine is: `local` runs a gateway, `remote` uses the one of `gateway.remote`. Unset: `local`.
    pub(super) mode: Option<GatewayMode>,
}

/// A section that cannot be read: where it stands, and what figment says.
pub(super) struct SectionError {
    pub(super) section: &'static str,
    pub(super) error: Box<figment::Error>,
}

macro_rules! sections {
    ($($field:ident: $type:ty = $key:literal,)+) => {
        /// Every section, as the layers say it.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub(super) struct Sections { $(pub(super) $field: $type),+ }

        /// The key of every section.
        pub(super) const SECTIONS: &[&str] = &[$($key),+];

        impl Sections {
            pub(super) fn extract(figment: &figment::Figment) -> Result<Self, SectionError> {
                Ok(Self { $($field: extract::<$type>(figment, $key)?),+ })
            }

            /// The settings in force, defaults included and secrets hidden.
            pub(super) fn to_tree(&self) -> Map<String, Value> {
                let mut tree = Map::new();
                $(keys::merge(&mut tree, keys::nest($key, serde_json::to_value(&self.$field).unwrap_or_default()));)+
                keys::drop_nulls(&mut tree);
                tree
            }
        }

        /// The JSON Schema of every section, with its key.
        pub(super) fn schemas(generator: &mut SchemaGenerator) -> Vec<(&'static str, Value)> {
            vec![$(($key, <$type>::json_schema(generator).to_value())),+]
        }
    };
}

sections! {
    general: General = "gateway",
    listen: Listen = "gateway",
    trust: Trust = "gateway",
    tls: Tls = "gateway.tls",
    auth: AuthKeys = "gateway.auth",
    control_ui: ControlUi = "gateway.controlUi",
    remote: Remote = "gateway.remote",
    reload: Reload = "gateway.reload",
    limits: Limits = "gateway.limits",
    client: Client = "gateway.client",
    metrics: Metrics = "gateway.metrics",
    logging: Logging = "logging",
}

fn extract<T: DeserializeOwned>(figment: &figment::Figment, section: &'static str) -> Result<T, SectionError> {
    figment.focus(section).extract().map_err(|error| SectionError { section, error: Box::new(error) })
}
