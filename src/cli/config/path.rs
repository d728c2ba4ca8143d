//! `config path`

use serde_json::json;

use super::super::{CliError, Context, Exit, Output, Tone};
use crate::config::{KeyPath, Named, check_writable, lookup};

/// Print the path of openclaw.json, or of the file that a setting belongs in
#[derive(Debug, clap::Args)]
pub(crate) struct PathOf {
    /// The setting, for example `gateway.trustedBridges`
    #[arg(value_name = "KEY")]
    path: Option<KeyPath>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl PathOf {
    pub(super) fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let paths = &context.paths;
        let own = self.path.as_ref().is_some_and(|path| match lookup(&path.setting()) {
            Named::Setting(setting) | Named::Inside(setting) => setting.own,
            Named::Section(settings) => settings.iter().all(|setting| setting.own),
            Named::Foreign | Named::Unknown => false,
        });
        let path = if own { &paths.own } else { &paths.config };
        if output.is_json() {
            output.json(&json!({
                "path": path,
                "exists": path.exists(),
                "writable": check_writable(path).is_ok(),
                "config": paths.config,
                "own": paths.own,
                "stateDir": paths.state.path(),
            }))?;
            return Ok(Exit::Done);
        }
        output.line(&path.display().to_string())?;
        if self.path.is_none() {
            output.note(Tone::Dim, &format!("settings that only this gateway knows: {}", paths.own.display()))?;
        }
        if let Err(error) = check_writable(path) {
            output.note(Tone::Dim, &error.to_string())?;
        }
        Ok(Exit::Done)
    }
}
