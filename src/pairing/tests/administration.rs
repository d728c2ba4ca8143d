//! What operators do.

use super::*;
use crate::{pairing::PairingReason, protocol::TokenDelivery};

#[tokio::test]
async fn the_list() {
    let fixture = Fixture::new();
    for number in [1, 2] {
        fixture.admitted(&claim(number), SILENT).await;
        fixture.pass(Duration::from_secs(1));
    }
    for number in [3, 4] {
        fixture.request(&claim(number)).await;
        fixture.pass(Duration::from_secs(1));
    }
    let list = fixture.pairing.list(&Approver::owner(), |id| Some(*id == device(1))).await.unwrap();
    let pending: Vec<_> = list.pending.iter().map(|pending| pending.device_id.clone()).collect();
    assert_eq!(pending, [text(device(4)), text(device(3))]);
    let paired: Vec<_> = list.paired.iter().map(|paired| (paired.device_id.clone(), paired.connected)).collect();
    assert_eq!(paired, [(text(device(2)), Some(false)), (text(device(1)), Some(true))]);
    assert_eq!(list.paired[0].last_seen_reason.as_deref(), Some("connect"));
    assert_eq!(list.paired[0].tokens[0].scopes, scopes("admin approvals pairing").expanded());

    #[rustfmt::skip]
    let rows = [
        (operator("pairing"),         2, 2),
        (by_token(1, "pairing"),      0, 1),
        (by_token(3, "pairing"),      1, 0),
        (by_token(1, "admin"),        2, 2),
    ];
    for (caller, pending, paired) in rows {
        let list = fixture.pairing.list(&caller, |_| None).await.unwrap();
        assert_eq!((list.pending.len(), list.paired.len()), (pending, paired), "{caller:?}");
    }
}

#[tokio::test]
async fn an_approver_never_grants_more_than_it_holds() {
    const DENIED: &str = "device pairing approval denied";
    let fixture = Fixture::new();
    fixture.admitted(&asking(1, "admin"), SILENT).await;
    let more = fixture.admitted(&asking(1, "admin pairing node.x"), SILENT).await;
    assert_eq!(more.scopes, scopes("admin pairing node.x"), "admin includes every operator scope");
    let wants_read = fixture.request(&asking(2, "read")).await;
    let wants_node = fixture.request(&as_node(3)).await;
    let held_admin = {
        fixture.admitted(&asking(4, "admin"), SILENT).await;
        let request = fixture.request(&as_node(4)).await;
        fixture.pairing.reject(&Approver::owner(), &request).await.unwrap();
        fixture.request(&as_node(4)).await
    };
    let own = {
        fixture.admitted(&asking(5, "approvals"), SILENT).await;
        fixture.request(&asking(5, "read")).await
    };
    let unknown = RequestId::random();
    #[rustfmt::skip]
    let rows = [
        (operator("pairing"),         &wants_read,  "missing scope: operator.read"),
        (by_token(1, "pairing read"), &wants_read,  DENIED),
        (operator("pairing write"),   &wants_node,  DENIED),
        (operator("pairing"),         &held_admin,  DENIED),
        (operator("pairing read"),    &own,         "missing scope: operator.approvals"),
        (by_token(5, "approvals"),    &own,         "missing scope: operator.read"),
        (operator("admin"),           &unknown,     "unknown requestId"),
        (operator("pairing"),         &unknown,     DENIED),
    ];
    for (caller, request, message) in rows {
        assert_denied(fixture.pairing.approve(&caller, request).await, message, &format!("{caller:?}"));
    }
    for (caller, request) in [
        (operator("pairing read"), wants_read),
        (operator("admin"), wants_node),
        (operator("admin"), held_admin),
        (by_token(5, "approvals read"), own),
    ] {
        let result = fixture.pairing.approve(&caller, &request).await.unwrap();
        assert_eq!((result.request_id, result.device.connected), (request, None), "{caller:?}");
    }
}

#[tokio::test]
async fn one_request_is_approved_once() {
    let fixture = Fixture::new();
    let request = fixture.request(&claim(1)).await;
    let offline = crate::pairing::open_offline(&fixture.state).unwrap().with_clock(fixture.pairing.clock.clone());
    let owner = Approver::owner();
    let outcomes = tokio::join!(
        fixture.pairing.approve(&owner, &request),
        fixture.pairing.approve(&owner, &request),
        offline.approve(&owner, &request)
    );
    let done = [outcomes.0.is_ok(), outcomes.1.is_ok(), outcomes.2.is_ok()];
    assert_eq!(done.iter().filter(|done| **done).count(), 1, "{done:?}");
}

