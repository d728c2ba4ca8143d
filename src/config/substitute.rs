//! `${NAME}` in texts of the configuration files.

use serde_json::{Map, Value};

use super::{environment::Environment, keys, variables::strip_line_end};

/// Looks names up as OpenClaw does: the process's environment, then the `env` section of the same file.
pub(super) struct Lookup<'a> {
    pub(super) environment: &'a Environment,
    pub(super) file: &'a Map<String, Value>,
}

impl Lookup<'_> {
    fn get(&self, name: &str) -> Option<String> {
        if let Some(text) = self.environment.text(name) {
            // What `echo` leaves at the end of a secret, as for the variables that are settings themselves.
            return Some(strip_line_end(text).to_owned());
        }
        let section = self.file.get("env")?.as_object()?;
        let listed = section.get("vars").and_then(Value::as_object).and_then(|vars| vars.get(name));
        let text = listed.or_else(|| section.get(name))?.as_str()?;
        (!text.trim().is_empty()).then(|| text.to_owned())
    }
}

/// Fills in the texts below `tree`. A value that names a variable that is not set is taken out, and `missing` is called with
/// its dotted key and the variable.
pub(super) fn fill(
    tree: &mut Map<String, Value>,
    prefix: &str,
    lookup: &Lookup<'_>,
    missing: &mut impl FnMut(&str, &str),
) {
    tree.retain(|name, value| keep(value, &keys::join(prefix, name), lookup, missing));
}

fn keep(value: &mut Value, key: &str, lookup: &Lookup<'_>, missing: &mut impl FnMut(&str, &str)) -> bool {
    match value {
        Value::String(text) => match text_with(text, lookup) {
            Ok(filled) => *text = filled,
            Err(name) => {
                missing(key, &name);
                return false;
            }
        },
        Value::Array(items) => {
            let mut index = 0;
            items.retain_mut(|item| {
                index += 1;
                keep(item, &keys::join(key, &(index - 1).to_string()), lookup, missing)
            });
        }
        Value::Object(inner) => fill(inner, key, lookup, missing),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    true
}

/// Replaces `${NAME}`; `$${NAME}` stands for `${NAME}` itself. Names are upper case, digits and underscores, so that other
/// uses of `${` stay as they are.
fn text_with(text: &str, lookup: &Lookup<'_>) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some((name, after)) = name_at(&rest[start + 2..]) else {
            filled.push_str(&rest[..start + 2]);
            rest = &rest[start + 2..];
            continue;
        };
        if let Some(before) = rest[..start].strip_suffix('$') {
            filled.push_str(before);
            filled.push_str(&rest[start..rest.len() - after.len()]);
        } else {
            filled.push_str(&rest[..start]);
            filled.push_str(&lookup.get(name).ok_or(name)?);
        }
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// A variable's name before the next `}`, and what follows it.
fn name_at(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.split_once('}')?;
    is_name(name).then_some((name, after))
}

/// Whether OpenClaw takes a text for a variable's name.
pub(super) fn is_name(text: &str) -> bool {
    let starts = text.starts_with(|first: char| first.is_ascii_uppercase() || first == '_');
    starts && text.chars().all(|each| each.is_ascii_uppercase() || each.is_ascii_digit() || each == '_')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fills_in_variables() {
        let environment = Environment::new(None, "/".into()).with("TOKEN", "abc\n").with("EMPTY", "");
        let file = json!({ "env": { "vars": { "LISTED": "l", "TOKEN": "file" }, "DIRECT": "d", "shellEnv": {} } });
        let lookup = Lookup { environment: &environment, file: file.as_object().unwrap() };
        #[rustfmt::skip]
        let rows = [
            ("${TOKEN}",             Ok("abc")),        // the process's environment comes first
            ("x${TOKEN}y${TOKEN}",   Ok("xabcyabc")),
            ("${LISTED}${DIRECT}",   Ok("ld")),
            ("$${TOKEN}",            Ok("${TOKEN}")),
            ("a$$${TOKEN}",          Ok("a$${TOKEN}")),
            ("${token}",             Ok("${token}")),
            ("${1A} ${} ${A-B} ${",  Ok("${1A} ${} ${A-B} ${")),
            ("$TOKEN $",             Ok("$TOKEN $")),
            ("${ABSENT}",            Err("ABSENT")),
            ("${EMPTY}",             Err("EMPTY")),
        ];
        for (text, expected) in rows {
            assert_eq!(text_with(text, &lookup).as_deref().map_err(String::as_str), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_filled_in_counts_as_not_set() {
        let environment = Environment::new(None, "/".into()).with("A", "1");
        let mut written = json!({ "auth": { "token": "${NONE}", "mode": "token" }, "list": ["${A}", "${NONE}"] });
        let tree = written.as_object_mut().unwrap();
        let mut missing = Vec::new();
        let lookup = Lookup { environment: &environment, file: &Map::new() };
        fill(tree, "gateway", &lookup, &mut |key, name| missing.push(format!("{key} {name}")));
        assert_eq!(written, json!({ "auth": { "mode": "token" }, "list": ["1"] }));
        assert_eq!(missing, ["gateway.auth.token NONE", "gateway.list.1 NONE"]);
    }
}
