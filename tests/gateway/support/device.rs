//! A device: an Ed25519 key, and the id that is made from it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};

/// A device with a key of its own.
#[derive(Clone)]
pub(crate) struct Device(SigningKey);

impl Device {
    /// A device that no gateway knows.
    pub(crate) fn fresh() -> Self {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the system has randomness");
        Self(SigningKey::from_bytes(&seed))
    }

    /// Lowercase hexadecimal SHA-256 of the raw public key.
    pub(crate) fn id(&self) -> String {
        hex(&Sha256::digest(self.raw_key()))
    }

    /// The 32 bytes of the public key.
    pub(crate) fn raw_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// The public key as clients send it.
    pub(crate) fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.raw_key())
    }

    /// Signs a payload string; base64url.
    pub(crate) fn sign(&self, payload: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.0.sign(payload.as_bytes()).to_bytes())
    }
}

/// Lowercase hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
