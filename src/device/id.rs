//! What names a device: the hash of its public key.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// Names a device: SHA-256 of its raw public key, in text 64 lowercase hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId([u8; Self::BYTES]);

impl DeviceId {
    const BYTES: usize = 32;

    /// The name of the device that holds the key with these raw bytes.
    pub fn of_key_bytes(raw: &[u8]) -> Self {
        Self(Sha256::digest(raw).into())
    }

    /// The hash itself.
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 2 * Self::BYTES];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        f.pad(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceId({self})")
    }
}

/// A text that names no device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a device id is 64 lowercase hexadecimal digits")]
pub struct InvalidDeviceId;

impl crate::hint::Hint for InvalidDeviceId {
    fn hint(&self) -> String {
        "openclaw devices list".into()
    }
}

impl FromStr for DeviceId {
    type Err = InvalidDeviceId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(InvalidDeviceId),
        };
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(InvalidDeviceId) };
        let pairs: &[[u8; 2]; Self::BYTES] = pairs.try_into().map_err(|_| InvalidDeviceId)?;
        let mut id = [0; Self::BYTES];
        for (byte, [high, low]) in id.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(id))
    }
}

impl Serialize for DeviceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeviceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_64_lowercase_digits_name_a_device() {
        let id = "56475aa75463474c0285df5dbf2bcab73da651358839e9b77481b2eab107708c";
        assert_eq!(id.parse::<DeviceId>().expect("an id").to_string(), id);
        let refused = [
            String::new(),
            id[1..].to_owned(),
            format!("{id}0"),
            id.to_uppercase(),
            id.replace('5', "g"),
            "é".repeat(32),
        ];
        for text in refused {
            assert_eq!(text.parse::<DeviceId>(), Err(InvalidDeviceId), "{text}");
        }
    }

    #[test]
    fn in_json_an_id_is_its_text() {
        let id = DeviceId::of_key_bytes(&[7; 32]);
        let json = serde_json::to_string(&id).expect("json");
        assert_eq!(json, format!("\"{id}\""));
        assert_eq!(serde_json::from_str::<DeviceId>(&json).expect("an id"), id);
        assert!(serde_json::from_str::<DeviceId>("\"ab\"").is_err());
    }

    proptest! {
        #[test]
        fn reading_undoes_writing(bytes in any::<[u8; 32]>()) {
            prop_assert_eq!(DeviceId(bytes).to_string().parse(), Ok(DeviceId(bytes)));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let _ = text.parse::<DeviceId>();
        }
    }
}
