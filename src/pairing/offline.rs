//! Managing devices without a gateway, over its files.

use std::{future::Future, sync::Arc};

use super::{Approver, Pairing, PairingError, events::NoEvents};
use crate::{
    device::DeviceId,
    hint::Hint,
    protocol::{
        ApproveResult, PairingList, RejectResult, RemoveResult, RenameResult, RequestId, RevokeResult, Role,
        RotateResult, Scopes,
    },
    state::StateDir,
    store::{FileStore, StoreError, Use},
};

/// What `openclaw devices` does, over the protocol or over the files.
pub trait DeviceAdmin: Send + Sync {
    /// Why it could not.
    type Error: std::error::Error + Hint + Send + Sync + 'static;

    /// Waiting requests and paired devices.
    fn list(&self) -> impl Future<Output = Result<PairingList, Self::Error>> + Send;
    /// Approves a request.
    fn approve(&self, request: &RequestId) -> impl Future<Output = Result<ApproveResult, Self::Error>> + Send;
    /// Turns a request down.
    fn reject(&self, request: &RequestId) -> impl Future<Output = Result<RejectResult, Self::Error>> + Send;
    /// Removes a paired device.
    fn remove(&self, device: DeviceId) -> impl Future<Output = Result<RemoveResult, Self::Error>> + Send;
    /// Names a paired device.
    fn rename(&self, device: DeviceId, label: &str) -> impl Future<Output = Result<RenameResult, Self::Error>> + Send;
    /// Replaces a token.
    fn rotate(
        &self,
        device: DeviceId,
        role: Role,
        scopes: Option<Scopes>,
    ) -> impl Future<Output = Result<RotateResult, Self::Error>> + Send;
    /// Revokes a token.
    fn revoke(&self, device: DeviceId, role: Role) -> impl Future<Output = Result<RevokeResult, Self::Error>> + Send;
}

/// The service itself, as whoever can write the state directory.
impl DeviceAdmin for Pairing {
    type Error = PairingError;

    async fn list(&self) -> Result<PairingList, PairingError> {
        self.list(&Approver::owner(), |_| None).await
    }

    async fn approve(&self, request: &RequestId) -> Result<ApproveResult, PairingError> {
        self.approve(&Approver::owner(), request).await
    }

    async fn reject(&self, request: &RequestId) -> Result<RejectResult, PairingError> {
        self.reject(&Approver::owner(), request).await
    }

    async fn remove(&self, device: DeviceId) -> Result<RemoveResult, PairingError> {
        self.remove(&Approver::owner(), device).await
    }

    async fn rename(&self, device: DeviceId, label: &str) -> Result<RenameResult, PairingError> {
        self.rename(&Approver::owner(), device, label).await
    }

    async fn rotate(&self, device: DeviceId, role: Role, scopes: Option<Scopes>) -> Result<RotateResult, PairingError> {
        self.rotate(&Approver::owner(), device, role, scopes).await
    }

    async fn revoke(&self, device: DeviceId, role: Role) -> Result<RevokeResult, PairingError> {
        self.revoke(&Approver::owner(), device, role).await
    }
}

/// The service over the files of a state directory, without a gateway. It takes nothing but the lock on the device files,
/// for the time of one change, and a gateway that runs notices what it does. Blocks on the file system.
///
/// # Errors
/// When the files cannot be read.
pub fn open_offline(state: &StateDir) -> Result<Pairing, StoreError> {
    let store = FileStore::open(state, Use::Offline)?;
    Ok(Pairing::over(Arc::new(store), None, Arc::new(NoEvents)))
}
