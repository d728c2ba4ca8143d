//! Device tokens: derived, so that the same one can be handed out at every connect while none is stored.

use std::{fmt, io, path::PathBuf};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::SecretString;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::{device::DeviceId, hint::Hint, private_file, protocol::Role, state::StateDir};

/// The key from which this gateway's device tokens are derived.
///
/// A token is base64url of HMAC-SHA256 over device, role and generation, 43 characters. Whoever reads the key can make every
/// token, so it lies in a file of its own that only the gateway's user reads; the store holds generations and hashes.
#[derive(Clone)]
pub struct TokenKey([u8; Self::BYTES]);

impl TokenKey {
    const BYTES: usize = 32;

    /// Wraps raw key bytes.
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The key of `state`, made if it has none.
    ///
    /// # Errors
    /// The file is there and cannot be used, or none can be written. A file that is there is never replaced.
    pub fn load_or_create(state: &StateDir) -> Result<Self, TokenKeyError> {
        let path = state.token_key();
        if let Some(key) = Self::load(&path)? {
            return Ok(key);
        }
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        getrandom::fill(bytes.as_mut())
            .map_err(io::Error::other)
            .and_then(|()| {
                private_file::create(&path, &Zeroizing::new(format!("{}\n", URL_SAFE_NO_PAD.encode(*bytes))))
            })
            .map_err(|source| TokenKeyError::Create { path: path.clone(), source })?;
        // Another process may have been first; its key is the one that counts.
        Self::load(&path)?.ok_or_else(|| TokenKeyError::Create { path, source: io::ErrorKind::NotFound.into() })
    }

    /// Whether the key of `state` can be used, where it has one.
    ///
    /// # Errors
    /// As [`Self::load_or_create`]; nothing is made.
    pub fn check(state: &StateDir) -> Result<(), TokenKeyError> {
        Self::load(&state.token_key()).map(drop)
    }

    fn load(path: &std::path::Path) -> Result<Option<Self>, TokenKeyError> {
        let text = private_file::read(path).map_err(|source| TokenKeyError::Read { path: path.into(), source })?;
        let Some(text) = text.map(Zeroizing::new) else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).ok().map(Zeroizing::new);
        bytes
            .and_then(|bytes| bytes.as_slice().try_into().ok())
            .map(|bytes| Some(Self(bytes)))
            .ok_or_else(|| TokenKeyError::Damaged { path: path.into() })
    }

    /// The token of `device` in `role`; another `generation` is another token.
    pub fn derive(&self, device: &DeviceId, role: Role, generation: u32) -> SecretString {
        // What HMAC itself does with a key that is shorter than a block.
        let mut block = Zeroizing::new([0; 64]);
        block[..Self::BYTES].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new((&*block).into());
        mac.update(b"openclaw device token\0");
        mac.update(device.as_bytes());
        mac.update(role.as_str().as_bytes());
        mac.update(b"\0");
        mac.update(&generation.to_be_bytes());
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()).into()
    }
}

impl Drop for TokenKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(…)")
    }
}

/// Why device tokens cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TokenKeyError {
    /// The file is there and cannot be read.
    #[error("cannot read the key of the device tokens, {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file does not hold 32 bytes in base64url.
    #[error("the key of the device tokens, {}, is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// There is none, and none can be made.
    #[error("cannot create the key of the device tokens, {}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Hint for TokenKeyError {
    fn hint(&self) -> String {
        match self {
            Self::Read { path, .. } => format!("make {} readable for this user", path.display()),
            Self::Damaged { path } => format!(
                "restore {} from a backup, or move it away: then every device gets a new token when it next connects with \
                 the shared secret",
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
    use std::{fs, os::unix::fs::PermissionsExt};

    use secrecy::ExposeSecret;

    use super::*;

    fn state() -> (tempfile::TempDir, StateDir) {
        let home = tempfile::tempdir().expect("a directory");
        let state = StateDir::new(home.path());
        (home, state)
    }

    #[test]
    fn every_device_role_and_generation_has_its_own_token() {
        let key = TokenKey::from_bytes([7; 32]);
        let [one, other] = [[1; 32], [2; 32]].map(|raw| DeviceId::of_key_bytes(&raw));
        let token = |device, role, generation| key.derive(device, role, generation).expose_secret().to_owned();
        let tokens = [
            token(&one, Role::Operator, 1),
            token(&other, Role::Operator, 1),
            token(&one, Role::Node, 1),
            token(&one, Role::Operator, 2),
            TokenKey::from_bytes([8; 32]).derive(&one, Role::Operator, 1).expose_secret().to_owned(),
        ];
        for (index, a) in tokens.iter().enumerate() {
            assert_eq!(a.len(), 43, "{index}");
            assert!(tokens[..index].iter().all(|b| a != b), "{index}");
        }
        assert_eq!(token(&one, Role::Operator, 1), tokens[0]);
    }

    #[test]
    fn the_key_is_made_once_and_private() {
        let (_home, state) = state();
        let made = TokenKey::load_or_create(&state).expect("made");
        let found = TokenKey::load_or_create(&state).expect("found");
        assert_eq!(made.0, found.0);
        assert_ne!(made.0, [0; 32]);
        let permissions = fs::metadata(state.token_key()).expect("metadata").permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_key_is_reported_and_kept() {
        for content in ["", "AAAA", "not base64!"] {
            let (_home, state) = state();
            fs::create_dir(state.identity()).expect("made");
            fs::write(state.token_key(), content).expect("written");
            let error = TokenKey::load_or_create(&state).expect_err(content);
            assert!(matches!(error, TokenKeyError::Damaged { .. }), "{content}: {error}");
            assert!(error.hint().contains("token.key"), "{content}");
            assert_eq!(fs::read_to_string(state.token_key()).expect("read"), content);
        }
    }

    #[test]
    fn the_key_never_shows_itself() {
        assert_eq!(format!("{:?}", TokenKey::from_bytes([7; 32])), "TokenKey(…)");
    }
}
