//! A program that runs beside the test.

use std::io::Read;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

/// What a program gets to end after SIGTERM; then it is killed.
const STOP_GRACE: Duration = Duration::from_secs(15);

/// A program in a process group of its own. Dropping it ends the whole group.
pub struct Running {
    command: String,
    pid: Pid,
    watch: Arc<Watch>,
}

/// What is known of the program, and the news of a change.
#[derive(Default)]
struct Watch {
    seen: Mutex<Seen>,
    changed: Condvar,
}

/// What is known of the program.
#[derive(Default, Clone)]
pub struct Seen {
    /// What it wrote to its standard output so far.
    pub stdout: String,
    /// What it wrote to its standard error so far.
    pub stderr: String,
    /// How it ended, once it has.
    pub status: Option<ExitStatus>,
    closed_pipes: u8,
}

impl Seen {
    /// Whether it has ended and everything that it wrote is here.
    pub fn is_complete(&self) -> bool {
        self.status.is_some() && self.closed_pipes == 2
    }
}

impl Watch {
    fn update(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(self: Arc<Self>, mut pipe: impl Read + Send + 'static, into: fn(&mut Seen) -> &mut String) {
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            // A character cut between two reads shows as a replacement character: nothing that tests look for.
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..length]);
                self.update(|seen| into(seen).push_str(&text));
            }
            self.update(|seen| seen.closed_pipes += 1);
        });
    }

    fn reap(self: Arc<Self>, mut child: Child, pid: Pid) {
        thread::spawn(move || {
            // Not reaped yet: as long as the zombie is there, its number names this group and no other.
            while waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) == Err(Errno::EINTR) {}
            self.update(|seen| {
                let _ = killpg(pid, Signal::SIGKILL);
                seen.status = child.wait().ok();
            });
        });
    }
}

impl Running {
    /// Starts `command` with nothing to read.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> Self {
        let shown = show(command);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {shown}: {error}"));
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id fits"));
        let watch = Arc::new(Watch::default());
        Arc::clone(&watch).follow(child.stdout.take().expect("it is piped"), |seen| &mut seen.stdout);
        Arc::clone(&watch).follow(child.stderr.take().expect("it is piped"), |seen| &mut seen.stderr);
        Arc::clone(&watch).reap(child, pid);
        Self { command: shown, pid, watch }
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// What it wrote until now.
    pub fn seen(&self) -> Seen {
        self.watch.lock().clone()
    }

    /// What it wrote until now, for the message of an assertion.
    pub fn transcript(&self) -> String {
        let seen = self.seen();
        format!("$ {}\n{}{}", self.command, seen.stdout, seen.stderr)
    }

    /// Waits until `found` finds something in what is known of the program; `None` at the deadline.
    pub fn wait_until<T>(&self, deadline: Duration, mut found: impl FnMut(&Seen) -> Option<T>) -> Option<T> {
        let end = Instant::now() + deadline;
        let mut seen = self.watch.lock();
        loop {
            if let Some(found) = found(&seen) {
                return Some(found);
            }
            let left = end.checked_duration_since(Instant::now())?;
            seen = self.watch.changed.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until `found` finds something in what the program wrote.
    ///
    /// # Panics
    /// When it has not at the deadline or at the program's end.
    pub fn expect<T>(&self, what: &str, deadline: Duration, mut found: impl FnMut(&Seen) -> Option<T>) -> T {
        let result = self.wait_until(deadline, |seen| match found(seen) {
            Some(found) => Some(Some(found)),
            None => seen.is_complete().then_some(None),
        });
        result.flatten().unwrap_or_else(|| panic!("no {what} within {deadline:?}:\n{}", self.transcript()))
    }

    /// Sends a signal to the program and its children, unless it has ended.
    pub fn signal(&self, signal: Signal) {
        let seen = self.watch.lock();
        if seen.status.is_none() {
            let _ = killpg(self.pid, signal);
        }
    }

    /// Kills it at once and waits until it is gone.
    pub fn kill(&self) -> Seen {
        self.signal(Signal::SIGKILL);
        self.expect("end after SIGKILL", STOP_GRACE, |seen| seen.status.is_some().then(|| seen.clone()))
    }

    /// Asks it to end and waits for that; `None` when it had to be killed.
    pub fn stop(&self) -> Option<ExitStatus> {
        self.signal(Signal::SIGTERM);
        let status = self.wait_until(STOP_GRACE, |seen| seen.status);
        if status.is_none() {
            self.kill();
        }
        status
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        self.wait_until(STOP_GRACE, |seen| seen.status);
    }
}

/// The exit code as a shell shows it: 128 and the signal's number for a killed program.
pub fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

/// The command as one would type it.
fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
