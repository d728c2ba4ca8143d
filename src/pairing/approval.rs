//! What an approval makes of a record: pure.

use std::collections::BTreeMap;

use crate::{
    defaults::MAX_SCOPES,
    protocol::{ApprovedVia, Role},
    store::{DeviceRecord, Paired, Pending, TokenRecord},
};

/// The circumstances of an approval.
#[derive(Debug, Clone, Copy)]
pub(super) struct Approval {
    pub(super) via: ApprovedVia,
    pub(super) now_ms: i64,
    /// For a token that has to be made.
    pub(super) generation: u32,
}

impl Approval {
    /// The record once `pending` is approved: roles and scopes are added to those held, the request goes where it asked for
    /// no more, and an earlier refusal is settled.
    ///
    /// A token that counts goes on counting, and permits more: a device that holds nothing but its token would be locked
    /// out by the approval that it waited for. A revoked token is replaced.
    pub(super) fn of(self, pending: &Pending, record: &DeviceRecord) -> DeviceRecord {
        let held = record.paired.as_ref();
        // Ids are hashes of keys: a record with another key is damaged, and nothing that it grants can be believed.
        let believed = held.filter(|paired| paired.public_key == pending.request.public_key);
        let mut paired = believed.cloned().unwrap_or_else(|| self.blank(pending, held));
        let request = &pending.request;
        paired.display_name = request.display_name.clone().or(paired.display_name);
        paired.platform = request.platform.clone().or(paired.platform);
        paired.device_family = request.device_family.clone().or(paired.device_family);
        paired.client_id = request.client_id.clone().or(paired.client_id);
        paired.client_mode = request.client_mode.map(|mode| mode.as_str().to_owned()).or(paired.client_mode);
        paired.browser_origin = request.browser_origin.clone().or(paired.browser_origin);
        paired.remote_ip = request.remote_ip.clone().or(paired.remote_ip);
        paired.approved_at_ms = self.now_ms;
        paired.approved_via = Some(via_name(self.via).to_owned());
        paired.role = request.role.or_else(|| pending.roles().first().copied());
        paired.roles = paired.roles();
        for role in pending.roles() {
            self.grant(&mut paired, role, pending);
        }
        let waiting = record.pending.as_ref().filter(|waiting| !paired.covers(waiting)).cloned();
        DeviceRecord { paired: Some(paired), pending: waiting, refused: None }
    }

    fn grant(self, paired: &mut Paired, role: Role, pending: &Pending) {
        let scopes = pending.scopes_of(role);
        if !paired.roles.contains(&role) {
            paired.roles.push(role);
        }
        paired.scopes = paired.scopes.union(&scopes).iter().take(MAX_SCOPES).cloned().collect();
        match paired.tokens.get_mut(&role) {
            None => {
                paired.tokens.insert(role, TokenRecord::new(role, &scopes, self.generation, self.now_ms));
            }
            Some(token) if token.is_revoked() => {
                token.rotate(self.generation, self.now_ms);
                token.scopes = scopes.expanded();
            }
            Some(token) => token.scopes = token.scopes.union(&scopes).expanded(),
        }
    }

    fn blank(self, pending: &Pending, damaged: Option<&Paired>) -> Paired {
        Paired {
            device_id: pending.request.device_id.clone(),
            public_key: pending.request.public_key.clone(),
            display_name: None,
            operator_label: damaged.and_then(|paired| paired.operator_label.clone()),
            platform: None,
            device_family: None,
            client_id: None,
            client_mode: None,
            browser_origin: None,
            role: None,
            roles: Vec::new(),
            scopes: crate::protocol::Scopes::none(),
            remote_ip: None,
            tokens: BTreeMap::new(),
            created_at_ms: damaged.map_or(self.now_ms, |paired| paired.created_at_ms),
            approved_at_ms: self.now_ms,
            approved_via: None,
            last_seen_at_ms: None,
            last_seen_reason: None,
            unknown: serde_json::Map::new(),
        }
    }
}

