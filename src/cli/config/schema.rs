//! `config schema`

use super::super::{CliError, Context, Exit, Output, Tone, table::table, text::one_line};
use crate::config::{self, KeyPath, Named, Setting, lookup};

/// List the settings, or tell everything about one
#[derive(Debug, clap::Args)]
pub(crate) struct Schema {
    /// A setting or a section, for example `gateway.tls`
    #[arg(value_name = "KEY")]
    path: Option<KeyPath>,
    /// Print a JSON Schema
    #[arg(long)]
    pub(super) json: bool,
}

impl Schema {
    pub(super) fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let key = self.path.as_ref().map(KeyPath::setting);
        let named = key.as_deref().map(lookup);
        let rows = match (named, &self.path) {
            (Some(Named::Foreign | Named::Unknown), Some(path)) => {
                return Err(CliError::Usage {
                    message: format!("Config path not found: {path}"),
                    hint: "openclaw config schema lists the settings that there are".into(),
                });
            }
            (Some(Named::Setting(setting) | Named::Inside(setting)), _) if output.is_json() => {
                output.json(&setting.schema)?;
                return Ok(Exit::Done);
            }
            (Some(Named::Setting(setting) | Named::Inside(setting)), _) => {
                about(&setting, context, output)?;
                return Ok(Exit::Done);
            }
            (Some(Named::Section(settings)), _) => settings,
            (Some(_), None) | (None, _) => config::settings(),
        };
        if output.is_json() {
            output.json(&match &key {
                Some(key) => config::schema_of(key).unwrap_or_default(),
                None => config::schema(),
            })?;
            return Ok(Exit::Done);
        }
        let row = |setting: Setting| {
            let meaning = setting.description().split('\n').next().unwrap_or_default().to_owned();
            let default = setting.default().map(ToString::to_string).unwrap_or_default();
            [setting.key.clone(), one_line(&setting.expected(), 60), default, meaning]
        };
        let rows = rows.into_iter().map(row).collect();
        output.line(&table(output, ["Key", "Value", "Default", "Meaning"], rows, Some(0)))?;
        Ok(Exit::Done)
    }
}

/// Everything about one setting.
fn about(setting: &Setting, context: &Context, output: &mut Output) -> std::io::Result<()> {
    output.toned(Tone::Heading, &setting.key)?;
    output.line(setting.description())?;
    output.field("Value", Tone::Plain, &setting.expected())?;
    if let Some(default) = setting.default() {
        output.field("Default", Tone::Plain, &default.to_string())?;
    }
    output.field("File", Tone::Plain, &setting.file(&context.paths).display().to_string())?;
    let variables = setting.variables();
    if !variables.is_empty() {
        output.field("Environment", Tone::Plain, &variables.join(", "))?;
    }
    Ok(())
}
