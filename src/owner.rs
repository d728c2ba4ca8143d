//! Whose a file is.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use nix::unistd::geteuid;

/// Which other user `path`, or the nearest thing above it that can be looked at, belongs to; `None` where it is ours.
pub(crate) fn other_owner_of(path: &Path) -> Option<u32> {
    let owner = path.ancestors().find_map(|above| fs::metadata(above).ok())?.uid();
    (owner != geteuid().as_raw()).then_some(owner)
}

/// What to do about `path`, which is closed to everybody but its owner.
pub(crate) fn as_owner(path: &Path, owner: u32) -> String {
    format!("run this as uid {owner}, which owns {}", path.display())
}
