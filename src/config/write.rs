//! Replacing a configuration file, whole or not at all, where it is ours to replace.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use nix::{
    sys::statvfs::{FsFlags, statvfs},
    unistd::{AccessFlags, access, getegid, geteuid},
};

use crate::{
    defaults::CONFIG_BACKUPS,
    hint::{Hint, make_directory},
    private_file,
};

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Kubernetes puts the file there, and would put it there again.
    #[error("{} comes from a ConfigMap or a Secret, and is not written here", .path.display())]
    ConfigMap {
        /// The file.
        path: PathBuf,
    },
    /// The file itself is a mount, so nothing can be put in its place.
    #[error("{} is mounted as a single file, and cannot be replaced from here", .path.display())]
    Mounted {
        /// The file.
        path: PathBuf,
    },
    /// Nothing can be written there.
    #[error("{} lies on a read-only file system", .path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// The directory is somebody else's.
    #[error("this user (uid {uid}) may not write in {}, which belongs to uid {owner}", .directory.display())]
    Forbidden {
        /// The directory.
        directory: PathBuf,
        /// The one in it that the file needs, where that is still to be made.
        missing: Option<PathBuf>,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        uid: u32,
    },
    /// Somebody else wrote the file meanwhile.
    #[error("{} was changed by somebody else just now", .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot write {}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl WriteError {
    /// Whether somebody else puts the file there, so that nothing of ours would stay in it.
    pub const fn is_not_ours(&self) -> bool {
        matches!(self, Self::ConfigMap { .. } | Self::Mounted { .. } | Self::ReadOnly { .. })
    }
}

impl Hint for WriteError {
    fn hint(&self) -> String {
        match self {
            Self::ConfigMap { .. } => {
                "edit the object that it comes from (`kubectl edit configmap NAME`, or the chart's values), and roll it out; \
                 environment variables of the pod win over the file"
                    .into()
            }
            Self::Mounted { .. } => {
                "edit the file where it is mounted from: the `volumes` of the compose file, the ConfigMap, or the host; \
                 mounting its directory instead lets it be written from here"
                    .into()
            }
            Self::ReadOnly { .. } => {
                "edit the file where the file system is mounted from; environment variables win over the file".into()
            }
            Self::Forbidden { missing: Some(missing), uid, .. } => format!(
                "{}; or name a directory that this user can write in OPENCLAW_STATE_DIR",
                make_directory(&missing.display().to_string(), uid, getegid())
            ),
            // The directory may be any: `/etc`, or that of a gateway that lives.
            Self::Forbidden { owner, .. } => {
                format!("run this as uid {owner}, which owns it; openclaw doctor says more")
            }
            Self::Changed { .. } => "run the same command again".into(),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => "make room on the disk".into(),
            Self::Io { .. } => "openclaw doctor".into(),
        }
    }
}

/// Whether `path` may be replaced: it is ours, and nobody else puts it there.
///
/// # Errors
/// [`WriteError`] says whose it is.
pub fn check_writable(path: &Path) -> Result<(), WriteError> {
    let directory = directory_of(path);
    let owned = || path.to_owned();
    // The kubelet's way to replace files: they are links into a directory of its own.
    let target = fs::read_link(path).ok();
    let by_kubelet = |path: &Path| path.components().any(|part| part.as_os_str() == "..data");
    if target.as_deref().is_some_and(by_kubelet) || directory.join("..data").exists() {
        return Err(WriteError::ConfigMap { path: owned() });
    }
    let real = real(path);
    let wanted = directory_of(&real);
    let directory = existing(&wanted);
    if statvfs(&directory).is_ok_and(|found| found.flags().contains(FsFlags::ST_RDONLY)) {
        return Err(WriteError::ReadOnly { path: owned() });
    }
    if is_mount_point(&real, &fs::read_to_string("/proc/self/mountinfo").unwrap_or_default()) {
        return Err(WriteError::Mounted { path: owned() });
    }
    if access(&directory, AccessFlags::W_OK | AccessFlags::X_OK).is_err() {
        let whose = fs::metadata(&directory).map_or(0, |found| found.uid());
        let missing = (directory != wanted).then_some(wanted);
        return Err(WriteError::Forbidden { directory, missing, owner: whose, uid: geteuid().as_raw() });
    }
    Ok(())
}

/// Replaces `path`, which holds `before`, by `after`. What was there is kept as `NAME.bak`, and earlier ones as `NAME.bak.1`
/// and so on. Returns the backup's path, if there was anything to keep.
///
/// # Errors
/// [`WriteError`]; the file is as it was then.
pub(super) fn replace(path: &Path, before: Option<&[u8]>, after: &str) -> Result<Option<PathBuf>, WriteError> {
    check_writable(path)?;
    let failed = |source| WriteError::Io { path: path.to_owned(), source };
    let real = real(path);
    // Two of us at once take turns; without locks on this file system the comparison below has to do.
    let directory = existing(&directory_of(&real));
    let turn = File::open(&directory).map_err(failed)?;
    let _ = turn.lock();
    let now = match fs::read(&real) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    if now.as_deref() != before {
        return Err(WriteError::Changed { path: path.to_owned() });
    }
    let backup = match &now {
        Some(bytes) => Some(keep(&real, bytes).map_err(failed)?),
        None => None,
    };
    private_file::make_own_directory(&directory_of(&real)).map_err(failed)?;
    private_file::replace(&real, after).map_err(failed)?;
    Ok(backup)
}

