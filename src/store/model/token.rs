//! Device tokens at rest: never in clear.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Unknown;
use crate::protocol::{Role, Scopes};

/// SHA-256 of a token. Tokens hold 256 random bits, so a plain digest gives nothing away.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

const PREFIX: &str = "sha256:";

impl TokenHash {
    /// Of `token`, as it is sent.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }
}

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenHash {}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

impl Serialize for TokenHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0)))
    }
}

impl<'de> Deserialize<'de> for TokenHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.strip_prefix(PREFIX)
            .and_then(|digest| URL_SAFE_NO_PAD.decode(digest).ok())
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| D::Error::custom("not a token hash"))
    }
}

/// The token of one device in one role.
///
/// Our own tokens are derived from a key, the device, the role and a generation, so the same one can be handed out at every
/// connect while only its hash is kept. A token that another gateway issued cannot be derived: it stays good through
/// `also_accepted` until the token is rotated or revoked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", from = "OnDisk")]
pub struct TokenRecord {
    /// The role that it serves.
    pub role: Role,
    /// What it permits, expanded and sorted.
    pub scopes: Scopes,
    /// Which of our own tokens counts; 0 when none was made yet. Not a count: each is drawn anew, so that a device that is
    /// removed and comes back does not get the token back that it had.
    #[serde(skip_serializing_if = "is_zero")]
    pub generation: u32,
    /// The hash of that token; `None` until it is first handed out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<TokenHash>,
    /// Hashes of tokens that count besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also_accepted: Vec<TokenHash>,
    /// When the device first got one for this role, in milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// When it was last replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotated_at_ms: Option<i64>,
    /// When it stopped counting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at_ms: Option<i64>,
    /// When it was last presented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at_ms: Option<i64>,
    /// What else the file says.
    #[serde(flatten)]
    pub unknown: Unknown,
}

impl TokenRecord {
    /// A first token for `role`, of this generation, not yet handed out.
    pub fn new(role: Role, scopes: &Scopes, generation: u32, now_ms: i64) -> Self {
        Self {
            role,
            scopes: scopes.expanded(),
            generation,
            hash: None,
            also_accepted: Vec::new(),
            created_at_ms: now_ms,
            rotated_at_ms: None,
            revoked_at_ms: None,
            last_used_at_ms: None,
            unknown: Unknown::new(),
        }
    }

    /// Replaces it by one of another generation: no earlier token counts any more.
    pub fn rotate(&mut self, generation: u32, now_ms: i64) {
        self.generation = generation;
        self.hash = None;
        self.also_accepted.clear();
        self.rotated_at_ms = Some(now_ms);
        self.revoked_at_ms = None;
    }

    /// Whether it was revoked and not replaced since.
    pub const fn is_revoked(&self) -> bool {
        self.revoked_at_ms.is_some()
    }

    /// Whether `presented` is one that counts, revoked or not. Every hash is compared in full, whichever fits.
    pub fn accepts(&self, presented: &str) -> bool {
        let presented = TokenHash::of(presented);
        self.hashes().fold(subtle::Choice::from(0), |any, hash| any | hash.0.ct_eq(&presented.0)).into()
    }

    /// Whether every token that counts here counts in `later` too.
    pub fn outlived_by(&self, later: &Self) -> bool {
        self.hashes().all(|hash| later.hashes().any(|other| other == hash))
    }

    /// When the token that is handed out was made, in milliseconds since the Unix epoch.
    pub fn issued_at_ms(&self) -> i64 {
        self.rotated_at_ms.unwrap_or(self.created_at_ms)
    }

    fn hashes(&self) -> impl Iterator<Item = &TokenHash> {
        self.hash.iter().chain(&self.also_accepted)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that `skip_serializing_if` calls")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The form in the file, where OpenClaw's own gateways write the token itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OnDisk {
    role: Role,
    #[serde(default)]
    scopes: Scopes,
    token: Option<String>,
    #[serde(default)]
    generation: u32,
    hash: Option<TokenHash>,
    #[serde(default)]
    also_accepted: Vec<TokenHash>,
    #[serde(default)]
    created_at_ms: i64,
    rotated_at_ms: Option<i64>,
    revoked_at_ms: Option<i64>,
    last_used_at_ms: Option<i64>,
    #[serde(flatten)]
    unknown: Unknown,
}

impl From<OnDisk> for TokenRecord {
    fn from(disk: OnDisk) -> Self {
        let in_clear = disk.token.filter(|token| !token.is_empty()).map(|token| TokenHash::of(&token));
        Self {
            role: disk.role,
            scopes: disk.scopes,
            generation: disk.generation,
            hash: disk.hash,
            also_accepted: disk.also_accepted.into_iter().chain(in_clear).collect(),
            created_at_ms: disk.created_at_ms,
            rotated_at_ms: disk.rotated_at_ms,
            revoked_at_ms: disk.revoked_at_ms,
            last_used_at_ms: disk.last_used_at_ms,
            unknown: disk.unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_in_clear_becomes_a_hash_and_still_counts() {
        let theirs =
            json!({"token": "s3cret", "role": "operator", "scopes": ["operator.admin"], "createdAtMs": 7, "x": 1});
        let token: TokenRecord = serde_json::from_value(theirs).unwrap();
        assert!(token.accepts("s3cret") && !token.accepts("s3cre") && !token.accepts(""));

        let ours = serde_json::to_value(&token).unwrap();
        assert!(!ours.to_string().contains("s3cret"), "{ours}");
        assert_eq!((&ours["x"], &ours["createdAtMs"], ours.get("generation")), (&json!(1), &json!(7), None));
        let again: TokenRecord = serde_json::from_value(ours).unwrap();
        assert_eq!(again, token);
    }

    #[test]
    fn a_rotated_token_replaces_every_other() {
        let mut token = TokenRecord::new(Role::Operator, &Scopes::full_operator(), 1, 1);
        token.hash = Some(TokenHash::of("one"));
        token.also_accepted.push(TokenHash::of("theirs"));
        assert!(token.accepts("one") && token.accepts("theirs"));
        let before = token.clone();
        assert!(before.outlived_by(&token));
        token.rotate(2, 5);
        assert!(!token.accepts("one") && !token.accepts("theirs"));
        assert!(!before.outlived_by(&token));
        assert_eq!((token.generation, token.issued_at_ms()), (2, 5));
    }
}
