//! The environment variables that are settings.
//!
//! A table and not a prefix: `OPENCLAW_HOME`, `OPENCLAW_SKIP_CHANNELS` and many others are no configuration keys, and a
//! Kubernetes Service named `openclaw-gateway` puts `OPENCLAW_GATEWAY_PORT=tcp://…` into every pod beside it.

use serde_json::Value;

use super::{
    document::Document,
    environment::Environment,
    keys,
    logging::LogLevel,
    origin::Origin,
    problem::{Problem, ProblemKind},
    warning::{Warning, WarningKind},
};

/// How a variable's text becomes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As it is.
    Text,
    /// A number.
    Number,
    /// `1`, `true`, `yes`, `on`, or `0`, `false`, `no`, `off`.
    Switch,
    /// Items between commas.
    List,
    /// A text that is never shown; one line break at its end is cut off.
    Secret,
    /// A log level. OpenClaw ignores one that it does not know, and so do we.
    LogLevel,
}

/// A variable and the keys that it sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The keys that it sets.
    pub keys: &'static [&'static str],
    /// How its text becomes a value.
    pub kind: Kind,
}

/// Every variable that is a setting.
#[rustfmt::skip]
pub const VARIABLES: &[Variable] = &[
    Variable { name: "OPENCLAW_GATEWAY_PORT",               keys: &["gateway.port"],                         kind: Kind::Number },
    Variable { name: "OPENCLAW_GATEWAY_BIND",               keys: &["gateway.bind"],                         kind: Kind::Text },
    Variable { name: "OPENCLAW_GATEWAY_BIND_HOST",          keys: &["gateway.customBindHost"],               kind: Kind::Text },
    Variable { name: "OPENCLAW_GATEWAY_AUTH",               keys: &["gateway.auth.mode"],                    kind: Kind::Text },
    Variable { name: "OPENCLAW_GATEWAY_TOKEN",              keys: &["gateway.auth.token"],                   kind: Kind::Secret },
    Variable { name: "OPENCLAW_GATEWAY_PASSWORD",           keys: &["gateway.auth.password"],                kind: Kind::Secret },
    Variable { name: "OPENCLAW_GATEWAY_TLS",                keys: &["gateway.tls.enabled"],                  kind: Kind::Switch },
    Variable { name: "OPENCLAW_GATEWAY_TLS_CERT",           keys: &["gateway.tls.certPath"],                 kind: Kind::Text },
    Variable { name: "OPENCLAW_GATEWAY_TLS_KEY",            keys: &["gateway.tls.keyPath"],                  kind: Kind::Text },
    Variable { name: "OPENCLAW_GATEWAY_ALLOWED_ORIGINS",    keys: &["gateway.controlUi.allowedOrigins"],     kind: Kind::List },
    Variable { name: "OPENCLAW_GATEWAY_TRUSTED_PROXIES",    keys: &["gateway.trustedProxies"],               kind: Kind::List },
    Variable { name: "OPENCLAW_GATEWAY_TRUSTED_BRIDGES",    keys: &["gateway.trustedBridges"],               kind: Kind::List },
    Variable { name: "OPENCLAW_GATEWAY_PUBLISHED_ON",       keys: &["gateway.publishedOn"],                  kind: Kind::Text },
    Variable { name: "OPENCLAW_GATEWAY_LOOPBACK_IS_PROXY",  keys: &["gateway.loopbackIsProxy"],              kind: Kind::Switch },
    Variable { name: "OPENCLAW_GATEWAY_UNATTRIBUTED",       keys: &["gateway.unattributed"],                 kind: Kind::Text },
    Variable { name: "OPENCLAW_GATEWAY_RELOAD",             keys: &["gateway.reload.mode"],                  kind: Kind::Text },
    Variable { name: "OPENCLAW_GATEWAY_DRAIN_SECONDS",      keys: &["gateway.limits.drainSeconds"],          kind: Kind::Number },
    Variable { name: "OPENCLAW_HANDSHAKE_TIMEOUT_MS",       keys: &["gateway.limits.handshakeTimeoutMs"],    kind: Kind::Number },
    Variable { name: "OPENCLAW_GATEWAY_METRICS",            keys: &["gateway.metrics.enabled"],              kind: Kind::Switch },
    Variable { name: "OPENCLAW_GATEWAY_METRICS_PORT",       keys: &["gateway.metrics.port"],                 kind: Kind::Number },
    Variable { name: "OPENCLAW_SOCKET",                     keys: &["gateway.socket"],                       kind: Kind::Text },
    Variable { name: "OPENCLAW_GATEWAY_URL",                keys: &["gateway.client.url"],                   kind: Kind::Text },
    Variable { name: "OPENCLAW_ALLOW_INSECURE_PRIVATE_WS",  keys: &["gateway.client.allowInsecurePrivateWs"], kind: Kind::Switch },
    Variable { name: "OPENCLAW_CONNECT_CHALLENGE_TIMEOUT_MS", keys: &["gateway.client.challengeTimeoutMs"],  kind: Kind::Number },
    Variable { name: "OPENCLAW_GATEWAY_WAIT_SECONDS",       keys: &["gateway.client.waitSeconds"],           kind: Kind::Number },
    Variable { name: "OPENCLAW_LOG_LEVEL",                  keys: &["logging.level", "logging.consoleLevel"], kind: Kind::LogLevel },
    Variable { name: "OPENCLAW_LOG_STYLE",                  keys: &["logging.consoleStyle"],                 kind: Kind::Text },
    Variable { name: "OPENCLAW_LOG_FILE",                   keys: &["logging.file"],                         kind: Kind::Text },
];

