//! Where the socket may be.

use std::{
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use nix::unistd::geteuid;
use sha2::{Digest, Sha256};

use crate::{defaults::MAX_SOCKET_PATH_BYTES, state::StateDir};

/// The places where the socket of the gateway on `state` may be, in the order in which both sides try them.
///
/// A configured path is the only one. Else the state directory; where that cannot hold a socket (its path is too long, or it
/// is a desktop VM's shared folder), `$XDG_RUNTIME_DIR`, then a directory of our own under `/tmp`. Root also looks where the
/// owner of the state directory would put it.
pub fn socket_candidates(state: &StateDir, configured: Option<&Path>, runtime_dir: Option<&Path>) -> Vec<PathBuf> {
    if let Some(configured) = configured {
        return vec![configured.to_owned()];
    }
    let name = file_name(state.path());
    let own = geteuid().as_raw();
    let owner = fs::metadata(state.path()).ok().map(|found| found.uid());
    let users = [Some(own), owner.filter(|owner| geteuid().is_root() && *owner != own)];
    let mut candidates = vec![state.socket()];
    candidates.extend(runtime_dir.filter(|dir| dir.is_absolute()).map(|dir| dir.join("openclaw").join(&name)));
    candidates.extend(users.into_iter().flatten().map(|uid| PathBuf::from(format!("/tmp/openclaw-{uid}")).join(&name)));
    candidates.retain(|path| path.as_os_str().len() <= MAX_SOCKET_PATH_BYTES);
    candidates
}

/// One name for one state directory, in places that hold the sockets of several.
fn file_name(state: &Path) -> String {
    let path = fs::canonicalize(state).unwrap_or_else(|_| state.to_owned());
    let digest = Sha256::digest(path.as_os_str().as_bytes());
    let start = digest.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    format!("{start:016x}.sock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_places() {
        let state = StateDir::new("/state");
        let places = socket_candidates(&state, None, Some(Path::new("/run/user/7")));
        assert_eq!(places[0], Path::new("/state/run/gateway.sock"));
        assert!(places[1].starts_with("/run/user/7/openclaw"), "{places:?}");
        assert!(places[2].starts_with(format!("/tmp/openclaw-{}", geteuid())), "{places:?}");
        assert_eq!(places[1].file_name(), places[2].file_name());
        let other = socket_candidates(&StateDir::new("/other"), None, None);
        assert_ne!(other[1].file_name(), places[1].file_name());
        assert_eq!(socket_candidates(&state, Some(Path::new("/x/y.sock")), None), [PathBuf::from("/x/y.sock")]);
    }

    #[test]
    fn a_path_that_is_too_long_is_left_out() {
        let state = StateDir::new(format!("/{}", "d".repeat(120)));
        let places = socket_candidates(&state, None, Some(Path::new("/run/user/7")));
        assert!(places.len() == 2 && places.iter().all(|path| !path.starts_with(state.path())), "{places:?}");
    }

    #[test]
    fn the_name_does_not_change_with_a_release() {
        // Both ends compute it, and they may be of different versions.
        assert_eq!(file_name(Path::new("/nonexistent/state")), "0fca3177fe7f9eb5.sock");
    }
}
