//! `openclaw idle`

use super::{CliError, Exit};
use crate::signals::Listening;

/// Do nothing until told to stop: keeps a container up for `kubectl exec` and `docker exec`
#[derive(Debug, clap::Args)]
pub(crate) struct Idle {}

impl Idle {
    /// Waits for TERM or INT. As the first process of a container it takes care of orphans meanwhile, which every command
    /// that is run in the container can leave.
    ///
    /// # Errors
    /// As the system refuses signal handlers.
    pub(crate) async fn run(self) -> Result<Exit, CliError> {
        let mut signals = Listening::start()?;
        signals.until_stop().await;
        Ok(Exit::Done)
    }
}
