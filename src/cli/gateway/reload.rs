//! `gateway reload`

use serde_json::json;

use super::{
    super::{CliError, Context, Exit, Output, Tone, target::TargetArgs},
    order::{LogMark, Taken, Verb, give, not_seen, tell},
};
use crate::{control::Reloaded, defaults::RELOAD_PATIENCE};

/// Have the running gateway read its configuration again, and say what that came to
#[derive(Debug, clap::Args)]
pub(crate) struct Reload {
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

impl Reload {
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        // Should it go by a signal, what comes of it is in the log and nowhere else.
        let mark = LogMark::now(context);
        let taken = give(context, &self.target, Verb::Reload, output).await?;
        let Some(answer) = &taken.answer else { return self.after_signal(context, &taken, mark, output).await };
        let reloaded: Reloaded = serde_json::from_value(answer.clone()).unwrap_or_default();
        if output.is_json() {
            let mut document = taken.document(Verb::Reload, "reloaded");
            document["applied"] = json!(reloaded.applied);
            document["needsRestart"] = json!(reloaded.needs_restart);
            document["warnings"] = json!(reloaded.warnings);
            output.json(&document)?;
            return Ok(Exit::Done);
        }
        tell(output, &taken, "Configuration reloaded")?;
        let applied =
            if reloaded.applied.is_empty() { "nothing had changed".into() } else { reloaded.applied.join(", ") };
        output.field("Applied", Tone::Plain, &applied)?;
        for warning in &reloaded.warnings {
            output.note(Tone::Warning, warning)?;
        }
        if !reloaded.needs_restart.is_empty() {
            output.field("Needs a restart", Tone::Warning, &reloaded.needs_restart.join(", "))?;
            output.field("Next", Tone::Plain, "openclaw gateway restart")?;
        }
        Ok(Exit::Done)
    }

    /// A signal has no answer, but what comes of it is logged.
    async fn after_signal(
        &self,
        context: &Context,
        taken: &Taken,
        mark: LogMark,
        output: &mut Output,
    ) -> Result<Exit, CliError> {
        let patience = self.target.timeout.unwrap_or(RELOAD_PATIENCE);
        let said = mark.wait_for(&["configuration reloaded", "the configuration cannot be used"], patience).await;
        match said {
            Some(line) if line.contains("configuration reloaded") => {
                if output.is_json() {
                    let mut document = taken.document(Verb::Reload, "reloaded");
                    document["log"] = json!(line);
                    output.json(&document)?;
                    return Ok(Exit::Done);
                }
                tell(output, taken, "Configuration reloaded")?;
                output.field("In its log", Tone::Plain, &line)?;
                Ok(Exit::Done)
            }
            Some(line) => Err(CliError::Gateway {
                message: format!("Gateway reload refused: {line}"),
                hint: "mend the file (`openclaw config validate` checks it), then `openclaw gateway reload` again"
                    .into(),
            }),
            None => Err(not_seen(Verb::Reload, taken, "its log says nothing of it", context)),
        }
    }
}
