//! The secret that all who operate this gateway share: a token or a password.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A shared secret, as far as it takes to recognise it: its digest.
#[derive(Clone)]
pub struct SharedSecret([u8; 32]);

impl SharedSecret {
    /// Takes `secret`; `None` when it is blank, since nobody may be let in for saying nothing.
    pub fn new(secret: &str) -> Option<Self> {
        (!secret.trim().is_empty()).then(|| Self(Sha256::digest(secret).into()))
    }

    /// Whether `presented` is the secret. Digests are compared, in constant time, so that neither the first wrong character
    /// nor the secret's length can be measured.
    pub fn matches(&self, presented: &str) -> bool {
        Sha256::digest(presented).as_slice().ct_eq(&self.0).into()
    }
}

impl Drop for SharedSecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_text_and_nothing_else() {
        let secret = SharedSecret::new("correct horse").expect("a secret");
        let rows = [
            ("correct horse", true),
            ("correct hors", false),
            ("correct horse ", false),
            ("Correct horse", false),
            ("", false),
        ];
        for (presented, same) in rows {
            assert_eq!(secret.matches(presented), same, "{presented:?}");
        }
    }

    #[test]
    fn nothing_is_no_secret() {
        for blank in ["", " ", "\t\n"] {
            assert!(SharedSecret::new(blank).is_none(), "{blank:?}");
        }
    }

    #[test]
    fn shows_nothing_of_itself() {
        assert_eq!(format!("{:?}", SharedSecret::new("hunter2")), "Some(SharedSecret(…))");
    }
}
