//! Secrets that a file names instead of holding them.

use serde_json::{Map, Value};

use super::{keys, substitute::is_name};

/// Every key of ours that holds a secret.
pub(super) const SECRETS: &[&str] =
    &["gateway.auth.token", "gateway.auth.password", "gateway.remote.token", "gateway.remote.password"];

/// Writes references to environment variables (`{ source: "env", id: "NAME" }`) as `${NAME}`, which means the same. Returns
/// the keys of the other references, into files, programs and stores that OpenClaw's configuration describes elsewhere.
pub(super) fn rewrite(tree: &mut Map<String, Value>) -> Vec<&'static str> {
    let mut others = Vec::new();
    for key in SECRETS {
        let Some(Value::Object(reference)) = keys::get(tree, key) else { continue };
        let member = |name: &str| reference.get(name).and_then(Value::as_str);
        match (member("source"), member("id")) {
            // What would not be filled in must not become the secret itself.
            (Some("env"), Some(name)) if is_name(name) => {
                let text = format!("${{{name}}}");
                keys::merge(tree, keys::nest(key, text.into()));
            }
            _ => others.push(*key),
        }
    }
    others
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variables_are_looked_up_and_nothing_else_is() {
        let mut written = json!({ "gateway": {
            "auth": { "token": { "source": "env", "provider": "default", "id": "T" }, "password": { "source": "env", "id": "lower" } },
            "remote": { "token": { "source": "exec", "id": "x" }, "password": {} },
        } });
        let others = rewrite(written.as_object_mut().unwrap());
        assert_eq!(
            written["gateway"]["auth"],
            json!({ "token": "${T}", "password": { "source": "env", "id": "lower" } })
        );
        assert_eq!(others, ["gateway.auth.password", "gateway.remote.token", "gateway.remote.password"]);
    }

    #[test]
    fn every_secret_is_listed() {
        let known = super::super::schema::known();
        let secret = known.iter().filter(|known| known.schema.get("writeOnly").is_some_and(|flag| flag == true));
        assert!(secret.map(|known| known.key.as_str()).eq(SECRETS.iter().copied()));
    }
}
