//! Which settings differ between two configurations.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{credential::Credentials, keys, settings::Settings};

/// The dotted keys, sorted, of the gateway's own settings whose value in force is another one in `after` than in `before`.
/// Secrets are compared as any other value and never shown; what only commands read (`gateway.remote`, `gateway.client`) is
/// left out.
pub fn changed_keys(before: &Settings, after: &Settings) -> Vec<String> {
    let (before, after) = (flat(before), flat(after));
    let differs = |key: &&String| before.get(*key) != after.get(*key);
    let mut changed: Vec<_> = before.keys().chain(after.keys()).filter(differs).cloned().collect();
    changed.sort_unstable();
    changed.dedup();
    changed
}

/// Every value in force by its dotted key.
fn flat(settings: &Settings) -> BTreeMap<String, Value> {
    let auth = &settings.auth;
    let encoded = |value: Result<Value, serde_json::Error>| value.unwrap_or_default();
    let secret = |credentials: &Credentials| match credentials.in_force() {
        Some(credential) => Value::from(credential.secret.expose()),
        None => Value::Null,
    };
    let rows = [
        ("gateway.mode", encoded(serde_json::to_value(settings.mode))),
        ("gateway", encoded(serde_json::to_value(&settings.listen))),
        ("gateway", encoded(serde_json::to_value(&settings.trust))),
        ("gateway.tls", encoded(serde_json::to_value(&settings.tls))),
        ("gateway.auth.mode", encoded(serde_json::to_value(auth.mode))),
        ("gateway.auth.token", secret(&auth.token)),
        ("gateway.auth.password", secret(&auth.password)),
        ("gateway.auth.rateLimit", encoded(serde_json::to_value(&auth.rate_limit))),
        ("gateway.auth.trustedProxy", encoded(serde_json::to_value(&auth.trusted_proxy))),
        ("gateway.controlUi", encoded(serde_json::to_value(&settings.control_ui))),
        ("gateway.reload", encoded(serde_json::to_value(&settings.reload))),
        ("gateway.limits", encoded(serde_json::to_value(&settings.limits))),
        ("logging", encoded(serde_json::to_value(&settings.logging))),
    ];
    let mut tree = Map::new();
    for (key, value) in rows {
        keys::merge(&mut tree, keys::nest(key, value));
    }
    // What is not set and what is set to nothing are the same.
    keys::drop_nulls(&mut tree);
    let mut flat = BTreeMap::new();
    keys::leaves(&tree, &mut |key, value| {
        flat.insert(key.to_owned(), value.clone());
    });
    flat
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Flags, load_for_client};

    fn settings(config: &str) -> Settings {
        let home = tempfile::tempdir().expect("a directory");
        let state = home.path().join(".openclaw");
        std::fs::create_dir_all(&state).expect("writable");
        std::fs::write(state.join("openclaw.json"), config).expect("writable");
        let environment = Environment::new(Some(home.path().into()), home.path().into());
        load_for_client(&environment, &Flags::default()).expect("valid").settings
    }

    #[test]
    fn what_differs() {
        #[rustfmt::skip]
        let rows = [
            // before                                        after                                         changed
            ("{}",                                           "{}",                                         ""),
            ("{}",                                           "{gateway:{port:18789}}",                     ""), // the default, written out
            ("{gateway:{port:1}}",                           "{gateway:{port:2,bind:'lan'}}",              "gateway.bind gateway.port"),
            ("{gateway:{auth:{token:'one-token'}}}",         "{gateway:{auth:{token:'another'}}}",         "gateway.auth.token"),
            ("{gateway:{auth:{token:'one-token'}}}",         "{}",                                         "gateway.auth.token"),
            ("{gateway:{trustedProxies:['10.0.0.1']}}",      "{gateway:{trustedProxies:['10.0.0.2']}}",    "gateway.trustedProxies"),
            ("{}",                                           "{gateway:{auth:{password:'pass-word'}}}",    "gateway.auth.mode gateway.auth.password"),
            ("{logging:{level:'debug'}}",                    "{}",                                         "logging.level"),
            ("{gateway:{auth:{rateLimit:{windowMs:5}}}}",    "{}",                                         "gateway.auth.rateLimit.windowMs"),
            ("{gateway:{remote:{url:'ws://a:1'}}}",          "{gateway:{remote:{url:'ws://b:1'}}}",        ""), // for commands
        ];
        for (before, after, expected) in rows {
            assert_eq!(changed_keys(&settings(before), &settings(after)).join(" "), expected, "{before} -> {after}");
        }
    }
}