const fn via_name(via: ApprovedVia) -> &'static str {
    match via {
        ApprovedVia::Silent => "silent",
        ApprovedVia::Owner | ApprovedVia::Other => "owner",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        protocol::Scopes,
        store::testing::{paired, pending, refused, scopes},
    };

    const APPROVAL: Approval = Approval { via: ApprovedVia::Owner, now_ms: 5000, generation: 77 };

    #[test]
    fn a_new_device() {
        let pending = pending(1, &scopes("admin"));
        let record = DeviceRecord { pending: Some(pending.clone()), refused: Some(refused()), paired: None };
        let after = APPROVAL.of(&pending, &record);
        assert!(after.pending.is_none() && after.refused.is_none());
        let paired = after.paired.unwrap();
        assert_eq!((paired.created_at_ms, paired.approved_at_ms), (5000, 5000));
        assert_eq!((paired.roles(), &paired.scopes), (vec![Role::Operator], &scopes("admin")));
        let token = &paired.tokens[&Role::Operator];
        assert_eq!((&token.scopes, token.generation, token.hash), (&scopes("admin read write"), 77, None));
    }

    #[test]
    fn more_is_added_to_what_is_held_and_the_token_goes_on() {
        let mut before = paired(1, &scopes("read"));
        before.operator_label = Some("kitchen".into());
        before.unknown.insert("theirs".into(), 1.into());
        let pending = pending(1, &scopes("pairing admin"));
        let record = DeviceRecord { paired: Some(before.clone()), pending: Some(pending.clone()), refused: None };
        let after = APPROVAL.of(&pending, &record).paired.unwrap();
        assert_eq!(after.scopes, scopes("read pairing admin"));
        assert_eq!((after.created_at_ms, after.approved_at_ms), (1000, 5000));
        assert_eq!((&after.operator_label, &after.unknown), (&before.operator_label, &before.unknown));
        let token = &after.tokens[&Role::Operator];
        assert!(token.accepts("token"), "a device with nothing but its token is not locked out");
        assert_eq!(token.scopes, scopes("admin pairing read write"));
    }

    #[test]
    fn a_revoked_token_is_replaced_and_what_it_permitted_is_forgotten() {
        let mut before = paired(1, &scopes("admin"));
        before.tokens.get_mut(&Role::Operator).unwrap().revoked_at_ms = Some(2000);
        let pending = pending(1, &scopes("read"));
        let after = APPROVAL.of(&pending, &DeviceRecord { paired: Some(before), ..DeviceRecord::default() });
        let paired = after.paired.unwrap();
        let token = &paired.tokens[&Role::Operator];
        assert!(!token.accepts("token") && !token.is_revoked());
        assert_eq!((token.generation, &token.scopes), (77, &scopes("read")));
        assert!(paired.has_role(Role::Operator));
    }

    #[test]
    fn another_role_has_a_token_of_its_own() {
        let mut request = pending(1, &Scopes::none());
        request.request.roles = Some(vec![Role::Node]);
        request.request.role = Some(Role::Node);
        let record = DeviceRecord { paired: Some(paired(1, &scopes("read"))), ..DeviceRecord::default() };
        let after = APPROVAL.of(&request, &record).paired.unwrap();
        assert_eq!(after.roles(), [Role::Operator, Role::Node]);
        assert!(after.tokens[&Role::Operator].accepts("token") && after.tokens[&Role::Node].scopes.is_empty());
        assert_eq!(after.approved(Role::Operator), scopes("read"));
    }

    #[test]
    fn a_record_with_another_key_grants_nothing() {
        let mut damaged = paired(1, &scopes("admin"));
        damaged.public_key = "another".into();
        let request = pending(1, &scopes("read"));
        let after = APPROVAL.of(&request, &DeviceRecord { paired: Some(damaged), ..DeviceRecord::default() });
        let paired = after.paired.unwrap();
        assert_eq!(
            (paired.scopes, paired.public_key, paired.created_at_ms),
            (scopes("read"), request.request.public_key, 1000)
        );
        assert_eq!(paired.tokens[&Role::Operator].generation, 77);
    }

    #[test]
    fn a_request_for_more_than_was_approved_goes_on_waiting() {
        let wide = pending(1, &scopes("admin"));
        let narrow = pending(1, &scopes("read"));
        let record = DeviceRecord { pending: Some(wide.clone()), ..DeviceRecord::default() };
        assert_eq!(APPROVAL.of(&narrow, &record).pending, Some(wide));
    }
}
