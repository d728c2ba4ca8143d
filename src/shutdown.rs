//! Draining: stop accepting, tell sessions, wait for the grace, end.

use std::{env, io, os::unix::process::CommandExt, process::Command, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

/// Every task of the gateway, and the words that end them.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    /// Tasks that have something to finish: connections.
    pub connections: TaskTracker,
    /// Tasks that write something down when everything else has ended.
    pub background: TaskTracker,
    /// Ends those. Cancelled last.
    pub services: CancellationToken,
    /// Stops accepting. Cancelled first.
    pub accepting: CancellationToken,
    /// Ends sessions. Cancelled when everybody has been told.
    pub sessions: CancellationToken,
}

impl Tasks {
    /// Waits until every connection has ended, for `grace` at most.
    pub async fn drain(&self, grace: Duration) {
        self.accepting.cancel();
        self.sessions.cancel();
        self.connections.close();
        let open = self.connections.len();
        if open > 0 {
            info!(target: "gateway", "draining {open} connections for up to {} s", grace.as_secs());
        }
        if tokio::time::timeout(grace, self.connections.wait()).await.is_err() {
            warn!(target: "gateway", "{} connections did not end in time and are cut", self.connections.len());
        }
    }
}

/// Begins the program anew in this process, with the same arguments and environment. The process id stays, so a container
/// whose first process this is does not end, and nothing is left to be an orphan. Whatever the process holds is let go by the
/// kernel: descriptors are closed by the call.
///
/// Returns only when the system refuses.
pub fn run_again() -> io::Error {
    let mut arguments = env::args_os();
    let name = arguments.next();
    match env::current_exe() {
        Ok(program) => {
            let mut command = Command::new(program);
            command.args(arguments);
            if let Some(name) = name {
                command.arg0(name);
            }
            command.exec()
        }
        Err(error) => error,
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const GRACE: Duration = Duration::from_secs(8);

    #[tokio::test(start_paused = true)]
    async fn a_drain_ends_with_the_last_connection() {
        let tasks = Tasks::default();
        let (accepting, sessions) = (tasks.accepting.clone(), tasks.sessions.clone());
        tasks.connections.spawn(async move {
            sessions.cancelled().await;
            assert!(accepting.is_cancelled(), "nobody new comes in when the first one is told to go");
            tokio::time::sleep(Duration::from_secs(2)).await;
        });
        let begun = Instant::now();
        tasks.drain(GRACE).await;
        assert_eq!(begun.elapsed().as_secs(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_waits_no_longer_than_the_grace() {
        let tasks = Tasks::default();
        tasks.connections.spawn(std::future::pending::<()>());
        let begun = Instant::now();
        tasks.drain(GRACE).await;
        assert_eq!((begun.elapsed().as_secs(), tasks.connections.len()), (GRACE.as_secs(), 1));
    }
}
