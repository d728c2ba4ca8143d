//! Pairing and device tokens.

use std::sync::Arc;

use serde::{Deserialize, de::DeserializeOwned};

use super::state::no_params;
use crate::{
    auth::Mechanism,
    device::DeviceId,
    events::Hub,
    pairing::{Approver, Denial, Pairing, PairingError},
    protocol::{
        ErrorShape, Json, Request, RequestId, Role, Scopes,
        schema::{self, Kind, Object, UNBOUNDED, optional, required},
    },
    session::{Caller, Reply},
};

/// Answers methods about devices.
#[derive(Debug, Clone)]
pub struct DeviceMethods {
    /// Which devices are known.
    pub pairing: Arc<Pairing>,
    /// Which of them have a session.
    pub hub: Hub,
}

const REQUEST: Object = Object { fields: &[required("requestId", Kind::Text(1, 128))], closed: true };

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestParams {
    request_id: String,
}

const DEVICE: Object = Object { fields: &[required("deviceId", Kind::Text(1, UNBOUNDED))], closed: true };

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeviceParams {
    device_id: String,
}

const RENAME: Object = Object {
    fields: &[required("deviceId", Kind::Text(1, UNBOUNDED)), required("label", Kind::Text(1, 64))],
    closed: true,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RenameParams {
    device_id: String,
    label: String,
}

const ROTATE: Object = Object {
    fields: &[
        required("deviceId", Kind::Text(1, UNBOUNDED)),
        required("role", Kind::Text(1, UNBOUNDED)),
        optional("scopes", Kind::Texts(1)),
    ],
    closed: true,
};

const REVOKE: Object = Object {
    fields: &[required("deviceId", Kind::Text(1, UNBOUNDED)), required("role", Kind::Text(1, UNBOUNDED))],
    closed: true,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenParams {
    device_id: String,
    role: String,
    scopes: Option<Scopes>,
}

impl DeviceMethods {
    pub(super) async fn list(self, caller: Arc<Caller>, request: Request) -> Reply {
        no_params(&request.method, &request)?;
        let connected = self.hub.devices();
        let list = self.pairing.list(&approver(&caller), |device| Some(connected.contains(device))).await;
        reply(list, &caller)
    }

    pub(super) async fn approve(self, caller: Arc<Caller>, request: Request) -> Reply {
        let RequestParams { request_id } = read(&request, &REQUEST)?;
        let id = known_form::<RequestId>(&request_id, &caller, &PairingError::UnknownRequest)?;
        reply(self.pairing.approve(&approver(&caller), &id).await, &caller)
    }

    pub(super) async fn reject(self, caller: Arc<Caller>, request: Request) -> Reply {
        let RequestParams { request_id } = read(&request, &REQUEST)?;
        let id = known_form::<RequestId>(&request_id, &caller, &PairingError::UnknownRequest)?;
        reply(self.pairing.reject(&approver(&caller), &id).await, &caller)
    }

    pub(super) async fn remove(self, caller: Arc<Caller>, request: Request) -> Reply {
        let DeviceParams { device_id } = read(&request, &DEVICE)?;
        let id = known_form::<DeviceId>(&device_id, &caller, &PairingError::UnknownDevice)?;
        reply(self.pairing.remove(&approver(&caller), id).await, &caller)
    }

    pub(super) async fn rename(self, caller: Arc<Caller>, request: Request) -> Reply {
        let RenameParams { device_id, label } = read(&request, &RENAME)?;
        let id = known_form::<DeviceId>(&device_id, &caller, &PairingError::UnknownDevice)?;
        reply(self.pairing.rename(&approver(&caller), id, &label).await, &caller)
    }

    pub(super) async fn rotate(self, caller: Arc<Caller>, request: Request) -> Reply {
        let TokenParams { device_id, role, scopes } = read(&request, &ROTATE)?;
        let unknown = PairingError::RotationDenied(Denial::UnknownDeviceOrRole);
        let id = known_form::<DeviceId>(&device_id, &caller, &unknown)?;
        let role = known_form::<Role>(&role, &caller, &unknown)?;
        reply(self.pairing.rotate(&approver(&caller), id, role, scopes).await, &caller)
    }

    pub(super) async fn revoke(self, caller: Arc<Caller>, request: Request) -> Reply {
        let TokenParams { device_id, role, .. } = read(&request, &REVOKE)?;
        let unknown = PairingError::RevocationDenied(Denial::UnknownDeviceOrRole);
        let id = known_form::<DeviceId>(&device_id, &caller, &unknown)?;
        let role = known_form::<Role>(&role, &caller, &unknown)?;
        reply(self.pairing.revoke(&approver(&caller), id, role).await, &caller)
    }
}

fn read<T: DeserializeOwned>(request: &Request, shape: &Object) -> Result<T, ErrorShape> {
    schema::read(&request.method, &request.params, shape)
}

/// An id of another form than ours names nothing that is here.
fn known_form<T: std::str::FromStr>(text: &str, caller: &Caller, otherwise: &PairingError) -> Result<T, ErrorShape> {
    text.parse().map_err(|_| otherwise.to_wire(caller.dialect))
}

fn approver(caller: &Caller) -> Approver {
    let principal = &caller.principal;
    Approver {
        scopes: principal.scopes.clone(),
        device: principal.device,
        by_device_token: principal.mechanism == Mechanism::DeviceToken,
    }
}

fn reply<T: serde::Serialize>(result: Result<T, PairingError>, caller: &Caller) -> Reply {
    match result {
        Ok(value) => Ok(Json::of(&value)),
        Err(error) => Err(error.to_wire(caller.dialect)),
    }
}