/// A variable that names a file with a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretVariable {
    /// Its name.
    pub name: &'static str,
    /// The key that the file's text is for.
    pub key: &'static str,
}

/// Every variable that names a file with a secret.
pub const SECRET_FILES: &[SecretVariable] = &[
    SecretVariable { name: "OPENCLAW_GATEWAY_TOKEN_FILE", key: "gateway.auth.token" },
    SecretVariable { name: "OPENCLAW_GATEWAY_PASSWORD_FILE", key: "gateway.auth.password" },
];

/// The variables that say where files are.
const PLACES: [&str; 3] = ["OPENCLAW_HOME", "OPENCLAW_STATE_DIR", "OPENCLAW_CONFIG_PATH"];

/// How many characters a name may be off and still be taken for another one.
pub(super) const MAX_SLIPS: usize = 2;

/// What is set under a name that nobody reads, and would say something under one that looks like it.
pub(super) fn misspelled(environment: &Environment) -> Vec<Warning> {
    let known = || {
        let settings = VARIABLES.iter().map(|variable| (variable.name, Some(variable.keys[0])));
        let files = SECRET_FILES.iter().map(|variable| (variable.name, Some(variable.key)));
        settings.chain(files).chain(PLACES.map(|name| (name, None)))
    };
    let meant = |strange: &str| {
        let near = known().map(|(name, key)| (strsim::levenshtein(strange, name), name, key));
        near.filter(|(slips, ..)| *slips <= MAX_SLIPS).min_by_key(|(slips, ..)| *slips)
    };
    let warning = |strange: &str| {
        let (slips, name, key) = meant(strange)?;
        (slips > 0 && environment.variable(name).is_none()).then(|| Warning {
            key: key.map(ToOwned::to_owned),
            origin: Origin::Variable(name),
            kind: WarningKind::MisspelledVariable(strange.to_owned()),
        })
    };
    environment.names("OPENCLAW").filter_map(warning).collect()
}

