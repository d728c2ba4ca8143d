//! The token of a gateway that nobody gave one.

use std::{io, path::PathBuf};

use super::{
    hex,
    secret::{Secret, SecretDefect},
    variables::strip_line_end,
};
use crate::{
    hint::Hint,
    owner::{as_owner, other_owner_of},
    private_file,
    state::StateDir,
};

/// Bytes of a new token; it is written as twice as many hexadecimal digits.
const TOKEN_BYTES: usize = 24;

/// A token that lies in the state directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedToken {
    /// The token.
    pub secret: Secret,
    /// Whether it was made just now.
    pub created: bool,
}

/// Reads `identity/gateway-token`, or makes it: 48 hexadecimal digits, mode 0600. Of two that start at once both get the
/// same token.
///
/// # Errors
///
/// The file cannot be written or read, or holds no token.
pub fn ensure(state: &StateDir) -> Result<GeneratedToken, TokenError> {
    if let Some(secret) = read(state)? {
        return Ok(GeneratedToken { secret, created: false });
    }
    let path = state.generated_token();
    let token = fresh()?;
    let created = private_file::create(&path, &format!("{}\n", token.expose()))
        .map_err(|source| TokenError::Write { path: path.clone(), source })?;
    if created {
        return Ok(GeneratedToken { secret: token, created });
    }
    let secret = read(state)?.ok_or(TokenError::Vanished { path })?;
    Ok(GeneratedToken { secret, created })
}

/// Puts another token in the place of the one in `identity/gateway-token`.
///
/// # Errors
///
/// The system gives no random bytes, or the file cannot be written.
pub fn replace(state: &StateDir) -> Result<(), TokenError> {
    let path = state.generated_token();
    let token = fresh()?;
    private_file::replace(&path, &format!("{}\n", token.expose())).map_err(|source| TokenError::Write { path, source })
}

/// A token that nobody had before.
///
/// # Errors
///
/// The system gives no random bytes.
pub fn fresh() -> Result<Secret, TokenError> {
    let mut bytes = [0_u8; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| TokenError::Random(error.to_string()))?;
    Ok(Secret::new(hex::encode(&bytes)))
}

/// Reads `identity/gateway-token`; `None` when there is none.
///
/// # Errors
///
/// The file is there and cannot be read, or holds no token.
pub fn read(state: &StateDir) -> Result<Option<Secret>, TokenError> {
    let path = state.generated_token();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(TokenError::Read { path, source }),
    };
    let secret = Secret::new(strip_line_end(&text));
    match secret.defect() {
        Some(defect) => Err(TokenError::NoToken { path, defect }),
        None => Ok(Some(secret)),
    }
}

/// Why there is no generated token to be had.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The system gives no random bytes.
    #[error("no random bytes for a token: {0}")]
    Random(String),
    /// The file cannot be written.
    #[error("cannot write {}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is there and cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{} {defect}", .path.display())]
    NoToken {
        /// The file.
        path: PathBuf,
        /// What is wrong with its text.
        defect: SecretDefect,
    },
    /// Somebody made the file and took it away again.
    #[error("{} was there and is gone", .path.display())]
    Vanished {
        /// The file.
        path: PathBuf,
    },
}

impl Hint for TokenError {
    fn hint(&self) -> String {
        match self {
            Self::Random(_) => "set OPENCLAW_GATEWAY_TOKEN".into(),
            Self::Write { .. } => format!(
                "make the state directory writable for uid {}, or set OPENCLAW_GATEWAY_TOKEN_FILE",
                nix::unistd::geteuid()
            ),
            Self::Read { path, source } => match other_owner_of(path) {
                Some(owner) if source.kind() == io::ErrorKind::PermissionDenied => {
                    as_owner(path.parent().unwrap_or(path), owner)
                }
                _ => format!("make {} readable for uid {}", path.display(), nix::unistd::geteuid()),
            },
            Self::NoToken { path, .. } => {
                format!("write a token into {}, or remove it: the next start makes a new one", path.display())
            }
            Self::Vanished { .. } => "start again".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> (tempfile::TempDir, StateDir) {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDir::new(directory.path().join("not-yet-there"));
        (directory, state)
    }

    #[test]
    fn is_made_once_and_stays() {
        let (_directory, state) = state();
        assert_eq!(read(&state).unwrap(), None);
        let made = ensure(&state).unwrap();
        assert!(made.created);
        assert_eq!(made.secret.expose().len(), 48);
        assert!(made.secret.expose().chars().all(|digit| digit.is_ascii_hexdigit()));
        assert_eq!(ensure(&state).unwrap(), GeneratedToken { created: false, ..made.clone() });
        assert_eq!(read(&state).unwrap(), Some(made.secret));
    }

    #[test]
    fn of_many_that_start_at_once_all_get_the_same() {
        let (_directory, state) = state();
        let tokens: Vec<_> = std::thread::scope(|scope| {
            let starters: Vec<_> = (0..16).map(|_| scope.spawn(|| ensure(&state).unwrap())).collect();
            starters.into_iter().map(|starter| starter.join().unwrap()).collect()
        });
        assert_eq!(tokens.iter().filter(|token| token.created).count(), 1);
        assert!(tokens.iter().all(|token| token.secret == tokens[0].secret));
        assert_eq!(std::fs::read_dir(state.identity()).unwrap().count(), 1, "no draft is left behind");
    }

    #[test]
    fn a_file_without_a_token_is_reported_and_kept() {
        let (_directory, state) = state();
        std::fs::create_dir_all(state.identity()).unwrap();
        for text in ["", "\n", "undefined\n", "one\ntwo\n"] {
            std::fs::write(state.generated_token(), text).unwrap();
            assert!(matches!(ensure(&state), Err(TokenError::NoToken { .. })), "{text:?}");
            assert_eq!(std::fs::read_to_string(state.generated_token()).unwrap(), text);
        }
    }

    #[test]
    fn a_token_written_by_hand_counts() {
        let (_directory, state) = state();
        std::fs::create_dir_all(state.identity()).unwrap();
        std::fs::write(state.generated_token(), "by hand\r\n").unwrap();
        assert_eq!(ensure(&state).unwrap().secret.expose(), "by hand");
    }
}
