//! `openclaw devices`: which devices may connect, as what.

mod admin;
mod approve;
mod candidate;
mod clear;
mod decide;
mod list;
mod tokens;
mod watch;

pub(super) use admin::Devices;

use super::{CliError, Context, Exit, Output, Tone, Wish, reach::reach, target::TargetArgs};
use crate::{defaults::CALL_TIMEOUT, hint::Hint as _};

/// Pair devices, and manage what they may do.
#[derive(Debug, clap::Subcommand)]
pub(super) enum DevicesCommand {
    List(list::List),
    Approve(approve::Approve),
    Reject(decide::Reject),
    Remove(decide::Remove),
    Rename(decide::Rename),
    Clear(clear::Clear),
    Rotate(tokens::Rotate),
    Revoke(tokens::Revoke),
    Watch(watch::Watch),
}

/// What every `devices` command takes.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct DevicesArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Work on the files of the state directory, for when its gateway does not answer
    #[arg(long)]
    offline: bool,
}

impl DevicesArgs {
    async fn open(&self, context: &Context, output: &mut Output) -> Result<Devices, CliError> {
        let wish = Wish { files: true, offline: self.offline, timeout: CALL_TIMEOUT, ..Wish::CALL };
        let devices = Devices::open(reach(context, &self.target, wish, output).await?, context)?;
        for damage in devices.damage() {
            let file = damage.file.display();
            output.note(Tone::Warning, &format!("{file} is damaged: {}; {}", damage.problem, damage.hint()))?;
        }
        Ok(devices)
    }
}

impl DevicesCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`CliError`] tells why it failed.
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        match self {
            Self::List(command) => command.run(context, output).await,
            Self::Approve(command) => command.run(context, output).await,
            Self::Reject(command) => command.run(context, output).await,
            Self::Remove(command) => command.run(context, output).await,
            Self::Rename(command) => command.run(context, output).await,
            Self::Clear(command) => command.run(context, output).await,
            Self::Rotate(command) => command.run(context, output).await,
            Self::Revoke(command) => command.run(context, output).await,
            Self::Watch(command) => command.run(context, output).await,
        }
    }

    /// Whether it goes on until it is told to stop.
    pub(super) fn follows(&self) -> bool {
        matches!(self, Self::Watch(_))
    }

    /// What was typed about the gateway.
    pub(super) fn target(&self) -> &TargetArgs {
        &match self {
            Self::List(command) => &command.devices,
            Self::Approve(command) => &command.devices,
            Self::Reject(command) => &command.devices,
            Self::Remove(command) => &command.devices,
            Self::Rename(command) => &command.devices,
            Self::Clear(command) => &command.devices,
            Self::Rotate(command) => &command.devices,
            Self::Revoke(command) => &command.devices,
            Self::Watch(command) => &command.devices,
        }
        .target
    }
}
