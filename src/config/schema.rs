//! The settings as a JSON Schema, made from the sections' own types and documentation.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::{keys, sections};

/// The answer to `config.schema`: the schema, hints for a form, the version that made it and when.
///
/// Only our own sections are described; what else stands in `openclaw.json` is allowed as it is.
#[must_use]
pub fn schema() -> Value {
    let hints: Map<String, Value> =
        known().into_iter().map(|known| (known.key.clone(), hint(&known.key, known.schema))).collect();
    json!({
        "schema": *DOCUMENT,
        "uiHints": hints,
        "version": env!("CARGO_PKG_VERSION"),
        "generatedAt": jiff::Timestamp::now().to_string(),
    })
}

/// Made once: every load looks up which keys are known.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut generator = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true).into_generator();
    let mut properties = Map::new();
    for (key, schema) in sections::schemas(&mut generator) {
        if let Value::Object(schema) = schema {
            keys::merge(&mut properties, keys::nest(&key.replace('.', ".properties."), Value::Object(schema)));
        }
    }
    // Keys directly below `gateway` come from several types, so no single one describes it.
    if let Some(Value::Object(gateway)) = properties.get_mut("gateway") {
        gateway.insert("description".into(), "The gateway.".into());
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "openclaw",
        "type": "object",
        "properties": properties,
        "additionalProperties": true,
    })
});

/// A key that a setting reads.
pub(super) struct Known<'a> {
    /// Its dotted name.
    pub(super) key: String,
    /// What its value may be.
    pub(super) schema: &'a Value,
    /// Whether it belongs in `gateway.json`.
    pub(super) own: bool,
}

/// Every known key that is not a section.
pub(super) fn known() -> Vec<Known<'static>> {
    fn walk(prefix: &str, schema: &'static Value, own: bool, found: &mut Vec<Known<'static>>) {
        for (name, inner) in properties(schema).into_iter().flatten() {
            let key = keys::join(prefix, name);
            let own = own || is_own(inner);
            if properties(inner).is_some() {
                walk(&key, inner, own, found);
            } else {
                found.push(Known { key, schema: inner, own });
            }
        }
    }
    let mut found = Vec::new();
    walk("", &DOCUMENT, false, &mut found);
    found
}

/// The members that a schema describes, if it is one of an object.
fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties")?.as_object()
}

/// Whether a key's schema says that it belongs in `gateway.json`.
fn is_own(schema: &Value) -> bool {
    schema.get("x-file").is_some_and(|file| file == "gateway.json")
}

fn hint(key: &str, schema: &Value) -> Value {
    let mut hint = Map::from_iter([("label".to_owned(), Value::from(label(key)))]);
    if let Some(help) = schema.get("description") {
        hint.insert("help".into(), help.clone());
    }
    if schema.get("writeOnly").is_some_and(|flag| flag == true) {
        hint.insert("sensitive".into(), true.into());
    }
    Value::Object(hint)
}

/// `gateway.tls.certPath` to `Gateway TLS Cert Path`.
fn label(key: &str) -> String {
    let mut label = String::new();
    for part in key.split('.') {
        if !label.is_empty() {
            label.push(' ');
        }
        if matches!(part, "tls" | "url") {
            label.push_str(&part.to_ascii_uppercase());
            continue;
        }
        for (index, character) in part.char_indices() {
            if index > 0 && character.is_ascii_uppercase() {
                label.push(' ');
            }
            label.push(if index == 0 { character.to_ascii_uppercase() } else { character });
        }
    }
    label
}

#[cfg(test)]
mod tests {
    use super::super::variables::{SECRET_FILES, VARIABLES};
    use super::*;

    #[test]
    fn every_variable_sets_a_known_key() {
        let known: Vec<_> = known().into_iter().map(|known| known.key).collect();
        let set = VARIABLES
            .iter()
            .flat_map(|variable| variable.keys)
            .chain(SECRET_FILES.iter().map(|variable| &variable.key));
        for key in set {
            assert!(known.iter().any(|other| other == key), "{key} is not in {known:?}");
        }
    }

    #[test]
    fn every_key_is_documented() {
        for known in known() {
            let description = known.schema.get("description").and_then(Value::as_str).unwrap_or_default();
            assert!(!description.is_empty() && !description.contains('['), "{}: {description:?}", known.key);
        }
    }

    #[test]
    fn describes_types_defaults_and_secrets() {
        let answer = schema();
        let gateway = &answer["schema"]["properties"]["gateway"]["properties"];
        assert_eq!(gateway["port"]["maximum"], 65535);
        assert_eq!(gateway["port"]["default"], 18789);
        assert_eq!(gateway["bind"]["enum"][0], "auto");
        assert_eq!(gateway["trustedBridges"]["x-file"], "gateway.json");
        assert_eq!(answer["uiHints"]["gateway.auth.token"]["sensitive"], true);
        assert_eq!(answer["uiHints"]["gateway.tls.certPath"]["label"], "Gateway TLS Cert Path");
        assert!(!answer.to_string().contains("$ref"), "clients read one flat document");
    }

    #[test]
    fn the_known_keys_are_these() {
        let lines = known().into_iter().map(|known| known.key + if known.own { " (gateway.json)" } else { "" });
        insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
    }
}
