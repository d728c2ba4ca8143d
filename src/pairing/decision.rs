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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        pairing::tests::claim,
        protocol::Role,
        store::{
            TokenRecord,
            testing::{paired, refused, scopes},
        },
    };

    /// What is known of the device.
    #[derive(Debug, Clone, Copy)]
    enum Known<'a> {
        Nothing,
        OnlyARefusal,
        /// Approved as operator for these scopes.
        As(&'a str),
        /// The same, and turned down later.
        Refused(&'a str),
        /// The same, and its operator token was revoked.
        Revoked(&'a str),
        /// Approved for the first, with a token for the second.
        Narrowed(&'a str, &'a str),
        OtherKey,
        /// Approved as a node too, whose token was revoked.
        NodeRevoked(&'a str),
    }

    fn record(known: Known<'_>) -> DeviceRecord {
        let mut record = DeviceRecord::default();
        let approved = |names| paired(1, &scopes(names));
        match known {
            Known::Nothing => {}
            Known::OnlyARefusal => record.refused = Some(refused()),
            Known::As(names) => record.paired = Some(approved(names)),
            Known::Refused(names) => {
                record.paired = Some(approved(names));
                record.refused = Some(refused());
            }
            Known::Revoked(names) => {
                let mut paired = approved(names);
                paired.tokens.get_mut(&Role::Operator).unwrap().revoked_at_ms = Some(2000);
                record.paired = Some(paired);
            }
            Known::Narrowed(names, of_token) => {
                let mut paired = approved(names);
                paired.tokens.get_mut(&Role::Operator).unwrap().scopes = scopes(of_token).expanded();
                record.paired = Some(paired);
            }
            Known::OtherKey => {
                let mut paired = approved("admin");
                paired.public_key = "another".into();
                record.paired = Some(paired);
            }
            Known::NodeRevoked(names) => {
                let mut paired = approved(names);
                paired.roles.push(Role::Node);
                let mut token = TokenRecord::new(Role::Node, &Scopes::none(), 1, 1000);
                token.revoked_at_ms = Some(2000);
                paired.tokens.insert(Role::Node, token);
                record.paired = Some(paired);
            }
        }
        record
    }

    #[test]
    fn every_rule() {
        use Known as K;
        use Mechanism::{DeviceToken, Token};
        use PairingReason::{NotPaired, RoleUpgrade, ScopeUpgrade};
        use Role::{Node, Operator};
        let admit = |names| Decision::Admit(scopes(names));
        let (approve, ask) = (Decision::Approve, Decision::Ask);
        let and_ask = |names| Decision::AdmitAndAsk(ScopeUpgrade, scopes(names));
        #[rustfmt::skip]
        let rows = [
            // known                          role      asks for                    by           silent  decision
            (K::Nothing,                      Operator, "admin",                    Token,       true,   approve(NotPaired)),
            (K::Nothing,                      Operator, "admin",                    Token,       false,  ask(NotPaired)),
            (K::Nothing,                      Node,     "",                         Token,       true,   approve(NotPaired)),
            (K::OnlyARefusal,                 Operator, "admin",                    Token,       true,   ask(NotPaired)),
            (K::OtherKey,                     Operator, "read",                     Token,       true,   ask(NotPaired)),
            (K::As("admin"),                  Operator, "admin",                    Token,       false,  admit("admin")),
            (K::As("admin"),                  Operator, "read write",               Token,       false,  admit("read write")),
            (K::As("read"),                   Operator, "",                         Token,       false,  admit("")),
            (K::As("write"),                  Operator, "read sessions.read",       Token,       false,  admit("read sessions.read")),
            (K::As("read"),                   Operator, "admin approvals pairing",  Token,       true,   approve(ScopeUpgrade)),
            (K::As("read"),                   Operator, "admin approvals pairing",  Token,       false,  and_ask("read")),
            (K::As("read pairing"),           Operator, "pairing write",            Token,       false,  and_ask("pairing read")),
            (K::As("approvals"),              Operator, "read",                     Token,       false,  ask(ScopeUpgrade)),
            (K::As(""),                       Operator, "read",                     Token,       false,  ask(ScopeUpgrade)),
            (K::As("admin"),                  Node,     "",                         Token,       true,   approve(RoleUpgrade)),
            (K::As("admin"),                  Node,     "",                         Token,       false,  ask(RoleUpgrade)),
            (K::Refused("read"),              Operator, "read",                     Token,       true,   admit("read")),
            (K::Refused("read"),              Operator, "admin",                    Token,       true,   and_ask("read")),
            (K::Refused("read"),              Node,     "",                         Token,       true,   ask(RoleUpgrade)),
            (K::Revoked("read"),              Operator, "read",                     Token,       true,   ask(RoleUpgrade)),
            (K::Revoked("read"),              Node,     "",                         Token,       true,   ask(RoleUpgrade)),
            (K::NodeRevoked("read"),          Operator, "read",                     Token,       true,   admit("read")),
            (K::NodeRevoked("read"),          Operator, "write",                    Token,       true,   and_ask("read")),
            (K::NodeRevoked("read"),          Node,     "",                         Token,       true,   ask(RoleUpgrade)),
            (K::Narrowed("admin", "read"),    Operator, "admin",                    Token,       false,  admit("admin")),
            (K::Narrowed("admin", "read"),    Operator, "admin",                    DeviceToken, false,  and_ask("read")),
            (K::Narrowed("admin", "read"),    Operator, "read",                     DeviceToken, false,  admit("read")),
            (K::Narrowed("read", "admin"),    Operator, "admin",                    DeviceToken, false,  and_ask("read")),
        ];
        for (known, role, names, mechanism, pairs_silently, decision) in rows {
            let claim = Claim { role, scopes: scopes(names), ..claim(1) };
            let found = decide(&claim, &record(known), Grant { pairs_silently }, mechanism);
            assert_eq!(found, decision, "{known:?} {role} {names} {mechanism} silent={pairs_silently}");
        }
    }

    #[test]
    fn only_plain_scopes_of_the_role_count() {
        let many: Scopes = (0..100).map(|n| crate::protocol::Scope::new(format!("operator.x{n}"))).collect();
        let strange: Scopes = ["node.x", "operatorx.y", "admin", "operator.a b", "operator.é", &"operator.".repeat(8)]
            .map(crate::protocol::Scope::new)
            .into_iter()
            .collect();
        let operator = |scopes| Claim { scopes, ..claim(1) };
        assert_eq!(operator(strange.union(&scopes("read"))).wanted(), scopes("read"));
        assert_eq!(operator(many).wanted().len(), crate::defaults::MAX_SCOPES);
        // A node that names operator scopes must not collect them for a later operator.
        let node = Claim { role: Role::Node, ..operator(scopes("admin")) };
        assert!(node.wanted().is_empty());
        let known = record(Known::As("read"));
        assert_eq!(
            decide(&node, &known, Grant { pairs_silently: true }, Mechanism::Token),
            Decision::Approve(PairingReason::RoleUpgrade)
        );
    }

    proptest! {
        #[test]
        fn nobody_gets_more_than_was_approved_or_loses_what_was(
            approved in names(), asked in names(), silent: bool, refused: bool, by_token: bool,
        ) {
            let mut record = record(Known::As(&approved.join(" ")));
            record.refused = refused.then(crate::store::testing::refused);
            let claim = Claim { scopes: scopes(&asked.join(" ")), ..claim(1) };
            let mechanism = if by_token { Mechanism::DeviceToken } else { Mechanism::Token };
            let held = scopes(&approved.join(" "));
            let overlaps = claim.scopes.is_empty() || !held.granted_to(&claim.scopes).is_empty();
            match decide(&claim, &record, Grant { pairs_silently: silent }, mechanism) {
                Decision::Admit(got) => {
                    prop_assert!(held.cover_all(&got) && got == claim.scopes);
                }
                Decision::AdmitAndAsk(_, got) => {
                    prop_assert!(held.cover_all(&got) && !got.is_empty() && !held.cover_all(&claim.scopes));
                }
                Decision::Approve(_) => prop_assert!(silent && !refused && !held.cover_all(&claim.scopes)),
                Decision::Ask(_) => prop_assert!(!overlaps),
            }
        }
    }

    fn names() -> impl Strategy<Value = Vec<&'static str>> {
        const ALL: &[&str] = &["admin", "read", "write", "approvals", "pairing", "talk", "sessions.read", "x"];
        prop::sample::subsequence(ALL, 0..4)
    }
}
