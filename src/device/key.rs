//! The public half of a device's key, in the forms in which it arrives.

use std::{fmt, str::FromStr};

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::URL_SAFE_NO_PAD},
};
use ed25519_dalek::pkcs8::{DecodePublicKey, PublicKeyBytes};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::DeviceId;

/// Base64url as real clients write it: padded or not, and with whatever bits were left over at the end.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Longest text that is decoded at all, in bytes: an SPKI PEM takes 116.
const MAX_TEXT_BYTES: usize = 1024;

/// Bytes of a base64url or base64 text, padded or not.
pub(super) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    if text.len() > MAX_TEXT_BYTES {
        return None;
    }
    if text.contains(['+', '/']) {
        return LENIENT.decode(text.replace('+', "-").replace('/', "_")).ok();
    }
    LENIENT.decode(text).ok()
}

/// The raw bytes of a public key in any form that clients send, whatever their number.
///
/// A device id is compared with the hash of these bytes before anything asks whether they are a key.
pub(super) fn decode_key(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    if text.len() <= MAX_TEXT_BYTES && text.starts_with("-----BEGIN") {
        return PublicKeyBytes::from_public_key_pem(text).ok().map(|key| key.to_bytes().to_vec());
    }
    decode_base64(text)
}

/// An Ed25519 public key; its text is the unpadded base64url of its 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceKey([u8; 32]);

impl DeviceKey {
    /// The id of the device that holds this key.
    pub fn device_id(&self) -> DeviceId {
        DeviceId::of_key_bytes(&self.0)
    }

    /// The raw key.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<ed25519_dalek::VerifyingKey> for DeviceKey {
    fn from(key: ed25519_dalek::VerifyingKey) -> Self {
        Self(key.to_bytes())
    }
}

impl fmt::Display for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceKey({self})")
    }
}

/// A text that is no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a device key is the base64url of 32 bytes, or a PEM of an Ed25519 public key")]
pub struct InvalidDeviceKey;

impl FromStr for DeviceKey {
    type Err = InvalidDeviceKey;

    /// Reads base64url (padded or not), standard base64, or an SPKI PEM. Hexadecimal is not a form of a key.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let raw = decode_key(text).ok_or(InvalidDeviceKey)?;
        raw.try_into().map(Self).map_err(|_| InvalidDeviceKey)
    }
}

impl Serialize for DeviceKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeviceKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NORMAL: &str = "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg";

    #[test]
    fn every_form_that_clients_send_is_the_same_key() {
        let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n\
                   -----END PUBLIC KEY-----\n";
        let forms = [
            NORMAL.to_owned(),
            format!("{NORMAL}="),
            "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=".into(),
            "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg".into(),
            pem.into(),
            format!("  {NORMAL}\n"),
        ];
        for form in forms {
            let key: DeviceKey = form.parse().expect(&form);
            assert_eq!(key.to_string(), NORMAL, "{form}");
            assert_eq!(
                key.device_id().to_string(),
                "56475aa75463474c0285df5dbf2bcab73da651358839e9b77481b2eab107708c",
                "{form}"
            );
        }
    }

    #[test]
    fn what_is_no_key() {
        let hex: String =
            NORMAL.parse::<DeviceKey>().expect("a key").as_bytes().map(|byte| format!("{byte:02x}")).concat();
        let texts = [
            String::new(),
            "AAAA".into(),
            hex,
            format!("{NORMAL}AAAA"),
            "not base64!".into(),
            "-----BEGIN PUBLIC KEY-----\n".into(),
            "A".repeat(100_000),
        ];
        for text in texts {
            assert_eq!(text.parse::<DeviceKey>(), Err(InvalidDeviceKey), "{text}");
        }
    }

    proptest! {
        #[test]
        fn reading_undoes_writing(bytes in any::<[u8; 32]>()) {
            prop_assert_eq!(DeviceKey(bytes).to_string().parse(), Ok(DeviceKey(bytes)));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "(-----BEGIN PUBLIC KEY-----)?\\PC*") {
            let _ = text.parse::<DeviceKey>();
        }
    }
}
