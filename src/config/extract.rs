//! From trees of values to typed sections.

use figment::{Error, Figment, error::Kind};
use serde_json::Value;

use super::{
    document::Document,
    json5::describe,
    keys,
    problem::{Problem, ProblemKind},
    redact::is_secret_key,
    sections::{SECTIONS, SectionError, Sections},
};

/// Takes every value out of `document` that its setting's type refuses, and says of each what would be right.
///
/// Each layer is checked on its own, so that a wrong value is reported with the layer it stands in, and also when another
/// layer hides it.
pub(super) fn check(document: &mut Document) -> Vec<Problem> {
    let mut problems = Vec::new();
    for section in SECTIONS {
        if let Some(value) = document.get(section).filter(|value| !value.is_object()) {
            let kind = ProblemKind::Mistyped { found: describe(value), expected: "an object, { … }".into() };
            problems.push(Problem::at(*section, document.origin.clone(), kind));
            keys::remove(&mut document.tree, section);
        }
    }
    // Serde stops at the first wrong value; taking that one out and reading again finds them all. Each turn takes one of
    // the known keys out, so the turns are bounded by their number.
    while let Err(failed) = Sections::extract(&Figment::from(&*document)) {
        let key = key_of(&failed);
        let value = document.get(&key);
        problems.push(Problem::at(key.clone(), document.origin.clone(), refusal(&key, value, &failed.error)));
        if keys::remove(&mut document.tree, &key).is_none()
            && keys::remove(&mut document.tree, failed.section).is_none()
        {
            break;
        }
    }
    problems
}

/// The settings that the layers come to; later documents win.
pub(super) fn merge(documents: &[Document]) -> Result<Sections, Problem> {
    let merged = documents.iter().fold(Figment::new(), Figment::merge);
    Sections::extract(&merged).map_err(|failed| {
        let key = key_of(&failed);
        let source = documents.iter().rev().find(|document| document.get(&key).is_some());
        let value = source.and_then(|document| document.get(&key));
        let origin = source.map(|document| document.origin.clone()).unwrap_or_default();
        Problem::at(key.clone(), origin, refusal(&key, value, &failed.error))
    })
}

/// The key that was refused: a list counts as a whole.
fn key_of(failed: &SectionError) -> String {
    let path = failed.error.path.iter().take_while(|name| name.parse::<usize>().is_err());
    path.fold(failed.section.to_owned(), |key, name| keys::join(&key, name))
}

fn refusal(key: &str, value: Option<&Value>, error: &Error) -> ProblemKind {
    if is_secret_key(key) && value.is_some_and(Value::is_object) {
        return ProblemKind::SecretReference;
    }
    let found = match value {
        Some(value) if is_secret_key(key) => type_of(value).to_owned(),
        Some(Value::Array(_)) if !error.path.is_empty() => item(error).unwrap_or_else(|| "a list".into()),
        Some(value) => describe(value),
        None => "something else".into(),
    };
    let expected = match &error.kind {
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) | Kind::InvalidLength(_, expected) => {
            in_words(expected)
        }
        Kind::UnknownVariant(_, words) => format!("one of {}", words.join(", ")),
        kind => kind.to_string(),
    };
    ProblemKind::Mistyped { found, expected }
}

