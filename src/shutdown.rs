//! Draining: stop accepting, tell sessions, wait for the grace, end.

use std::time::Duration;

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
