//! Our own key: the gateway's, and that of the command line on the same state directory.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use ed25519_dalek::{
    Signer, SigningKey,
    pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, KeypairBytes, spki::der::pem::LineEnding},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::{DeviceId, DeviceKey};
use crate::{hint::Hint, private_file, state::StateDir};

/// A private Ed25519 key, and the device that it makes us.
pub struct Identity {
    private: SigningKey,
    key: DeviceKey,
    id: DeviceId,
}

impl Identity {
    /// A fresh key, kept nowhere.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub fn random() -> io::Result<Self> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).map_err(io::Error::other)?;
        Ok(Self::from_seed(&seed))
    }

    /// The key with this seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self::from_private(SigningKey::from_bytes(seed))
    }

    fn from_private(private: SigningKey) -> Self {
        let key = DeviceKey::from(private.verifying_key());
        Self { private, key, id: key.device_id() }
    }

    /// Our device id.
    pub const fn device_id(&self) -> DeviceId {
        self.id
    }

    /// Our public key.
    pub const fn key(&self) -> DeviceKey {
        self.key
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.private.sign(message).to_bytes()
    }

    /// The key of `state`, if it has one: that of OpenClaw's own programs where they left one, otherwise ours.
    ///
    /// # Errors
    /// A key file is there and cannot be used. It is left as it is.
    pub fn load(state: &StateDir) -> Result<Option<Self>, IdentityError> {
        for path in [foreign_path(state), own_path(state)] {
            if let Some(identity) = Self::load_file(&path)? {
                return Ok(Some(identity));
            }
        }
        Ok(None)
    }

    /// The key of `state`, made if it has none.
    ///
    /// Only a file of our own is ever made: newer OpenClaw programs refuse a state directory in which those of its older
    /// ones exist.
    ///
    /// # Errors
    /// A key file is there and cannot be used, or none can be written.
    pub fn load_or_create(state: &StateDir) -> Result<Self, IdentityError> {
        if let Some(identity) = Self::load(state)? {
            return Ok(identity);
        }
        let path = own_path(state);
        let content = Self::random()
            .and_then(|identity| identity.to_file(Timestamp::now()))
            .and_then(|content| private_file::create(&path, &content));
        content.map_err(|source| IdentityError::Create { path: path.clone(), source })?;
        // Another process may have been first; its key is the one that counts.
        Self::load_file(&path)?.ok_or_else(|| IdentityError::Create { path, source: io::ErrorKind::NotFound.into() })
    }

    fn load_file(path: &Path) -> Result<Option<Self>, IdentityError> {
        let text = private_file::read(path).map_err(|source| IdentityError::Read { path: path.into(), source })?;
        let Some(text) = text.map(Zeroizing::new) else { return Ok(None) };
        let file: IdentityFile = serde_json::from_str(&text).map_err(|error| IdentityError::damaged(path, &error))?;
        // The id and the public half are in the file too; the private half is what counts.
        SigningKey::from_pkcs8_pem(file.private_key_pem.trim())
            .map(|private| Some(Self::from_private(private)))
            .map_err(|_| IdentityError::Key { path: path.into() })
    }

    fn to_file(&self, now: Timestamp) -> io::Result<Zeroizing<String>> {
        // Without the public half: the form that every OpenSSL reads.
        let private = KeypairBytes { secret_key: self.private.to_bytes(), public_key: None };
        let file = IdentityFile {
            version: 1,
            device_id: self.id.to_string(),
            public_key_pem: self.private.verifying_key().to_public_key_pem(LineEnding::LF).map_err(io::Error::other)?,
            private_key_pem: private.to_pkcs8_pem(LineEnding::LF).map_err(io::Error::other)?.to_string(),
            created_at_ms: now.as_millisecond(),
        };
        let mut text = Zeroizing::new(serde_json::to_string_pretty(&file)?);
        text.push('\n');
        Ok(text)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The file of OpenClaw up to 2026.2, read and never made.
fn foreign_path(state: &StateDir) -> PathBuf {
    state.identity().join("device.json")
}

fn own_path(state: &StateDir) -> PathBuf {
    state.identity().join("openclaw-device.json")
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct IdentityFile {
    #[serde(default)]
    version: u32,
    #[serde(default)]
    device_id: String,
    #[serde(default)]
    public_key_pem: String,
    private_key_pem: String,
    #[serde(default)]
    created_at_ms: i64,
}

impl Drop for IdentityFile {
    fn drop(&mut self) {
        self.private_key_pem.zeroize();
    }
}

/// Why there is no key to use. A file that is there is never replaced.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file is there and cannot be read.
    #[error("cannot read the device key {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not JSON of the expected shape.
    #[error("the device key file {} is damaged at line {line}, column {column}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// Where in the line, from 1; 0 where the line ended too early.
        column: usize,
    },
    /// The file holds something other than an Ed25519 key.
    #[error("the device key file {} holds no Ed25519 private key", path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// There is none, and none can be made.
    #[error("cannot create the device key {}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl IdentityError {
    /// Keeps the place only: the parser's own words quote the file, which may be a key.
    fn damaged(path: &Path, error: &serde_json::Error) -> Self {
        Self::Damaged { path: path.into(), line: error.line(), column: error.column() }
    }
}

