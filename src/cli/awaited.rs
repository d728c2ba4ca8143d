//! Waiting for a gateway that is starting or being recreated.
//!
//! Where a gateway's container is replaced, there is none for a moment, and the files are not to be worked on behind the back of the
//! one that is coming. Whether one is to be expected is said by the setting `gateway.client.waitSeconds`, which the image of the
//! command line sets; for how long is read off the lock that the last one left. One that holds the lock and has not said yet where it
//! listens is starting, and needs no setting to be waited for.

use std::{path::PathBuf, time::Duration};

use tokio::{net::UnixStream, time::Instant};

use super::{CliError, Context, Output, Tone};
use crate::{
    defaults::{GATEWAY_WAIT_POLL, LOCAL_ANSWER_TIMEOUT},
    net::{LastGateway, LockState, last_gateway},
};

/// What is known of a gateway that does not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Missing {
    /// It has the lock, and has not said yet where it listens.
    Starting,
    /// It begins anew in its own process.
    Restarting {
        /// When it is back at the latest, by what it says.
        left: Duration,
    },
    /// There is none.
    Gone(LastGateway),
    /// It has the lock, and has said where it listens.
    Silent,
}

impl Missing {
    fn of(context: &Context, lock: &LockState) -> Self {
        match lock {
            LockState::Held { holder: Some(holder), same_kernel: true } => match &holder.restart {
                Some(restart) => Self::Restarting { left: restart.time_left() },
                None if holder.url.is_none() => Self::Starting,
                None => Self::Silent,
            },
            LockState::Held { holder: None, same_kernel: true } => Self::Silent,
            LockState::Free => match last_gateway(context.state()) {
                LastGateway::Restarting { left } => Self::Restarting { left },
                last => Self::Gone(last),
            },
            _ => Self::Gone(LastGateway::Unclear),
        }
    }

    /// How long it is worth waiting for, where `wait` is the setting.
    ///
    /// One that ended in order is coming back within `wait` of its end or not at all. Of every other one it is not known since when
    /// it is missing: it has not been there yet, it was killed, or it is draining just now.
    fn patience(&self, wait: Duration) -> Duration {
        match self {
            Self::Starting => wait.max(LOCAL_ANSWER_TIMEOUT),
            Self::Restarting { left } => wait.max(*left),
            Self::Gone(LastGateway::Ended { ago }) => wait.saturating_sub(*ago),
            Self::Gone(_) | Self::Silent => wait,
        }
    }

    fn awaited(&self) -> String {
        match self {
            Self::Starting => "the gateway to start".into(),
            Self::Gone(LastGateway::Ended { ago }) => {
                format!("the gateway that ended {} s ago to come back", ago.as_secs())
            }
            Self::Restarting { .. } => "the gateway, which restarts".into(),
            Self::Gone(_) | Self::Silent => "the gateway to come back".into(),
        }
    }
}

/// Waits until a gateway listens on one of the sockets, if one is to be expected. Says whether it waited, so that what was known
/// before is to be looked up again.
///
/// # Errors
/// As writing fails.
pub(super) async fn gateway_to_come(
    context: &Context,
    lock: &LockState,
    output: &mut Output,
) -> Result<bool, CliError> {
    let missing = Missing::of(context, lock);
    let wait = Duration::from_secs(context.settings.client.wait_seconds);
    let patience = missing.patience(wait);
    // Nothing is asked of a gateway that nobody would wait for: the command itself finds out.
    if patience.is_zero() || listens(&context.sockets(lock)).await {
        return Ok(false);
    }
    let seconds = patience.as_secs_f64().ceil();
    output.note(Tone::Dim, &format!("waiting up to {seconds} s for {}", missing.awaited()))?;
    output.flush()?;
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        let lock = context.lock();
        // One that could not start is not coming.
        if listens(&context.sockets(&lock)).await || Missing::of(context, &lock).patience(wait).is_zero() {
            break;
        }
        tokio::time::sleep(GATEWAY_WAIT_POLL).await;
    }
    Ok(true)
}

/// Whether this machine's gateway is on its way: between two runs of one process, or starting.
pub(super) fn is_coming(context: &Context) -> bool {
    matches!(Missing::of(context, &context.lock()), Missing::Restarting { .. } | Missing::Starting)
}

/// Whether anybody listens on one of them; who it is, is asked later.
async fn listens(sockets: &[PathBuf]) -> bool {
    for path in sockets {
        if UnixStream::connect(path).await.is_ok() {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_gateway_that_may_come_is_waited_for() {
        let seconds = Duration::from_secs;
        let ended = |ago| Missing::Gone(LastGateway::Ended { ago: seconds(ago) });
        let restarting = |left| Missing::Restarting { left: seconds(left) };
        let unclear = || Missing::Gone(LastGateway::Unclear);
        #[rustfmt::skip]
        let rows = [
            // wait  what is known                       patience
            (10,     ended(0),                           10),
            (10,     ended(4),                           6),
            (10,     ended(10),                          0),
            (10,     ended(86_400),                      0),
            (10,     Missing::Gone(LastGateway::Never),  10), // the first one may be starting beside us
            (10,     unclear(),                          10), // killed: its container is being started again
            (10,     Missing::Silent,                    10), // it drains, and its successor waits for the lock
            (0,      unclear(),                          0),
            (0,      Missing::Silent,                    0),
            (0,      Missing::Starting,                  5),
            (10,     Missing::Starting,                  10),
            (0,      restarting(8),                      8),
            (30,     restarting(8),                      30),
        ];
        for (wait, missing, expected) in rows {
            assert_eq!(missing.patience(seconds(wait)), seconds(expected), "{wait} {missing:?}");
        }
    }
}
