//! `openclaw config`: reading and changing settings without losing anything else that stands in the files.

mod apply;
mod get;
mod path;
mod schema;
mod set;
#[cfg(test)]
mod tests;
mod unset;
mod validate;
mod value;

pub(super) use self::{
    apply::overridden,
    set::{contradiction, refusal},
};
use super::{CliError, Context, Exit, Output};
use crate::{
    config::{DraftError, KeyPath},
    hint::{Hint, chain},
};

/// Read and change settings
#[derive(Debug, clap::Subcommand)]
pub(super) enum ConfigCommand {
    Get(get::Get),
    Set(set::Set),
    Unset(unset::Unset),
    Validate(validate::Validate),
    #[command(alias = "file")]
    Path(path::PathOf),
    Schema(schema::Schema),
}

impl ConfigCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`CliError`] tells why it failed.
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        match self {
            Self::Get(command) => command.run(context, output),
            Self::Set(command) => command.run(context, output).await,
            Self::Unset(command) => command.run(context, output).await,
            Self::Validate(command) => command.run(context, output),
            Self::Path(command) => command.run(context, output),
            Self::Schema(command) => command.run(context, output),
        }
    }

    /// Whether JSON is wanted.
    pub(super) fn json(&self) -> bool {
        match self {
            Self::Get(command) => command.json,
            Self::Set(command) => command.edit.json,
            Self::Unset(command) => command.edit.json,
            Self::Validate(command) => command.json,
            Self::Path(command) => command.json,
            Self::Schema(command) => command.json,
        }
    }
}

/// Has the gateway that runs go by an edit, and says in one line what became of it.
pub(super) async fn tell_gateway(context: &Context, path: &KeyPath) -> String {
    apply::apply(context, path).await.text()
}

impl From<DraftError> for CliError {
    fn from(error: DraftError) -> Self {
        Self::Files { message: chain(&error), hint: error.hint() }
    }
}
