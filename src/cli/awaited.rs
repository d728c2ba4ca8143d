//! Waiting for a gateway that is being recreated.
//!
//! Where a gateway's container is replaced, there is none for a moment, and the files are not to be worked on behind the back of the
//! one that is coming. Whether one is to be expected is said by the setting `gateway.client.waitSeconds`, which the image of the
//! command line sets; for how long is read off the lock that the last one left.

use std::{path::PathBuf, time::Duration};

use tokio::{net::UnixStream, time::Instant};

use super::{CliError, Context, Output, Tone};
use crate::{
    defaults::GATEWAY_WAIT_POLL,
    net::{LastGateway, LockState, last_gateway},
};

/// How long a gateway is worth waiting for. Pure.
///
/// One that ended in order is coming back within `wait` of its end or not at all. Of every other one it is not known since when
/// it is missing: it has not been there yet, it was killed, or it is starting just now.
fn patience(wait: Duration, last: LastGateway) -> Duration {
    match last {
        LastGateway::Ended { ago } => wait.saturating_sub(ago),
        LastGateway::Never | LastGateway::Unclear => wait,
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
    let wait = Duration::from_secs(context.settings.client.wait_seconds);
    if wait.is_zero() || listens(&context.sockets(lock)).await {
        return Ok(false);
    }
    let last = match lock {
        LockState::Free => last_gateway(context.state()),
        _ => LastGateway::Unclear,
    };
    let patience = patience(wait, last);
    if patience.is_zero() {
        return Ok(false);
    }
    let since = match last {
        LastGateway::Ended { ago } => format!(" that ended {} s ago", ago.as_secs()),
        LastGateway::Never | LastGateway::Unclear => String::new(),
    };
    let seconds = patience.as_secs_f64().ceil();
    output.note(Tone::Dim, &format!("waiting up to {seconds} s for the gateway{since} to come back"))?;
    output.flush()?;
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline && !listens(&context.sockets(&context.lock())).await {
        tokio::time::sleep(GATEWAY_WAIT_POLL).await;
    }
    Ok(true)
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
    fn only_a_gateway_that_may_come_back_is_waited_for() {
        let seconds = Duration::from_secs;
        let ended = |ago| LastGateway::Ended { ago: seconds(ago) };
        #[rustfmt::skip]
        let rows = [
            // wait  the last gateway        patience
            (10,     ended(0),               10),
            (10,     ended(4),               6),
            (10,     ended(10),              0),
            (10,     ended(86_400),          0),
            (10,     LastGateway::Never,     10), // the first one may be starting beside us
            (10,     LastGateway::Unclear,   10), // killed: its container is being started again
            (0,      LastGateway::Unclear,   0),
        ];
        for (wait, last, expected) in rows {
            assert_eq!(patience(seconds(wait), last), seconds(expected), "{wait} {last:?}");
        }
    }
}