/// One document a variable that is set, so that each value can tell which one set it.
pub(super) fn documents(
    environment: &Environment,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Warning>,
) -> Vec<Document> {
    let mut documents = Vec::new();
    for variable in VARIABLES {
        let Some(raw) = environment.variable(variable.name) else { continue };
        let origin = Origin::Variable(variable.name);
        let Some(text) = raw.to_str() else {
            problems.push(Problem::at(variable.keys[0], origin, ProblemKind::NotUnicode));
            continue;
        };
        match read(variable.kind, text) {
            Ok(value) => {
                let mut document = Document { origin, tree: serde_json::Map::new() };
                for key in variable.keys {
                    keys::merge(&mut document.tree, keys::nest(key, value.clone()));
                }
                documents.push(document);
            }
            Err(kind) => warnings.push(Warning::at(variable.keys[0], origin, kind)),
        }
    }
    documents
}

/// The value that a variable's text stands for. What does not fit stays text, and the setting's own type refuses it.
fn read(kind: Kind, text: &str) -> Result<Value, WarningKind> {
    let trimmed = text.trim();
    Ok(match kind {
        Kind::Secret => strip_line_end(text).into(),
        Kind::Text => trimmed.into(),
        Kind::Number if is_service_link(trimmed) => return Err(WarningKind::ServiceLink),
        Kind::Number => trimmed.parse::<i64>().map_or_else(|_| trimmed.into(), Value::from),
        Kind::Switch => match trimmed.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => true.into(),
            "0" | "false" | "no" | "off" => false.into(),
            _ => trimmed.into(),
        },
        Kind::List => trimmed.split(',').map(str::trim).filter(|item| !item.is_empty()).collect(),
        Kind::LogLevel => match trimmed.to_ascii_lowercase().parse::<LogLevel>() {
            Ok(level) => level.as_str().into(),
            Err(_) => {
                return Err(WarningKind::IgnoredVariable {
                    expected: format!("one of {}", LogLevel::WORDS.join(", ")),
                });
            }
        },
    })
}

/// `NAME_PORT=tcp://10.0.0.1:18789` is what Kubernetes sets for a Service called `name`.
fn is_service_link(text: &str) -> bool {
    ["tcp://", "udp://", "sctp://"].iter().any(|scheme| text.starts_with(scheme))
}

/// Cuts off one line break at the end, which `echo` and editors leave there.
pub(super) fn strip_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_each_kind() {
        #[rustfmt::skip]
        let rows = [
            (Kind::Text,     " lan ",              Ok(json!("lan"))),
            (Kind::Number,   "18789",              Ok(json!(18789))),
            (Kind::Number,   "many",               Ok(json!("many"))),
            (Kind::Number,   "tcp://10.0.0.1:80",  Err(WarningKind::ServiceLink)),
            (Kind::Switch,   "YES",                Ok(json!(true))),
            (Kind::Switch,   "off",                Ok(json!(false))),
            (Kind::Switch,   "perhaps",            Ok(json!("perhaps"))),
            (Kind::List,     "10.0.0.1, proxy,,",  Ok(json!(["10.0.0.1", "proxy"]))),
            (Kind::Secret,   "12345",              Ok(json!("12345"))),
            (Kind::Secret,   " padded \n",         Ok(json!(" padded "))),
            (Kind::LogLevel, "DEBUG",              Ok(json!("debug"))),
        ];
        for (kind, text, expected) in rows {
            assert_eq!(read(kind, text), expected, "{kind:?} {text:?}");
        }
        assert!(matches!(read(Kind::LogLevel, "loud"), Err(WarningKind::IgnoredVariable { .. })));
    }

    #[test]
    fn one_line_end_is_cut_off() {
        for (text, expected) in [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a", "a"), ("\n", "")] {
            assert_eq!(strip_line_end(text), expected, "{text:?}");
        }
    }

    #[test]
    fn every_name_stands_once() {
        let mut names: Vec<_> = VARIABLES.iter().map(|variable| variable.name).collect();
        names.extend(SECRET_FILES.iter().map(|variable| variable.name));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
