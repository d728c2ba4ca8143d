//! The directory of the socket: whoever can write there can put another socket in its place.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::Path,
};

use nix::unistd::geteuid;

/// Others may write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Others may write, but only what is theirs, as in /tmp.
const STICKY: u32 = 0o1000;

/// Makes the directory at `path`, or checks that nobody but us can replace what is in it.
///
/// One of our own that others can write is closed to them. A directory that somebody else made is never changed.
pub(super) fn prepare(path: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().recursive(true).mode(0o700).create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let found = fs::symlink_metadata(path)?;
    if !found.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "its directory is none, or a link to one"));
    }
    let own = geteuid();
    let others_write = found.mode() & WRITABLE_BY_OTHERS != 0;
    if others_write && found.mode() & STICKY != 0 && (found.uid() == 0 || found.uid() == own.as_raw()) {
        return Ok(());
    }
    if found.uid() != own.as_raw() && !(own.is_root() && is_vouched_for(path, found.uid())) {
        let text = format!("{} belongs to uid {}, and we are uid {own}", path.display(), found.uid());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    if others_write && is_named_for_us(path) {
        return fs::set_permissions(path, fs::Permissions::from_mode(0o700));
    }
    if others_write {
        let text = format!("others can write {}", path.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    Ok(())
}

/// Whether `uid` has the directory at `path` with the consent of whoever has its parent.
pub(super) fn is_vouched_for(path: &Path, uid: u32) -> bool {
    let Ok(found) = fs::symlink_metadata(path) else { return false };
    let parent = path.parent().and_then(|parent| fs::metadata(parent).ok());
    let consent = parent.is_some_and(|parent| parent.uid() == uid || parent.mode() & WRITABLE_BY_OTHERS == 0);
    found.is_dir() && found.uid() == uid && consent
}

/// The names that our own places have. Any other directory was named by the user, who may have other uses for it.
fn is_named_for_us(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name == "run" || name.starts_with("openclaw"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_a_socket() {
        #[rustfmt::skip]
        let rows = [
            // name       mode      usable  mode after
            ("run",       0o777,    true,   0o700),
            ("run",       0o755,    true,   0o755),
            ("openclaw",  0o770,    true,   0o700),
            ("sockets",   0o700,    true,   0o700),
            ("sockets",   0o755,    true,   0o755),
            ("sockets",   0o1777,   true,   0o1777), // as /tmp
            ("sockets",   0o777,    false,  0o777),  // somebody could put another socket in its place
            ("sockets",   0o770,    false,  0o770),
        ];
        for (name, mode, usable, after) in rows {
            let base = tempfile::tempdir().expect("a directory");
            let path = base.path().join(name);
            fs::create_dir(&path).expect("writable");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("ours");
            assert_eq!(prepare(&path).is_ok(), usable, "{name} {mode:o}");
            assert_eq!(fs::metadata(&path).expect("there").mode() & 0o7777, after, "{name} {mode:o}");
        }
    }

    #[test]
    fn a_missing_directory_is_made_and_a_link_is_not_followed() {
        let base = tempfile::tempdir().expect("a directory");
        let path = base.path().join("a/b");
        prepare(&path).expect("made");
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o700);
        let link = base.path().join("link");
        std::os::unix::fs::symlink(&path, &link).expect("writable");
        assert!(prepare(&link).is_err());
    }

    #[test]
    fn whose_directory_is_vouched_for() {
        let base = tempfile::tempdir().expect("a directory");
        let own = geteuid().as_raw();
        let path = base.path().join("run");
        fs::create_dir(&path).expect("writable");
        assert!(is_vouched_for(&path, own));
        assert!(!is_vouched_for(&path, own + 1), "somebody else's");
        assert!(!is_vouched_for(&base.path().join("none"), own));
    }
}
