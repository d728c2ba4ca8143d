//! `devices reject`, `devices remove`, `devices rename`

use super::{
    super::{CliError, Context, Exit, Output},
    DevicesArgs,
};
use crate::{device::DeviceId, protocol::RequestId};

/// Reject a pairing request
#[derive(Debug, clap::Args)]
pub(crate) struct Reject {
    /// Request id, as `devices list` shows it
    request: RequestId,
    #[command(flatten)]
    pub(super) devices: DevicesArgs,
}

impl Reject {
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let devices = self.devices.open(context, output).await?;
        let rejected = devices.reject(&self.request).await?;
        devices.close().await;
        if output.is_json() {
            output.json(&rejected)?;
        } else {
            output.line(&format!("Rejected {}", rejected.device_id))?;
        }
        Ok(Exit::Done)
    }
}

/// Remove a paired device: its tokens no longer count, and its sessions end
#[derive(Debug, clap::Args)]
pub(crate) struct Remove {
    /// Device id, in full, as `devices list` shows it
    device: DeviceId,
    #[command(flatten)]
    pub(super) devices: DevicesArgs,
}

impl Remove {
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let devices = self.devices.open(context, output).await?;
        let removed = devices.remove(self.device).await?;
        devices.close().await;
        if output.is_json() {
            output.json(&removed)?;
        } else {
            output.line(&format!("Removed {}", removed.device_id))?;
        }
        Ok(Exit::Done)
    }
}

/// Give a paired device a name that operators know it by
#[derive(Debug, clap::Args)]
pub(crate) struct Rename {
    /// Device id, in full, as `devices list` shows it
    #[arg(long, value_name = "DEVICE")]
    device: DeviceId,
    /// The name, up to 64 characters
    #[arg(long, value_name = "NAME")]
    name: String,
    #[command(flatten)]
    pub(super) devices: DevicesArgs,
}

impl Rename {
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let devices = self.devices.open(context, output).await?;
        let renamed = devices.rename(self.device, &self.name).await?;
        devices.close().await;
        if output.is_json() {
            output.json(&renamed)?;
        } else {
            output.line(&format!("Renamed {} → {}", renamed.device_id, renamed.label))?;
        }
        Ok(Exit::Done)
    }
}
