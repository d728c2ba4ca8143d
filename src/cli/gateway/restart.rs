//! `gateway restart`

use super::{
    super::{CliError, Context, Exit, Output, target::TargetArgs},
    order::{Verb, another_run, give, not_seen, tell},
};
use crate::defaults::{START_SLACK, STOP_SLACK};

/// Restart the running gateway in its own process, and wait until the new run answers
#[derive(Debug, clap::Args)]
pub(crate) struct Restart {
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

impl Restart {
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let taken = give(context, &self.target, Verb::Restart, output).await?;
        let patience = self.target.timeout.unwrap_or_else(|| taken.grace(context) + STOP_SLACK + START_SLACK);
        let Some(after) = another_run(context, &self.target, &taken, patience).await else {
            let what = format!("no new run of the gateway answered within {} s", patience.as_secs_f32());
            return Err(not_seen(Verb::Restart, &taken, &what, context));
        };
        if output.is_json() {
            let mut document = taken.document(Verb::Restart, "restarted");
            document["gateway"] = serde_json::json!({
                "pid": after.pid, "version": after.version, "url": after.url, "bootId": after.boot_id,
            });
            output.json(&document)?;
            return Ok(Exit::Done);
        }
        tell(output, &taken, &format!("Gateway restarted{}", after.describe()))
    }
}