/// Writes `bytes` beside `path`, and numbers those that were there already.
fn keep(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let backup = |number: usize| {
        let number = if number == 0 { String::new() } else { format!(".{number}") };
        path.with_file_name(format!("{name}.bak{number}"))
    };
    for number in (1..CONFIG_BACKUPS).rev() {
        match fs::rename(backup(number - 1), backup(number)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    private_file::replace_bytes(&backup(0), bytes)?;
    Ok(backup(0))
}

/// The file itself, where `path` is a link to it.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn directory_of(path: &Path) -> PathBuf {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

/// The directory, or the nearest one above that exists: the rest would be made.
fn existing(directory: &Path) -> PathBuf {
    directory.ancestors().find(|above| above.is_dir()).unwrap_or(Path::new("/")).to_owned()
}

/// Whether a mount table has `path` itself as a mount point (Linux, proc(5)).
fn is_mount_point(path: &Path, mountinfo: &str) -> bool {
    let plain = |field: &str| field.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\");
    mountinfo.lines().filter_map(|line| line.split(' ').nth(4)).any(|point| Path::new(&plain(point)) == path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn what_was_there_is_kept_and_nothing_else_is_left() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("openclaw.json");
        assert_eq!(replace(&path, None, "0").expect("written"), None);
        for turn in 1..9 {
            let backup = replace(&path, Some((turn - 1).to_string().as_bytes()), &turn.to_string()).expect("written");
            assert_eq!(fs::read_to_string(backup.expect("there was one")).expect("kept"), (turn - 1).to_string());
        }
        let mut names: Vec<_> =
            fs::read_dir(home.path()).expect("listed").flatten().map(|each| each.file_name()).collect();
        names.sort();
        assert_eq!(
            names,
            [
                "openclaw.json",
                "openclaw.json.bak",
                "openclaw.json.bak.1",
                "openclaw.json.bak.2",
                "openclaw.json.bak.3",
                "openclaw.json.bak.4"
            ]
        );
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        let error = replace(&path, Some(b"something else"), "x").expect_err("it is not what it was");
        assert!(matches!(error, WriteError::Changed { .. }), "{error}");
    }

    #[test]
    fn a_link_stays_a_link() {
        let home = tempfile::tempdir().expect("a directory");
        let (path, real) = (home.path().join("openclaw.json"), home.path().join("dotfiles.json"));
        fs::write(&real, "{}").expect("written");
        symlink("dotfiles.json", &path).expect("linked");
        replace(&path, Some(b"{}"), "{ }").expect("written");
        assert_eq!(fs::read_to_string(&real).expect("there"), "{ }");
        assert!(fs::read_link(&path).is_ok());
    }

    #[test]
    fn what_the_kubelet_puts_there_is_not_written() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("openclaw.json");
        fs::create_dir(home.path().join("..2026")).expect("made");
        fs::write(home.path().join("..2026/openclaw.json"), "{}").expect("written");
        symlink("..2026", home.path().join("..data")).expect("linked");
        symlink("..data/openclaw.json", &path).expect("linked");
        let error = replace(&path, Some(b"{}"), "{ }").expect_err("not ours");
        assert!(matches!(error, WriteError::ConfigMap { .. }), "{error}");
        assert!(error.hint().contains("kubectl"));
    }

    #[test]
    fn mounts() {
        let table = "36 35 98:0 / / rw - ext4 /dev/sda rw\n40 36 98:0 /x /state/my\\040file.json rw,relatime - ext4 /dev/sda rw\n";
        for (path, expected) in [("/state/my file.json", true), ("/state", false), ("/", true), ("/state/my", false)] {
            assert_eq!(is_mount_point(Path::new(path), table), expected, "{path}");
        }
    }

    #[test]
    fn what_to_do_about_a_directory_of_somebody_else() {
        let install = format!("sudo install -d -o 1234 -g {} -m 700 /.openclaw", getegid());
        #[rustfmt::skip]
        let rows = [
            ("/",    Some("/.openclaw"), install.as_str()),
            ("/etc", None,               "run this as uid 0, which owns it"),
        ];
        for (directory, missing, expected) in rows {
            let (directory, missing) = (directory.into(), missing.map(PathBuf::from));
            let error = WriteError::Forbidden { directory, missing, owner: 0, uid: 1234 };
            let hint = error.hint();
            assert!(hint.starts_with(expected) && !hint.contains("chown"), "{hint}");
        }
    }
}
