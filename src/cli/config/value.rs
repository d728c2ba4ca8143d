//! From what was typed to a value. Pure.

use serde_json::Value;

use super::super::CliError;
use crate::config::{KeyPath, Named, lookup};

/// The value that `text` means for the setting at `path`: JSON5, and a text that is none stands for itself. Where the
/// setting takes a text, a number or a word such as `true` is one too.
pub(super) fn typed(path: &KeyPath, text: &str) -> Result<Value, CliError> {
    let setting = match lookup(&path.setting()) {
        Named::Setting(setting) => Some(setting),
        _ => None,
    };
    let own = setting.as_ref().filter(|setting| setting.key == path.to_string());
    match json5::from_str::<Value>(text) {
        Ok(Value::Number(_) | Value::Bool(_) | Value::Null)
            if own.is_some_and(|setting| setting.takes_text() && !takes(setting.schema, text)) =>
        {
            Ok(Value::from(text))
        }
        Ok(Value::String(_)) if own.is_some_and(crate::config::Setting::is_secret) && !is_quoted(text) => {
            Ok(Value::from(text))
        }
        Ok(value) => Ok(value),
        // What begins so was meant to be one, and would be a strange text.
        Err(error) if text.trim_start().starts_with(['{', '[']) => {
            let place = error.position().map(|at| format!("line {}, column {}: ", at.line + 1, at.column + 1));
            let what = error.to_string().split(" at line ").next().unwrap_or_default().to_owned();
            Err(CliError::Usage {
                message: format!("the value for {path} cannot be read: {}{what}", place.unwrap_or_default()),
                hint: match own {
                    Some(setting) if setting.is_list() => {
                        format!(
                            "quote it for the shell, for example: openclaw config set {} '[\"one\", \"two\"]'",
                            setting.key
                        )
                    }
                    _ => "quote it for the shell, for example: '{ name: \"value\" }'".into(),
                },
            })
        }
        Err(_) => Ok(Value::from(text)),
    }
}

/// Whether a schema permits the kind of value that `text` is as JSON5.
fn takes(schema: &Value, text: &str) -> bool {
    let permits = |kind: &str| {
        let listed = |schema: &Value| match schema.get("type") {
            Some(Value::String(name)) => name == kind,
            Some(Value::Array(names)) => names.iter().any(|name| name == kind),
            _ => false,
        };
        let inner = schema.get("anyOf").and_then(Value::as_array);
        listed(schema) || inner.is_some_and(|inner| inner.iter().any(listed))
    };
    match json5::from_str::<Value>(text) {
        Ok(Value::Number(_)) => permits("integer") || permits("number"),
        Ok(Value::Bool(_)) => permits("boolean"),
        // Taking a setting away is `unset`; the word may be what somebody calls a thing.
        _ => false,
    }
}

fn is_quoted(text: &str) -> bool {
    text.trim_start().starts_with(['"', '\''])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_typed_and_what_it_means() {
        #[rustfmt::skip]
        let rows = [
            ("gateway.port",              "18790",                json!(18790)),
            ("gateway.port",              "0x10",                 json!(16)),
            ("gateway.bind",              "lan",                  json!("lan")),
            ("gateway.bind",              "\"lan\"",              json!("lan")),
            ("gateway.auth.token",        "123456",               json!("123456")),
            ("gateway.auth.token",        "1e5",                  json!("1e5")),
            ("gateway.auth.token",        "true",                 json!("true")),
            ("gateway.auth.token",        "'in quotes'",          json!("in quotes")),
            ("gateway.tls.enabled",       "true",                 json!(true)),
            ("gateway.tls.certPath",      "/tls/tls.crt",         json!("/tls/tls.crt")),
            ("gateway.trustedProxies",    "[\"172.17.0.1\"]",     json!(["172.17.0.1"])),
            ("gateway.trustedProxies[0]", "172.17.0.1",           json!("172.17.0.1")),
            ("gateway.publishedOn",       "loopback",             json!("loopback")),
            ("agents.defaults",           "{ model: 'x', // y\n}", json!({"model": "x"})),
            ("agents.count",              "5",                    json!(5)),
            ("agents.name",               "null",                 json!(null)),
        ];
        for (path, text, value) in rows {
            assert_eq!(typed(&path.parse().expect(path), text).expect(path), value, "{path} {text}");
        }
        let error = typed(&"gateway.trustedProxies".parse().expect("a path"), "[172.17.0.1]").expect_err("no JSON5");
        assert!(error.lines()[0].contains("line 1, column"), "{error}");
    }
}
