//! Secrets that cannot be printed by accident.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::redact::REDACTED;

/// A token or password. Its memory is wiped when it is dropped; printing or serialising it shows nothing of it.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The text itself, for the one place that sends or stores it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether `presented` is the same text. Takes the same time for every text of one length, and digests are compared,
    /// so that neither the first wrong character nor the secret's length can be measured.
    pub fn matches(&self, presented: &str) -> bool {
        let ours = Sha256::digest(self.expose().as_bytes());
        let theirs = Sha256::digest(presented.as_bytes());
        ours.as_slice().ct_eq(theirs.as_slice()).into()
    }

    /// Why this cannot be anybody's secret, if so.
    pub fn defect(&self) -> Option<SecretDefect> {
        let text = self.expose();
        if text.trim().is_empty() {
            return Some(SecretDefect::Blank);
        }
        if text.chars().any(char::is_control) {
            return Some(SecretDefect::ControlCharacter);
        }
        PLACEHOLDERS
            .iter()
            .find(|word| text.trim().eq_ignore_ascii_case(word))
            .map(|word| SecretDefect::Placeholder(word))
    }
}

/// Texts that scripts and copied examples leave where a secret should be.
const PLACEHOLDERS: &[&str] = &[
    "undefined",
    "null",
    REDACTED,
    "changeme",
    "change-me",
    "change-me-to-a-long-random-token",
    "change-me-to-a-strong-password",
    "your-token-here",
    "your-password-here",
];

/// Why a text cannot be anybody's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretDefect {
    /// There is nothing but white space.
    #[error("is blank")]
    Blank,
    /// It has a line break or another control character, which no header and no prompt could carry.
    #[error("contains a line break or another control character")]
    ControlCharacter,
    /// It is a word that stands where a secret should be.
    #[error("is the placeholder {0:?}, not a secret")]
    Placeholder(&'static str),
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(***)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(other.expose())
    }
}

impl Eq for Secret {}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl de::Visitor<'_> for Text {
            type Value = Secret;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text in quotes")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Secret, E> {
                Ok(Secret::new(text))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "writeOnly": true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_the_whole_text_and_nothing_else() {
        let secret = Secret::new("correct horse");
        for (presented, same) in [
            ("correct horse", true),
            ("correct hors", false),
            ("correct horse ", false),
            ("Correct horse", false),
            ("", false),
        ] {
            assert_eq!(secret.matches(presented), same, "{presented:?}");
        }
    }

    #[test]
    fn never_shows_itself() {
        let secret = Secret::new("hunter2");
        for shown in [
            format!("{secret}"),
            format!("{secret:?}"),
            format!("{:#?}", Some(&secret)),
            serde_json::to_string(&secret).unwrap(),
        ] {
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn knows_what_is_no_secret() {
        let rows = [
            ("", Some(SecretDefect::Blank)),
            (" \t", Some(SecretDefect::Blank)),
            ("undefined", Some(SecretDefect::Placeholder("undefined"))),
            ("NULL", Some(SecretDefect::Placeholder("null"))),
            (REDACTED, Some(SecretDefect::Placeholder(REDACTED))),
            ("change-me-to-a-long-random-token", Some(SecretDefect::Placeholder("change-me-to-a-long-random-token"))),
            ("one\ntwo", Some(SecretDefect::ControlCharacter)),
            ("T", None),
            ("null and void", None),
            ("pässwörd with spaces", None),
        ];
        for (text, defect) in rows {
            assert_eq!(Secret::new(text).defect(), defect, "{text:?}");
        }
    }
}
