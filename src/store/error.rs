//! Why the store cannot do what it is asked.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use crate::hint::Hint;

/// Why the store cannot do what it is asked. Can be told to several callers: changes are written together.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The record is another one by now.
    #[error("the record was changed by somebody else")]
    Conflict,
    /// A file is there and may not be read. Never taken for an empty one.
    #[error("cannot read {} (owner uid {}, our uid {uid})", path.display(), owner.map_or_else(|| "unknown".to_owned(), |uid| uid.to_string()))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Its owner, where that can be told.
        owner: Option<u32>,
        /// Who we are.
        uid: u32,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// A file cannot be written. What it held before is still there.
    #[error("cannot write {}", path.display())]
    Unwritable {
        /// The file or its directory.
        path: PathBuf,
        /// The directory's owner, where that can be told.
        owner: Option<u32>,
        /// Who we are.
        uid: u32,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// Another process holds the lock and does not let go.
    #[error("{} is held by another process for more than {} s", path.display(), waited.as_secs())]
    Locked {
        /// The lock.
        path: PathBuf,
        /// How long we waited.
        waited: Duration,
    },
    /// The change was given up halfway, as at the end of the process.
    #[error("the change was interrupted")]
    Interrupted,
}

impl Hint for StoreError {
    fn hint(&self) -> String {
        match self {
            Self::Conflict | Self::Interrupted => "try again".to_owned(),
            Self::Unreadable { path, owner, uid, source } | Self::Unwritable { path, owner, uid, source } => {
                match source.kind() {
                    io::ErrorKind::PermissionDenied => {
                        let place = path.parent().unwrap_or(path).display();
                        match owner.filter(|owner| owner != uid) {
                            // A gateway may live on it: giving it away would take it from that one.
                            Some(owner) => format!(
                                "run this as uid {owner}, which owns {place}; or, where no gateway runs on it: \
                                 chown -R {uid} {place}"
                            ),
                            None => format!("chown -R {uid} {place}"),
                        }
                    }
                    io::ErrorKind::ReadOnlyFilesystem => {
                        "mount the state directory writable, or name another one with OPENCLAW_STATE_DIR".to_owned()
                    }
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                        format!("free space on the file system of {}; nothing was lost", path.display())
                    }
                    _ => "openclaw doctor".to_owned(),
                }
            }
            Self::Locked { path, .. } => format!("fuser -v {} names the process", path.display()),
        }
    }
}
