//! What `config.get` answers.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{
    edit::comments,
    environment::Environment,
    extract, file,
    flags::Flags,
    hex, json5, keys,
    load::{Files, Layers, Purpose, finish},
    problem::ConfigError,
    redact::{REDACTED, comment_names_secret, hide_scalars, redact},
    schema,
    sections::Sections,
    warning::Warning,
};

/// The answer to `config.get`, read anew from the files, so that an edit shows at once and a file that cannot be used says
/// why. No secret is in it.
///
/// `hash` is the SHA-256 of the file's bytes in hexadecimal, of nothing when there is no file; `raw` is the file's text with
/// its secrets replaced, or `null` where that cannot be done without changing anything else.
///
/// # Errors
///
/// [`ConfigError::NoHome`] when the files cannot be found.
pub fn snapshot(environment: &Environment, flags: &Flags) -> Result<Value, ConfigError> {
    let mut layers = Layers::read(environment, flags, Purpose::Gateway, &Files::default())?;
    let bytes = layers.bytes.take();
    let written = layers.written.take();
    let shown = redact(&Value::Object(written.clone().unwrap_or_default()));
    let raw = bytes.as_deref().and_then(|bytes| shown_text(file::text(bytes).ok()?, written.as_ref()?));
    let effective = redact(&effective(&layers));
    let path = layers.paths.config.clone();
    let found = layers.warnings.clone();
    let exists = path.exists();
    let (issues, warnings) = match finish(layers, flags, Purpose::Gateway) {
        Ok(loaded) => (Vec::new(), loaded.warnings),
        Err(ConfigError::Invalid(problems)) => (problems, found),
        Err(error) => return Err(error),
    };
    Ok(json!({
        "path": path,
        "exists": exists,
        "raw": raw,
        "parsed": shown,
        "resolved": shown,
        "valid": issues.is_empty(),
        "config": shown,
        "sourceConfig": shown,
        "runtimeConfig": effective,
        "hash": hash(bytes.as_deref().unwrap_or_default()),
        "issues": issues.iter().map(|problem| issue(problem.key.as_deref(), problem)).collect::<Vec<_>>(),
        "warnings": warnings.iter().map(|warning: &Warning| issue(warning.key.as_deref(), warning)).collect::<Vec<_>>(),
        "legacyIssues": [],
    }))
}

/// What of a [`snapshot`] is for those who may read and are no administrators: the settings that this product knows. Names are
/// all that redaction goes by elsewhere, and no list of names is long enough; nor is a text free of what was written in the wrong
/// place.
#[must_use]
pub fn for_readers(mut snapshot: Value) -> Value {
    let known = schema::known().into_iter().map(|known| known.key).collect();
    for view in ["parsed", "resolved", "config", "sourceConfig", "runtimeConfig"] {
        if let Value::Object(tree) = &mut snapshot[view] {
            hide_unknown(tree, "", &known);
        }
    }
    for list in ["issues", "warnings"] {
        for told in snapshot[list].as_array_mut().into_iter().flatten() {
            told["message"] = "an operator with operator.admin sees what this is".into();
        }
    }
    // By one of the file's own bytes a short secret in it could be guessed at leisure.
    snapshot["hash"] = hash(snapshot["parsed"].to_string().as_bytes()).into();
    snapshot["raw"] = Value::Null;
    snapshot
}

/// Hides every text that is not the value of a setting that is known.
fn hide_unknown(tree: &mut Map<String, Value>, prefix: &str, known: &BTreeSet<String>) {
    for (name, value) in tree {
        let key = keys::join(prefix, name);
        match value {
            _ if known.contains(&key) => {}
            Value::Object(members) => hide_unknown(members, &key, known),
            value => *value = hide_scalars(value, false),
        }
    }
}

/// Our settings as they are in force, defaults and every layer included.
fn effective(layers: &Layers) -> Value {
    let sections: Sections = extract::merge(&layers.documents).unwrap_or_default();
    Value::Object(sections.to_tree())
}

fn issue(key: Option<&str>, text: &impl ToString) -> Value {
    json!({ "path": key.unwrap_or_default(), "message": text.to_string() })
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes))
}

/// The text with every secret replaced, comments included. `None` where a comment holds a setting that names one, and where the
/// result would say anything else than the document without its secrets: one is also an ordinary word in it, or is written with
/// escapes.
fn shown_text(text: &str, written: &Map<String, Value>) -> Option<String> {
    if comments(text).into_iter().any(comment_names_secret) {
        return None;
    }
    let mut secrets = Vec::new();
    collect(&Value::Object(written.clone()), &redact(&Value::Object(written.clone())), &mut secrets);
    // Longest first: one secret may be a part of another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    let shown = secrets.iter().fold(text.to_owned(), |shown, secret| shown.replace(secret, REDACTED));
    let reads_the_same =
        json5::parse(&shown).is_ok_and(|parsed| Value::Object(parsed.tree) == redact(&Value::Object(written.clone())));
    (reads_the_same && !secrets.iter().any(|secret| shown.contains(secret.as_str()))).then_some(shown)
}

/// Collects the texts that redaction replaced.
fn collect(open: &Value, hidden: &Value, secrets: &mut Vec<String>) {
    match (open, hidden) {
        (Value::Object(open), Value::Object(hidden)) => {
            for (name, value) in open {
                collect(value, hidden.get(name).unwrap_or(&Value::Null), secrets);
            }
        }
        (Value::Array(open), Value::Array(hidden)) => {
            open.iter().zip(hidden).for_each(|(open, hidden)| collect(open, hidden, secrets));
        }
        (Value::String(open), hidden) if hidden == REDACTED && open != REDACTED => secrets.push(open.clone()),
        // A number is replaced by a text in quotes, which a replacement inside of the text cannot do.
        (Value::Number(open), hidden) if hidden == REDACTED => secrets.push(open.to_string()),
        _ => {}
    }
}
