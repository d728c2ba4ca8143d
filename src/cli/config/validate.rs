//! `config validate`

use std::fmt::Display;

use serde_json::{Value, json};

use super::super::{CliError, Context, Exit, Output, Tone};
use crate::config::{Diagnosis, Located, Place, diagnose};

/// Check the configuration as a gateway does that starts; exit code 1 means that it would not
#[derive(Debug, clap::Args)]
pub(crate) struct Validate {
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Validate {
    #[allow(clippy::unused_self, reason = "every command has the same form")]
    pub(super) fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let found = diagnose(&context.environment)?;
        let valid = found.problems.is_empty();
        if output.is_json() {
            output.json(&document(context, &found))?;
        } else {
            for problem in &found.problems {
                tell(output, Tone::Bad, "error", problem, Some(problem.hint()))?;
            }
            for warning in &found.warnings {
                tell(output, Tone::Warning, "warning", warning, warning.hint())?;
            }
            let files = [&context.paths.config, &context.paths.own].map(|path| {
                let there = if path.exists() { "" } else { " (not there: nothing is set)" };
                format!("{}{there}", path.display())
            });
            let (tone, word) = if valid { (Tone::Good, "Config is valid") } else { (Tone::Bad, "Config is not valid") };
            output.toned(tone, &format!("{word}: {}", files.join(", ")))?;
        }
        Ok(if valid { Exit::Done } else { Exit::Failed })
    }
}

fn tell(output: &mut Output, tone: Tone, word: &str, what: &dyn Display, hint: Option<String>) -> std::io::Result<()> {
    output.toned(tone, &format!("{word}: {what}"))?;
    match hint {
        Some(hint) => output.line(&format!("  {hint}")),
        None => Ok(()),
    }
}

fn document(context: &Context, found: &Diagnosis) -> Value {
    let problem = |each: &Located<crate::config::Problem>| {
        entry(each.what.key.as_deref(), each.place.as_ref(), &each.what.kind, &each.what.origin, Some(&each.hint()))
    };
    let warning = |each: &Located<crate::config::Warning>| {
        entry(each.what.key.as_deref(), each.place.as_ref(), &each.what.kind, &each.what.origin, each.hint().as_deref())
    };
    json!({
        "valid": found.problems.is_empty(),
        "path": context.paths.config,
        "ownPath": context.paths.own,
        "issues": found.problems.iter().map(problem).collect::<Vec<_>>(),
        "warnings": found.warnings.iter().map(warning).collect::<Vec<_>>(),
    })
}

fn entry(
    key: Option<&str>,
    place: Option<&Place>,
    message: &dyn Display,
    origin: &dyn Display,
    hint: Option<&str>,
) -> Value {
    json!({
        "path": key.unwrap_or_default(), "message": message.to_string(), "source": origin.to_string(), "place": place, "hint": hint,
    })
}