#[tokio::test]
async fn a_removed_device_is_a_new_one() {
    let fixture = Fixture::new();
    let before = fixture.admitted(&asking(1, "read"), SILENT).await;
    let waiting = fixture.admitted(&claim(1), REMOTE).await.waiting.unwrap();
    fixture.told.take();
    let result = fixture.pairing.remove(&Approver::owner(), device(1)).await.unwrap();
    assert_eq!(result.device_id, text(device(1)));
    assert_eq!(fixture.told.take(), [format!("rejected {}", waiting.request), "ended every role Removed".into()]);
    assert_denied(fixture.pairing.remove(&Approver::owner(), device(1)).await, "unknown deviceId", "twice");
    assert!(!fixture.accepts(1, &secret(&before)).await);

    assert_eq!(fixture.refused(&asking(1, "read"), REMOTE).await.reason, PairingReason::NotPaired);
    let after = fixture.admitted(&asking(1, "read"), SILENT).await;
    assert_ne!(secret(&after), secret(&before), "the token that it had does not come back");
}

#[tokio::test]
async fn a_revoked_token_ends_its_role_until_somebody_approves_it() {
    let fixture = Fixture::new();
    let before = fixture.admitted(&claim(1), SILENT).await;
    fixture.admitted(&as_node(1), SILENT).await;
    fixture.told.take();
    let result = fixture.pairing.revoke(&Approver::owner(), device(1), Role::Operator).await.unwrap();
    assert_eq!(fixture.told.take(), ["ended operator Revoked"]);
    fixture.pass(Duration::from_secs(5));
    let again = fixture.pairing.revoke(&Approver::owner(), device(1), Role::Operator).await.unwrap();
    assert_eq!((result.revoked_at_ms, again.revoked_at_ms), (1_000_000, 1_000_000));
    assert!(!fixture.accepts(1, &secret(&before)).await);
    assert!(fixture.told.take().is_empty());
    fixture.admitted(&as_node(1), REMOTE).await;

    let refusal = fixture.refused(&claim(1), SILENT).await;
    assert_eq!(refusal.reason, PairingReason::RoleUpgrade);
    let Asked::Request(request) = refusal.asked else { panic!("no request") };
    fixture.approve(&request).await;
    let after = fixture.admitted(&claim(1), REMOTE).await;
    assert_ne!(secret(&after), secret(&before));

    // Removing it does not make anybody forget the revocation.
    fixture.pairing.revoke(&Approver::owner(), device(1), Role::Node).await.unwrap();
    fixture.pairing.remove(&Approver::owner(), device(1)).await.unwrap();
    assert_eq!(fixture.refused(&claim(1), SILENT).await.reason, PairingReason::NotPaired);
}

#[tokio::test]
async fn a_rotated_token_reaches_its_device_only() {
    let fixture = Fixture::new();
    let before = fixture.admitted(&claim(1), SILENT).await;
    fixture.told.take();
    fixture.pass(Duration::from_secs(5));
    let by_other = fixture.pairing.rotate(&Approver::owner(), device(1), Role::Operator, None).await.unwrap();
    assert_eq!((by_other.token_delivery, &by_other.token), (Some(TokenDelivery::WithheldCrossDevice), &None));
    assert_eq!((by_other.rotated_at_ms, by_other.scopes), (1_005_000, scopes("admin approvals pairing").expanded()));
    assert_eq!(fixture.told.take(), ["ended operator Rotated"]);
    assert!(!fixture.accepts(1, &secret(&before)).await);
    let next = fixture.admitted(&claim(1), REMOTE).await;
    assert!(next.token.as_ref().unwrap().issued_at_ms == 1_005_000 && fixture.accepts(1, &secret(&next)).await);

    let itself = by_token(1, "admin approvals pairing");
    let own = fixture.pairing.rotate(&itself, device(1), Role::Operator, Some(scopes("read"))).await.unwrap();
    assert_eq!((own.token_delivery, own.scopes), (Some(TokenDelivery::InBand), scopes("read")));
    assert!(fixture.accepts(1, &own.token.unwrap()).await);
    // The narrower token bounds a connect that rests on it, and another credential widens it within what was approved.
    let verdict = fixture.pairing.judge(&asking(1, "admin"), REMOTE, by(Mechanism::DeviceToken)).await.unwrap();
    assert_eq!(admitted(verdict).scopes, scopes("read"));
    let with_secret = fixture.admitted(&asking(1, "admin"), REMOTE).await;
    assert_eq!(with_secret.token.unwrap().scopes, scopes("admin read write"));
}

#[tokio::test]
async fn a_label_is_kept_through_everything_that_follows() {
    let fixture = Fixture::new();
    fixture.admitted(&asking(1, "read"), SILENT).await;
    fixture.told.take();
    let result = fixture.pairing.rename(&Approver::owner(), device(1), " kitchen Pi ").await.unwrap();
    assert_eq!((result.label.as_str(), fixture.told.take()), ("kitchen Pi", vec!["device.pair.changed".to_owned()]));
    fixture.admitted(&claim(1), SILENT).await;
    let list = fixture.pairing.list(&Approver::owner(), |_| None).await.unwrap();
    assert_eq!(list.paired[0].operator_label.as_deref(), Some("kitchen Pi"));
    assert_denied(fixture.pairing.rename(&Approver::owner(), device(2), "x").await, "unknown deviceId", "unknown");
    let empty = fixture.pairing.rename(&Approver::owner(), device(1), " ").await;
    assert!(matches!(empty, Err(PairingError::InvalidLabel(_))), "{empty:?}");
}

