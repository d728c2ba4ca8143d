//! Word of a change in the files that a configuration is read from.

use std::{
    collections::BTreeSet,
    io,
    os::{
        fd::{AsFd, AsRawFd, RawFd},
        unix::fs::MetadataExt,
    },
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::inotify::{AddWatchFlags, InitFlags, Inotify},
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    time::{Instant, sleep_until},
};
use tracing::debug;

use crate::defaults::{FILES_POLL, FILES_POLL_ALONE, FILES_SETTLE_MAX, MAX_LINKS_FOLLOWED};

/// Tells when one of some files is another one than before: written, replaced, removed, or there at last. However an editor,
/// a kubelet or an engine brings a new file about, it is the same change.
pub struct FileWatch {
    files: Vec<PathBuf>,
    debounce: Duration,
    seen: Vec<Option<Stamp>>,
    notices: Option<AsyncFd<Notices>>,
    settling: Option<Settling>,
    look: Instant,
}

/// When a change is over, and when it is looked at all the same.
#[derive(Debug, Clone, Copy)]
struct Settling {
    quiet: Instant,
    latest: Instant,
}

/// What tells a file from the one that was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    place: (u64, u64),
    size: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl FileWatch {
    /// Watches these files from now on. A change is told when they have lain still for `debounce`.
    pub async fn start(files: Vec<PathBuf>, debounce: Duration) -> Self {
        let mut watch = Self {
            files,
            debounce,
            seen: Vec::new(),
            notices: None,
            settling: None,
            look: Instant::now() + FILES_POLL,
        };
        watch.seen = watch.look_anew().await;
        watch
    }

    /// Watches these files instead. A change that comes meanwhile is told.
    pub async fn follow(&mut self, files: Vec<PathBuf>, debounce: Duration) {
        self.debounce = debounce;
        if self.files != files {
            let before: Vec<_> =
                std::mem::take(&mut self.files).into_iter().zip(std::mem::take(&mut self.seen)).collect();
            self.files = files;
            let now = self.look_anew().await;
            // What is watched only now has not changed.
            let seen = |(file, now): (&PathBuf, _)| {
                before.iter().find(|(known, _)| known == file).map_or(now, |(_, seen)| *seen)
            };
            self.seen = self.files.iter().zip(now).map(seen).collect();
            self.settling = Some(self.settled_after(Instant::now()));
        }
    }

    /// Returns when one of the files has changed. A caller that gives up waiting loses nothing.
    pub async fn changed(&mut self) {
        loop {
            match self.settling {
                None => tokio::select! {
                    () = notice(&mut self.notices) => self.settling = Some(self.settled_after(Instant::now())),
                    () = sleep_until(self.look) => {
                        if stamps(self.files.clone()).await != self.seen {
                            self.settling = Some(self.settled_after(Instant::now()));
                        }
                        let alone = self.notices.is_none();
                        self.look = Instant::now() + if alone { FILES_POLL_ALONE } else { FILES_POLL };
                    }
                },
                Some(Settling { quiet, latest }) => tokio::select! {
                    () = notice(&mut self.notices) => {
                        let quiet = (Instant::now() + self.debounce).min(latest);
                        self.settling = Some(Settling { quiet, latest });
                    }
                    () = sleep_until(quiet) => {
                        // Directories may be others than before, so they are watched anew before the files are looked at.
                        let now = self.look_anew().await;
                        self.settling = None;
                        if std::mem::replace(&mut self.seen, now.clone()) != now {
                            return;
                        }
                    }
                },
            }
        }
    }

    fn settled_after(&self, now: Instant) -> Settling {
        Settling { quiet: now + self.debounce, latest: now + FILES_SETTLE_MAX.max(self.debounce) }
    }

    /// Watches the places of the files as they are now, and only then looks at the files: nothing is missed between.
    async fn look_anew(&mut self) -> Vec<Option<Stamp>> {
        let files = self.files.clone();
        // A file system may take its time, as one over a network does.
        let looked =
            tokio::task::spawn_blocking(move || (Notices::of(&files), files.iter().map(|file| stamp(file)).collect()));
        let Ok((notices, stamps)) = looked.await else { return self.seen.clone() };
        self.notices = notices
            .and_then(Notices::register)
            .inspect_err(
                |error| debug!(target: "gateway", "no notices of changed files, looking now and then: {error}"),
            )
            .ok();
        stamps
    }
}

