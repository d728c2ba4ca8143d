//! `devices rotate`, `devices revoke`

use super::{
    super::{CliError, Context, Exit, Output},
    DevicesArgs,
};
use crate::{
    device::DeviceId,
    protocol::{Role, Scope},
};

/// Whose token.
#[derive(Debug, clap::Args)]
struct Whose {
    /// Device id, in full, as `devices list` shows it
    #[arg(long, value_name = "DEVICE")]
    device: Option<DeviceId>,
    /// The role that the token serves: operator or node
    #[arg(long, value_name = "ROLE")]
    role: Option<Role>,
}

impl Whose {
    fn token(&self) -> Result<(DeviceId, Role), CliError> {
        self.device.zip(self.role).ok_or_else(|| CliError::Usage {
            message: "--device and --role required".into(),
            hint: "openclaw devices list shows both".into(),
        })
    }
}

/// Replace a device's token: the device gets the new one when it next connects
#[derive(Debug, clap::Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    whose: Whose,
    /// What the new token permits; repeat it for several scopes. Without it: what the old one permitted
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// The new token permits nothing
    #[arg(long, conflicts_with = "scopes")]
    no_scopes: bool,
    #[command(flatten)]
    pub(super) devices: DevicesArgs,
}

impl Rotate {
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let (device, role) = self.whose.token()?;
        let named = self.no_scopes || !self.scopes.is_empty();
        let scopes = named.then(|| self.scopes.into_iter().map(Scope::new).collect());
        let devices = self.devices.open(context, output).await?;
        let rotated = devices.rotate(device, role, scopes).await?;
        devices.close().await;
        output.json(&rotated)?;
        Ok(Exit::Done)
    }
}

/// Revoke a device's token: its sessions in that role end, and it is not let in until its next request is approved
#[derive(Debug, clap::Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    pub(super) devices: DevicesArgs,
}

impl Revoke {
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let (device, role) = self.whose.token()?;
        let devices = self.devices.open(context, output).await?;
        let revoked = devices.revoke(device, role).await?;
        devices.close().await;
        output.json(&revoked)?;
        Ok(Exit::Done)
    }
}
