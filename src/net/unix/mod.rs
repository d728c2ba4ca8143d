//! The local way in: a Unix socket that the kernel guards.
//!
//! Whoever may open it needs no token, so both ends look at whom the kernel says they talk to: the gateway takes its own
//! user and root, and the command line takes a gateway of its own user or of root.

mod candidates;
mod credentials;
mod directory;

use std::{
    fs, io,
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net as blocking,
    },
    path::{Path, PathBuf},
};

use nix::unistd::geteuid;
use tokio::net::{UnixListener, UnixStream};
use tracing::{info, warn};

pub use self::candidates::socket_candidates;
use self::credentials::Guard;
use crate::hint::Hint;

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
    fn hint(&self) -> String {
        match self {
            Self::Unusable { path, .. } => format!(
                "name a place in OPENCLAW_SOCKET whose directory only this user can write; a directory that is missing is \
                 made, so {} would do",
                path.parent().unwrap_or(path).join("openclaw/gateway.sock").display()
            ),
            Self::Unreachable { .. } => "start the gateway with `openclaw gateway run`".to_owned(),
            Self::Foreign { uid, .. } => {
                format!("run this as uid {uid} or as root, or pass --url and --token")
            }
        }
    }
}

/// A listening Unix socket. Its file is removed when it is dropped.
#[derive(Debug)]
pub struct LocalSocket {
    listener: UnixListener,
    path: PathBuf,
    guard: Guard,
}

impl LocalSocket {
    /// Listens at the first of `candidates` that can hold a socket. Only whoever holds the gateway's lock may call this: a
    /// socket file that is there already is a leftover then, and is removed.
    ///
    /// # Errors
    /// [`SocketError::Unusable`] when none of the places can hold one.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn bind(candidates: &[PathBuf]) -> Result<Self, SocketError> {
        let guard = Guard::new();
        let mut failure = SocketError::Unusable {
            path: PathBuf::new(),
            source: io::Error::new(io::ErrorKind::InvalidInput, "no place to try"),
        };
        for path in candidates {
            match bind_at(path) {
                Ok(listener) => {
                    if guard.refuses_own_user() {
                        warn!(
                            target: "gateway",
                            "uid {} stands for every user that the kernel cannot name here, so only root may use the Unix \
                             socket: run the gateway as another user", geteuid()
                        );
                    }
                    return Ok(Self { listener, path: path.clone(), guard });
                }
                Err(source) => {
                    info!(target: "gateway", "{} cannot hold the Unix socket: {source}", path.display());
                    failure = SocketError::Unusable { path: path.clone(), source };
                }
            }
        }
        Err(failure)
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
            match stream.peer_cred() {
                Ok(peer) if self.guard.admits(peer.uid()) => return Ok(stream),
                Ok(peer) => warn!(
                    target: "gateway",
                    uid = peer.uid(), pid = peer.pid(),
                    "refused uid {} on the Unix socket: only uid {} and root may use it", peer.uid(), geteuid()
                ),
                Err(error) => warn!(target: "gateway", "the kernel does not tell who is on the Unix socket: {error}"),
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

fn bind_at(path: &Path) -> io::Result<UnixListener> {
    let parent = path.parent().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no directory"))?;
    directory::prepare(parent)?;
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path)?,
        Ok(_) => return Err(io::Error::new(io::ErrorKind::AlreadyExists, "a file that is no socket is there")),
        Err(_) => {}
    }
    let listener = blocking::UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    try_out(&listener, path).inspect_err(|_| drop(fs::remove_file(path)))?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

/// Shared folders of desktop VMs let a socket be made that nobody can connect to.
fn try_out(listener: &blocking::UnixListener, path: &Path) -> io::Result<()> {
    let _ours = blocking::UnixStream::connect(path)?;
    // It waits in the queue already, so this does not block; left there, it would be served.
    listener.accept().map(drop)
}

/// Connects to the socket at `path`, and checks that a gateway of our own user or of root listens there. Root also takes the
/// gateway of the user to whom the directory belongs.
///
/// # Errors
/// [`SocketError`] tells an absent gateway from a foreign one.
pub async fn connect_socket(path: &Path) -> Result<UnixStream, SocketError> {
    let unreachable = |source| SocketError::Unreachable { path: path.to_owned(), source };
    let stream = UnixStream::connect(path).await.map_err(unreachable)?;
    let uid = stream.peer_cred().map_err(unreachable)?.uid();
    let owned_by_listener =
        || geteuid().is_root() && path.parent().is_some_and(|parent| directory::is_vouched_for(parent, uid));
    if Guard::new().admits(uid) || owned_by_listener() {
        Ok(stream)
    } else {
        Err(SocketError::Foreign { path: path.to_owned(), uid, own: geteuid().as_raw() })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};

    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::state::StateDir;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("there").mode() & 0o777
    }

    #[tokio::test]
    async fn a_leftover_socket_gives_way_and_a_file_does_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let state = StateDir::new(dir.path());
        let candidates = [state.socket()];
        fs::DirBuilder::new().mode(0o700).create(state.run()).expect("writable");
        // A gateway that was killed leaves its file.
        drop(blocking::UnixListener::bind(state.socket()).expect("first"));
        assert!(state.socket().exists());
        let second = LocalSocket::bind(&candidates).expect("second");
        assert_eq!(mode(second.path()), 0o600);
        drop(second);
        assert!(!state.socket().exists());
        fs::write(state.socket(), "mine").expect("writable");
        assert!(LocalSocket::bind(&candidates).is_err());
        assert_eq!(fs::read_to_string(state.socket()).expect("kept"), "mine");
    }

    #[tokio::test]
    async fn both_ends_check_whom_they_talk_to() {
        let dir = tempfile::tempdir().expect("a directory");
        let state = StateDir::new(dir.path());
        let mut socket = LocalSocket::bind(&[state.socket()]).expect("bound");
        assert_eq!(mode(&state.run()), 0o700);
        let (client, server) = tokio::join!(connect_socket(socket.path()), socket.accept());
        client.expect("our own gateway");
        server.expect("our own user");

        // As it looks where nobody can be told from anybody.
        let own = geteuid().as_raw();
        socket.guard = Guard::of(own, own);
        let stranger = async {
            let mut refused = UnixStream::connect(socket.path()).await.expect("the kernel lets it in");
            refused.read(&mut [0]).await.expect("closed, not reset")
        };
        tokio::select! {
            _ = socket.accept() => panic!("a stranger was let in"),
            read = stranger => assert_eq!(read, 0),
        }
    }

    #[tokio::test]
    async fn the_next_place_is_taken_where_one_cannot_hold_a_socket() {
        let dir = tempfile::tempdir().expect("a directory");
        let blocked = dir.path().join("file");
        fs::write(&blocked, "").expect("writable");
        let (bad, good) = (blocked.join("gateway.sock"), dir.path().join("other/gateway.sock"));
        let socket = LocalSocket::bind(&[bad.clone(), good.clone()]).expect("the second place");
        assert_eq!(socket.path(), good);
        let error = LocalSocket::bind(&[bad]).expect_err("no place");
        assert!(matches!(error, SocketError::Unusable { .. }) && !error.hint().is_empty());
    }

    #[tokio::test]
    async fn an_absent_gateway_is_told_from_a_foreign_one() {
        let dir = tempfile::tempdir().expect("a directory");
        let error = connect_socket(&dir.path().join("gateway.sock")).await.expect_err("nobody");
        assert!(matches!(&error, SocketError::Unreachable { .. }), "{error}");
    }
}
