//! One layer's values.

use figment::{
    Metadata, Profile,
    value::{Dict, Map as Profiles},
};
use serde_json::{Map, Value};

use super::{keys, origin::Origin};

/// One layer's values as a tree, and where they came from. Not `Debug`: the tree holds secrets.
#[derive(Clone)]
pub(super) struct Document {
    pub(super) origin: Origin,
    pub(super) tree: Map<String, Value>,
}

impl Document {
    /// A document that holds one value.
    pub(super) fn with(origin: Origin, key: &str, value: Value) -> Self {
        Self { origin, tree: keys::nest(key, value) }
    }

    /// The value at a dotted key.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        keys::get(&self.tree, key)
    }
}

impl figment::Provider for Document {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.to_string())
    }

    fn data(&self) -> Result<Profiles<Profile, Dict>, figment::Error> {
        let value = figment::value::Value::serialize(&self.tree)?;
        Ok(Profiles::from([(Profile::Default, value.into_dict().unwrap_or_default())]))
    }
}
