//! The gateway's lock on its state directory: held by the kernel for as long as the gateway lives.
//!
//! No process id decides anything (they repeat in containers); what the file says is for people. The kernel's boot id tells
//! whether a lock that was taken over a shared file system is one of our own kernel.

mod error;
mod holder;
mod process;

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    unistd::{AccessFlags, access},
};

pub use self::{
    error::LockError,
    holder::{Announcement, LockHolder, Restart, SecretInForce},
    process::lock_process,
};

use crate::{
    clock::now_ms,
    defaults::{GATEWAY_LOCK_POLL, GATEWAY_LOCK_WAIT, START_SLACK},
    owner::other_owner_of,
    state::StateDir,
};

/// The lock, held. Dropping it lets go, and so does the kernel when the process dies.
#[derive(Debug)]
pub struct GatewayLock {
    file: File,
    holder: LockHolder,
    cut: Option<LockHolder>,
}

/// Whether a gateway lives on a state directory, as somebody who does not take the lock can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockState {
    /// No gateway.
    Free,
    /// A gateway lives.
    Held {
        /// What it says of itself.
        holder: Option<Box<LockHolder>>,
        /// Whether it runs under our own kernel.
        same_kernel: bool,
    },
    /// The last gateway ran under another kernel, and whether it still does cannot be told from here.
    ForeignKernel,
    /// It is not this user's to look at.
    Closed {
        /// The user id whose it is.
        owner: u32,
    },
    /// It cannot be told: the lock cannot be read, or the file system has no locks.
    Unknown,
}

/// What is known of the last gateway of a directory on which none lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LastGateway {
    /// There was none yet.
    Never,
    /// It ended in order.
    Ended {
        /// How long ago.
        ago: Duration,
    },
    /// It began anew in its own process, and has not come to take the lock again.
    Restarting {
        /// How much longer it is to be waited for.
        left: Duration,
    },
    /// It did not end in order: it was killed, or it crashed.
    Cut(Box<LockHolder>),
    /// It cannot be told.
    Unclear,
}

impl GatewayLock {
    /// Takes the lock of `state`, making the directories that are missing.
    ///
    /// # Errors
    /// [`LockError`]; an unwritable directory is told with its owner, our own ids, and the command that mends it.
    pub fn acquire(state: &StateDir) -> Result<Self, LockError> {
        let unwritable = |path: &Path, source| LockError::unwritable(state.path(), path, source);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(state.path())
            .map_err(|e| unwritable(state.path(), e))?;
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(state.run())
            .map_err(|e| unwritable(&state.run(), e))?;
        let path = state.gateway_lock();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| unwritable(&path, error))?;
        match lock_patiently(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = read_holder(&file).map(Box::new);
                return Err(LockError::Held { path: state.path().to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => {
                return Err(LockError::Unsupported { path: state.path().to_owned(), source });
            }
        }
        let boot_id = boot_id();
        let cut = read_holder(&file).filter(|before| before.boot_id == boot_id && before.comes_back_within().is_none());
        let holder = LockHolder {
            boot_id,
            pid: std::process::id(),
            started_at_ms: now_ms(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..LockHolder::default()
        };
        let mut lock = Self { file, holder, cut };
        lock.write().map_err(|error| unwritable(&path, error))?;
        Ok(lock)
    }

    /// What the gateway before this one said of itself, where it was killed or crashed under this kernel.
    pub const fn cut(&self) -> Option<&LockHolder> {
        self.cut.as_ref()
    }

    /// Writes down where the gateway can be reached.
    ///
    /// # Errors
    /// As writing fails.
    pub fn announce(&mut self, announcement: Announcement) -> io::Result<()> {
        let Announcement { url, socket, log_file, auth, given } = announcement;
        let before = std::mem::take(&mut self.holder);
        self.holder = LockHolder { url: Some(url), socket, log_file, auth: Some(auth), given, ..before };
        self.write()
    }

    /// Writes down which secret counts from now on.
    ///
    /// # Errors
    /// As writing fails.
    pub fn tell_secret(&mut self, auth: SecretInForce) -> io::Result<()> {
        self.holder.auth = Some(auth);
        self.write()
    }

    /// Writes down that the gateway begins anew in its own process and is back within that time, so that it is waited for; or,
    /// with none, that it does not.
    ///
    /// # Errors
    /// As writing fails.
    pub fn set_restart(&mut self, within: Option<Duration>) -> io::Result<()> {
        let restart = within.map(Restart::within);
        if std::mem::replace(&mut self.holder.restart, restart) == self.holder.restart {
            return Ok(());
        }
        self.write()
    }

    fn write(&mut self) -> io::Result<()> {
        let text = serde_json::to_string_pretty(&self.holder)?;
        // In this order a reader in between finds what is there from now on, if it grew.
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())?;
        self.file.set_len(text.len() as u64)
    }
}

impl Drop for GatewayLock {
    fn drop(&mut self) {
        let _ = match &mut self.holder.restart {
            Some(restart) => {
                *restart = Restart { begun: true, ..Restart::within(START_SLACK) };
                self.write()
            }
            // A directory that was left in order says nothing of a kernel, which would look foreign after the next boot.
            None => self.file.set_len(0),
        };
    }
}

/// Whether a gateway can use the directory of `state` at all, before anything in it is read: what is wrong with each of its
/// files otherwise hides what is wrong with the directory. One that is missing is made later.
///
/// # Errors
/// [`LockError::Unwritable`] with its owner, our own ids, and the command that mends it.
pub fn check_state_directory(state: &StateDir) -> Result<(), LockError> {
    match access(state.path(), AccessFlags::R_OK | AccessFlags::W_OK | AccessFlags::X_OK) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(error) => Err(LockError::unwritable(state.path(), state.path(), error.into())),
    }
}

