//! `openclaw gateway`: running a gateway, and asking about one.

mod call;
mod capability;
mod check_pairing;
mod health;
mod install;
mod order;
mod probe;
mod reload;
mod restart;
mod run;
mod status;
mod stop;
mod supervision;
mod unit;
mod ways;
mod whoami;

pub(super) use health::Health;
pub use run::Run;
pub(super) use supervision::how_to_start;

use super::{CliError, Context, Exit, Output, target::TargetArgs};

/// What `gateway` is asked for.
#[derive(Debug, clap::Subcommand)]
pub(super) enum GatewayCommand {
    Run(Box<Run>),
    Health(Health),
    Status(status::Status),
    Stop(stop::Stop),
    Restart(restart::Restart),
    Reload(reload::Reload),
    Unit(unit::Unit),
    Install(install::Install),
    Probe(probe::Probe),
    #[command(name = "whoami")]
    WhoAmI(whoami::WhoAmICommand),
    Call(call::Call),
    CheckPairing(check_pairing::CheckPairing),
}

impl GatewayCommand {
    /// Runs a command that talks to a gateway; `run` is none of them.
    ///
    /// # Errors
    /// [`CliError`] tells why it failed.
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        match self {
            Self::Run(_) => Err(CliError::usage("a gateway is run by the program itself", "openclaw gateway run")),
            Self::Health(command) => command.run(context, output).await,
            Self::Status(command) => command.run(context, output).await,
            Self::Stop(command) => command.run(context, output).await,
            Self::Restart(command) => command.run(context, output).await,
            Self::Reload(command) => command.run(context, output).await,
            Self::Unit(command) => command.run(context, output),
            Self::Install(command) => command.run(context, output),
            Self::Probe(command) => command.run(context, output).await,
            Self::WhoAmI(command) => command.run(context, output).await,
            Self::Call(command) => command.run(context, output).await,
            Self::CheckPairing(command) => command.run(context, output).await,
        }
    }

    /// Whether data is wanted as JSON.
    pub(super) fn is_json(&self) -> bool {
        match self {
            Self::Unit(command) => command.args.json,
            Self::Install(command) => command.args.json,
            _ => self.target().is_some_and(|target| target.json),
        }
    }

    /// What was typed about the gateway; `None` where none is talked to.
    pub(super) fn target(&self) -> Option<&TargetArgs> {
        match self {
            Self::Run(_) | Self::Unit(_) | Self::Install(_) => None,
            Self::Health(command) => Some(&command.target),
            Self::Status(command) => Some(&command.target),
            Self::Stop(command) => Some(&command.target),
            Self::Restart(command) => Some(&command.target),
            Self::Reload(command) => Some(&command.target),
            Self::Probe(command) => Some(&command.target),
            Self::WhoAmI(command) => Some(&command.target),
            Self::Call(command) => Some(&command.target),
            Self::CheckPairing(command) => Some(&command.target),
        }
    }
}
