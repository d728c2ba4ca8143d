//! The decision on a connect, applied.

use super::{
    Admission, Asked, Claim, Connecting, Decision, Grant, Pairing, PairingError, PairingReason, PairingRefusal,
    Verdict, Waiting, approval::Approval, audit, decide, events::Occurrence, request, service::Tried,
    sightings::Sighting, token,
};
use crate::{
    auth::Mechanism,
    defaults::{MAX_STORE_CONFLICTS, PAIRING_REFRESH_WRITE},
    hint,
    protocol::{ApprovedVia, Role, Scopes},
    store::{DeviceRecord, Paired, Pending, Stored, TokenRecord},
};

impl Pairing {
    /// Decides what a device that proved its key and passed authentication gets, and does what follows: approves it,
    /// makes its request, hands out its token. A connect of a device that is known and asks for nothing new writes nothing.
    ///
    /// # Errors
    /// When the store cannot be read, or has to be written and cannot. A device that can be let in without writing is.
    pub async fn judge(
        &self,
        claim: &Claim,
        grant: Grant,
        connecting: Connecting<'_>,
    ) -> Result<Verdict, PairingError> {
        for _ in 0..MAX_STORE_CONFLICTS {
            if let Some(verdict) = self.try_judge(claim, grant, connecting).await? {
                return Ok(verdict);
            }
        }
        Err(PairingError::Contended)
    }

    async fn try_judge(&self, claim: &Claim, grant: Grant, connecting: Connecting<'_>) -> Tried<Verdict> {
        let stored = self.store.get(&claim.device).await?;
        if has_ended(connecting.token, &stored, claim.role) {
            return Ok(Some(Verdict::TokenEnded));
        }
        match decide(claim, &stored.record, grant, connecting.mechanism) {
            Decision::Admit(scopes) => self.admit(claim, &stored, scopes, connecting.mechanism, None).await,
            Decision::Approve(reason) => self.approve_silently(claim, &stored, reason, connecting).await,
            Decision::AdmitAndAsk(reason, scopes) => {
                let waiting = match self.ask(claim, &stored, reason, connecting).await {
                    Ok(Some(Asked::Request(request))) => Some(Waiting { request, reason }),
                    Ok(Some(Asked::ListFull)) => None,
                    Ok(None) => return Ok(None),
                    // What was granted does not depend on whether more can be asked for.
                    Err(error) => {
                        tracing::warn!(target: "gateway", "no pairing request for device={}: {}", claim.device, hint::chain(&error));
                        None
                    }
                };
                let stored = self.store.get(&claim.device).await?;
                if has_ended(connecting.token, &stored, claim.role) {
                    return Ok(Some(Verdict::TokenEnded));
                }
                self.admit(claim, &stored, scopes, connecting.mechanism, waiting).await
            }
            Decision::Ask(reason) => {
                let Some(asked) = self.ask(claim, &stored, reason, connecting).await? else { return Ok(None) };
                let known = stored.record.paired.as_ref().filter(|paired| paired.has_key(&claim.key));
                Ok(Some(Verdict::Refused(PairingRefusal {
                    reason,
                    asked,
                    approved_roles: known.map(Paired::roles).unwrap_or_default(),
                    approved_scopes: known.map(|paired| paired.scopes.clone()).unwrap_or_default(),
                    revoked: known
                        .and_then(|paired| paired.tokens.get(&claim.role))
                        .is_some_and(TokenRecord::is_revoked),
                })))
            }
        }
    }

    async fn admit(
        &self,
        claim: &Claim,
        stored: &Stored,
        scopes: Scopes,
        mechanism: Mechanism,
        waiting: Option<Waiting>,
    ) -> Tried<Verdict> {
        // Removed since it was decided.
        let Some(paired) = &stored.record.paired else { return Ok(None) };
        let by_device_token = mechanism == Mechanism::DeviceToken;
        let now_ms = self.clock.now_ms();
        let wanted = if by_device_token { Scopes::none() } else { scopes.clone() };
        let mut with_token = None;
        if let Some(key) = &self.key {
            let fresh = || (token::fresh_generation(), now_ms);
            with_token = token::ensure(key, &claim.device, paired, claim.role, &wanted, fresh);
        }
        if let Some(changed) = &with_token {
            let record = DeviceRecord { paired: Some(changed.clone()), ..DeviceRecord::clone(&stored.record) };
            match self.set(&claim.device, stored, record).await {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(None),
                // It was approved and proved who it is; only its token has to wait until the store can be written.
                Err(error) => {
                    tracing::warn!(target: "gateway", "no token for device={}: {}", claim.device, hint::chain(&error));
                    with_token = None;
                }
            }
        }
        let record = with_token.as_ref().unwrap_or(paired).tokens.get(&claim.role);
        let token = self.key.as_ref().zip(record).and_then(|(key, record)| token::issue(key, &claim.device, record));
        self.sightings.note(claim.device, Sighting::of(claim, by_device_token, now_ms));
        Ok(Some(Verdict::Admitted(Admission { scopes, token, waiting })))
    }

