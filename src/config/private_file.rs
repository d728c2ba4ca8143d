//! Files that only their owner may read, made once.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    path::Path,
};

/// Whether files in `state` are shared with a group: an arbitrary uid of gid 0 owns none of them, and could not read what
/// another uid left there.
fn shared_with_group(state: &Path) -> bool {
    fs::metadata(state).is_ok_and(|directory| directory.mode() & 0o020 != 0)
}

/// Writes `bytes` to `path` if nothing is there yet; says whether it did. Of two that try at once one succeeds, and no
/// reader ever sees a part.
///
/// The directory of `path` is made when it is missing. Mode 0700 and 0600, or 0770 and 0660 where `state` is group-writable.
pub(super) fn create(path: &Path, state: &Path, bytes: &[u8]) -> io::Result<bool> {
    let directory = path.parent().ok_or_else(|| io::Error::other("a file needs a directory"))?;
    if !directory.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        if shared_with_group(state) {
            fs::set_permissions(directory, Permissions::from_mode(0o770))?;
        }
    }
    let mode = if shared_with_group(state) { 0o660 } else { 0o600 };
    let draft = directory.join(format!(".{}.tmp", uuid::Uuid::new_v4()));
    let outcome = publish(&draft, path, mode, bytes);
    // Also after success: the draft is a second name of the same file then.
    let _ = fs::remove_file(&draft);
    if outcome? {
        File::open(directory)?.sync_all()?;
        return Ok(true);
    }
    Ok(false)
}

fn publish(draft: &Path, path: &Path, mode: u32, bytes: &[u8]) -> io::Result<bool> {
    write(draft, mode, bytes)?;
    match fs::hard_link(draft, path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        // Shared folders of desktop virtual machines have no hard links. Creating the file by its own name still lets only
        // one succeed; a reader in between sees an empty file and says so.
        Err(error) if matches!(error.raw_os_error(), Some(code) if is_no_links(code)) => {
            match write(path, mode, bytes) {
                Ok(()) => Ok(true),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

fn is_no_links(code: i32) -> bool {
    use nix::errno::Errno;
    [Errno::EPERM, Errno::EOPNOTSUPP, Errno::ENOSYS, Errno::EMLINK].map(|errno| errno as i32).contains(&code)
}

fn write(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    // The process's umask may have taken the group's bits away.
    file.set_permissions(Permissions::from_mode(mode))?;
    belong_to_owner_of(path.parent().unwrap_or(Path::new("/")), &file);
    file.write_all(bytes)?;
    file.sync_all()
}

/// What root writes must stay readable for the gateway, which runs as the directory's owner. For anyone else the file is
/// theirs already, so a failure means nothing.
fn belong_to_owner_of(directory: &Path, file: &File) {
    if nix::unistd::geteuid().is_root()
        && let Ok(metadata) = fs::metadata(directory)
    {
        let _ = fchown(file, Some(metadata.uid()), Some(metadata.gid()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn is_readable_by_its_owner_or_where_the_directory_says_so_by_its_group() {
        for (state_mode, directory_mode, file_mode) in
            [(0o700, 0o700, 0o600), (0o755, 0o700, 0o600), (0o770, 0o770, 0o660)]
        {
            let state = tempfile::tempdir().unwrap();
            fs::set_permissions(state.path(), Permissions::from_mode(state_mode)).unwrap();
            let path = state.path().join("identity/gateway-token");
            assert!(create(&path, state.path(), b"x").unwrap());
            assert_eq!((mode(path.parent().unwrap()), mode(&path)), (directory_mode, file_mode), "{state_mode:o}");
        }
    }

    #[test]
    fn leaves_what_is_there_and_nothing_beside_it() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join("a");
        assert!(create(&path, state.path(), b"first").unwrap());
        assert!(!create(&path, state.path(), b"second").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::read_dir(state.path()).unwrap().count(), 1);
    }
}