/// Whether a gateway lives on `state`. Never takes the lock for longer than the test takes, and never makes a file.
pub fn probe_lock(state: &StateDir) -> LockState {
    let file = match File::open(state.gateway_lock()) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return LockState::Free;
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return other_owner_of(&state.gateway_lock())
                .map_or(LockState::Unknown, |owner| LockState::Closed { owner });
        }
        Err(_) => return LockState::Unknown,
    };
    let holder = read_holder(&file).map(Box::new);
    let same_kernel = holder.as_ref().is_none_or(|holder| holder.boot_id == boot_id());
    match file.try_lock_shared() {
        Ok(()) if same_kernel => LockState::Free,
        // Over a shared file system another kernel's lock may not be seen.
        Ok(()) => LockState::ForeignKernel,
        Err(TryLockError::WouldBlock) => LockState::Held { holder, same_kernel },
        Err(TryLockError::Error(_)) => LockState::Unknown,
    }
}

/// Takes back that a gateway is on its way, where the start that was to follow failed before it had the lock.
pub fn is_not_coming(state: &StateDir) {
    if matches!(last_gateway(state), LastGateway::Restarting { .. }) {
        // One that has come in the meantime holds it, and says so itself.
        drop(GatewayLock::acquire(state));
    }
}

/// How the last gateway of `state` ended, where [`probe_lock`] says that none lives.
pub fn last_gateway(state: &StateDir) -> LastGateway {
    let file = match File::open(state.gateway_lock()) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return LastGateway::Never,
        Err(_) => return LastGateway::Unclear,
    };
    let Ok(found) = file.metadata() else { return LastGateway::Unclear };
    // What it says of itself is taken back when it ends.
    let ago = found.modified().ok().map(|changed| changed.elapsed().unwrap_or_default());
    let holder = read_holder(&file).filter(|holder| holder.boot_id == boot_id());
    // One that has come in the meantime is not the last one.
    if file.try_lock_shared().is_err() {
        return LastGateway::Unclear;
    }
    match (holder, ago) {
        (None, Some(ago)) if found.len() == 0 => LastGateway::Ended { ago },
        (Some(holder), _) => match holder.comes_back_within() {
            Some(left) => LastGateway::Restarting { left },
            None => LastGateway::Cut(Box::new(holder)),
        },
        (None, _) => LastGateway::Unclear,
    }
}

/// Whoever only tests the lock holds it for a moment; a gateway holds it for longer than we wait.
fn lock_patiently(file: &File) -> Result<(), TryLockError> {
    let deadline = Instant::now() + GATEWAY_LOCK_WAIT;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(GATEWAY_LOCK_POLL),
            result => return result,
        }
    }
}

