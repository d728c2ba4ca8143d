//! Whether the gateway is ready: listening, state directory writable, not draining.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use tracing::{info, warn};

use crate::{
    defaults::{WRITABLE_CHECK_INTERVAL, WRITABLE_CHECK_TIMEOUT},
    state::StateDir,
};

/// Whether the gateway is ready. Clones share it.
#[derive(Debug, Clone)]
pub struct Readiness(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    listening: AtomicBool,
    draining: AtomicBool,
    state: StateDir,
    writable: Mutex<Writable>,
    /// A look at the directory is under way, perhaps on a disk that hangs; a second one would only hang as well.
    looking: Arc<AtomicBool>,
}

/// What is known of the state directory.
#[derive(Debug)]
struct Writable {
    /// How the last try went. The gateway wrote its lock before this was made.
    yes: bool,
    /// When it is tried next.
    next: Instant,
}

impl Readiness {
    /// Not ready yet.
    pub fn new(state: &StateDir) -> Self {
        Self(Arc::new(Inner {
            listening: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            state: state.clone(),
            writable: Mutex::new(Writable { yes: true, next: Instant::now() }),
            looking: Arc::default(),
        }))
    }

    /// The listeners are open.
    pub fn listening(&self) {
        self.0.listening.store(true, Ordering::Relaxed);
    }

    /// The gateway stops.
    pub fn draining(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the listeners are open.
    pub fn is_listening(&self) -> bool {
        self.0.listening.load(Ordering::Relaxed)
    }

    /// Whether the gateway stops.
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }

    /// What keeps the gateway from being ready, as far as is known without looking; empty when it is ready.
    pub fn failing(&self) -> Vec<&'static str> {
        let writable = self.lock().yes;
        let failing =
            [("listening", !self.is_listening()), ("draining", self.is_draining()), ("state-directory", !writable)];
        failing.into_iter().filter_map(|(name, fails)| fails.then_some(name)).collect()
    }

    /// Whether what is known of the state directory is too old.
    pub fn is_check_due(&self) -> bool {
        Instant::now() >= self.lock().next
    }

    /// As [`Self::failing`], after a look at the state directory where the last one is too old. Probes come as often as
    /// strangers like, so one look is enough for all of them; and a disk that hangs must not make the probe hang.
    pub async fn check(&self) -> Vec<&'static str> {
        let is_due = {
            let now = Instant::now();
            let mut writable = self.lock();
            let is_due = now >= writable.next;
            if is_due {
                writable.next = now + WRITABLE_CHECK_INTERVAL;
            }
            is_due
        };
        if is_due {
            let state = self.0.state.clone();
            self.look(WRITABLE_CHECK_TIMEOUT, move || try_write(&probe_file(&state))).await;
        }
        self.failing()
    }

    async fn look(&self, patience: Duration, write: impl FnOnce() -> io::Result<()> + Send + 'static) {
        if self.0.looking.swap(true, Ordering::AcqRel) {
            return;
        }
        let looking = Arc::clone(&self.0.looking);
        let look = tokio::task::spawn_blocking(move || {
            let written = write();
            looking.store(false, Ordering::Release);
            written
        });
        let outcome = tokio::time::timeout(patience, look).await;
        let problem = match outcome {
            Ok(Ok(written)) => written.err().map(|error| error.to_string()),
            Ok(Err(_)) => Some("the check itself failed".to_owned()),
            Err(_) => Some(format!("no answer within {} s", patience.as_secs())),
        };
        let before = std::mem::replace(&mut self.lock().yes, problem.is_none());
        let directory = self.0.state.path().display();
        match problem {
            Some(problem) if before => {
                warn!(target: "gateway", "{directory} cannot be written, so the gateway is not ready: {problem}");
            }
            None if !before => info!(target: "gateway", "{directory} can be written again"),
            _ => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Writable> {
        self.0.writable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Beside the records, which may lie on another volume than the rest; their directory is made with the first of them.
fn probe_file(state: &StateDir) -> PathBuf {
    let records = state.devices();
    if records.exists() { records } else { state.run() }.join(".writable")
}

/// Tries a write of a byte: on a full disk an empty file can still be made.
fn try_write(path: &Path) -> io::Result<()> {
    let written =
        OpenOptions::new().write(true).create(true).truncate(true).open(path).and_then(|mut file| file.write_all(b"1"));
    written.and(std::fs::remove_file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readiness() -> (tempfile::TempDir, Readiness) {
        let dir = tempfile::tempdir().expect("a directory");
        let state = StateDir::new(dir.path());
        std::fs::create_dir(state.run()).expect("writable");
        let readiness = Readiness::new(&state);
        (dir, readiness)
    }

    #[tokio::test(start_paused = true)]
    async fn what_keeps_a_gateway_from_being_ready() {
        let (dir, readiness) = readiness();
        assert_eq!(readiness.check().await, ["listening"]);
        readiness.listening();
        assert!(readiness.check().await.is_empty());

        std::fs::remove_dir(dir.path().join("run")).expect("empty, the check leaves nothing behind");
        assert!(readiness.check().await.is_empty(), "a fresh answer holds");
        tokio::time::advance(WRITABLE_CHECK_INTERVAL).await;
        assert_eq!(readiness.check().await, ["state-directory"]);
        assert_eq!(readiness.failing(), ["state-directory"]);

        std::fs::create_dir(dir.path().join("run")).expect("writable");
        tokio::time::advance(WRITABLE_CHECK_INTERVAL).await;
        assert!(readiness.check().await.is_empty());
        readiness.draining();
        assert_eq!(readiness.check().await, ["draining"]);
    }

    #[tokio::test]
    async fn a_disk_that_hangs_is_not_writable_and_holds_up_nobody() {
        let (_dir, readiness) = readiness();
        readiness.listening();
        let (release, hung) = std::sync::mpsc::channel::<()>();
        readiness.look(Duration::from_millis(1), move || hung.recv().map_err(io::Error::other)).await;
        assert_eq!(readiness.failing(), ["state-directory"]);
        readiness.look(Duration::from_mins(1), || panic!("a second look while the first hangs")).await;
        assert_eq!(readiness.failing(), ["state-directory"]);
        drop(release);
    }
}
