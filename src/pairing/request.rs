//! What becomes of a claim that has to wait: pure.

use super::Claim;
use crate::{
    defaults::{MAX_DEVICE_TEXT_CHARS, MAX_PAIRING_REQUESTS, MAX_PAIRING_REQUESTS_PER_CLIENT, MAX_SCOPES},
    protocol::{PendingRequest, RequestId, Role, Scopes},
    store::{DeviceRecord, Pending},
};

/// What becomes of a claim that has to wait.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Next {
    /// The request that waits asks for it already.
    Keep(RequestId),
    /// This request is made; the one that waited, if any, goes.
    Make { pending: Box<Pending>, replaces: Option<RequestId> },
}

/// What becomes of `claim` where `waiting` is the device's request that has not expired.
///
/// A repeat that asks for no more keeps its request. One that asks for something else replaces it, and asks for both: an
/// operator decides once.
pub(super) fn next(claim: &Claim, record: &DeviceRecord, waiting: Option<&Pending>, now_ms: i64) -> Next {
    let wanted = claim.wanted();
    let same_key = waiting.filter(|pending| pending.request.public_key == claim.key.to_string());
    if let Some(pending) = same_key
        && pending.roles().contains(&claim.role)
        && pending.scopes().cover_all(&wanted)
    {
        return Next::Keep(pending.request.request_id.clone());
    }
    let (mut roles, mut scopes) =
        same_key.map_or_else(|| (Vec::new(), Scopes::none()), |pending| (pending.roles(), pending.scopes()));
    if !roles.contains(&claim.role) {
        roles.push(claim.role);
    }
    scopes = scopes.union(&wanted).iter().take(MAX_SCOPES).cloned().collect();
    let pending = Box::new(make(claim, roles, scopes, record.paired.is_some(), now_ms));
    Next::Make { pending, replaces: waiting.map(|pending| pending.request.request_id.clone()) }
}

/// The request of `claim` alone, as it is approved silently.
pub(super) fn silent(claim: &Claim, record: &DeviceRecord, now_ms: i64) -> Pending {
    let mut pending = make(claim, vec![claim.role], claim.wanted(), record.paired.is_some(), now_ms);
    pending.request.silent = Some(true);
    pending
}

fn make(claim: &Claim, roles: Vec<Role>, scopes: Scopes, is_repair: bool, now_ms: i64) -> Pending {
    let kept = |text: &Option<String>| {
        let text: Option<String> = text.as_ref().map(|text| text.chars().take(MAX_DEVICE_TEXT_CHARS).collect());
        text.filter(|text| !text.is_empty())
    };
    Pending {
        request: PendingRequest {
            request_id: RequestId::random(),
            device_id: claim.device.to_string(),
            public_key: claim.key.to_string(),
            display_name: kept(&claim.display_name),
            platform: kept(&claim.platform),
            device_family: kept(&claim.device_family),
            client_id: Some(claim.client_id.as_str().to_owned()),
            client_mode: Some(claim.client_mode),
            browser_origin: kept(&claim.browser_origin),
            role: Some(claim.role),
            roles: Some(roles),
            scopes: Some(scopes),
            remote_ip: claim.client.map(|address| address.to_string()),
            silent: None,
            is_repair: is_repair.then_some(true),
            ts: now_ms,
        },
        refreshed_at_ms: None,
        unknown: serde_json::Map::new(),
    }
}

/// Whether one more request may wait for `claim`, beside `others`: those of other devices that have not expired. Clients
/// without an address of their own, local ones among them, count as one.
pub(super) fn has_room<'a>(claim: &Claim, others: impl Iterator<Item = &'a Pending>) -> bool {
    let client = claim.client.map(|address| address.to_string());
    let (mut all, mut of_client) = (0, 0);
    for pending in others {
        all += 1;
        of_client += usize::from(pending.request.remote_ip == client);
    }
    all < MAX_PAIRING_REQUESTS && of_client < MAX_PAIRING_REQUESTS_PER_CLIENT
}
