//! `gateway status`

mod document;
mod gather;
mod lock;
mod probe;
mod report;
mod show;
#[cfg(test)]
mod tests;
mod trouble;

use super::super::{CliError, Context, Exit, Output, target::TargetArgs};
use crate::clock::now_ms;

/// Show what is known of the gateway: process and supervisor, configuration, addresses, and whether and as what it lets this
/// command in. Exit code 0 even where it does not
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Status {
    /// Do not connect
    #[arg(long)]
    no_probe: bool,
    /// Try every place where a socket may be, and list the settings that nobody set
    #[arg(long)]
    deep: bool,
    /// Fail where the gateway cannot be called
    #[arg(long, conflicts_with = "no_probe")]
    require_rpc: bool,
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

impl Status {
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let report = self.gather(context).await?;
        if output.is_json() {
            output.json(&report.document(now_ms()))?;
        } else {
            report.show(now_ms(), output)?;
        }
        let failed = self.require_rpc && report.probe.rpc().is_none_or(|rpc| rpc.result.is_err());
        Ok(if failed { Exit::Failed } else { Exit::Done })
    }
}
