//! What is odd about a configuration that can be used.

use std::fmt;

use super::origin::Origin;

/// Something that the operator should know; the configuration is used all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The key that is concerned, dotted; `None` for a source as a whole.
    pub key: Option<String>,
    /// The layer that it came from.
    pub origin: Origin,
    /// What is odd.
    pub kind: WarningKind,
}

impl Warning {
    pub(super) fn at(key: impl Into<String>, origin: Origin, kind: WarningKind) -> Self {
        Self { key: Some(key.into()), origin, kind }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(formatter, "{key} in {}: {}", self.origin, self.kind),
            None => write!(formatter, "{}: {}", self.origin, self.kind),
        }
    }
}

/// What is odd. No text of it repeats a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WarningKind {
    /// A key that neither OpenClaw nor this product knows.
    #[error("unknown key, kept and ignored{}", did_you_mean(.nearest.as_deref()))]
    UnknownKey {
        /// The known key that looks most like it.
        nearest: Option<String>,
    },
    /// A key of our own in the file that OpenClaw's programs read.
    #[error("belongs in gateway.json: OpenClaw's own programs refuse openclaw.json with a key that they do not know")]
    Misplaced,
    /// A key that OpenClaw had, and that switched a protection off.
    #[error("has no effect; {instead}")]
    Retired {
        /// What to use instead.
        instead: &'static str,
    },
    /// A key that OpenClaw understands and this product does not, and whose absence would surprise.
    #[error("has no effect in this gateway")]
    NotSupported,
    /// A key is written twice in one object; the last one counts.
    #[error("is written more than once; the last one counts")]
    Twice,
    /// A value is to be filled in from a variable that is not set.
    #[error("names the environment variable {0}, which is not set; the setting counts as not set")]
    MissingVariable(String),
    /// A secret is written as a reference into OpenClaw's secret store.
    #[error("is a secret reference, which is not looked up here; the setting counts as not set")]
    SecretReference,
    /// A file was named that is not there.
    #[error("names a file that does not exist; it counts as empty")]
    MissingFile,
    /// A variable that Kubernetes sets for a Service of that name.
    #[error(
        "is the address of a Kubernetes Service, not a setting, and is ignored; `enableServiceLinks: false` ends this"
    )]
    ServiceLink,
    /// A variable with a value that is not understood.
    #[error("is not understood and is ignored; expected {expected}")]
    IgnoredVariable {
        /// What would be right.
        expected: String,
    },
    /// A variable of ours is not set, and one is that looks like it.
    #[error("is not set, and {0} is not read; did you mean that?")]
    MisspelledVariable(String),
    /// White space around a secret, which other programs may cut off.
    #[error("begins or ends with white space, which belongs to the secret here; other programs may cut it off")]
    PaddedSecret,
    /// An entry of a list of trusted addresses.
    #[error("{entry:?} {oddity}")]
    TrustedEntry {
        /// The entry.
        entry: String,
        /// What is odd.
        oddity: super::trust::EntryOddity,
    },
    /// An origin that no browser would ever send.
    #[error(
        "no browser sends {0:?} as an origin; write scheme, host and port only, for example \"https://ui.example:8443\""
    )]
    DoubtfulOrigin(String),
    /// The generated token is there and cannot be used.
    #[error("the generated token cannot be used: {0}")]
    GeneratedToken(String),
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default()
}
