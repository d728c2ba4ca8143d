//! Why a gateway cannot have its state directory, and what to do about it.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use nix::unistd::{AccessFlags, access, getegid, geteuid};

use super::LockHolder;
use crate::hint::{Hint, make_directory};

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another gateway lives on the directory.
    #[error("another gateway holds {}{}", path.display(), describe(holder.as_deref()))]
    Held {
        /// The state directory.
        path: PathBuf,
        /// What it says of itself.
        holder: Option<Box<LockHolder>>,
    },
    /// The directory cannot be written. One line holds all that mends it: whoever supervises containers sees no more.
    #[error("cannot write {} (owner {owner}, we are {own}){}", path.display(), remedy(own, mend, source))]
    Unwritable {
        /// What could not be written.
        path: PathBuf,
        /// Its owner, `uid:gid`, or `unknown`.
        owner: String,
        /// Who we are, `uid:gid`.
        own: String,
        /// What gives us what we need there.
        mend: Mend,
        /// Why.
        source: io::Error,
    },
    /// The file system has no locks.
    #[error("the file system of {} has no locks", path.display())]
    Unsupported {
        /// The state directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What gives us a directory to write in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mend {
    /// To give us the directory that is there, by its path outside of this container.
    Give(PathBuf),
    /// To make the state directory, by its path outside of this container. Whatever is above it is not to be ours.
    Make(PathBuf),
    /// To name another one: to where it would be made, this user has no way at all.
    Elsewhere,
}

impl Mend {
    fn of(state: &Path, existing: &Path) -> Self {
        let mountinfo = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let outside = |path: &Path| mounted_from(path, &mountinfo).unwrap_or_else(|| path.to_owned());
        if existing.starts_with(state) {
            Self::Give(outside(existing))
        } else if access(existing, AccessFlags::X_OK).is_ok() {
            Self::Make(outside(state))
        } else {
            Self::Elsewhere
        }
    }
}

fn describe(holder: Option<&LockHolder>) -> String {
    holder.map_or_else(String::new, |holder| {
        let since = jiff::Timestamp::from_millisecond(holder.started_at_ms)
            .map_or_else(|_| String::new(), |since| format!(" since {since:.0}"));
        let at = holder.url.as_deref().map_or_else(String::new, |url| format!(" at {url}"));
        format!(": version {}, pid {}{since}{at}", holder.version, holder.pid)
    })
}

impl Hint for LockError {
    fn hint(&self) -> String {
        match self {
            Self::Held { .. } => {
                "openclaw gateway restart (it goes on with the configuration as it is now); `openclaw gateway status` shows it, and one \
                 gateway at a time can use a state directory (OPENCLAW_STATE_DIR)"
                    .into()
            }
            Self::Unwritable { mend: Mend::Make(_) | Mend::Elsewhere, source, .. }
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                "or name a directory that this user can write in OPENCLAW_STATE_DIR".into()
            }
            Self::Unwritable { owner, own, source, .. } => match source.kind() {
                io::ErrorKind::ReadOnlyFilesystem => {
                    "mount the volume writable, or name a directory that is in OPENCLAW_STATE_DIR".into()
                }
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on the volume".into(),
                io::ErrorKind::PermissionDenied => {
                    let as_owner = if owner.starts_with(|c: char| c.is_ascii_digit()) && !owner.starts_with("0:") {
                        format!("or run the gateway as its owner (docker run --user {owner}); ")
                    } else {
                        String::new()
                    };
                    let group = own.split_once(':').map_or("0", |(_, group)| group);
                    format!("{as_owner}in Kubernetes, securityContext.fsGroup: {group} does it")
                }
                _ => "name a directory that this user can write in OPENCLAW_STATE_DIR".into(),
            },
            Self::Unsupported { .. } => "put the state directory on a local file system (OPENCLAW_STATE_DIR)".into(),
        }
    }
}

/// The command that gives the directory to us, where that is what is missing.
fn remedy(own: &str, mend: &Mend, source: &io::Error) -> String {
    let (uid, gid) = own.split_once(':').unwrap_or((own, "0"));
    match (source.kind(), mend) {
        (io::ErrorKind::PermissionDenied, Mend::Give(path)) => {
            format!("; to mend it: chown -R {own} {}", quoted(path))
        }
        (io::ErrorKind::PermissionDenied, Mend::Make(path)) => {
            format!("; to mend it: {}", make_directory(&path.display().to_string(), uid, gid))
        }
        _ => String::new(),
    }
}

/// A path as a shell takes it, whatever it holds.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

impl LockError {
    /// That `path`, which is the directory `state` or lies in it, cannot be made or written.
    pub(super) fn unwritable(state: &Path, path: &Path, source: io::Error) -> Self {
        // The nearest thing that exists is what refused.
        let existing = path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(path);
        let owner = fs::metadata(existing)
            .map_or_else(|_| "unknown".to_owned(), |found| format!("{}:{}", found.uid(), found.gid()));
        Self::Unwritable {
            path: existing.to_owned(),
            owner,
            own: format!("{}:{}", geteuid(), getegid()),
            mend: Mend::of(state, existing),
            source,
        }
    }
}

