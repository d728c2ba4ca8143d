//! Process signals as events.

use futures_util::StreamExt;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook_tokio::Signals;

/// What somebody asks the process to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// TERM or INT: drain and end. The second time: end at once.
    Stop,
    /// HUP: read the configuration again.
    Reload,
}

/// The signals that the gateway heeds.
pub struct Listening(Signals);

impl Listening {
    /// From now on these signals come here instead of ending the process.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn start() -> std::io::Result<Self> {
        Signals::new([SIGTERM, SIGINT, SIGHUP]).map(Self)
    }

    /// The next one.
    pub async fn next(&mut self) -> Asked {
        match self.0.next().await {
            Some(SIGHUP) => Asked::Reload,
            Some(_) => Asked::Stop,
            // The stream ends only when it is closed, and nobody does.
            None => std::future::pending().await,
        }
    }
}
