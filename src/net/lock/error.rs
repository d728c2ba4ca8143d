//! Why a gateway cannot have its state directory, and what to do about it.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use nix::unistd::{getegid, geteuid};

use super::LockHolder;
use crate::hint::Hint;

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
    /// The directory cannot be written.
    #[error("cannot write {} (owner {owner}, we are {own})", path.display())]
    Unwritable {
        /// What could not be written.
        path: PathBuf,
        /// Its owner, `uid:gid`, or `unknown`.
        owner: String,
        /// Who we are, `uid:gid`.
        own: String,
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

fn describe(holder: Option<&LockHolder>) -> String {
    holder.map_or_else(String::new, |holder| {
        let since = jiff::Timestamp::from_millisecond(holder.started_at_ms)
            .map_or_else(|_| String::new(), |since| format!(" since {since:.0}"));
        let at = holder.url.as_deref().map_or_else(String::new, |url| format!(" at {url}"));
        format!(": version {}, pid {}{since}{at}", holder.version, holder.pid)
    })
}

impl Hint for LockError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Held { .. } => {
                "`openclaw gateway status` shows it; one gateway at a time can use a state directory (OPENCLAW_STATE_DIR)".into()
            }
            Self::Unwritable { path, owner, own, source } => match source.kind() {
                io::ErrorKind::ReadOnlyFilesystem => {
                    "mount the volume writable, or name a directory that is in OPENCLAW_STATE_DIR".into()
                }
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on the volume".into(),
                io::ErrorKind::PermissionDenied => {
                    let as_owner =
                        if owner.starts_with(|c: char| c.is_ascii_digit()) && !owner.starts_with("0:") {
                            format!(", or run the gateway as its owner (docker run --user {owner})")
                        } else {
                            String::new()
                        };
                    let group = own.split_once(':').map_or("0", |(_, group)| group);
                    format!(
                        "chown -R {own} {} where the volume lies{as_owner}; in Kubernetes, securityContext.fsGroup: {group}",
                        quoted(path)
                    )
                }
                _ => "name a directory that this user can write in OPENCLAW_STATE_DIR".into(),
            },
            Self::Unsupported { .. } => "put the state directory on a local file system (OPENCLAW_STATE_DIR)".into(),
        })
    }
}

/// A path as a shell takes it, whatever it holds.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

impl LockError {
    pub(super) fn unwritable(path: &Path, source: io::Error) -> Self {
        // The nearest thing that exists is what the user has to mend.
        let existing = path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(path);
        let owner = fs::metadata(existing)
            .map_or_else(|_| "unknown".to_owned(), |found| format!("{}:{}", found.uid(), found.gid()));
        Self::Unwritable { path: existing.to_owned(), owner, own: format!("{}:{}", geteuid(), getegid()), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_about_a_directory_that_cannot_be_written() {
        use io::ErrorKind as K;
        #[rustfmt::skip]
        let rows = [
            (K::PermissionDenied,   "0:0",     "chown -R 1000:0 '/it'\\''s' where the volume lies; in Kubernetes, securityContext.fsGroup: 0"),
            (K::PermissionDenied,   "501:20",  "--user 501:20"),
            (K::PermissionDenied,   "unknown", "chown -R 1000:0"),
            (K::ReadOnlyFilesystem, "1000:0",  "mount the volume writable"),
            (K::StorageFull,        "1000:0",  "make room"),
            (K::NotADirectory,      "1000:0",  "OPENCLAW_STATE_DIR"),
        ];
        for (kind, owner, expected) in rows {
            let (path, own) = (PathBuf::from("/it's"), "1000:0".to_owned());
            let error = LockError::Unwritable { path, owner: owner.into(), own, source: kind.into() };
            let hint = error.hint().expect("a hint");
            assert!(hint.contains(expected), "{kind:?} {owner}: {hint}");
            assert!(error.to_string().contains(owner) && error.to_string().contains("1000:0"), "{error}");
        }
    }
}
