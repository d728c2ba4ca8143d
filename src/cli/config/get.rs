//! `config get`

use serde_json::{Map, Value, json};

use super::{
    super::{CliError, Context, Exit, Output, Tone, table::table, text::one_line},
    apply::overridden,
};
use crate::{
    config::{AuthMode, Effective, KeyPath, Named, Origin, generated_token, lookup},
    hint::Hint as _,
};

/// Show the value in force of a setting: from flags, environment, files or default. Without a setting: everything that is
/// set, with its source
#[derive(Debug, clap::Args)]
pub(crate) struct Get {
    /// The setting, for example `gateway.auth.token`; a secret is shown only by its own name
    #[arg(value_name = "KEY")]
    path: Option<KeyPath>,
    /// Say where the value comes from
    #[arg(long, short)]
    verbose: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Get {
    pub(super) fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let effective = Effective::read(&context.environment)?;
        if let Some(problem) = &context.problem {
            output.note(Tone::Warning, &format!("not everything can be used: {problem}"))?;
        }
        let Some(path) = self.path else { return list(&effective, output) };
        let Some(found) = effective.get(&path) else { return Err(unset(context, &path, &effective)) };
        if output.is_json() {
            output.json(&found.value)?;
        } else {
            match &found.value {
                Value::String(text) => output.line(text)?,
                value @ (Value::Object(_) | Value::Array(_)) => output.json(value)?,
                value => output.line(&value.to_string())?,
            }
        }
        if self.verbose {
            output.note(Tone::Dim, &format!("{path} comes from {}", in_words(&found.origin)))?;
        }
        if path.setting() == "gateway.auth.token"
            && let Some(remark) = context.other_token(&found.origin)
        {
            output.note(Tone::Warning, &remark)?;
        }
        Ok(Exit::Done)
    }
}

fn list(effective: &Effective, output: &mut Output) -> Result<Exit, CliError> {
    if output.is_json() {
        let sources: Map<String, Value> =
            effective.listing().into_iter().map(|(key, found)| (key, in_words(&found.origin).into())).collect();
        output.json(&json!({ "config": effective.document(), "sources": sources }))?;
        return Ok(Exit::Done);
    }
    let rows = effective.listing();
    if rows.is_empty() {
        output.line("nothing is set: every setting has its default (openclaw config schema)")?;
        return Ok(Exit::Done);
    }
    let row = |(key, found): (String, crate::config::Found)| {
        [key, one_line(&found.value.to_string(), 120), in_words(&found.origin)]
    };
    let rows = rows.into_iter().map(row).collect();
    output.line(&table(output, ["Key", "Value", "From"], rows, Some(0)))?;
    Ok(Exit::Done)
}

fn in_words(origin: &Origin) -> String {
    match origin {
        Origin::Default => "default".into(),
        origin => origin.to_string(),
    }
}

/// No value: in the words that operators' scripts know.
fn unset(context: &Context, path: &KeyPath, effective: &Effective) -> CliError {
    let token = path.setting() == "gateway.auth.token" && effective.settings().auth.mode == AuthMode::Token;
    // One that is there and cannot be used is not made anew: a start fails on it.
    if token && let Err(error) = generated_token::read(context.state()) {
        return CliError::Usage {
            message: format!("{path} has no value that can be used: {error}"),
            hint: error.hint(),
        };
    }
    let given = overridden(&context.lock(), &path.setting()).filter(|_| token);
    let (message, hint) = match lookup(&path.setting()) {
        Named::Setting(_) if let Some(by) = given => (
            format!("{path} is not set where this command looks, and the running gateway has it from {by}"),
            format!(
                "look at {by} where the gateway is started; the local socket needs no token: openclaw devices list"
            ),
        ),
        Named::Setting(_) if token => (
            format!("Config path is valid but unset: {path}"),
            format!("the gateway makes one at its first start, in {}", context.state().generated_token().display()),
        ),
        Named::Setting(_) | Named::Inside(_) | Named::Section(_) => {
            (format!("Config path is valid but unset: {path}"), format!("openclaw config schema {}", path.setting()))
        }
        Named::Foreign | Named::Unknown => {
            (format!("Config path not found: {path}"), "openclaw config get lists what is set".into())
        }
    };
    CliError::Usage { message, hint }
}
