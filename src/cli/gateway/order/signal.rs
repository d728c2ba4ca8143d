//! The way by a signal, where the gateway cannot be asked and its lock tells which process it is.

use std::time::Instant;

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{Running, Taken, Verb, system};
use crate::{
    cli::{CliError, Context},
    net::{LockState, lock_process},
};

impl Verb {
    const fn signal(self) -> Signal {
        match self {
            Self::Stop => Signal::SIGTERM,
            Self::Restart => Signal::SIGUSR1,
            Self::Reload => Signal::SIGHUP,
        }
    }
}

/// Sends the signal to the process that holds the lock. `None` where there is no such process, or it is not to be seen from
/// here; `why` is what kept us from asking it.
///
/// # Errors
/// [`CliError::Gateway`] when the system does not let us.
pub(super) fn give(context: &Context, lock: &LockState, verb: Verb, why: &CliError) -> Result<Option<Taken>, CliError> {
    let LockState::Held { holder, same_kernel: true } = lock else { return Ok(None) };
    // Whoever may send its process a signal needs no other right.
    if !matches!(why, CliError::Connect(_)) {
        return Ok(None);
    }
    let said = holder.as_ref().map(|holder| holder.pid);
    let Some(process) = lock_process(context.state(), said) else { return Ok(None) };
    let (signal, since) = (verb.signal(), Instant::now());
    let pid = i32::try_from(process.pid).map_err(|error| system("the process id cannot be used", &error))?;
    match kill(Pid::from_raw(pid), signal) {
        Ok(()) => Ok(Some(Taken {
            via: format!("by {signal} to pid {pid}, which holds the lock"),
            channel: "signal",
            address: pid.to_string(),
            before: Running::of_lock(lock),
            answer: None,
            since,
        })),
        Err(Errno::ESRCH) => Ok(None),
        Err(errno) => Err(system(&format!("cannot send {signal} to pid {pid}"), &errno)),
    }
}
