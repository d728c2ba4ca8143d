//! Replacing and revoking device tokens.

use secrecy::ExposeSecret as _;

use super::{Approver, Denial, Pairing, PairingError, audit, events::Occurrence, service::Tried, token};
use crate::{
    defaults::MAX_STORE_CONFLICTS,
    device::DeviceId,
    events::InvalidateReason,
    protocol::{RevokeResult, Role, RotateResult, Scopes, TokenDelivery},
    store::{DeviceRecord, Paired, Stored, TokenRecord, scopes_of},
};

impl Pairing {
    /// Replaces the token of `device` for `role`, and what it permits where `scopes` says so: no more than was approved, and
    /// no more than the caller holds. The sessions of the role end; the device gets the new token at its next connect with
    /// another credential, or here and now if it is the caller.
    ///
    /// # Errors
    /// It is denied, or the store failed.
    pub async fn rotate(
        &self,
        caller: &Approver,
        device: DeviceId,
        role: Role,
        scopes: Option<Scopes>,
    ) -> Result<RotateResult, PairingError> {
        for _ in 0..MAX_STORE_CONFLICTS {
            if let Some(result) = self.try_rotate(caller, &device, role, scopes.as_ref()).await? {
                return Ok(result);
            }
        }
        Err(PairingError::Contended)
    }

    async fn try_rotate(
        &self,
        caller: &Approver,
        device: &DeviceId,
        role: Role,
        scopes: Option<&Scopes>,
    ) -> Tried<RotateResult> {
        let stored = self.store.get(device).await?;
        let allowed = rotation(caller, device, stored.record.paired.as_ref(), role, scopes);
        let (mut paired, scopes) = allowed.map_err(|denial| {
            tracing::warn!(target: "gateway", "device token rotation denied device={device} role={role} reason={denial}");
            PairingError::RotationDenied(denial)
        })?;
        let now_ms = self.clock.now_ms();
        let generation = token::fresh_generation();
        let record = paired.tokens.entry(role).or_insert_with(|| TokenRecord::new(role, &scopes, generation, now_ms));
        record.rotate(generation, now_ms);
        record.scopes = scopes;
        let Some(record) = self.replace_token(device, &stored, paired, role).await? else { return Ok(None) };

        tracing::info!(
            target: "gateway",
            "device token rotated device={device} role={role} scopes={}", audit::field(&record.scopes.join()),
        );
        self.tell(device, Occurrence::Ended { role: Some(role), why: InvalidateReason::Rotated });
        let itself = caller.by_device_token && caller.device.as_ref() == Some(device);
        let secret = itself.then(|| self.secret(device, &record)).flatten();
        Ok(Some(RotateResult {
            device_id: device.to_string(),
            role,
            scopes: record.scopes,
            rotated_at_ms: now_ms,
            token_delivery: Some(match secret {
                Some(_) => TokenDelivery::InBand,
                None => TokenDelivery::WithheldCrossDevice,
            }),
            token: secret.map(|secret| secret.expose_secret().to_owned()),
        }))
    }

    /// Revokes the token of `device` for `role`: the role counts as not approved from now on, and is not approved silently
    /// again. The sessions of the role end. A token that is revoked already stays so.
    ///
    /// # Errors
    /// It is denied, or the store failed.
    pub async fn revoke(&self, caller: &Approver, device: DeviceId, role: Role) -> Result<RevokeResult, PairingError> {
        for _ in 0..MAX_STORE_CONFLICTS {
            if let Some(revoked_at_ms) = self.try_revoke(caller, &device, role).await? {
                return Ok(RevokeResult { device_id: device.to_string(), role, revoked_at_ms });
            }
        }
        Err(PairingError::Contended)
    }

    async fn try_revoke(&self, caller: &Approver, device: &DeviceId, role: Role) -> Tried<i64> {
        let stored = self.store.get(device).await?;
        let mut paired = revocation(caller, device, stored.record.paired.as_ref(), role).map_err(|denial| {
            tracing::warn!(target: "gateway", "device token revocation denied device={device} role={role} reason={denial}");
            PairingError::RevocationDenied(denial)
        })?;
        let now_ms = self.clock.now_ms();
        let scopes = paired.approved(role);
        let record = paired
            .tokens
            .entry(role)
            .or_insert_with(|| TokenRecord::new(role, &scopes, token::fresh_generation(), now_ms));
        if let Some(earlier) = record.revoked_at_ms {
            return Ok(Some(earlier));
        }
        record.revoked_at_ms = Some(now_ms);
        if self.replace_token(device, &stored, paired, role).await?.is_none() {
            return Ok(None);
        }
        tracing::info!(target: "gateway", "device token revoked device={device} role={role}");
        self.tell(device, Occurrence::Ended { role: Some(role), why: InvalidateReason::Revoked });
        Ok(Some(now_ms))
    }

    async fn replace_token(
        &self,
        device: &DeviceId,
        stored: &Stored,
        paired: Paired,
        role: Role,
    ) -> Tried<TokenRecord> {
        let mut record = DeviceRecord { paired: Some(paired), ..DeviceRecord::clone(&stored.record) };
        self.seal(device, &mut record);
        let token = record.paired.as_ref().and_then(|paired| paired.tokens.get(&role)).cloned();
        Ok(self.set(device, stored, record).await?.and(token))
    }
}