async fn stamps(files: Vec<PathBuf>) -> Vec<Option<Stamp>> {
    let looked = tokio::task::spawn_blocking(move || files.iter().map(|file| stamp(file)).collect());
    looked.await.unwrap_or_default()
}

fn stamp(file: &Path) -> Option<Stamp> {
    let of = std::fs::metadata(file).ok()?;
    Some(Stamp {
        place: (of.dev(), of.ino()),
        size: of.size(),
        written: (of.mtime(), of.mtime_nsec()),
        changed: (of.ctime(), of.ctime_nsec()),
    })
}

/// The kernel's notices (inotify).
#[derive(Debug)]
struct Notices(Inotify);

impl AsRawFd for Notices {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Notices {
    fn of(files: &[PathBuf]) -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let what = AddWatchFlags::IN_ATTRIB
            | AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MODIFY
            | AddWatchFlags::IN_MOVE
            | AddWatchFlags::IN_MOVE_SELF;
        let mut watched = 0;
        for place in files.iter().flat_map(|file| places(file)).collect::<BTreeSet<_>>() {
            match inotify.add_watch(&place, what) {
                Ok(_) => watched += 1,
                Err(error) => debug!(target: "gateway", "no notices of changes in {}: {error}", place.display()),
            }
        }
        if watched == 0 { Err(io::Error::from(io::ErrorKind::Unsupported)) } else { Ok(Self(inotify)) }
    }

    #[expect(
        deprecated,
        reason = "what took its place is unsafe, for descriptors that could be closed meanwhile; these own theirs"
    )]
    fn register(self) -> io::Result<AsyncFd<Self>> {
        AsyncFd::with_interest(self, Interest::READABLE)
    }

    /// Reads what there is, whatever it says: the files themselves are looked at.
    fn drain(&self) -> io::Result<()> {
        match self.0.read_events() {
            Ok(_) => Ok(()),
            Err(Errno::EAGAIN) => Err(io::ErrorKind::WouldBlock.into()),
            Err(error) => Err(error.into()),
        }
    }
}

/// The next notice; never, where there are none.
async fn notice(notices: &mut Option<AsyncFd<Notices>>) {
    let Some(socket) = notices else { return std::future::pending().await };
    if socket.async_io(Interest::READABLE, Notices::drain).await.is_err() {
        *notices = None;
    }
}