/// Where a path that is mounted into this container lies in the file system that it comes from: for a folder of the host, or
/// a volume, that is its path there. `None` where nothing is mounted above it but the root.
fn mounted_from(path: &Path, mountinfo: &str) -> Option<PathBuf> {
    mountinfo
        .lines()
        .filter_map(|line| {
            // ID PARENT MAJOR:MINOR ROOT POINT …; blanks and the like are octal.
            let mut fields = line.split(' ').skip(3).map(|field| PathBuf::from(unescaped(field)));
            let (root, point) = (fields.next()?, fields.next()?);
            let below = path.strip_prefix(&point).ok()?.to_owned();
            // The root of a file system of its own (tmpfs, a disk) has another path outside, which cannot be told from here.
            (point != Path::new("/") && root != Path::new("/")).then(|| {
                let outside = if below.as_os_str().is_empty() { root } else { root.join(below) };
                (point.as_os_str().len(), outside)
            })
        })
        .max_by_key(|(length, _)| *length)
        .map(|(_, outside)| outside)
}

/// The kernel writes `\040` for a blank; line breaks stay escaped.
fn unescaped(field: &str) -> String {
    field.replace(r"\040", " ").replace(r"\134", r"\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_folder_lies_outside_of_the_container() {
        let mountinfo = "10 9 0:50 / / ro - overlay overlay rw\n\
            11 10 8:1 /srv/my\\040claw /state rw - ext4 /dev/sda1 rw\n\
            12 10 0:60 / /scratch rw - tmpfs tmpfs rw\n\
            13 11 8:1 /var/lib/docker/volumes/v/_data /state/logs rw - ext4 /dev/sda1 rw\n";
        #[rustfmt::skip]
        let rows = [
            ("/state",       Some("/srv/my claw")),
            ("/state/run",   Some("/srv/my claw/run")),
            ("/state/logs",  Some("/var/lib/docker/volumes/v/_data")),
            ("/states",      None),
            ("/scratch/x",   None),
            ("/home",        None),
        ];
        for (path, outside) in rows {
            assert_eq!(mounted_from(Path::new(path), mountinfo).as_deref(), outside.map(Path::new), "{path}");
        }
    }

    #[test]
    fn what_to_do_about_a_directory_that_cannot_be_written() {
        use io::ErrorKind as K;
        #[rustfmt::skip]
        let rows = [
            (K::PermissionDenied,   "0:0",     "; to mend it: chown -R 1000:0 '/it'\\''s'", "in Kubernetes, securityContext.fsGroup: 0"),
            (K::PermissionDenied,   "501:20",  "; to mend it: chown -R 1000:0", "--user 501:20"),
            (K::PermissionDenied,   "unknown", "; to mend it: chown -R 1000:0", "fsGroup"),
            (K::ReadOnlyFilesystem, "1000:0",  "cannot write",                 "mount the volume writable"),
            (K::StorageFull,        "1000:0",  "cannot write",                 "make room"),
            (K::NotADirectory,      "1000:0",  "cannot write",                 "OPENCLAW_STATE_DIR"),
        ];
        for (kind, owner, line, expected) in rows {
            let (path, own, mend) = (PathBuf::from("/state"), "1000:0".to_owned(), Mend::Give("/it's".into()));
            let error = LockError::Unwritable { path, owner: owner.into(), own, mend, source: kind.into() };
            let (text, hint) = (error.to_string(), error.hint());
            assert!(hint.contains(expected), "{kind:?} {owner}: {hint}");
            assert!(text.contains(owner) && text.contains("we are 1000:0") && text.contains(line), "{text}");
            assert!(!text.contains('\n'), "{text}");
        }
    }

    #[test]
    fn nothing_above_the_state_directory_is_to_be_given_away() {
        let home = tempfile::tempdir().expect("a directory");
        let (above, state) = (home.path(), home.path().join("a/state"));
        fs::create_dir(above.join("a")).expect("ours");
        let own = format!("{}:{}", geteuid(), getegid());
        let install = format!("; to mend it: sudo install -d -o {} -g {} -m 700 ", geteuid(), getegid());
        #[rustfmt::skip]
        let rows = [
            // the state directory   what could not be written   what gives it to us
            (Path::new("/.openclaw"), Path::new("/.openclaw"),    format!("{install}/.openclaw")),
            (&state,                  &state.join("run"),         format!("{install}{}", state.display())),
            (above,                   &above.join("a/run"),       format!("; to mend it: chown -R {own} '{}'", above.join("a").display())),
        ];
        for (state, path, expected) in rows {
            let error = LockError::unwritable(state, path, io::ErrorKind::PermissionDenied.into());
            assert!(error.to_string().ends_with(&expected), "{error}, and not {expected}");
            assert_eq!(error.hint().contains("OPENCLAW_STATE_DIR"), expected.contains("install"), "{}", error.hint());
        }
    }
}
