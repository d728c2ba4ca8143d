//! `gateway unit`: a unit of systemd for the gateway.

mod account;
mod text;

use std::path::PathBuf;

use serde_json::json;

use super::super::{CliError, Context, Exit, Output};
use crate::config::Environment;

pub(super) use account::Account;
pub(super) use text::{MARKER, UnitPlan};

/// The unit's name.
pub(super) const UNIT: &str = "openclaw.service";

/// Whose systemd runs a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manager {
    /// The machine's.
    System,
    /// The user's own.
    User,
}

impl Manager {
    /// Where the unit's file belongs; `None` for a user without a home.
    pub(super) fn path(self, environment: &Environment) -> Option<PathBuf> {
        match self {
            Self::System => Some(PathBuf::from("/etc/systemd/system").join(UNIT)),
            Self::User => {
                let configured = environment.variable("XDG_CONFIG_HOME").map(PathBuf::from);
                let base = configured.filter(|dir| dir.is_absolute());
                let base = base.or_else(|| Some(environment.home()?.join(".config")))?;
                Some(base.join("systemd/user").join(UNIT))
            }
        }
    }

    /// The name in JSON.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
        }
    }
}

/// What the unit is made for.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct UnitArgs {
    /// For the user's own systemd instead of the machine's
    #[arg(long)]
    pub(super) user: bool,
    /// The account that the gateway runs as [default: who calls, or who called sudo; for root itself one of its own]
    #[arg(long, value_name = "USER", conflicts_with = "user")]
    run_as: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Print a unit of systemd that runs the gateway
#[derive(Debug, clap::Args)]
pub(crate) struct Unit {
    #[command(flatten)]
    pub(super) args: UnitArgs,
}

impl UnitArgs {
    pub(super) const fn manager(&self) -> Manager {
        if self.user { Manager::User } else { Manager::System }
    }

    /// What the unit says, from what was typed and found.
    ///
    /// # Errors
    /// [`CliError::Usage`] where the account or this program cannot be found.
    pub(super) fn plan(&self, context: &Context) -> Result<UnitPlan, CliError> {
        let program = std::env::current_exe()?;
        let account = match self.manager() {
            Manager::User => Account::Manager,
            Manager::System => Account::choose(self.run_as.as_deref(), &context.environment)?,
        };
        Ok(UnitPlan::of(program, self.manager(), account, context))
    }
}

impl Unit {
    pub(super) fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let plan = self.args.plan(context)?;
        let manager = self.args.manager();
        if output.is_json() {
            output.json(&json!({
                "ok": true, "name": UNIT, "manager": manager.as_str(), "path": manager.path(&context.environment),
                "unit": plan.text(),
            }))?;
        } else {
            output.line(plan.text().trim_end())?;
        }
        Ok(Exit::Done)
    }
}