/// Where a change of `file` can be seen: the file itself, which may be mounted alone; its directory, in which it may be
/// replaced; and the same for every link on the way to it. For a directory that is not there, the nearest one that is.
fn places(file: &Path) -> Vec<PathBuf> {
    let mut places = Vec::new();
    let mut file = file.to_owned();
    for _ in 0..MAX_LINKS_FOLLOWED {
        if let Some(directory) = file.ancestors().skip(1).find(|directory| directory.is_dir()) {
            places.push(directory.to_owned());
        }
        if file.exists() {
            places.push(file.clone());
        }
        let Ok(target) = std::fs::read_link(&file) else { break };
        file = file.parent().map_or_else(|| target.clone(), |directory| directory.join(&target));
    }
    places
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use tokio::time::timeout;

    use super::*;

    const DEBOUNCE: Duration = Duration::from_millis(20);
    const PATIENCE: Duration = Duration::from_secs(5);

    async fn watch(file: &Path) -> FileWatch {
        let watch = FileWatch::start(vec![file.to_owned()], DEBOUNCE).await;
        assert!(watch.notices.is_some(), "the kernel gives notice");
        watch
    }

    /// Sooner than by looking now and then.
    async fn is_told(watch: &mut FileWatch, what: &str) {
        timeout(PATIENCE.min(FILES_POLL / 2), watch.changed()).await.unwrap_or_else(|_| panic!("not told of {what}"));
    }

    #[tokio::test]
    async fn every_way_to_change_a_file_is_told() {
        let root = tempfile::tempdir().expect("a directory");
        let file = root.path().join("openclaw.json");
        let mut watch = watch(&file).await;
        fs::write(&file, "1").expect("writable");
        is_told(&mut watch, "a file that was not there").await;
        fs::write(&file, "12").expect("writable");
        is_told(&mut watch, "a file that is written in place").await;
        fs::write(root.path().join("new"), "123").expect("writable");
        fs::rename(root.path().join("new"), &file).expect("renamed");
        is_told(&mut watch, "a file that takes another one's place").await;
        fs::remove_file(&file).expect("removed");
        is_told(&mut watch, "a file that goes").await;
    }

    #[tokio::test]
    async fn a_mounted_config_map_is_told() {
        let root = tempfile::tempdir().expect("a directory");
        let volume = |name: &str, text: &str| {
            let directory = root.path().join(name);
            fs::create_dir(&directory).expect("made");
            fs::write(directory.join("openclaw.json"), text).expect("writable");
        };
        volume("..one", "1");
        symlink("..one", root.path().join("..data")).expect("linked");
        let file = root.path().join("openclaw.json");
        symlink("..data/openclaw.json", &file).expect("linked");
        let mut watch = watch(&file).await;
        for (round, text) in ["two", "three"].into_iter().enumerate() {
            volume(&format!("..{text}"), text);
            let swap = root.path().join("..data_tmp");
            symlink(format!("..{text}"), &swap).expect("linked");
            fs::rename(swap, root.path().join("..data")).expect("renamed");
            is_told(&mut watch, &format!("swap {round}")).await;
            assert_eq!(fs::read_to_string(&file).expect("readable"), text);
        }
    }

    #[tokio::test]
    async fn a_directory_that_is_made_later_is_told_and_neighbours_are_not() {
        let root = tempfile::tempdir().expect("a directory");
        let file = root.path().join("etc/openclaw/openclaw.json");
        let mut watch = watch(&file).await;
        fs::create_dir_all(file.parent().expect("below the root")).expect("made");
        fs::write(&file, "1").expect("writable");
        is_told(&mut watch, "a file in a new directory").await;
        fs::write(file.with_file_name("neighbour"), "1").expect("writable");
        let told = timeout(DEBOUNCE * 10, watch.changed()).await;
        assert!(told.is_err(), "another file in the same directory");
        fs::write(&file, "12").expect("writable");
        is_told(&mut watch, "the file itself").await;
    }

    #[tokio::test]
    async fn other_files_can_be_followed_and_nothing_is_missed_meanwhile() {
        let root = tempfile::tempdir().expect("a directory");
        let (one, other) = (root.path().join("one"), root.path().join("other"));
        fs::write(&one, "1").expect("writable");
        fs::write(&other, "1").expect("writable");
        let mut watch = watch(&one).await;
        fs::write(&one, "12").expect("writable");
        watch.follow(vec![one, other.clone()], DEBOUNCE).await;
        is_told(&mut watch, "a change from before").await;
        fs::write(&other, "12").expect("writable");
        is_told(&mut watch, "the new one").await;
    }

    #[tokio::test]
    async fn without_notices_files_are_looked_at_now_and_then() {
        let root = tempfile::tempdir().expect("a directory");
        let file = root.path().join("openclaw.json");
        let mut watch = watch(&file).await;
        watch.notices = None;
        watch.look = Instant::now();
        fs::write(&file, "1").expect("writable");
        timeout(PATIENCE, watch.changed()).await.expect("told");
    }
}
