//! The process that holds the lock, as our own namespace numbers it.

use std::{
    fs::{self, Metadata},
    os::unix::fs::MetadataExt,
    path::Path,
};

use crate::{
    net::{port_owner::Process, proc_text},
    state::StateDir,
};

/// The process that holds the lock of `state`; `None` where none does, or where it is not to be seen from here: it runs in
/// another container, or is another user's. `said` is the process id that the lock's file names, which counts in the holder's
/// namespace and need not in ours.
pub fn lock_process(state: &StateDir, said: Option<u32>) -> Option<Process> {
    let proc = Path::new("/proc");
    let lock = fs::metadata(state.gateway_lock()).ok()?;
    let own = std::process::id();
    let holds = |pid: &u32| *pid != own && has_open(&proc.join(pid.to_string()), &lock);
    // The table of all locks is looked at only where the file does not tell: the kernel stops every lock of the machine for it,
    // which takes ten milliseconds.
    let pid = said.filter(holds).or_else(|| holders(&proc_text::text(&proc.join("locks")), lock.ino()).find(holds))?;
    Process::of(pid)
}

/// The processes that hold a whole file with this inode, by the lines of `/proc/locks`. Which file system it is on is left
/// open: stacked ones are not named there as `stat` names them.
fn holders(locks: &str, inode: u64) -> impl Iterator<Item = u32> {
    locks.lines().filter_map(move |line| {
        let columns: Vec<_> = line.split_whitespace().collect();
        let [_, "FLOCK", _, "WRITE", pid, file, ..] = columns[..] else { return None };
        let found: u64 = file.rsplit(':').next()?.parse().ok()?;
        pid.parse().ok().filter(|pid| found == inode && *pid != 0)
    })
}

/// Whether the process at `directory` has the file open.
fn has_open(directory: &Path, file: &Metadata) -> bool {
    let descriptors = fs::read_dir(directory.join("fd")).into_iter().flatten().flatten();
    descriptors.into_iter().any(|descriptor| {
        fs::metadata(descriptor.path()).is_ok_and(|open| (open.dev(), open.ino()) == (file.dev(), file.ino()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_a_file() {
        #[rustfmt::skip]
        let rows: &[(&str, &[u32])] = &[
            ("1: FLOCK  ADVISORY  WRITE 4711 fd:01:77 0 EOF",    &[4711]),
            ("1: FLOCK  ADVISORY  WRITE 4711 fd:01:78 0 EOF",    &[]),
            ("1: FLOCK  ADVISORY  READ  4711 fd:01:77 0 EOF",    &[]), // it only tests the lock
            ("1: POSIX  ADVISORY  WRITE 4711 fd:01:77 0 EOF",    &[]),
            ("1: -> FLOCK  ADVISORY  WRITE 9 fd:01:77 0 EOF",    &[]), // it waits
            ("1: FLOCK  ADVISORY  WRITE 0 fd:01:77 0 EOF",       &[]), // a process of another namespace
            ("1: FLOCK ADVISORY WRITE 1 0:5:77 0 EOF\n2: FLOCK ADVISORY WRITE 2 0:6:77 0 EOF", &[1, 2]),
            ("1: FLOCK",                                         &[]),
        ];
        for (locks, expected) in rows {
            assert_eq!(holders(locks, 77).collect::<Vec<_>>(), *expected, "{locks}");
        }
    }

    #[test]
    fn a_file_that_is_open_is_known_by_itself_and_not_by_its_name() {
        let dir = tempfile::tempdir().expect("a directory");
        let (one, other) = (dir.path().join("one"), dir.path().join("other"));
        fs::write(&other, "").expect("writable");
        let open = fs::File::create(&one).expect("writable");
        let own = Path::new("/proc/self");
        assert!(has_open(own, &fs::metadata(&one).expect("there")));
        assert!(!has_open(own, &fs::metadata(&other).expect("there")));
        drop(open);
        assert!(!has_open(own, &fs::metadata(&one).expect("there")));
    }
}
