//! Process signals as events.

use std::sync::{Arc, atomic::AtomicBool};

use futures_util::StreamExt;
use nix::{
    errno::Errno,
    sys::wait::{WaitPidFlag, WaitStatus, waitpid},
};
use signal_hook::{
    consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1},
    flag,
};
use signal_hook_tokio::Signals;
use tracing::debug;

/// What somebody asks the process to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// TERM or INT: drain and end. The second time: end at once.
    Stop,
    /// HUP: read the configuration again.
    Reload,
    /// USR1: drain, and begin anew in the same process.
    Restart,
}

/// The signals that the gateway heeds.
pub struct Listening(Signals);

impl Listening {
    /// From now on these signals come here instead of ending the process.
    ///
    /// As the first process of a container, it also takes care of processes that lost their parent, such as what a
    /// `docker exec` leaves behind: nobody else can.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn start() -> std::io::Result<Self> {
        let mut heeded = vec![SIGTERM, SIGINT, SIGHUP, SIGUSR1];
        if std::process::id() == 1 {
            heeded.push(SIGCHLD);
        }
        let listening = Signals::new(heeded).map(Self)?;
        if std::process::id() == 1 {
            // Those that ended before the handler was there are not announced again.
            reap();
        }
        Ok(listening)
    }

    /// Waits for the word to stop, whatever else is said.
    pub async fn until_stop(&mut self) {
        while self.next().await != Asked::Stop {}
    }

    /// The next one.
    pub async fn next(&mut self) -> Asked {
        loop {
            match self.0.next().await {
                Some(SIGCHLD) => reap(),
                Some(SIGHUP) => return Asked::Reload,
                Some(SIGUSR1) => return Asked::Restart,
                Some(_) => return Asked::Stop,
                // The stream ends only when it is closed, and nobody does.
                None => std::future::pending().await,
            }
        }
    }
}

/// Waits for TERM or INT where this process is the first one of a container, and says which it was; elsewhere it never ends.
///
/// The kernel delivers to a first process only the signals that it has a handler for, so that without this a command could
/// not be interrupted there. The second signal ends the process at once.
///
/// # Errors
/// When the system refuses a handler.
pub async fn interrupted_as_first_process() -> std::io::Result<i32> {
    if std::process::id() != 1 {
        return std::future::pending().await;
    }
    let told = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        // In this order, so that the first one only arms the handler.
        flag::register_conditional_shutdown(signal, exit_code(signal).into(), Arc::clone(&told))?;
        flag::register(signal, Arc::clone(&told))?;
    }
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    match signals.next().await {
        Some(signal) => Ok(signal),
        None => std::future::pending().await,
    }
}

/// What a process ends with that `signal` ended, as shells and container engines tell it.
pub fn exit_code(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
}

/// Takes note of every child that has ended; until somebody does, each keeps its process id. Several may share one signal.
fn reap() {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return,
            Ok(ended) => debug!(target: "gateway", "an orphan ended: {ended:?}"),
            Err(Errno::EINTR) => {}
            // ECHILD: there are no children.
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::{Signal, raise};

    use super::*;

    #[tokio::test]
    async fn each_signal_is_one_wish() {
        let mut listening = Listening::start().expect("handlers");
        #[rustfmt::skip]
        let rows = [
            (Signal::SIGHUP,  Asked::Reload),
            (Signal::SIGUSR1, Asked::Restart),
            (Signal::SIGTERM, Asked::Stop),
            (Signal::SIGINT,  Asked::Stop),
        ];
        for (signal, asked) in rows {
            raise(signal).expect("raised");
            let heard = tokio::time::timeout(std::time::Duration::from_secs(5), listening.next()).await;
            assert_eq!(heard.expect("heard"), asked, "{signal}");
        }
    }
}
