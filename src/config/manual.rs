//! What is known of a key: where it belongs, what it may hold, which variable sets it.

use serde_json::Value;

use super::{
    paths::Paths,
    schema::{self, known},
    secret_reference::SECRETS,
    variables::{SECRET_FILES, VARIABLES},
};

/// A key that a setting reads.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Its dotted name.
    pub key: String,
    /// Whether it belongs in `gateway.json`; else in `openclaw.json`.
    pub own: bool,
    /// What its value may be, as JSON Schema.
    pub schema: &'static Value,
}

/// What a dotted key names.
#[derive(Debug, Clone)]
pub enum Named {
    /// A setting.
    Setting(Setting),
    /// Something inside a setting: an item of its list, a member of its object.
    Inside(Setting),
    /// A section with these settings.
    Section(Vec<Setting>),
    /// Nothing of ours, in a section that is not ours.
    Foreign,
    /// Nothing at all.
    Unknown,
}

/// Every setting.
pub fn settings() -> Vec<Setting> {
    known().into_iter().map(|known| Setting { key: known.key, own: known.own, schema: known.schema }).collect()
}

/// What a dotted key names.
pub fn lookup(key: &str) -> Named {
    let below = |outer: &str, inner: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'));
    let mut section = Vec::new();
    for setting in settings() {
        if setting.key == key {
            return Named::Setting(setting);
        }
        if below(&setting.key, key) {
            return Named::Inside(setting);
        }
        if below(key, &setting.key) {
            section.push(setting);
        }
    }
    let ours = ["gateway", "logging"].iter().any(|ours| *ours == key || below(ours, key));
    match (section.is_empty(), ours) {
        (false, _) => Named::Section(section),
        (true, true) => Named::Unknown,
        (true, false) => Named::Foreign,
    }
}

impl Setting {
    /// Whether it is a secret.
    pub fn is_secret(&self) -> bool {
        SECRETS.contains(&self.key.as_str())
    }

    /// The file that it belongs in.
    pub fn file<'a>(&self, paths: &'a Paths) -> &'a std::path::Path {
        if self.own { &paths.own } else { &paths.config }
    }

    /// The environment variables that set it, the one in force last.
    pub fn variables(&self) -> Vec<&'static str> {
        let direct = VARIABLES.iter().filter(|variable| variable.keys.contains(&self.key.as_str()));
        let files = SECRET_FILES.iter().filter(|variable| variable.key == self.key);
        direct.map(|variable| variable.name).chain(files.map(|variable| variable.name)).collect()
    }

    /// Whether a text can be its value as it is.
    pub fn takes_text(&self) -> bool {
        self.is_secret() || types(self.schema).contains(&"string")
    }

    /// Whether its value is a list.
    pub fn is_list(&self) -> bool {
        types(self.schema).contains(&"array")
    }

    /// What it means.
    pub fn description(&self) -> &'static str {
        self.schema.get("description").and_then(Value::as_str).unwrap_or_default()
    }

    /// Its default, where the schema has one.
    pub fn default(&self) -> Option<&'static Value> {
        self.schema.get("default").filter(|value| !value.is_null())
    }

    /// What its value may be, in words.
    pub fn expected(&self) -> String {
        let mut words = Vec::new();
        collect_words(self.schema, &mut words);
        let types = types(self.schema);
        if words.is_empty() {
            let name = |name: &'static str| match name {
                "string" => "text",
                "integer" => "whole number",
                "boolean" => "true or false",
                "array" => "list",
                "object" => "object",
                other => other,
            };
            words = types.into_iter().filter(|name| *name != "null").map(|each| name(each).to_owned()).collect();
        }
        words.join(", ")
    }
}

/// The JSON Schema of a section or a setting; `None` where there is none.
pub fn schema_of(key: &str) -> Option<Value> {
    let document = schema::schema();
    let mut schema = &document["schema"];
    for name in key.split('.') {
        schema = schema.get("properties")?.get(name)?;
    }
    Some(schema.clone())
}

/// The types that a schema permits.
fn types(schema: &'static Value) -> Vec<&'static str> {
    let mut found = Vec::new();
    match schema.get("type") {
        Some(Value::String(name)) => found.push(name.as_str()),
        Some(Value::Array(names)) => found.extend(names.iter().filter_map(Value::as_str)),
        _ => {}
    }
    if schema.get("enum").is_some() || schema.get("const").is_some_and(Value::is_string) {
        found.push("string");
    }
    for choice in ["anyOf", "oneOf"] {
        for inner in schema.get(choice).and_then(Value::as_array).into_iter().flatten() {
            found.extend(types(inner));
        }
    }
    found
}

/// The words that a schema permits.
fn collect_words(schema: &Value, words: &mut Vec<String>) {
    words.extend(schema.get("const").and_then(Value::as_str).map(str::to_owned));
    for word in schema.get("enum").and_then(Value::as_array).into_iter().flatten() {
        words.extend(word.as_str().map(str::to_owned));
    }
    for choice in ["anyOf", "oneOf"] {
        for inner in schema.get(choice).and_then(Value::as_array).into_iter().flatten() {
            collect_words(inner, words);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_apart() {
        #[rustfmt::skip]
        let rows = [
            ("gateway.port", "setting"), ("gateway.trustedBridges", "own setting"), ("gateway.trustedProxies.0", "inside"),
            ("gateway", "section"), ("gateway.tls", "section"), ("gateway.auth.token", "setting"), ("gateway.prot", "unknown"),
            ("gateway.tls.cert", "unknown"), ("agents.defaults", "foreign"), ("logging", "section"), ("gatewayx", "foreign"),
        ];
        for (key, expected) in rows {
            let found = match lookup(key) {
                Named::Setting(setting) if setting.own => "own setting",
                Named::Setting(_) => "setting",
                Named::Inside(_) => "inside",
                Named::Section(_) => "section",
                Named::Foreign => "foreign",
                Named::Unknown => "unknown",
            };
            assert_eq!(found, expected, "{key}");
        }
    }

    #[test]
    fn every_setting_says_what_it_takes() {
        for setting in settings() {
            assert!(
                !setting.expected().is_empty() || setting.key == "gateway.proxyProtocol",
                "{}: {}",
                setting.key,
                setting.schema
            );
        }
        let expected = |key| match lookup(key) {
            Named::Setting(setting) => (setting.expected(), setting.takes_text(), setting.variables()),
            other => panic!("{key}: {other:?}"),
        };
        assert_eq!(expected("gateway.port"), ("whole number".into(), false, vec!["OPENCLAW_GATEWAY_PORT"]));
        assert_eq!(expected("gateway.auth.token").2, ["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_TOKEN_FILE"]);
        assert!(expected("gateway.auth.token").1);
        assert!(expected("gateway.bind").0.contains("loopback"));
    }
}
