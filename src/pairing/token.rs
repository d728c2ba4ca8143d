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
/// every connect but the first ones. `wanted` is empty where the connect rests on the token itself, which never widens it. `fresh` is
/// a generation that no token had, and the time.
pub(super) fn ensure(
    key: &TokenKey,
    device: &DeviceId,
    paired: &Paired,
    role: Role,
    wanted: &Scopes,
    fresh: impl FnOnce() -> (u32, i64),
) -> Option<Paired> {
    let known = paired.tokens.get(&role);
    let good = known.is_some_and(|token| issue(key, device, token).is_some() && token.scopes.cover_all(wanted));
    if good {
        return None;
    }
    let (fresh, now_ms) = fresh();
    let mut paired = paired.clone();
    let approved = paired.approved(role);
    let token = paired.tokens.entry(role).or_insert_with(|| TokenRecord::new(role, &approved, fresh, now_ms));
    seal(key, device, token, fresh);
    if !token.scopes.cover_all(wanted) {
        token.scopes = token.scopes.union(wanted).expanded();
    }
    Some(paired)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{device, paired, scopes};

    const NOW: (u32, i64) = (77, 5000);

    fn keys() -> [TokenKey; 2] {
        [TokenKey::from_bytes([1; 32]), TokenKey::from_bytes([2; 32])]
    }

    fn text(token: &IssuedToken) -> &str {
        token.secret.expose_secret()
    }

    #[test]
    fn the_same_token_at_every_connect_and_nothing_to_write() {
        let [key, _] = keys();
        let mut record = TokenRecord::new(Role::Operator, &scopes("admin"), 5, 1000);
        assert!(issue(&key, &device(1), &record).is_none(), "it was never handed out");
        assert!(seal(&key, &device(1), &mut record, 77) && !seal(&key, &device(1), &mut record, 78));
        let [one, again] = [(); 2].map(|()| issue(&key, &device(1), &record).unwrap());
        assert_eq!((text(&one), record.generation), (text(&again), 5));
        assert!(record.accepts(text(&one)));

        let mut known = paired(1, &scopes("admin"));
        known.tokens.insert(Role::Operator, record);
        assert_eq!(ensure(&key, &device(1), &known, Role::Operator, &scopes("read"), || NOW), None);
    }

    #[test]
    fn a_token_of_another_gateway_or_key_goes_on_counting_beside_ours() {
        let [key, other] = keys();
        // The store's test token was never derived from a key.
        let known = paired(1, &scopes("admin"));
        let first = ensure(&key, &device(1), &known, Role::Operator, &Scopes::none(), || NOW).unwrap();
        let token = &first.tokens[&Role::Operator];
        let ours = issue(&key, &device(1), token).unwrap();
        assert!(token.accepts("token") && token.accepts(text(&ours)) && text(&ours) != "token");

        let second = ensure(&other, &device(1), &first, Role::Operator, &Scopes::none(), || (78, 6000)).unwrap();
        let token = &second.tokens[&Role::Operator];
        let newest = issue(&other, &device(1), token).unwrap();
        assert!(["token", text(&ours), text(&newest)].iter().all(|text| token.accepts(text)));
    }

    #[test]
    fn so_many_and_no_more_count_beside_it() {
        let mut known = paired(1, &scopes("admin"));
        for number in 0..10 {
            let key = TokenKey::from_bytes([number; 32]);
            known = ensure(&key, &device(1), &known, Role::Operator, &Scopes::none(), || (number.into(), 1)).unwrap();
        }
        assert_eq!(known.tokens[&Role::Operator].also_accepted.len(), MAX_ACCEPTED_TOKENS);
    }

    #[test]
    fn a_narrow_token_is_widened_within_what_is_approved_by_another_credential_only() {
        let [key, _] = keys();
        let mut known = paired(1, &scopes("admin"));
        known.tokens.get_mut(&Role::Operator).unwrap().scopes = scopes("read");
        let sealed = ensure(&key, &device(1), &known, Role::Operator, &Scopes::none(), || NOW).unwrap();
        assert_eq!(sealed.tokens[&Role::Operator].scopes, scopes("read"));
        let widened = ensure(&key, &device(1), &sealed, Role::Operator, &scopes("admin"), || NOW).unwrap();
        assert_eq!(widened.tokens[&Role::Operator].scopes, scopes("admin read write"));
        assert_eq!(widened.tokens[&Role::Operator].hash, sealed.tokens[&Role::Operator].hash);
    }

    #[test]
    fn a_role_without_a_token_gets_one() {
        let [key, _] = keys();
        let mut known = paired(1, &scopes("read"));
        known.tokens.clear();
        let made = ensure(&key, &device(1), &known, Role::Operator, &scopes("read"), || NOW).unwrap();
        assert!(issue(&key, &device(1), &made.tokens[&Role::Operator]).is_some());
    }
}
