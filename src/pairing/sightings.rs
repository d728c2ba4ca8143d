//! When devices were last seen: kept in memory, since a connect must not cost a write.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::Claim;
use crate::{defaults::MAX_DEVICE_TEXT_CHARS, device::DeviceId, protocol::Role, store::Paired};

/// What a connect changes of a record without an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sighting {
    at_ms: i64,
    role: Role,
    by_device_token: bool,
    display_name: Option<String>,
    platform: Option<String>,
    remote_ip: Option<IpAddr>,
}

impl Sighting {
    pub(super) fn of(claim: &Claim, by_device_token: bool, at_ms: i64) -> Self {
        let kept = |text: &Option<String>| {
            text.as_ref().filter(|text| !text.is_empty()).map(|text| text.chars().take(MAX_DEVICE_TEXT_CHARS).collect())
        };
        Self {
            at_ms,
            role: claim.role,
            by_device_token,
            display_name: kept(&claim.display_name),
            platform: kept(&claim.platform),
            remote_ip: claim.client,
        }
    }

    /// The record with what was seen, unless it knows of something later.
    pub(super) fn on(&self, paired: &Paired) -> Option<Paired> {
        if paired.last_seen_at_ms.is_some_and(|seen| seen >= self.at_ms) {
            return None;
        }
        let mut paired = paired.clone();
        paired.last_seen_at_ms = Some(self.at_ms);
        paired.last_seen_reason = Some(if self.by_device_token { "device-token-auth" } else { "connect" }.to_owned());
        paired.display_name = self.display_name.clone().or(paired.display_name);
        paired.platform = self.platform.clone().or(paired.platform);
        paired.remote_ip = self.remote_ip.map(|address| address.to_string()).or(paired.remote_ip);
        if self.by_device_token
            && let Some(token) = paired.tokens.get_mut(&self.role)
        {
            token.last_used_at_ms = Some(self.at_ms);
        }
        Some(paired)
    }
}

/// The sightings that were not written yet. Only paired devices are in it, so it is no larger than the store.
#[derive(Debug, Default)]
pub(super) struct Sightings(Mutex<HashMap<DeviceId, Sighting>>);

impl Sightings {
    pub(super) fn note(&self, device: DeviceId, sighting: Sighting) {
        self.lock().insert(device, sighting);
    }

    pub(super) fn get(&self, device: &DeviceId) -> Option<Sighting> {
        self.lock().get(device).cloned()
    }

    pub(super) fn all(&self) -> HashMap<DeviceId, Sighting> {
        self.lock().clone()
    }

    /// Forgets what was written, unless the device was seen again meanwhile.
    pub(super) fn settle(&self, device: &DeviceId, written: &Sighting) {
        let mut sightings = self.lock();
        if sightings.get(device) == Some(written) {
            sightings.remove(device);
        }
    }

    pub(super) fn forget(&self, device: &DeviceId) {
        self.lock().remove(device);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DeviceId, Sighting>> {
        // The map is whole after every statement, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
