//! What becomes of a claim that has to wait: pure.

use super::Claim;
use crate::{
    defaults::{MAX_DEVICE_TEXT_CHARS, MAX_PAIRING_REQUESTS, MAX_PAIRING_REQUESTS_PER_CLIENT, MAX_SCOPES},
    net::customer,
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
    let client = claim.client.map(customer);
    let (mut all, mut of_client) = (0, 0);
    for pending in others {
        let other = pending.request.remote_ip.as_deref().and_then(|text| text.parse().ok()).map(customer);
        all += 1;
        of_client += usize::from(other == client);
    }
    all < MAX_PAIRING_REQUESTS && of_client < MAX_PAIRING_REQUESTS_PER_CLIENT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        pairing::tests::claim,
        store::testing::{key, pending, scopes},
    };

    #[test]
    fn a_repeat_keeps_its_request_and_a_wider_one_asks_for_both() {
        use Role::{Node, Operator};
        #[rustfmt::skip]
        let rows = [
            // waits as  for       asks as   for              kept   then waits as          for
            (Operator,   "admin",  Operator, "admin",         true,  vec![Operator],        "admin"),
            (Operator,   "admin",  Operator, "read",          true,  vec![Operator],        "admin"),
            (Operator,   "admin",  Operator, "",              true,  vec![Operator],        "admin"),
            (Operator,   "read",   Operator, "write pairing", false, vec![Operator],        "read write pairing"),
            (Operator,   "read",   Node,     "",              false, vec![Operator, Node],  "read"),
            (Node,       "",       Operator, "read",          false, vec![Node, Operator],  "read"),
        ];
        for (before, held, role, names, kept, roles, together) in rows {
            let mut waiting = pending(1, &scopes(held));
            waiting.request.roles = Some(vec![before]);
            let claim = Claim { role, scopes: scopes(names), ..claim(1) };
            let at = format!("{before} {held}, then {role} {names}");
            match next(&claim, &DeviceRecord::default(), Some(&waiting), 9) {
                Next::Keep(id) => assert_eq!((kept, &id), (true, &waiting.request.request_id), "{at}"),
                Next::Make { pending, replaces } => {
                    assert_eq!((kept, replaces.as_ref()), (false, Some(&waiting.request.request_id)), "{at}");
                    assert_eq!((pending.roles(), pending.scopes()), (roles, scopes(together)), "{at}");
                    assert_ne!(Some(pending.request.request_id), replaces, "{at}");
                }
            }
        }
    }

    #[test]
    fn another_key_takes_nothing_over() {
        let mut waiting = pending(1, &scopes("admin"));
        waiting.request.public_key = key(2);
        let Next::Make { pending, replaces } = next(&claim(1), &DeviceRecord::default(), Some(&waiting), 9) else {
            panic!("a request of another key was kept");
        };
        assert_eq!((pending.scopes(), replaces), (claim(1).wanted(), Some(waiting.request.request_id)));
    }

    #[test]
    fn what_a_device_says_of_itself_is_cut() {
        let claim = Claim { display_name: Some("é".repeat(5000)), platform: Some(String::new()), ..claim(1) };
        let made = silent(&claim, &DeviceRecord::default(), 9);
        assert_eq!(made.request.display_name.map(|name| name.chars().count()), Some(MAX_DEVICE_TEXT_CHARS));
        assert_eq!(made.request.platform, None);
    }

    #[test]
    fn the_list_has_room_for_everybody_but_not_for_much_of_one() {
        let from = |address: Option<&str>| Claim { client: address.map(|text| text.parse().unwrap()), ..claim(1) };
        let waiting = |number: u32, address: Option<&str>| {
            let mut pending = pending(number, &scopes("read"));
            pending.request.remote_ip = address.map(str::to_owned);
            pending
        };
        #[rustfmt::skip]
        let rows = [
            // waiting from 192.0.2.1, local, others    asks from           room
            (3,                        0,     0,        Some("192.0.2.1"),  true),
            (4,                        0,     0,        Some("192.0.2.1"),  false),
            (4,                        0,     0,        Some("192.0.2.2"),  true),
            (4,                        0,     0,        None,               true),
            (0,                        4,     0,        None,               false),
            (0,                        4,     0,        Some("192.0.2.1"),  true),
            (0,                        0,     63,       Some("192.0.2.1"),  true),
            (0,                        0,     64,       Some("192.0.2.1"),  false),
        ];
        for (of_client, local, of_others, asks, room) in rows {
            let all: Vec<_> = (0..of_client)
                .map(|n| waiting(n, Some("192.0.2.1")))
                .chain((0..local).map(|n| waiting(n, None)))
                .chain((0..of_others).map(|n| waiting(n, Some(&format!("198.51.100.{n}")))))
                .collect();
            assert_eq!(has_room(&from(asks), all.iter()), room, "{of_client} {local} {of_others} {asks:?}");
        }
        // Of IPv6 one customer has a whole network.
        let all: Vec<_> = (1..=4).map(|n| waiting(n, Some(&format!("2001:db8::{n}")))).collect();
        for (asks, room) in [("2001:db8::9", false), ("2001:db8:0:1::9", true)] {
            assert_eq!(has_room(&from(Some(asks)), all.iter()), room, "{asks}");
        }
    }
}
