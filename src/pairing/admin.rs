//! What operators do with requests and devices.

use super::{
    Approver, InvalidLabel, Pairing, PairingError, approval::Approval, audit, events::Occurrence, judge::roles,
    service::Tried, token,
};
use crate::{
    defaults::{MAX_LABEL_CHARS, MAX_STORE_CONFLICTS},
    device::DeviceId,
    events::InvalidateReason,
    protocol::{
        ApproveResult, ApprovedVia, PairedDevice, PairingList, RejectResult, RemoveResult, RenameResult, RequestId,
        Role,
    },
    store::{DeviceRecord, Paired, Pending, Refused, Stored},
};

impl Pairing {
    /// The waiting requests, newest first, and the paired devices, last approved first, as far as the caller may see them.
    /// `connected` says whether a device has a session, where that is known.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list(
        &self,
        caller: &Approver,
        connected: impl Fn(&DeviceId) -> Option<bool> + Send,
    ) -> Result<PairingList, PairingError> {
        let now_ms = self.clock.now_ms();
        let mut list = PairingList::default();
        for (device, stored) in self.store.list().await? {
            if !caller.manages(&device) {
                continue;
            }
            if let Some(pending) = self.waiting(&stored.record, now_ms) {
                list.pending.push(pending.request.clone());
            }
            if let Some(paired) = &stored.record.paired {
                list.paired.push(PairedDevice { connected: connected(&device), ..self.as_seen(&device, paired) });
            }
        }
        list.pending.sort_by(|one, other| (other.ts, &other.request_id).cmp(&(one.ts, &one.request_id)));
        list.paired
            .sort_by(|one, other| (other.approved_at_ms, &one.device_id).cmp(&(one.approved_at_ms, &other.device_id)));
        Ok(list)
    }

    /// Approves a request. The caller must hold every scope that the device has afterwards; for another role than operator
    /// it must be an administrator.
    ///
    /// # Errors
    /// The request does not wait, the caller may not approve it, or the store failed.
    pub async fn approve(&self, caller: &Approver, request: &RequestId) -> Result<ApproveResult, PairingError> {
        for _ in 0..MAX_STORE_CONFLICTS {
            if let Some(result) = self.try_approve(caller, request).await? {
                return Ok(result);
            }
        }
        Err(PairingError::Contended)
    }

    async fn try_approve(&self, caller: &Approver, request: &RequestId) -> Tried<ApproveResult> {
        let Some((device, stored, pending)) = self.find(request).await? else {
            // Whoever may not decide on every request does not learn which ones there are.
            return Err(if caller.is_admin() { PairingError::UnknownRequest } else { PairingError::ApprovalDenied });
        };
        if let Err(error) = may_approve(caller, &device, &stored.record, &pending) {
            tracing::warn!(target: "gateway", "device pairing approval denied device={device} role={}", roles(&pending));
            return Err(error);
        }
        let approval =
            Approval { via: ApprovedVia::Owner, now_ms: self.clock.now_ms(), generation: token::fresh_generation() };
        let mut record = approval.of(&pending, &stored.record);
        self.seal(&device, &mut record);
        let Some(paired) = record.paired.clone() else { return Err(PairingError::UnknownDevice) };
        if self.set(&device, &stored, record).await?.is_none() {
            return Ok(None);
        }
        tracing::info!(target: "gateway", "device pairing approved device={device} role={}", roles(&pending));
        self.resolved(&device, request, true);
        Ok(Some(ApproveResult { request_id: request.clone(), device: self.as_seen(&device, &paired) }))
    }

    /// Turns a request down. Its device is not told; it is never approved silently until somebody approves it.
    ///
    /// # Errors
    /// The request does not wait, the caller may not decide on it, or the store failed.
    pub async fn reject(&self, caller: &Approver, request: &RequestId) -> Result<RejectResult, PairingError> {
        for _ in 0..MAX_STORE_CONFLICTS {
            let (device, stored, _) = self.find(request).await?.ok_or(PairingError::UnknownRequest)?;
            if !caller.manages(&device) {
                return Err(PairingError::RejectionDenied);
            }
            let refused = Some(self.refused(&stored));
            let record = DeviceRecord { pending: None, refused, paired: stored.record.paired.clone() };
            if self.set(&device, &stored, record).await?.is_some() {
                tracing::info!(target: "gateway", "device pairing rejected device={device}");
                self.resolved(&device, request, false);
                return Ok(RejectResult { request_id: request.clone(), device_id: device.to_string() });
            }
        }
        Err(PairingError::Contended)
    }

    /// A refusal that is later than the approval of the record, whatever a clock that was set meanwhile says: the later one
    /// settles the other.
    fn refused(&self, stored: &Stored) -> Refused {
        let approved_at = stored.record.paired.as_ref().map(|paired| paired.approved_at_ms);
        Refused::at(self.clock.now_ms().max(approved_at.unwrap_or_default()))
    }

    /// Removes a paired device: its tokens stop counting, its sessions end, its request goes. If it comes back, it is a new
    /// device; but one whose token was revoked is never approved silently again.
    ///
    /// # Errors
    /// The device is not paired, the caller may not remove it, or the store failed.
    pub async fn remove(&self, caller: &Approver, device: DeviceId) -> Result<RemoveResult, PairingError> {
        for _ in 0..MAX_STORE_CONFLICTS {
            let (stored, paired) = self.known(&device).await?;
            if !caller.manages(&device) {
                return Err(PairingError::RemovalDenied);
            }
            let refused = match &stored.record.refused {
                None => paired.has_revocation().then(|| self.refused(&stored)),
                mark => mark.clone(),
            };
            let record = DeviceRecord { refused, ..DeviceRecord::default() };
            if self.set(&device, &stored, record).await?.is_some() {
                tracing::info!(target: "gateway", "device pairing removed device={device}");
                self.sightings.forget(&device);
                if let Some(pending) = &stored.record.pending {
                    self.resolved(&device, &pending.request.request_id, false);
                }
                self.tell(&device, Occurrence::Ended { role: None, why: InvalidateReason::Removed });
                return Ok(RemoveResult { device_id: device.to_string() });
            }
        }
        Err(PairingError::Contended)
    }

    /// Gives a paired device the name by which operators know it.
    ///
    /// # Errors
    /// The text is no label, the device is not paired, the caller may not name it, or the store failed.
    pub async fn rename(&self, caller: &Approver, device: DeviceId, label: &str) -> Result<RenameResult, PairingError> {
        let label = parse_label(label)?;
        for _ in 0..MAX_STORE_CONFLICTS {
            let (stored, mut paired) = self.known(&device).await?;
            if !caller.manages(&device) {
                return Err(PairingError::RenameDenied);
            }
            paired.operator_label = Some(label.to_owned());
            let record = DeviceRecord { paired: Some(paired), ..DeviceRecord::clone(&stored.record) };
            if self.set(&device, &stored, record).await?.is_some() {
                tracing::info!(target: "gateway", "device pairing renamed device={device} label={}", audit::field(label));
                self.tell(&device, Occurrence::Changed);
                return Ok(RenameResult { device_id: device.to_string(), label: label.to_owned() });
            }
        }
        Err(PairingError::Contended)
    }

    /// The device that waits with this request.
    async fn find(&self, request: &RequestId) -> Result<Option<(DeviceId, Stored, Pending)>, PairingError> {
        let waiting = self.all_waiting().await?;
        Ok(waiting.into_iter().find_map(|(device, stored)| {
            let pending = stored.record.pending.clone().filter(|pending| pending.request.request_id == *request)?;
            Some((device, stored, pending))
        }))
    }

    async fn known(&self, device: &DeviceId) -> Result<(Stored, Paired), PairingError> {
        let stored = self.store.get(device).await?;
        let paired = stored.record.paired.clone().ok_or(PairingError::UnknownDevice)?;
        Ok((stored, paired))
    }

    fn resolved(&self, device: &DeviceId, request: &RequestId, approved: bool) {
        self.forget_request(request);
        self.tell(device, Occurrence::Resolved { request: request.clone(), approved });
    }

    /// A device as it is on the wire, with what was seen of it since it was written.
    fn as_seen(&self, device: &DeviceId, paired: &Paired) -> PairedDevice {
        let seen = self.sightings.get(device).and_then(|sighting| sighting.on(paired));
        seen.as_ref().unwrap_or(paired).to_wire()
    }
}

