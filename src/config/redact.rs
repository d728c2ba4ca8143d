//! Configuration documents that may be shown.

use serde_json::{Map, Value};

/// What stands in place of a secret; the same text in a document that is written back means "as it was".
pub const REDACTED: &str = "__OPENCLAW_REDACTED__";

/// The document with every secret replaced by [`REDACTED`].
///
/// Sections that are not ours are covered too, so this goes by the names of keys: `botToken`, `api_key`, `clientSecret`, ….
/// Rather one text too many than one too few: also everything below `env` and `headers`, private keys in PEM under any
/// name, and passwords inside of URLs.
#[must_use]
pub fn redact(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(redact_members(members)),
        Value::Array(items) => redact_items(items),
        Value::String(text) if url_carries_secret(text) || text.contains("PRIVATE KEY-----") => REDACTED.into(),
        other => other.clone(),
    }
}

/// The items of a list, which may be a command line: what follows `--api-key` is hidden, and what stands behind `--api-key=`.
fn redact_items(items: &[Value]) -> Value {
    let names_secret = |option: &str| option.starts_with("--") && secrecy_of(option) != Secrecy::Open;
    let mut hides_next = false;
    let hide = |item: &Value| {
        let hidden = std::mem::take(&mut hides_next);
        let text = item.as_str().unwrap_or_default();
        hides_next = names_secret(text);
        let with_value = text.split_once('=').is_some_and(|(option, _)| names_secret(option));
        if hidden || with_value { hide_scalars(item, true) } else { redact(item) }
    };
    items.iter().map(hide).collect()
}

/// Whether a comment holds a setting that names a secret: one that was taken out is often still good.
pub(super) fn comment_names_secret(comment: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let ends: Vec<_> = comment.match_indices([':', '=']).map(|(at, _)| at).collect();
    ends.into_iter().any(|end| {
        let before = comment[..end].trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
        let name = before.rsplit(|c| !is_part(c)).next().unwrap_or_default();
        secrecy_of(name) != Secrecy::Open
    })
}

fn redact_members(members: &Map<String, Value>) -> Map<String, Value> {
    let hide = |(name, value): (&String, &Value)| {
        let shown = match secrecy_of(name) {
            Secrecy::Open => redact(value),
            Secrecy::One => hide_scalars(value, true),
            Secrecy::Many => hide_scalars(value, false),
        };
        (name.clone(), shown)
    };
    members.iter().map(hide).collect()
}

/// Whether the last part of a dotted key names a secret.
pub(super) fn is_secret_key(key: &str) -> bool {
    let name = key.rsplit('.').next().unwrap_or(key);
    secrecy_of(name) == Secrecy::One
}

#[derive(Debug, PartialEq, Eq)]
enum Secrecy {
    Open,
    /// A secret, whatever its type.
    One,
    /// Texts are secrets; numbers are counts, as in `maxTokens`.
    Many,
}

/// What a member's name says about its value. Upper case, underscores and hyphens make no difference.
fn secrecy_of(name: &str) -> Secrecy {
    /// Ends of names.
    const ONE: &[&str] = &[
        "token",
        "password",
        "passwd",
        "passphrase",
        "passcode",
        "secret",
        "apikey",
        "privatekey",
        "accesskey",
        "signingkey",
        "encryptionkey",
        "encryptkey",
        "authkey",
        "sharedkey",
        "masterkey",
        "clientkey",
        "sessionkey",
        "privatekeypem",
        "credential",
        "serviceaccount",
        "identitydata",
        "authorization",
        "bearer",
        "cookie",
    ];
    const MANY: &[&str] =
        &["tokens", "passwords", "apikeys", "secretkeys", "credentials", "cookies", "webhook", "webhookurl"];
    /// Parts of names: a hash, a reference or a list of secrets is not for everybody either.
    const PARTS: &[&str] = &["password", "passwd", "passphrase", "secret", "apikey", "privatekey", "credential"];
    /// Whole names.
    const MANY_WHOLE: &[&str] = &["env", "headers", "key", "pass"];
    let folded: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|each| each.to_ascii_lowercase()).collect();
    if ONE.iter().any(|ending| folded.ends_with(ending)) {
        Secrecy::One
    } else if MANY.iter().any(|ending| folded.ends_with(ending))
        || PARTS.iter().any(|part| folded.contains(part))
        || MANY_WHOLE.contains(&folded.as_str())
    {
        Secrecy::Many
    } else {
        Secrecy::Open
    }
}

/// Hides every text below `value`, and the numbers too where the name is that of a secret. What is empty hides nothing.
pub(super) fn hide_scalars(value: &Value, numbers: bool) -> Value {
    match value {
        Value::String(text) if !text.is_empty() => REDACTED.into(),
        Value::Number(_) if numbers => REDACTED.into(),
        Value::Array(items) => items.iter().map(|item| hide_scalars(item, numbers)).collect(),
        Value::Object(members) => {
            let hide = |(name, value): (&String, &Value)| (name.clone(), hide_scalars(value, numbers));
            Value::Object(members.iter().map(hide).collect())
        }
        other => other.clone(),
    }
}