fn read_holder(mut file: &File) -> Option<LockHolder> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(64 * 1024).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|text| text.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_gateway_at_a_time() {
        let dir = tempfile::tempdir().expect("a directory");
        let state = StateDir::new(dir.path().join("state"));
        assert_eq!(probe_lock(&state), LockState::Free);
        assert_eq!(last_gateway(&state), LastGateway::Never);
        assert!(!state.path().exists(), "a probe makes nothing");
        let mut lock = GatewayLock::acquire(&state).expect("free");
        let announcement = Announcement { url: "ws://127.0.0.1:1".into(), ..Announcement::default() };
        lock.announce(announcement).expect("writable");
        let LockState::Held { holder: Some(holder), same_kernel: true } = probe_lock(&state) else {
            panic!("{:?}", probe_lock(&state))
        };
        assert_eq!(holder.url.as_deref(), Some("ws://127.0.0.1:1"));
        let error = GatewayLock::acquire(&state).expect_err("held");
        assert!(error.to_string().contains("ws://127.0.0.1:1"), "{error}");
        assert_eq!(last_gateway(&state), LastGateway::Unclear, "it lives");
        drop(lock);
        assert_eq!(probe_lock(&state), LockState::Free);
        assert!(matches!(last_gateway(&state), LastGateway::Ended { ago } if ago < Duration::from_mins(1)));
        GatewayLock::acquire(&state).expect("free again");
    }

    #[test]
    fn one_that_begins_anew_is_told_from_one_that_was_killed() {
        let dir = tempfile::tempdir().expect("a directory");
        let state = StateDir::new(dir.path());
        let written = || fs::read_to_string(state.gateway_lock()).expect("there");
        let rewrite = |text: &str| fs::write(state.gateway_lock(), text).expect("writable");
        let mut lock = GatewayLock::acquire(&state).expect("free");
        let of_killed = written();
        // It says so for as long as it drains, and gets the time to begin from the moment when it has.
        lock.set_restart(Some(Duration::ZERO)).expect("writable");
        let of_killed_while_draining = written();
        drop(lock);
        let between_two_runs = written();
        assert_eq!(probe_lock(&state), LockState::Free);
        let LastGateway::Restarting { left } = last_gateway(&state) else { panic!("{:?}", last_gateway(&state)) };
        assert!(left > START_SLACK / 2 && left <= START_SLACK, "{left:?}");
        assert_eq!(GatewayLock::acquire(&state).expect("free").cut(), None, "it came back");

        for killed in [&of_killed, &of_killed_while_draining] {
            rewrite(killed);
            let LastGateway::Cut(holder) = last_gateway(&state) else { panic!("{:?}", last_gateway(&state)) };
            assert_eq!(holder.pid, std::process::id());
            is_not_coming(&state);
            assert_eq!(written(), *killed, "nothing to take back");
            assert_eq!(GatewayLock::acquire(&state).expect("free").cut(), Some(&*holder));
            assert_eq!(GatewayLock::acquire(&state).expect("free").cut(), None);
        }

        let mut late: LockHolder = serde_json::from_str(&between_two_runs).expect("JSON");
        late.restart = Some(Restart { until_ms: now_ms() - 1, begun: true });
        rewrite(&serde_json::to_string(&late).expect("JSON"));
        assert!(matches!(last_gateway(&state), LastGateway::Cut(_)), "it did not come back");

        rewrite(&between_two_runs);
        is_not_coming(&state);
        assert!(matches!(last_gateway(&state), LastGateway::Ended { .. }), "its start failed");

        let mut lock = GatewayLock::acquire(&state).expect("free");
        lock.set_restart(Some(START_SLACK)).expect("writable");
        lock.set_restart(None).expect("writable");
        drop(lock);
        assert!(matches!(last_gateway(&state), LastGateway::Ended { .. }), "it was told to stop on its way");
    }

    #[test]
    fn a_lock_of_another_kernel_is_told_from_one_that_was_left_in_order() {
        let dir = tempfile::tempdir().expect("a directory");
        let state = StateDir::new(dir.path());
        drop(GatewayLock::acquire(&state).expect("free"));
        assert_eq!(fs::read_to_string(state.gateway_lock()).expect("kept"), "");
        assert_eq!(probe_lock(&state), LockState::Free);
        let foreign = LockHolder { boot_id: "another".into(), ..LockHolder::default() };
        fs::write(state.gateway_lock(), serde_json::to_string(&foreign).expect("JSON")).expect("writable");
        assert_eq!(probe_lock(&state), LockState::ForeignKernel);
        GatewayLock::acquire(&state).expect("a gateway that starts is the one to say so");
    }

    #[test]
    fn somebody_who_only_tests_the_lock_does_not_keep_a_gateway_from_starting() {
        let dir = tempfile::tempdir().expect("a directory");
        let state = StateDir::new(dir.path());
        drop(GatewayLock::acquire(&state).expect("free"));
        let tester = File::open(state.gateway_lock()).expect("there");
        tester.try_lock_shared().expect("free");
        let starting = std::thread::spawn(move || GatewayLock::acquire(&state).map(drop));
        drop(tester);
        starting.join().expect("no panic").expect("waits for a moment");
    }

    #[test]
    fn the_nearest_directory_that_exists_is_named() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("file");
        fs::write(&file, "").expect("writable");
        let error = GatewayLock::acquire(&StateDir::new(file.join("a/b"))).expect_err("a file is in the way");
        let LockError::Unwritable { path, .. } = &error else { panic!("{error:?}") };
        assert_eq!(*path, file);
    }
}
