//! Managing devices: over a gateway, or over the files.

use serde_json::json;
use tokio::sync::Mutex;

use super::super::{CliError, Context, Reached, Session};
use crate::{
    client::CallFailure,
    device::DeviceId,
    hint::{Hint, chain},
    pairing::{DeviceAdmin, Pairing, PairingError, open_offline},
    protocol::{
        ApproveResult, PairingList, RejectResult, RemoveResult, RenameResult, RequestId, RevokeResult, Role,
        RotateResult, Scopes,
    },
    store::Damage,
};

/// Whoever manages devices for us.
#[derive(Debug)]
pub(crate) enum Devices {
    /// A gateway.
    Gateway(Box<GatewayDevices>),
    /// The gateway's own code over its files.
    Files(Box<Pairing>),
}

/// A gateway's `device.*` methods.
#[derive(Debug)]
pub(crate) struct GatewayDevices(Mutex<Session>);

impl GatewayDevices {
    async fn call<T: serde::de::DeserializeOwned>(
        &self,
        method: &str,
        params: serde_json::Value,
    ) -> Result<T, CliError> {
        self.0.lock().await.call(method, Some(&params)).await
    }
}

impl DeviceAdmin for GatewayDevices {
    type Error = CliError;

    async fn list(&self) -> Result<PairingList, CliError> {
        self.call("device.pair.list", json!({})).await
    }

    async fn approve(&self, request: &RequestId) -> Result<ApproveResult, CliError> {
        self.call("device.pair.approve", json!({ "requestId": request })).await
    }

    async fn reject(&self, request: &RequestId) -> Result<RejectResult, CliError> {
        self.call("device.pair.reject", json!({ "requestId": request })).await
    }

    async fn remove(&self, device: DeviceId) -> Result<RemoveResult, CliError> {
        self.call("device.pair.remove", json!({ "deviceId": device })).await
    }

    async fn rename(&self, device: DeviceId, label: &str) -> Result<RenameResult, CliError> {
        self.call("device.pair.rename", json!({ "deviceId": device, "label": label })).await
    }

    async fn rotate(&self, device: DeviceId, role: Role, scopes: Option<Scopes>) -> Result<RotateResult, CliError> {
        let mut params = json!({ "deviceId": device, "role": role });
        if let Some(scopes) = scopes {
            params["scopes"] = json!(scopes);
        }
        self.call("device.token.rotate", params).await
    }

    async fn revoke(&self, device: DeviceId, role: Role) -> Result<RevokeResult, CliError> {
        self.call("device.token.revoke", json!({ "deviceId": device, "role": role })).await
    }
}

impl From<PairingError> for CliError {
    fn from(error: PairingError) -> Self {
        Self::Files { message: chain(&error), hint: error.hint() }
    }
}

impl Devices {
    /// Takes the way that was found.
    ///
    /// # Errors
    /// The files cannot be read.
    pub(crate) fn open(reached: Reached, context: &Context) -> Result<Self, CliError> {
        match reached {
            Reached::Gateway(session) => Ok(Self::Gateway(Box::new(GatewayDevices(Mutex::new(*session))))),
            Reached::Files => {
                let pairing = open_offline(context.state())
                    .map_err(|error| CliError::Files { message: chain(&error), hint: error.hint() })?;
                Ok(Self::Files(Box::new(pairing)))
            }
        }
    }

    /// Files that cannot be read whole, so that what they hold is missing. A gateway tells of them in its log.
    pub(crate) fn damage(&self) -> Vec<Damage> {
        match self {
            Self::Gateway(_) => Vec::new(),
            Self::Files(files) => files.report().damage,
        }
    }

    /// Waiting requests and paired devices.
    ///
    /// # Errors
    /// [`CliError`].
    pub(crate) async fn list(&self) -> Result<PairingList, CliError> {
        match self {
            Self::Gateway(gateway) => gateway.list().await,
            Self::Files(files) => Ok(DeviceAdmin::list(&**files).await?),
        }
    }

    /// Approves a request.
    ///
    /// # Errors
    /// [`CliError`].
    pub(crate) async fn approve(&self, request: &RequestId) -> Result<ApproveResult, CliError> {
        match self {
            Self::Gateway(gateway) => gateway.approve(request).await,
            Self::Files(files) => Ok(DeviceAdmin::approve(&**files, request).await?),
        }
        .map_err(|error| unknown(error, "requestId", request.as_str()))
    }

    /// Turns a request down.
    ///
    /// # Errors
    /// [`CliError`].
    pub(crate) async fn reject(&self, request: &RequestId) -> Result<RejectResult, CliError> {
        match self {
            Self::Gateway(gateway) => gateway.reject(request).await,
            Self::Files(files) => Ok(DeviceAdmin::reject(&**files, request).await?),
        }
        .map_err(|error| unknown(error, "requestId", request.as_str()))
    }

    /// Removes a paired device.
    ///
    /// # Errors
    /// [`CliError`].
    pub(crate) async fn remove(&self, device: DeviceId) -> Result<RemoveResult, CliError> {
        match self {
            Self::Gateway(gateway) => gateway.remove(device).await,
            Self::Files(files) => Ok(DeviceAdmin::remove(&**files, device).await?),
        }
        .map_err(|error| unknown(error, "deviceId", &device.to_string()))
    }

    /// Names a paired device.
    ///
    /// # Errors
    /// [`CliError`].
    pub(crate) async fn rename(&self, device: DeviceId, label: &str) -> Result<RenameResult, CliError> {
        match self {
            Self::Gateway(gateway) => gateway.rename(device, label).await,
            Self::Files(files) => Ok(DeviceAdmin::rename(&**files, device, label).await?),
        }
        .map_err(|error| unknown(error, "deviceId", &device.to_string()))
    }

    /// Replaces a token.
    ///
    /// # Errors
    /// [`CliError`].
    pub(crate) async fn rotate(
        &self,
        device: DeviceId,
        role: Role,
        scopes: Option<Scopes>,
    ) -> Result<RotateResult, CliError> {
        match self {
            Self::Gateway(gateway) => gateway.rotate(device, role, scopes).await,
            Self::Files(files) => Ok(DeviceAdmin::rotate(&**files, device, role, scopes).await?),
        }
    }

    /// Revokes a token.
    ///
    /// # Errors
    /// [`CliError`].
    pub(crate) async fn revoke(&self, device: DeviceId, role: Role) -> Result<RevokeResult, CliError> {
        match self {
            Self::Gateway(gateway) => gateway.revoke(device, role).await,
            Self::Files(files) => Ok(DeviceAdmin::revoke(&**files, device, role).await?),
        }
    }

    /// Ends the connection, where there is one.
    pub(crate) async fn close(self) {
        if let Self::Gateway(gateway) = self {
            gateway.0.into_inner().close().await;
        }
    }
}

/// An id that nobody knows gets an error that says how to find the right one.
fn unknown(error: CliError, what: &str, id: &str) -> CliError {
    let said = match &error {
        CliError::Call(call) => match &call.failure {
            CallFailure::Refused(refusal) => refusal.message.as_str(),
            _ => return error,
        },
        CliError::Files { message, .. } => message.as_str(),
        _ => return error,
    };
    if said != format!("unknown {what}") {
        return error;
    }
    let thing = if what == "requestId" { "pending device request" } else { "paired device" };
    CliError::Usage {
        message: format!("No {thing} matches {id} ({said})."),
        hint: "openclaw devices list shows the current ids, in full".into(),
    }
}
