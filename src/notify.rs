//! What the service manager is told of the process: ready, reloading, stopping, alive (`sd_notify(3)`).
//!
//! A gateway that no service manager started tells nobody. The variables stay in the environment: a restart runs the program
//! again in the same process, and it has to tell that it is ready as well.

use std::{env, io, time::Duration};

use sd_notify::NotifyState;
use tracing::debug;

/// Tells the service manager, where there is one.
#[derive(Debug, Clone, Copy)]
pub struct Notify {
    wanted: bool,
    /// The service manager takes a process for hung that says nothing for as long.
    watchdog: Option<Duration>,
}

impl Notify {
    /// As the process's environment says: `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`.
    pub fn of_process() -> Self {
        let wanted = env::var_os("NOTIFY_SOCKET").is_some_and(|socket| !socket.is_empty());
        Self { wanted, watchdog: sd_notify::watchdog_enabled().filter(|_| wanted) }
    }

    /// It serves.
    pub fn ready(self) {
        self.tell(&[NotifyState::Ready, NotifyState::Status("serving")]);
    }

    /// It is between two configurations, and says [`Self::ready`] when it is through.
    pub fn reloading(self, why: &str) {
        // The manager of version 253 or later wants to know when that began.
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now, NotifyState::Status(why)]),
            Err(error) => debug!(target: "gateway", "the monotonic clock cannot be read: {error}"),
        }
    }

    /// It drains and will end.
    pub fn stopping(self) {
        self.tell(&[NotifyState::Stopping, NotifyState::Status("draining")]);
    }

    /// It is not hung.
    pub fn alive(self) {
        self.tell(&[NotifyState::Watchdog]);
    }

    /// How often [`Self::alive`] must be said; `None` where nobody asks. Half of what the manager waits, as it advises.
    pub fn watchdog(self) -> Option<Duration> {
        self.watchdog.map(|patience| patience / 2).filter(|period| !period.is_zero())
    }

    fn tell(self, states: &[NotifyState<'_>]) {
        if !self.wanted {
            return;
        }
        if let Err(error) = sd_notify::notify(states) {
            // It goes on serving: the manager may have been replaced or may be shut off from us.
            log(&error);
        }
    }
}

fn log(error: &io::Error) {
    debug!(target: "gateway", "the service manager cannot be told: {error}");
}
