//! Checks of the state directory and what lies in it.

use super::super::{
    facts::{Entry, Facts},
    finding::{Finding, Repair},
};
use crate::{
    defaults::{DISK_FREE_LOW, DISK_FREE_NEEDED},
    hint::{Hint, make_directory, shell},
    net::LockState,
    owner::as_owner,
};

pub(super) fn state(facts: &Facts, found: &mut Vec<Finding>) {
    let state = &facts.state;
    let path = shell(&state.path.display().to_string());
    if state.read_only {
        found.push(
            Finding::error("state.read-only", "the state directory lies on a read-only file system")
                .because(state.path.display().to_string())
                .fix("mount a writable volume there, or name another directory in OPENCLAW_STATE_DIR"),
        );
    } else if !state.writable {
        let (uid, gid) = (facts.uid, facts.gid);
        found.push(
            Finding::error(
                "state.unwritable",
                format!("this user (uid {uid}, gid {gid}) may not write in the state directory"),
            )
            .because(format!(
                "{} belongs to uid {}, gid {}, mode {:o}",
                state.path.display(),
                state.uid,
                state.gid,
                state.mode
            ))
            .fix(if state.exists && is_used_by_its_owner(facts) {
                // Giving it away would take it from the gateway that may live on it.
                let theirs = as_owner(&state.path, state.uid);
                format!("{theirs}; or, where no gateway runs on it: sudo chown -R {uid}:{gid} {path}")
            } else if state.exists {
                format!("sudo chown -R {uid}:{gid} {path}")
            } else {
                make_directory(&state.path.display().to_string(), uid, gid)
            }),
        );
    } else if !state.exists {
        found.push(
            Finding::info("state.missing", "there is no state directory yet: no gateway was started here")
                .because(state.path.display().to_string())
                .fix("openclaw gateway run"),
        );
    }
}

/// Whether the directory is another user's, and has a gateway's files in it or does not let us see.
fn is_used_by_its_owner(facts: &Facts) -> bool {
    let closed = matches!(facts.lock, LockState::Closed { .. });
    facts.state.uid != facts.uid && (closed || !facts.entries.is_empty())
}

/// Secrets that others can read, and files that the directory's owner cannot use.
pub(super) fn rights(facts: &Facts, found: &mut Vec<Finding>) {
    let state = &facts.state;
    if !state.exists {
        return;
    }
    // A directory that is meant for a group has files that the group may read: containers of any uid share gid 0.
    let allowed = if state.mode & 0o020 != 0 { 0o660 } else { 0o600 };
    for entry in facts.entries.iter().filter(|entry| entry.secret && !entry.is_directory) {
        let extra = entry.mode & 0o777 & !allowed & 0o077;
        if extra != 0 {
            let mode = entry.mode & 0o777 & !0o077 | (entry.mode & allowed);
            found.push(
                Finding::warning("files.open", format!("others may read {}", entry.path.display()))
                    .because(format!("mode {:o}, and secrets may be in it", entry.mode & 0o777))
                    .fix(format!("chmod {mode:o} {}", shell(&entry.path.display().to_string())))
                    .repaired_by(Repair::Close { path: entry.path.clone(), mode }),
            );
        }
    }
    let strays: Vec<&Entry> =
        facts.entries.iter().filter(|entry| entry.uid != state.uid && !usable(entry, state.mode)).collect();
    // Where the whole directory is somebody else's, that is what is wrong.
    let ours = facts.uid == 0 || facts.uid == state.uid;
    for entry in strays.into_iter().filter(|_| ours) {
        let path = entry.path.display().to_string();
        let command = format!("sudo chown {}:{} {}", state.uid, state.gid, shell(&path));
        let finding =
            Finding::error("files.owner", format!("{path} does not belong to the owner of the state directory"))
                .because(format!("it belongs to uid {}, the directory to uid {}", entry.uid, state.uid))
                .fix(command);
        found.push(if facts.uid == 0 {
            finding.repaired_by(Repair::GiveBack { path: entry.path.clone(), uid: state.uid, gid: state.gid })
        } else {
            finding
        });
    }
}

/// Whether somebody else's file can be used by the group that the directory is meant for.
fn usable(entry: &Entry, state_mode: u32) -> bool {
    let needed = if entry.is_directory { 0o070 } else { 0o060 };
    state_mode & 0o020 != 0 && entry.mode & needed == needed
}

pub(super) fn disk(facts: &Facts, found: &mut Vec<Finding>) {
    let Some(disk) = facts.disk else { return };
    let path = shell(&facts.state.path.display().to_string());
    let free = format!("{} MiB free", disk.free_bytes / (1024 * 1024));
    let fix = format!("df -h {path}; du -xhd1 {path}");
    if disk.free_bytes < DISK_FREE_NEEDED {
        found.push(Finding::error("disk.full", "the disk of the state directory is full").because(free).fix(fix));
    } else if disk.free_bytes < DISK_FREE_LOW {
        found.push(
            Finding::warning("disk.low", "the disk of the state directory is nearly full").because(free).fix(fix),
        );
    }
    if disk.free_files == Some(0) {
        found.push(
            Finding::error("disk.files", "the file system of the state directory has no room for another file")
                .fix(format!("df -i {path}")),
        );
    }
}

pub(super) fn records(facts: &Facts, found: &mut Vec<Finding>) {
    for key in &facts.keys {
        found.push(Finding::error("keys.damaged", key.problem.clone()).fix(key.fix.clone()));
    }
    let report = match &facts.store {
        None => return,
        Some(Ok(report)) => report,
        Some(Err(why)) => {
            found.push(
                Finding::error("records.unreadable", format!("the pairing records cannot be read: {why}"))
                    .fix("run this as the owner of the state directory"),
            );
            return;
        }
    };
    for damage in &report.damage {
        let finding = Finding::error("records.damaged", format!("{} is damaged", damage.file.display()));
        found.push(finding.because(damage.problem.clone()).fix(damage.hint()));
    }
    for kept in &report.kept_earlier {
        let path = kept.display().to_string();
        found.push(
            Finding::warning("records.aside", "a damaged file of earlier times still lies aside")
                .because(path.clone())
                .fix(format!("repair it, or pair its devices anew and: rm {}", shell(&path))),
        );
    }
    if let Some(hint) = report.locks.advice() {
        found.push(Finding::warning("records.locks", "the file system of the state directory has no locks").fix(hint));
    }
}