/// Whether a text is an address with a password in it (`https://user:word@host`), or with a secret as a parameter.
fn url_carries_secret(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let password = authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
    let parameters = rest.split_once(['?', '#']).map(|(_, parameters)| parameters).unwrap_or_default();
    let parameter = parameters
        .split(['&', ';'])
        .filter_map(|pair| pair.split_once('='))
        .any(|(name, value)| !value.is_empty() && secrecy_of(name) == Secrecy::One);
    password || parameter
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hides_secrets_by_the_names_of_their_keys() {
        let document = json!({
            "gateway": {
                "port": 18789,
                "auth": { "mode": "token", "token": "s1", "password": 1234 },
                "remote": { "url": "wss://user:s2@host/", "tlsFingerprint": "ab:cd" },
                "tls": { "keyPath": "/tls/key.pem" },
            },
            "channels": {
                "telegram": { "botToken": "s3", "accounts": { "a": { "bot_token": "s4" } } },
                "feishu": { "encryptKey": "s16", "verificationToken": "s17" },
                "googlechat": { "serviceAccount": { "type": "s18" }, "webhookPath": "/hook" },
                "slack": { "appToken": "s5", "signingSecret": "s6", "webhook": "https://x.example/hook?token=s7&a=b" },
            },
            "agents": { "defaults": { "maxTokens": 4096, "tokenBudget": "large", "model": { "primary": "m" } } },
            "models": { "providers": { "p": { "apiKey": "s8", "headers": { "X-Api-Key": "s9", "Authorization": "s10", "Accept": "*" } } } },
            "env": { "ANYTHING": "s11", "vars": { "OTHER": "s12" }, "shellEnv": { "enabled": true, "timeoutMs": 5 } },
            "skills": { "entries": { "x": { "env": { "K": "s13" }, "apiKey": { "source": "exec", "id": "s14" } } } },
            "tokens": ["s15"],
            "secrets": { "a": "s21", "passwordHash": "s22", "secretRef": "s23", "apiKeyValue": "s24" },
            "mcp": { "args": ["--port", "80", "--api-key", "s25", "--auth-token=s26", "-v"] },
            "proxy": { "tls": { "key": "s19", "cert": "-----BEGIN CERTIFICATE-----" }, "pem": "-----BEGIN PRIVATE KEY-----\ns20" },
            "empty": { "token": "", "secret": null, "password": false },
        });
        let expected = json!({
            "gateway": {
                "port": 18789,
                "auth": { "mode": "token", "token": REDACTED, "password": REDACTED },
                "remote": { "url": REDACTED, "tlsFingerprint": "ab:cd" },
                "tls": { "keyPath": "/tls/key.pem" },
            },
            "channels": {
                "telegram": { "botToken": REDACTED, "accounts": { "a": { "bot_token": REDACTED } } },
                "feishu": { "encryptKey": REDACTED, "verificationToken": REDACTED },
                "googlechat": { "serviceAccount": { "type": REDACTED }, "webhookPath": "/hook" },
                "slack": { "appToken": REDACTED, "signingSecret": REDACTED, "webhook": REDACTED },
            },
            "agents": { "defaults": { "maxTokens": 4096, "tokenBudget": "large", "model": { "primary": "m" } } },
            "models": { "providers": { "p": { "apiKey": REDACTED, "headers": { "X-Api-Key": REDACTED, "Authorization": REDACTED, "Accept": REDACTED } } } },
            "env": { "ANYTHING": REDACTED, "vars": { "OTHER": REDACTED }, "shellEnv": { "enabled": true, "timeoutMs": 5 } },
            "skills": { "entries": { "x": { "env": { "K": REDACTED }, "apiKey": { "source": REDACTED, "id": REDACTED } } } },
            "tokens": [REDACTED],
            "secrets": { "a": REDACTED, "passwordHash": REDACTED, "secretRef": REDACTED, "apiKeyValue": REDACTED },
            "mcp": { "args": ["--port", "80", "--api-key", REDACTED, REDACTED, "-v"] },
            "proxy": { "tls": { "key": REDACTED, "cert": "-----BEGIN CERTIFICATE-----" }, "pem": REDACTED },
            "empty": { "token": "", "secret": null, "password": false },
        });
        assert_eq!(redact(&document), expected);
    }

    #[test]
    fn knows_addresses_that_carry_a_secret() {
        #[rustfmt::skip]
        let rows = [
            ("https://user:word@host/",             true),
            ("wss://host:18789/?token=x",           true),
            ("https://host/#access_token=x",        true),
            ("https://user@host/",                  false),
            ("https://host/@a:b",                   false),
            ("https://host:80/?token=",             false),
            ("https://host/?page=2",                false),
            ("just text with a:b@c",                false),
        ];
        for (text, secret) in rows {
            assert_eq!(url_carries_secret(text), secret, "{text}");
        }
    }

    #[test]
    fn knows_comments_that_hold_a_setting_with_a_secret() {
        #[rustfmt::skip]
        let rows = [
            ("// botToken: '123456:OLD'",            true),
            ("/* \"api_key\" = x */",                true),
            ("// port: 18789, password : \"x\"",     true),
            ("// the token is made at the start",    false),
            ("// see https://docs.example/token",    false),
            ("// was 8",                             false),
        ];
        for (comment, secret) in rows {
            assert_eq!(comment_names_secret(comment), secret, "{comment}");
        }
    }

    #[test]
    fn every_secret_of_our_own_settings_is_covered() {
        let mut hidden = 0;
        for known in super::super::schema::known() {
            let secret = known.schema.get("writeOnly").is_some_and(|flag| flag == true);
            assert_eq!(is_secret_key(&known.key), secret, "{}", known.key);
            hidden += usize::from(secret);
        }
        assert_eq!(hidden, 4, "token and password, of this gateway and of a remote one");
    }
}