#[tokio::test]
async fn a_device_manages_itself_only() {
    let fixture = Fixture::new();
    for number in [1, 2] {
        fixture.admitted(&asking(number, "pairing"), SILENT).await;
    }
    let request = fixture.request(&asking(3, "read")).await;
    let caller = by_token(1, "pairing");
    let pairing = &fixture.pairing;
    assert_denied(pairing.reject(&caller, &request).await, "device pairing rejection denied", "reject");
    assert_denied(pairing.remove(&caller, device(2)).await, "device pairing removal denied", "remove");
    assert_denied(pairing.rename(&caller, device(2), "x").await, "device pairing rename denied", "rename");
    let operator = Role::Operator;
    assert_denied(pairing.rotate(&caller, device(2), operator, None).await, "device token rotation denied", "rotate");
    assert_denied(pairing.revoke(&caller, device(2), operator).await, "device token revocation denied", "revoke");
    pairing.rename(&caller, device(1), "me").await.unwrap();
    pairing.rotate(&caller, device(1), operator, None).await.unwrap();
    pairing.revoke(&caller, device(1), operator).await.unwrap();
    pairing.remove(&caller, device(1)).await.unwrap();
}

#[tokio::test]
async fn a_token_that_ended_while_it_was_judged_lets_nobody_in() {
    let fixture = Fixture::new();
    let (id, owner) = (device(1), Approver::owner());
    for ends in ["rotated", "revoked", "removed"] {
        fixture.admitted(&asking(1, "read"), SILENT).await;
        let accepted = fixture.pairing.token(&id, Role::Operator).await.unwrap().expect("it has one");
        let by_token = Connecting { token: Some(&accepted), ..by(Mechanism::DeviceToken) };
        admitted(fixture.pairing.judge(&asking(1, "read"), REMOTE, by_token).await.unwrap());
        match ends {
            "rotated" => drop(fixture.pairing.rotate(&owner, id, Role::Operator, None).await.unwrap()),
            "revoked" => drop(fixture.pairing.revoke(&owner, id, Role::Operator).await.unwrap()),
            _ => drop(fixture.pairing.remove(&owner, id).await.unwrap()),
        }
        let verdict = fixture.pairing.judge(&asking(1, "read"), SILENT, by_token).await.unwrap();
        assert!(matches!(verdict, Verdict::TokenEnded), "{ends}: {verdict:?}");
        fixture.pairing.remove(&owner, id).await.ok();
        if ends == "revoked" {
            fixture.approve(&fixture.request(&asking(1, "read")).await).await;
        }
    }
}

#[tokio::test]
async fn what_operators_do_is_logged() {
    let fixture = Fixture::new();
    let id = device(1);
    let lines = logged(async {
        let pairing = &fixture.pairing;
        fixture.admitted(&asking(1, "read pairing"), SILENT).await;
        let owner = Approver::owner();
        pairing.rename(&owner, id, "kitchen Pi").await.unwrap();
        pairing.rotate(&owner, id, Role::Operator, None).await.unwrap();
        pairing.rotate(&owner, id, Role::Operator, Some(scopes("admin"))).await.unwrap_err();
        pairing.rotate(&owner, id, Role::Node, None).await.unwrap_err();
        pairing.revoke(&operator("pairing"), id, Role::Operator).await.unwrap_err();
        pairing.revoke(&by_token(2, "pairing"), id, Role::Operator).await.unwrap_err();
        pairing.revoke(&owner, id, Role::Operator).await.unwrap();
        let request = fixture.request(&asking(1, "read")).await;
        pairing.approve(&owner, &request).await.unwrap();
        pairing.remove(&owner, id).await.unwrap();
    })
    .await;
    let expected = [
        "INFO gateway: device pairing auto-approved device=ID role=operator",
        "INFO gateway: device pairing renamed device=ID label=kitchen_Pi",
        "INFO gateway: device token rotated device=ID role=operator scopes=operator.pairing,operator.read",
        "WARN gateway: device token rotation denied device=ID role=operator reason=scope-outside-approved-baseline \
         scope=operator.admin",
        "WARN gateway: device token rotation denied device=ID role=node reason=unknown-device-or-role",
        "WARN gateway: device token revocation denied device=ID role=operator reason=caller-missing-scope \
         scope=operator.read",
        "WARN gateway: device token revocation denied device=ID role=operator reason=device-ownership-mismatch",
        "INFO gateway: device token revoked device=ID role=operator",
        "INFO gateway: device pairing approved device=ID role=operator",
        "INFO gateway: device pairing removed device=ID",
    ];
    let seen: Vec<_> = lines
        .into_iter()
        .filter(|line| !line.contains("security audit") && !line.contains("pairing requested"))
        .map(|line| line.replace(&text(id), "ID"))
        .collect();
    assert_eq!(seen, expected);
}
