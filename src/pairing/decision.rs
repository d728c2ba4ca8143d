//! What happens to a device that proved its key: pure.

use super::{Claim, Grant, PairingReason};
use crate::{auth::Mechanism, protocol::Scopes, store::DeviceRecord};

/// What happens to a device that proved its key and passed authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It gets these scopes, which are what it asked for.
    Admit(Scopes),
    /// It is approved at once, and then gets what it asked for.
    Approve(PairingReason),
    /// It gets these scopes, of what was approved before, and waits for the rest.
    AdmitAndAsk(PairingReason, Scopes),
    /// It waits.
    Ask(PairingReason),
}

/// Decides on a connect.
///
/// A widening is silent exactly where a new device would be, and never for a device that an operator turned down or whose
/// token was revoked. Asking for more never takes away what was granted: that would lock the asker out.
pub fn decide(claim: &Claim, record: &DeviceRecord, grant: Grant, mechanism: Mechanism) -> Decision {
    let known = record.paired.as_ref().filter(|paired| paired.has_key(&claim.key));
    let Some(paired) = known else {
        // A record with another key is no record of this device, and somebody should look at it.
        let silent = grant.pairs_silently && record.refused.is_none() && record.paired.is_none();
        return ask_or_approve(silent, PairingReason::NotPaired);
    };
    let silent = grant.pairs_silently && record.refused.is_none() && !paired.has_revocation();
    if !paired.has_role(claim.role) {
        return ask_or_approve(silent, PairingReason::RoleUpgrade);
    }
    let wanted = claim.wanted();
    let approved = match mechanism {
        Mechanism::DeviceToken => paired.permitted_by_token(claim.role),
        _ => paired.approved(claim.role),
    };
    if approved.cover_all(&wanted) {
        return Decision::Admit(wanted);
    }
    let meanwhile = approved.granted_to(&wanted);
    if silent || meanwhile.is_empty() {
        return ask_or_approve(silent, PairingReason::ScopeUpgrade);
    }
    Decision::AdmitAndAsk(PairingReason::ScopeUpgrade, meanwhile)
}

const fn ask_or_approve(silent: bool, reason: PairingReason) -> Decision {
    if silent { Decision::Approve(reason) } else { Decision::Ask(reason) }
}
