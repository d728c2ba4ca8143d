//! Handing out device tokens: the same one at every connect, without storing it.

use secrecy::ExposeSecret as _;

use super::IssuedToken;
use crate::{
    auth::TokenKey,
    defaults::MAX_ACCEPTED_TOKENS,
    device::DeviceId,
    protocol::{Role, Scopes},
    store::{Paired, TokenHash, TokenRecord},
};

/// A generation that no earlier token of a device had.
pub(super) fn fresh_generation() -> u32 {
    uuid::Uuid::new_v4().as_fields().0.max(1)
}

/// The token that `record` stands for, if it is one of `key`'s.
pub(super) fn issue(key: &TokenKey, device: &DeviceId, record: &TokenRecord) -> Option<IssuedToken> {
    let secret = key.derive(device, record.role, record.generation);
    let ours = record.hash == Some(TokenHash::of(secret.expose_secret()));
    ours.then(|| IssuedToken { secret, scopes: record.scopes.clone(), issued_at_ms: record.issued_at_ms() })
}

/// Notes the hash of a token that was made without the key at hand, or takes the place of one that cannot be derived: of
/// another gateway, or of a key that is gone. That one goes on counting beside it, since its device may hold nothing else.
///
/// Says whether the record was changed.
pub(super) fn seal(key: &TokenKey, device: &DeviceId, record: &mut TokenRecord, fresh: u32) -> bool {
    if record.is_revoked() || issue(key, device, record).is_some() {
        return false;
    }
    if record.generation == 0 || record.hash.is_some() {
        record.also_accepted.extend(record.hash.take());
        let surplus = record.also_accepted.len().saturating_sub(MAX_ACCEPTED_TOKENS);
        record.also_accepted.drain(..surplus);
        record.generation = fresh;
    }
    let secret = key.derive(device, record.role, record.generation);
    record.hash = Some(TokenHash::of(secret.expose_secret()));
    true
}

/// What has to change before a token for `role` that permits `wanted` can be handed out; `None` where nothing has to, as at
/// every connect but the first ones. `wanted` is empty where the connect rests on the token itself, which never widens it.
pub(super) fn ensure(
    key: &TokenKey,
    device: &DeviceId,
    paired: &Paired,
    role: Role,
    wanted: &Scopes,
    (fresh, now_ms): (u32, i64),
) -> Option<Paired> {
    let known = paired.tokens.get(&role);
    let good = known.is_some_and(|token| issue(key, device, token).is_some() && token.scopes.cover_all(wanted));
    if good {
        return None;
    }
    let mut paired = paired.clone();
    let approved = paired.approved(role);
    let token = paired.tokens.entry(role).or_insert_with(|| TokenRecord::new(role, &approved, fresh, now_ms));
    seal(key, device, token, fresh);
    if !token.scopes.cover_all(wanted) {
        token.scopes = token.scopes.union(wanted).expanded();
    }
    Some(paired)
}