/// The record and the scopes of its new token, where the caller may replace the token.
fn rotation(
    caller: &Approver,
    device: &DeviceId,
    paired: Option<&Paired>,
    role: Role,
    scopes: Option<&Scopes>,
) -> Result<(Paired, Scopes), Denial> {
    let paired = managed(caller, device, paired, role)?;
    if !paired.has_role(role) {
        return Err(Denial::UnknownDeviceOrRole);
    }
    let approved = paired.approved(role);
    let wanted = match scopes {
        None => paired.tokens.get(&role).map_or_else(|| approved.clone(), |token| token.scopes.clone()),
        Some(scopes) if approved.is_empty() && !scopes.is_empty() => return Err(Denial::MissingApprovedScopeBaseline),
        Some(scopes) => scopes.clone(),
    };
    if let Some(outside) = wanted.iter().find(|scope| !approved.cover(scope)) {
        // What the token permits by an older record is no reason to refuse its replacement; it is left out.
        if scopes.is_some() {
            return Err(Denial::ScopeOutsideApprovedBaseline(outside.clone()));
        }
    }
    let within: Scopes = scopes_of(role, &wanted).iter().filter(|scope| approved.cover(scope)).cloned().collect();
    let new = within.expanded();
    match new.iter().find(|scope| !caller.holds(scope)) {
        Some(missing) => Err(Denial::CallerMissingScope(missing.clone())),
        None => Ok((paired.clone(), new)),
    }
}

/// The record, where the caller may revoke the token.
fn revocation(caller: &Approver, device: &DeviceId, paired: Option<&Paired>, role: Role) -> Result<Paired, Denial> {
    let paired = managed(caller, device, paired, role)?;
    let permits = paired.tokens.get(&role).map(|token| token.scopes.clone()).unwrap_or_default();
    match permits.iter().find(|scope| !caller.holds(scope)) {
        Some(missing) => Err(Denial::CallerMissingScope(missing.clone())),
        None => Ok(paired.clone()),
    }
}

/// The record, where the caller may manage the tokens of its role.
fn managed<'a>(
    caller: &Approver,
    device: &DeviceId,
    paired: Option<&'a Paired>,
    role: Role,
) -> Result<&'a Paired, Denial> {
    if !caller.manages(device) {
        return Err(Denial::DeviceOwnershipMismatch);
    }
    if role != Role::Operator && !caller.is_admin() {
        return Err(Denial::RoleManagementRequiresAdmin);
    }
    paired.filter(|paired| paired.roles().contains(&role)).ok_or(Denial::UnknownDeviceOrRole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{device, paired, scopes};

    fn operator(names: &str) -> Approver {
        Approver { scopes: scopes(names), device: None, by_device_token: false }
    }

    fn by_token(number: u32, names: &str) -> Approver {
        Approver { scopes: scopes(names), device: Some(device(number)), by_device_token: true }
    }

    #[test]
    fn who_may_replace_which_token() {
        use Denial as D;
        let scope = |name| scopes(name).iter().next().unwrap().clone();
        let ok = |names| Ok(scopes(names));
        #[rustfmt::skip]
        let rows = [
            // caller                   approved   role             scopes            outcome
            (Approver::owner(),         "admin",   Role::Operator,  None,             ok("admin read write")),
            (Approver::owner(),         "admin",   Role::Operator,  Some("read"),     ok("read")),
            (Approver::owner(),         "write",   Role::Operator,  Some("write"),    ok("read write")),
            (Approver::owner(),         "read",    Role::Operator,  Some("admin"),    Err(D::ScopeOutsideApprovedBaseline(scope("admin")))),
            (Approver::owner(),         "",        Role::Operator,  Some("read"),     Err(D::MissingApprovedScopeBaseline)),
            (Approver::owner(),         "",        Role::Operator,  None,             ok("")),
            (Approver::owner(),         "admin",   Role::Node,      None,             Err(D::UnknownDeviceOrRole)),
            (operator("pairing"),       "admin",   Role::Operator,  None,             Err(D::CallerMissingScope(scope("admin")))),
            (operator("pairing read"),  "read",    Role::Operator,  None,             ok("read")),
            (operator("pairing"),       "read",    Role::Node,      None,             Err(D::RoleManagementRequiresAdmin)),
            (by_token(1, "pairing read"), "read",  Role::Operator,  None,             ok("read")),
            (by_token(2, "pairing read"), "read",  Role::Operator,  None,             Err(D::DeviceOwnershipMismatch)),
            (by_token(2, "admin"),      "read",    Role::Operator,  None,             ok("read")),
        ];
        for (caller, approved, role, wanted, outcome) in rows {
            let known = paired(1, &scopes(approved));
            let wanted = wanted.map(scopes);
            let found = rotation(&caller, &device(1), Some(&known), role, wanted.as_ref()).map(|(_, scopes)| scopes);
            assert_eq!(found, outcome, "{caller:?} {approved} {role} {wanted:?}");
        }
        let unknown = rotation(&Approver::owner(), &device(1), None, Role::Operator, None);
        assert_eq!(unknown.map(drop), Err(D::UnknownDeviceOrRole));
        let mut revoked = paired(1, &scopes("read"));
        revoked.tokens.get_mut(&Role::Operator).unwrap().revoked_at_ms = Some(2000);
        let revived = rotation(&Approver::owner(), &device(1), Some(&revoked), Role::Operator, None);
        assert_eq!(revived.map(drop), Err(D::UnknownDeviceOrRole), "a revoked token comes back by an approval only");
    }
}
