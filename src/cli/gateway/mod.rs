//! `openclaw gateway`: running a gateway, and asking about one.

mod call;
mod facts;
mod health;
mod probe;
mod report;
mod run;
mod status;
mod whoami;

pub(super) use health::Health;
pub use run::Run;

use super::{CliError, Context, Exit, Output, target::TargetArgs};

/// What `gateway` is asked for.
#[derive(Debug, clap::Subcommand)]
pub(super) enum GatewayCommand {
    Run(Box<Run>),
    Health(Health),
    Status(status::Status),
    Probe(probe::Probe),
    #[command(name = "whoami")]
    WhoAmI(whoami::WhoAmICommand),
    Call(call::Call),
}

impl GatewayCommand {
    /// Runs a command that talks to a gateway; `run` is none of them.
    ///
    /// # Errors
    /// [`CliError`] tells why it failed.
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        match self {
            Self::Run(_) => Err(CliError::usage("a gateway is run by the program itself")),
            Self::Health(command) => command.run(context, output).await,
            Self::Status(command) => command.run(context, output).await,
            Self::Probe(command) => command.run(context, output).await,
            Self::WhoAmI(command) => command.run(context, output).await,
            Self::Call(command) => command.run(context, output).await,
        }
    }

    /// What was typed about the gateway; `None` for `run`.
    pub(super) fn target(&self) -> Option<&TargetArgs> {
        match self {
            Self::Run(_) => None,
            Self::Health(command) => Some(&command.target),
            Self::Status(command) => Some(&command.target),
            Self::Probe(command) => Some(&command.target),
            Self::WhoAmI(command) => Some(&command.target),
            Self::Call(command) => Some(&command.target),
        }
    }
}
