//! Files with key material: made once, whole or not at all, and readable by their owner only.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
};

use nix::unistd::geteuid;

use crate::defaults::MAX_KEY_FILE_BYTES;

/// Reads a key file; `None` where there is none.
///
/// # Errors
/// The file cannot be read, is not text, or is larger than any key file.
pub(crate) fn read(path: &Path) -> io::Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = String::new();
    file.take(MAX_KEY_FILE_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_KEY_FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "larger than any key file"));
    }
    Ok(Some(text))
}

/// Makes the file at `path`, unless it exists: of several processes that try at once, the first one's content stays.
///
/// The directory is made where it is missing. Says whether the file was made; where it was not, another process was first,
/// and its content is to be read.
///
/// # Errors
/// The directory cannot be made or written.
pub(crate) fn create(path: &Path, content: &str) -> io::Result<bool> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_directory(directory)?;
    let temporary =
        Temporary::write(directory, path, content.as_bytes(), if shared(directory) { 0o660 } else { 0o600 })?;
    match fs::hard_link(&temporary.0, path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        // Shared folders of desktop VMs, FAT: no links, so nothing better is left than to look first.
        Err(_) if !path.try_exists()? => fs::rename(&temporary.0, path)?,
        Err(_) => return Ok(false),
    }
    File::open(directory)?.sync_all()?;
    Ok(true)
}

/// Writes the file at `path`, whole or not at all, whatever was there before.
///
/// # Errors
/// The directory cannot be made or written.
pub(crate) fn replace(path: &Path, content: &str) -> io::Result<()> {
    replace_bytes(path, content.as_bytes())
}

/// [`replace`], whatever the bytes are.
///
/// # Errors
/// The directory cannot be made or written.
pub(crate) fn replace_bytes(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_directory(directory)?;
    let temporary = Temporary::write(directory, path, content, if shared(directory) { 0o660 } else { 0o600 })?;
    fs::rename(&temporary.0, path)?;
    File::open(directory)?.sync_all()
}

/// Whether the directory is meant for a group: containers with an arbitrary uid have only gid 0 in common.
fn shared(directory: &Path) -> bool {
    fs::metadata(directory).is_ok_and(|found| found.permissions().mode() & 0o020 != 0)
}

/// Makes the directory, and those above it, where they are missing: for nobody but their owner, whoever may write above.
///
/// # Errors
/// The directory above cannot be written.
pub(crate) fn make_own_directory(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Makes a directory of key files in the state directory, which is made itself where it is missing. Only a state directory
/// that is there already can be meant for a group: what lies above it says nothing of what is in it.
fn make_directory(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let for_group = directory.parent().is_some_and(shared);
    make_own_directory(directory)?;
    if for_group {
        fs::set_permissions(directory, Permissions::from_mode(0o770))?;
    }
    Ok(())
}

/// What root writes must stay readable for the gateway, which runs as the directory's owner. For anyone else the file is
/// theirs already, so a failure means nothing.
fn belong_to_owner_of(directory: &Path, file: &File) {
    if geteuid().is_root()
        && let Ok(owner) = fs::metadata(directory)
    {
        let _ = fchown(file, Some(owner.uid()), Some(owner.gid()));
    }
}

/// A file that has another name as long as it is not whole; removed when it is no longer needed.
struct Temporary(PathBuf);

impl Temporary {
    fn write(directory: &Path, target: &Path, content: &[u8], mode: u32) -> io::Result<Self> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let path = directory.join(format!(".{name}.{}.tmp", uuid::Uuid::new_v4()));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let temporary = Self(path);
        file.set_permissions(Permissions::from_mode(mode))?;
        belong_to_owner_of(directory, &file);
        file.write_all(content)?;
        file.sync_all()?;
        Ok(temporary)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Gone already where it was renamed; a remnant would only be clutter.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("metadata").permissions().mode() & 0o777
    }

    #[test]
    fn the_first_content_stays() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("identity/key");
        assert_eq!(read(&path).expect("no file is no error"), None);
        create(&path, "one").expect("created");
        create(&path, "two").expect("found");
        assert_eq!(read(&path).expect("read").as_deref(), Some("one"));
        let names: Vec<_> = fs::read_dir(home.path().join("identity")).expect("listed").collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }

    #[test]
    fn of_many_at_once_all_read_the_same() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("key");
        let seen: Vec<_> = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..8)
                .map(|writer| {
                    let path = &path;
                    scope.spawn(move || {
                        create(path, &writer.to_string()).expect("created or found");
                        read(path).expect("read")
                    })
                })
                .collect();
            writers.into_iter().map(|writer| writer.join().expect("no panic")).collect()
        });
        assert!(seen.iter().all(|content| content.is_some() && *content == seen[0]), "{seen:?}");
    }

    #[test]
    fn others_are_kept_out_unless_the_directory_is_shared() {
        let rows = [(0o700, 0o700, 0o600), (0o755, 0o700, 0o600), (0o770, 0o770, 0o660), (0o775, 0o770, 0o660)];
        for (home_mode, directory_mode, file_mode) in rows {
            let home = tempfile::tempdir().expect("a directory");
            fs::set_permissions(home.path(), Permissions::from_mode(home_mode)).expect("changed");
            let path = home.path().join("identity/key");
            create(&path, "secret").expect("created");
            assert_eq!(mode(path.parent().expect("a parent")), directory_mode, "{home_mode:o}");
            assert_eq!(mode(&path), file_mode, "{home_mode:o}");
        }
    }

    #[test]
    fn what_lies_above_the_state_directory_says_nothing_of_its_files() {
        for above_mode in [0o755, 0o775, 0o2775, 0o1777] {
            let above = tempfile::tempdir().expect("a directory");
            fs::set_permissions(above.path(), Permissions::from_mode(above_mode)).expect("changed");
            let state = above.path().join("of/state");
            create(&state.join("identity/key"), "secret").expect("created");
            for (path, expected) in
                [(&state, 0o700), (&state.join("identity"), 0o700), (&state.join("identity/key"), 0o600)]
            {
                assert_eq!(mode(path), expected, "{} below {above_mode:o}", path.display());
            }
        }
    }

    #[test]
    fn a_huge_file_is_refused() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("key");
        fs::write(&path, vec![b'x'; usize::try_from(MAX_KEY_FILE_BYTES).expect("fits") + 1]).expect("written");
        assert_eq!(read(&path).expect_err("too large").kind(), io::ErrorKind::InvalidData);
    }
}
