//! `devices clear`

use serde_json::json;

use super::{
    super::{CliError, Context, Exit, Output, text::count},
    DevicesArgs,
};
use crate::device::{DeviceId, Identity};

/// Remove every paired device
#[derive(Debug, clap::Args)]
pub(crate) struct Clear {
    /// Yes, every one
    #[arg(long)]
    yes: bool,
    /// Reject every waiting request as well
    #[arg(long)]
    pending: bool,
    #[command(flatten)]
    pub(super) devices: DevicesArgs,
}

impl Clear {
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        if !self.yes {
            return Err(CliError::usage(
                "Refusing to clear pairing table without --yes",
                "openclaw devices list shows what would go; then: openclaw devices clear --yes",
            ));
        }
        let devices = self.devices.open(context, output).await?;
        let list = devices.list().await?;
        let mut rejected = Vec::new();
        // Requests first: removing our own device, at the very end, ends the connection.
        if self.pending {
            for request in &list.pending {
                devices.reject(&request.request_id).await?;
                rejected.push(request.request_id.clone());
            }
        }
        let own = Identity::load(context.state()).ok().flatten().map(|identity| identity.device_id().to_string());
        let mut ids: Vec<_> = list.paired.into_iter().map(|device| device.device_id).collect();
        ids.sort_by_key(|id| Some(id) == own.as_ref());
        let mut removed = Vec::new();
        for id in ids {
            let device: DeviceId =
                id.parse().map_err(|_| CliError::usage(format!("{id} is no device id"), "openclaw doctor"))?;
            devices.remove(device).await?;
            removed.push(id);
        }
        devices.close().await;
        if output.is_json() {
            output.json(&json!({ "removedDevices": removed, "rejectedPending": rejected }))?;
        } else {
            output.line(&format!("Cleared {}", count(removed.len(), "paired device")))?;
            if self.pending {
                output.line(&format!("Rejected {}", count(rejected.len(), "pending request")))?;
            }
        }
        Ok(Exit::Done)
    }
}