fn may_approve(
    caller: &Approver,
    device: &DeviceId,
    record: &DeviceRecord,
    pending: &Pending,
) -> Result<(), PairingError> {
    let other_role = pending.roles().into_iter().any(|role| role != Role::Operator);
    if !caller.manages(device) || (other_role && !caller.is_admin()) {
        return Err(PairingError::ApprovalDenied);
    }
    let held = record.paired.as_ref().map(|paired| paired.scopes.clone()).unwrap_or_default();
    match pending.scopes().union(&held).iter().find(|scope| !caller.holds(scope)) {
        Some(missing) => Err(PairingError::MissingScope(missing.clone())),
        None => Ok(()),
    }
}

fn parse_label(text: &str) -> Result<&str, InvalidLabel> {
    let label = text.trim();
    // Besides control characters, those that turn the direction of what follows: a label stands in tables.
    let bends = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let fits = (1..=MAX_LABEL_CHARS).contains(&label.chars().count());
    if fits && !label.chars().any(|c| c.is_control() || bends(c)) { Ok(label) } else { Err(InvalidLabel) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels() {
        let long = "é".repeat(MAX_LABEL_CHARS);
        for (text, label) in [
            (" kitchen ", Some("kitchen")),
            ("Küche 2 · \u{1f980}", Some("Küche 2 · \u{1f980}")),
            (long.as_str(), Some(long.as_str())),
            ("", None),
            (" \t ", None),
            (&format!("{long}é"), None),
            ("a\u{1b}[31m", None),
            ("a\nb", None),
            ("a\u{202e}b", None),
        ] {
            assert_eq!(parse_label(text).ok(), label, "{text:?}");
        }
    }
}
