//! `gateway stop`

use super::{
    super::{CliError, Context, Exit, Output, target::TargetArgs},
    order::{Gone, Verb, give, not_seen, tell},
    supervision,
};
use crate::defaults::STOP_SLACK;

/// Stop the running gateway, and wait until it is gone
#[derive(Debug, clap::Args)]
pub(crate) struct Stop {
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

impl Stop {
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let supervisor = supervision::of_gateway(context);
        let taken = give(context, &self.target, Verb::Stop, output).await?;
        // Where the gateway is the first process, this command ends together with it and can say nothing afterwards.
        output.flush()?;
        let patience = self.target.timeout.unwrap_or_else(|| taken.grace(context) + STOP_SLACK);
        let socket = (taken.channel == "localSocket").then(|| taken.address.clone().into());
        if !(Gone { context, socket }).wait(patience).await {
            let what = format!("the gateway still lives after {} s", patience.as_secs_f32());
            return Err(not_seen(Verb::Stop, &taken, &what, context));
        }
        let again = supervisor.as_ref().and_then(supervision::what_starts_it_again);
        if output.is_json() {
            let mut document = taken.document(Verb::Stop, "stopped");
            document["pid"] = taken.before.pid.into();
            document["hints"] = again.into_iter().collect::<Vec<_>>().into();
            output.json(&document)?;
            return Ok(Exit::Done);
        }
        tell(output, &taken, &format!("Gateway stopped{}", taken.before.describe()))?;
        if let Some(again) = again {
            output.line(&again)?;
        }
        Ok(Exit::Done)
    }
}