/// The item of a list that was refused.
fn item(error: &Error) -> Option<String> {
    let index = error.path.last()?.parse::<usize>().ok()?;
    let (Kind::InvalidType(found, _) | Kind::InvalidValue(found, _)) = &error.kind else { return None };
    Some(format!("{found} as item {}", index + 1))
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Serde's names of types, for people.
fn in_words(expected: &str) -> String {
    match expected {
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "a nonzero u64" => "a whole number, 1 or more",
        "a boolean" => "true or false",
        "a string" => "a text",
        "path string" => "a path",
        "a sequence" => "a list",
        expected if expected.starts_with("struct ") => "an object, { … }",
        expected => expected,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::origin::Origin;
    use super::*;

    fn document(tree: &Value) -> Document {
        Document { origin: Origin::ConfigFile("/c/openclaw.json".into()), tree: tree.as_object().unwrap().clone() }
    }

    fn texts(problems: &[Problem]) -> Vec<String> {
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn says_what_would_be_right() {
        #[rustfmt::skip]
        let rows = [
            (json!({ "gateway": { "port": "many" } }),                    "gateway.port in /c/openclaw.json: found \"many\", expected a whole number from 0 to 65535"),
            (json!({ "gateway": { "port": 70000 } }),                     "gateway.port in /c/openclaw.json: found 70000, expected a whole number from 0 to 65535"),
            (json!({ "gateway": { "port": -1 } }),                        "gateway.port in /c/openclaw.json: found -1, expected a whole number from 0 to 65535"),
            (json!({ "gateway": { "bind": "public" } }),                  "gateway.bind in /c/openclaw.json: found \"public\", expected one of auto, lan, loopback, custom, tailnet"),
            (json!({ "gateway": { "bind": 1 } }),                         "gateway.bind in /c/openclaw.json: found 1, expected one of auto, lan, loopback, custom, tailnet"),
            (json!({ "gateway": { "customBindHost": "here" } }),          "gateway.customBindHost in /c/openclaw.json: found \"here\", expected an IP address of this machine, for example \"192.0.2.10\""),
            (json!({ "gateway": 5 }),                                     "gateway in /c/openclaw.json: found 5, expected an object, { … }"),
            (json!({ "gateway": { "tls": true } }),                       "gateway.tls in /c/openclaw.json: found true, expected an object, { … }"),
            (json!({ "gateway": { "tls": { "enabled": "yes" } } }),       "gateway.tls.enabled in /c/openclaw.json: found \"yes\", expected true or false"),
            (json!({ "gateway": { "trustedProxies": "10.0.0.1" } }),      "gateway.trustedProxies in /c/openclaw.json: found \"10.0.0.1\", expected a list"),
            (json!({ "gateway": { "trustedProxies": ["a", 5] } }),        "gateway.trustedProxies in /c/openclaw.json: found unsigned int `5` as item 2, expected a text"),
            (json!({ "gateway": { "auth": { "trustedProxy": 5 } } }),     "gateway.auth.trustedProxy in /c/openclaw.json: found 5, expected an object, { … }"),
            (json!({ "gateway": { "auth": { "token": 123_456 } } }),      "gateway.auth.token in /c/openclaw.json: found a number, expected a text in quotes"),
            (json!({ "gateway": { "auth": { "token": { "source": "env", "id": "X" } } } }), "gateway.auth.token in /c/openclaw.json: is a secret reference, which this gateway cannot look up"),
            (json!({ "gateway": { "remote": { "url": "gateway:1" } } }),  "gateway.remote.url in /c/openclaw.json: found \"gateway:1\", expected an address such as \"wss://gateway.example:18789\""),
            (json!({ "gateway": { "limits": { "handshakeTimeoutMs": 0 } } }), "gateway.limits.handshakeTimeoutMs in /c/openclaw.json: found 0, expected a whole number, 1 or more"),
            (json!({ "gateway": { "trustedBridges": 5 } }),               "gateway.trustedBridges in /c/openclaw.json: found 5, expected a text or a list of texts"),
            (json!({ "logging": { "file": 5 } }),                         "logging.file in /c/openclaw.json: found 5, expected a path"),
            (json!({ "logging": { "level": "loud" } }),                   "logging.level in /c/openclaw.json: found \"loud\", expected one of silent, fatal, error, warn, info, debug, trace"),
        ];
        for (tree, text) in rows {
            assert_eq!(texts(&check(&mut document(&tree))), [text], "{tree}");
        }
    }

    #[test]
    fn finds_everything_at_once_and_keeps_the_rest() {
        let tree = json!({
            "gateway": { "port": [], "bind": "lan", "tls": { "enabled": 1, "autoGenerate": 2, "certPath": "/c" } },
            "logging": { "level": 3, "consoleStyle": "json" },
        });
        let mut document = document(&tree);
        assert_eq!(check(&mut document).len(), 4);
        let sections = merge(&[document]).unwrap();
        assert_eq!(sections.tls.cert_path, Some("/c".into()));
        assert_eq!(sections.listen.bind, super::super::Bind::Lan);
    }

    #[test]
    fn a_secret_is_never_repeated() {
        let tree =
            json!({ "gateway": { "auth": { "token": ["hunter2"], "password": 1234 }, "remote": { "token": true } } });
        let shown = texts(&check(&mut document(&tree))).join("\n");
        assert!(!shown.contains("hunter2") && !shown.contains("1234"), "{shown}");
    }
}
