//! `config unset`

use super::{
    super::{CliError, Context, Exit, Output},
    set::{Edit, EditArgs, finish},
};
use crate::config::{Draft, KeyPath};

/// Take a setting out of the files: its default counts again
#[derive(Debug, clap::Args)]
pub(crate) struct Unset {
    /// The setting, for example `gateway.port`
    #[arg(value_name = "KEY")]
    path: KeyPath,
    #[command(flatten)]
    pub(super) edit: EditArgs,
}

impl Unset {
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let mut draft = Draft::new(&context.environment)?;
        let before = draft.value(&self.path);
        if !draft.unset(&self.path)? {
            let elsewhere = context.settings.origin(&self.path.setting());
            return Err(CliError::Usage {
                message: format!("Config path not found: {}", self.path),
                hint: match elsewhere {
                    crate::config::Origin::Default => "openclaw config get lists what is set".into(),
                    // An included file, a variable, the generated token.
                    origin => format!("its value comes from {origin}; change it there"),
                },
            });
        }
        let edit = Edit { path: self.path, draft, before, remarks: Vec::new() };
        finish(context, output, &self.edit, edit, "Removed").await
    }
}