impl Hint for IdentityError {
    fn hint(&self) -> String {
        match self {
            Self::Read { path, .. } => format!("make {} readable for this user", path.display()),
            Self::Damaged { path, .. } | Self::Key { path } => format!(
                "restore {0} from a backup, or move it away to get a new key, which has to be paired anew",
                path.display()
            ),
            Self::Create { .. } => {
                "make the state directory writable, or name another one with OPENCLAW_STATE_DIR".into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn state() -> (tempfile::TempDir, StateDir) {
        let home = tempfile::tempdir().expect("a directory");
        let state = StateDir::new(home.path());
        (home, state)
    }

    #[test]
    fn a_key_is_made_once_and_in_our_own_file() {
        let (_home, state) = state();
        assert!(Identity::load(&state).expect("no key is no error").is_none());
        let made = Identity::load_or_create(&state).expect("made");
        assert_eq!(Identity::load_or_create(&state).expect("found").device_id(), made.device_id());
        let names: Vec<_> =
            fs::read_dir(state.identity()).expect("listed").map(|entry| entry.expect("an entry").file_name()).collect();
        assert_eq!(names, ["openclaw-device.json"]);
        let file: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(own_path(&state)).expect("read")).expect("json");
        assert_eq!(file["version"], 1);
        assert_eq!(file["deviceId"], made.device_id().to_string());
        assert_eq!(file["publicKeyPem"].as_str().expect("text").parse::<DeviceKey>(), Ok(made.key()));
        assert!(file["createdAtMs"].as_i64().expect("a time") > 1_700_000_000_000);
    }

    #[test]
    fn the_key_of_openclaw_s_own_programs_comes_first() {
        // The key of the worked example, in the form that Node writes; the id is wrong on purpose.
        let file = r#"{
  "version": 1,
  "deviceId": "00",
  "publicKeyPem": "",
  "privateKeyPem": "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n",
  "createdAtMs": 1767225600000
}
"#;
        let (_home, state) = state();
        Identity::load_or_create(&state).expect("made");
        fs::write(foreign_path(&state), file).expect("written");
        let identity = Identity::load(&state).expect("read").expect("there");
        assert_eq!(
            identity.device_id().to_string(),
            "56475aa75463474c0285df5dbf2bcab73da651358839e9b77481b2eab107708c"
        );
        let written = identity.to_file(Timestamp::UNIX_EPOCH).expect("text");
        assert!(written.contains("MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"), "{}", *written);
    }

    #[test]
    fn a_damaged_file_is_reported_and_kept() {
        for (content, expected) in
            [("", "is damaged"), ("{}", "is damaged"), (r#"{"privateKeyPem":"x"}"#, "no Ed25519")]
        {
            let (_home, state) = state();
            fs::create_dir(state.identity()).expect("made");
            fs::write(own_path(&state), content).expect("written");
            let error = Identity::load_or_create(&state).expect_err(content);
            assert!(error.to_string().contains(expected), "{content}: {error}");
            assert!(error.hint().contains("openclaw-device.json"), "{content}");
            assert_eq!(fs::read_to_string(own_path(&state)).expect("read"), content);
        }
    }

    #[test]
    fn a_key_never_shows_itself() {
        let shown = format!("{:?}", Identity::from_seed(&[7; 32]));
        assert!(!shown.contains("private"), "{shown}");
    }
}