    async fn approve_silently(
        &self,
        claim: &Claim,
        stored: &Stored,
        reason: PairingReason,
        connecting: Connecting<'_>,
    ) -> Tried<Verdict> {
        let now_ms = self.clock.now_ms();
        let approval = Approval { via: ApprovedVia::Silent, now_ms, generation: token::fresh_generation() };
        let pending = request::silent(claim, &stored.record, now_ms);
        let mut record = approval.of(&pending, &stored.record);
        self.seal(&claim.device, &mut record);
        let answered = stored.record.pending.as_ref().filter(|_| record.pending.is_none());
        let Some(revision) = self.set(&claim.device, stored, record.clone()).await? else { return Ok(None) };

        audit::upgrade(reason, claim, &stored.record, connecting);
        tracing::info!(target: "gateway", "device pairing auto-approved device={} role={}", claim.device, claim.role);
        let request = answered.map_or(pending.request.request_id, |answered| answered.request.request_id.clone());
        self.forget_request(&request);
        self.tell(&claim.device, Occurrence::Resolved { request, approved: true });
        let stored = Stored { record: record.into(), revision };
        self.admit(claim, &stored, claim.wanted(), connecting.mechanism, None).await
    }

    /// Makes sure that a request waits, and says which.
    async fn ask(
        &self,
        claim: &Claim,
        stored: &Stored,
        reason: PairingReason,
        connecting: Connecting<'_>,
    ) -> Tried<Asked> {
        let _one_at_a_time = self.asking.lock().await;
        let now_ms = self.clock.now_ms();
        let record = &*stored.record;
        let (pending, replaces) = match request::next(claim, record, self.waiting(record, now_ms), now_ms) {
            request::Next::Keep(id) => {
                self.note_repeat(&id, now_ms);
                self.write_repeat(claim, stored, now_ms).await;
                return Ok(Some(Asked::Request(id)));
            }
            request::Next::Make { pending, replaces } => (*pending, replaces),
        };
        let waiting = self.all_waiting().await?;
        let others = waiting.iter().filter(|(device, _)| *device != claim.device);
        if !request::has_room(claim, others.filter_map(|(_, stored)| stored.record.pending.as_ref())) {
            tracing::warn!(target: "gateway", "no pairing request for device={}: as many wait as may", claim.device);
            return Ok(Some(Asked::ListFull));
        }
        let after = DeviceRecord { pending: Some(pending.clone()), ..record.clone() };
        if self.set(&claim.device, stored, after).await?.is_none() {
            return Ok(None);
        }

        audit::upgrade(reason, claim, record, connecting);
        let id = pending.request.request_id.clone();
        tracing::info!(
            target: "gateway",
            "device pairing requested device={} role={} reason={} request={id}", claim.device, claim.role, reason.as_str(),
        );
        if let Some(request) = replaces {
            self.forget_request(&request);
            self.tell(&claim.device, Occurrence::Resolved { request, approved: false });
        }
        self.tell(&claim.device, Occurrence::Requested(Box::new(pending.request)));
        Ok(Some(Asked::Request(id)))
    }

    /// Writes that a device keeps asking, now and then. Nobody depends on it before the request would expire.
    async fn write_repeat(&self, claim: &Claim, stored: &Stored, now_ms: i64) {
        let Some(pending) = &stored.record.pending else { return };
        let written = pending.refreshed_at_ms();
        if u128::from(now_ms.saturating_sub(written).max(0).unsigned_abs()) < PAIRING_REFRESH_WRITE.as_millis() {
            return;
        }
        let pending = Pending { refreshed_at_ms: Some(now_ms), ..pending.clone() };
        let record = DeviceRecord { pending: Some(pending), ..DeviceRecord::clone(&stored.record) };
        if let Err(error) = self.set(&claim.device, stored, record).await {
            tracing::debug!(target: "gateway", "a repeated pairing request was not written: {}", hint::chain(&error));
        }
    }
}

/// The role as log lines name it where a request asks for several.
pub(super) fn roles(pending: &Pending) -> String {
    pending.roles().into_iter().map(Role::as_str).collect::<Vec<_>>().join(",")
}

/// Whether the token of the record `accepted` counts no more: who waited with it in the throttle must not be handed its successor.
fn has_ended(accepted: Option<&TokenRecord>, stored: &Stored, role: Role) -> bool {
    let now = stored.record.paired.as_ref().and_then(|paired| paired.tokens.get(&role));
    accepted.is_some_and(|accepted| !now.is_some_and(|now| !now.is_revoked() && accepted.outlived_by(now)))
}
