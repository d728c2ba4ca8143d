//! The local way in: a Unix socket that the kernel guards.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use nix::unistd::{Uid, geteuid};
use tokio::net::{UnixListener, UnixStream};

use crate::{defaults::MAX_SOCKET_PATH_BYTES, hint::Hint, state::StateDir};

/// Why there is no Unix socket, or why it is not used.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// None of the places can hold a socket.
    #[error("no Unix socket could be made at {}", path.display())]
    Unusable {
        /// The last place that was tried.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Nobody answers there.
    #[error("nothing answers on the Unix socket {}", path.display())]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else listens there.
    #[error("the Unix socket {} belongs to uid {uid}, and we are uid {own}", path.display())]
    Foreign {
        /// The socket.
        path: PathBuf,
        /// Who listens.
        uid: u32,
        /// Who we are.
        own: u32,
    },
}

impl Hint for SocketError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unusable { path, .. } => {
                let parent = path.parent().unwrap_or(path);
                format!("make {} writable for this user, or name another place in OPENCLAW_SOCKET", parent.display())
            }
            Self::Unreachable { .. } => "start the gateway with `openclaw gateway run`".to_owned(),
            Self::Foreign { uid, .. } => {
                format!("run this as uid {uid} or as root, or pass --url and --token")
            }
        })
    }
}

/// The places where the socket of the gateway on `state` may be, in the order in which both sides try them.
///
/// A configured path is the only one. Else the state directory; where that cannot hold a socket (its path is too long, or a
/// desktop VM's shared folder), `$XDG_RUNTIME_DIR`, then a directory of our own under `/tmp`.
pub fn socket_candidates(state: &StateDir, configured: Option<&Path>, runtime_dir: Option<&Path>) -> Vec<PathBuf> {
    if let Some(configured) = configured {
        return vec![configured.to_owned()];
    }
    let mut hasher = DefaultHasher::new();
    fs::canonicalize(state.path()).unwrap_or_else(|_| state.path().to_owned()).hash(&mut hasher);
    let name = format!("{:016x}.sock", hasher.finish());
    let own = PathBuf::from(format!("/tmp/openclaw-{}", geteuid()));
    let mut candidates = vec![state.socket()];
    candidates.extend(runtime_dir.map(|dir| dir.join("openclaw").join(&name)));
    candidates.push(own.join(name));
    candidates.retain(|path| path.as_os_str().len() <= MAX_SOCKET_PATH_BYTES);
    candidates
}

/// A listening Unix socket. Its file is removed when it is dropped.
#[derive(Debug)]
pub struct LocalSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl LocalSocket {
    /// Listens at the first of `candidates` that can hold a socket. Only whoever holds the gateway's lock may call this: a
    /// socket file that is there already is a leftover then, and is removed.
    ///
    /// # Errors
    /// [`SocketError::Unusable`] when none of the places can hold one.
    pub fn bind(candidates: &[PathBuf]) -> Result<Self, SocketError> {
        let mut failure = None;
        for path in candidates {
            match Self::bind_at(path) {
                Ok(listener) => return Ok(Self { listener, path: path.clone() }),
                Err(source) => failure = Some(SocketError::Unusable { path: path.clone(), source }),
            }
        }
        Err(failure.unwrap_or_else(|| SocketError::Unusable {
            path: PathBuf::new(),
            source: io::Error::new(io::ErrorKind::InvalidInput, "no place to try"),
        }))
    }

    fn bind_at(path: &Path) -> io::Result<UnixListener> {
        let parent = path.parent().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no directory"))?;
        private_directory(parent)?;
        match fs::symlink_metadata(path) {
            Ok(found) if found.file_type().is_socket() => fs::remove_file(path)?,
            Ok(_) => return Err(io::Error::new(io::ErrorKind::AlreadyExists, "a file that is no socket is there")),
            Err(_) => {}
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        Ok(listener)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next connection whose user may use it: ours or root. Others are dropped and reported.
    ///
    /// # Errors
    /// As `accept` fails.
    pub async fn accept(&self) -> io::Result<UnixStream> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            match peer_uid(&stream) {
                Ok(uid) if is_trusted(uid) => return Ok(stream),
                Ok(uid) => {
                    tracing::warn!(target: "gateway", uid, "refused a user on the Unix socket: only uid {} and root may use it", geteuid());
                }
                Err(error) => {
                    tracing::warn!(target: "gateway", %error, "the kernel does not tell who is on the Unix socket");
                }
            }
        }
    }
}

impl Drop for LocalSocket {
    fn drop(&mut self) {
        // The next start removes what is left here.
        let _ = fs::remove_file(&self.path);
    }
}

/// Connects to the socket at `path`, and checks that our own user or root listens there.
///
/// # Errors
/// [`SocketError`] tells an absent gateway from a foreign one.
pub async fn connect_socket(path: &Path) -> Result<UnixStream, SocketError> {
    let unreachable = |source| SocketError::Unreachable { path: path.to_owned(), source };
    let stream = UnixStream::connect(path).await.map_err(unreachable)?;
    let uid = peer_uid(&stream).map_err(unreachable)?;
    if is_trusted(uid) || geteuid().is_root() {
        Ok(stream)
    } else {
        Err(SocketError::Foreign { path: path.to_owned(), uid, own: geteuid().as_raw() })
    }
}

fn peer_uid(stream: &UnixStream) -> io::Result<u32> {
    Ok(stream.peer_cred()?.uid())
}

/// Our own user, or root. The overflow uid stands for every user that this namespace does not know, so it is nobody.
fn is_trusted(uid: u32) -> bool {
    let overflow = fs::read_to_string("/proc/sys/kernel/overflowuid").ok().and_then(|text| text.trim().parse().ok());
    uid != overflow.unwrap_or(65534) && (uid == geteuid().as_raw() || Uid::from_raw(uid).is_root())
}

/// Makes `path` a directory that only we can enter, or checks that it is one.
fn private_directory(path: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().recursive(true).mode(0o700).create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let found = fs::symlink_metadata(path)?;
    let own = geteuid().as_raw();
    if !found.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "not a directory"));
    }
    if found.uid() != own && !geteuid().is_root() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("belongs to uid {}, and we are uid {own}", found.uid()),
        ));
    }
    if found.mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_leftover_socket_gives_way_and_a_file_does_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let state = StateDir::new(dir.path());
        let candidates = socket_candidates(&state, None, None);
        assert_eq!(candidates[0], state.socket());
        // A gateway that was killed leaves its file.
        fs::DirBuilder::new().mode(0o755).create(state.run()).expect("writable");
        drop(std::os::unix::net::UnixListener::bind(state.socket()).expect("first"));
        assert!(state.socket().exists());
        let second = LocalSocket::bind(&candidates[..1]).expect("second");
        assert_eq!(fs::metadata(second.path()).expect("there").mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(state.run()).expect("there").mode() & 0o777, 0o700);
        drop(second);
        fs::write(state.socket(), "mine").expect("writable");
        assert!(LocalSocket::bind(&candidates[..1]).is_err());
        assert_eq!(fs::read_to_string(state.socket()).expect("kept"), "mine");
    }

    #[test]
    fn a_long_path_is_left_out() {
        let state = StateDir::new(format!("/{}", "d".repeat(120)));
        let candidates = socket_candidates(&state, None, Some(Path::new("/run/user/7")));
        assert!(candidates.iter().all(|path| !path.starts_with(state.path())));
        assert_eq!(candidates.len(), 2);
        assert_eq!(socket_candidates(&state, Some(Path::new("/x/y.sock")), None), [PathBuf::from("/x/y.sock")]);
    }
}
