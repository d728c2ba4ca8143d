//! What a connecting device gets.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;

use super::*;
use crate::{
    pairing::PairingReason,
    store::{DeviceRecord, Revision, StoreError, Stored, Watch},
};

#[tokio::test]
async fn a_new_device_where_that_is_silent() {
    let fixture = Fixture::new();
    let first = fixture.admitted(&claim(1), SILENT).await;
    assert_eq!((&first.scopes, &first.waiting), (&claim(1).scopes, &None));
    let token = first.token.as_ref().unwrap();
    assert_eq!((&token.scopes, token.issued_at_ms), (&scopes("admin approvals pairing").expanded(), 1_000_000));
    let told = fixture.told.take();
    assert!(told.len() == 1 && told[0].starts_with("approved "), "{told:?}");
    assert!(!fixture.file("paired.json").contains(&secret(&first)), "no token lies in a file");

    // From now on a connect from anywhere finds it known, gets the same token, and writes nothing.
    let written = std::fs::metadata(fixture.state.devices().join("paired.json")).unwrap().modified().unwrap();
    for grant in [SILENT, REMOTE, REMOTE] {
        assert_eq!(secret(&fixture.admitted(&asking(1, "read"), grant).await), secret(&first));
    }
    let now = std::fs::metadata(fixture.state.devices().join("paired.json")).unwrap().modified().unwrap();
    assert_eq!((written, fixture.told.take()), (now, Vec::<String>::new()));
    assert!(fixture.accepts(1, &secret(&first)).await && !fixture.accepts(1, "another").await);
    assert!(!fixture.accepts(2, &secret(&first)).await);
}

#[tokio::test]
async fn a_widening_that_waits_leaves_what_was_granted() {
    let fixture = Fixture::new();
    fixture.admitted(&asking(1, "read"), SILENT).await;
    let meanwhile = fixture.admitted(&claim(1), REMOTE).await;
    assert_eq!(meanwhile.scopes, scopes("read"));
    let waiting = meanwhile.waiting.unwrap();
    assert_eq!(waiting.reason, PairingReason::ScopeUpgrade);
    assert!(meanwhile.token.is_some());
    assert!(fixture.admitted(&asking(1, "read"), REMOTE).await.waiting.is_none());

    // Another role has to wait, and the approved one goes on.
    let refusal = fixture.refused(&as_node(1), REMOTE).await;
    assert_eq!((refusal.reason, refusal.approved_roles), (PairingReason::RoleUpgrade, vec![Role::Operator]));
    assert_eq!(refusal.approved_scopes, scopes("read"));
    fixture.admitted(&asking(1, "read"), REMOTE).await;

    fixture.told.take();
    let Asked::Request(request) = refusal.asked else { panic!("no request") };
    fixture.approve(&request).await;
    assert_eq!(fixture.told.take(), [format!("approved {request}")]);
    assert_eq!(fixture.admitted(&claim(1), REMOTE).await.scopes, claim(1).scopes);
    assert!(fixture.admitted(&as_node(1), REMOTE).await.scopes.is_empty());
}

#[tokio::test]
async fn a_widening_is_silent_where_a_new_device_would_be() {
    let fixture = Fixture::new();
    let narrow = fixture.admitted(&asking(1, "read"), SILENT).await;
    let wide = fixture.admitted(&claim(1), SILENT).await;
    assert_eq!(wide.scopes, claim(1).scopes);
    assert_eq!(secret(&narrow), secret(&wide), "its other copies of the token go on");
    assert!(fixture.admitted(&as_node(1), SILENT).await.token.is_some());
}

#[tokio::test]
async fn a_silent_approval_answers_the_request_that_waited() {
    let fixture = Fixture::new();
    let request = fixture.request(&asking(1, "read")).await;
    fixture.told.take();
    fixture.admitted(&claim(1), SILENT).await;
    assert_eq!(fixture.told.take(), [format!("approved {request}")]);
    assert_eq!(fixture.file("pending.json"), "{}");
}

#[tokio::test]
async fn what_operators_search_the_log_for() {
    let fixture = Fixture::new();
    let id = device(1);
    let lines = logged(async {
        fixture.admitted(&asking(1, "read"), SILENT).await;
        fixture.admitted(&asking(1, "write"), REMOTE).await;
        fixture.admitted(&asking(1, "write"), REMOTE).await;
        let local = Connecting { address: None, ..by(Mechanism::Password) };
        fixture.pairing.judge(&as_node(1), SILENT, local).await.unwrap();
        let strange = Claim { scopes: scopes("read a=b"), ..claim(1) };
        fixture.pairing.judge(&strange, REMOTE, by(Mechanism::DeviceToken)).await.unwrap();
    })
    .await;
    let audit = |rest: &str| format!("WARN gateway: security audit: device access upgrade requested {rest}");
    let expected = [
        format!("INFO gateway: device pairing auto-approved device={id} role=operator"),
        audit(&format!(
            "reason=scope-upgrade device={id} ip=192.0.2.50 auth=token roleFrom=operator roleTo=operator \
             scopesFrom=operator.read scopesTo=operator.write client=cli conn=c0ffee"
        )),
        format!("INFO gateway: device pairing requested device={id} role=operator reason=scope-upgrade request=…"),
        audit(&format!(
            "reason=role-upgrade device={id} ip=unknown-ip auth=password roleFrom=operator roleTo=node \
             scopesFrom=operator.read scopesTo=<none> client=cli conn=c0ffee"
        )),
        format!("INFO gateway: device pairing auto-approved device={id} role=node"),
        audit(&format!(
            "reason=scope-upgrade device={id} ip=192.0.2.50 auth=device-token roleFrom=node,operator roleTo=operator \
             scopesFrom=operator.read scopesTo=operator.read,operator.a_b client=cli conn=c0ffee"
        )),
        format!("INFO gateway: device pairing requested device={id} role=operator reason=scope-upgrade request=…"),
    ];
    let without_id = |line: &String| match line.split_once(" request=") {
        Some((start, _)) => format!("{start} request=…"),
        None => line.clone(),
    };
    assert_eq!(lines.iter().map(without_id).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_token_taken_over_from_another_gateway_goes_on_beside_ours() {
    let fixture = Fixture::prepared(|state| {
        std::fs::create_dir_all(state.devices()).unwrap();
        let record = json!({text(device(1)): {
            "deviceId": device(1), "publicKey": key(1), "role": "operator", "roles": ["operator"],
            "scopes": ["operator.admin"], "createdAtMs": 5, "approvedAtMs": 5,
            "tokens": {"operator": {"token": "theirs", "role": "operator", "scopes": ["operator.admin"], "createdAtMs": 5}},
        }});
        std::fs::write(state.devices().join("paired.json"), record.to_string()).unwrap();
    });
    assert!(fixture.accepts(1, "theirs").await && !fixture.file("paired.json").contains("theirs"));
    let by_token = by(Mechanism::DeviceToken);
    let first = admitted(fixture.pairing.judge(&asking(1, "admin"), REMOTE, by_token).await.unwrap());
    let ours = secret(&first);
    assert!(ours != "theirs" && fixture.accepts(1, &ours).await && fixture.accepts(1, "theirs").await);
    assert_eq!(secret(&fixture.admitted(&asking(1, "read"), REMOTE).await), ours);

    let rotated = fixture.pairing.rotate(&Approver::owner(), device(1), Role::Operator, None).await.unwrap();
    assert_eq!(rotated.token, None);
    assert!(!fixture.accepts(1, &ours).await && !fixture.accepts(1, "theirs").await);
}

#[tokio::test]
async fn many_connects_of_one_new_device_make_one_record() {
    let fixture = Fixture::new();
    let same = claim(1);
    let connects = (0..20).map(|_| fixture.admitted(&same, SILENT));
    let all = futures_util::future::join_all(connects).await;
    assert!(all.iter().all(|admission| secret(admission) == secret(&all[0])));
    assert_eq!(fixture.told.take().len(), 1);

    let devices: Vec<_> = (2..40).map(claim).collect();
    futures_util::future::join_all(devices.iter().map(|claim| fixture.admitted(claim, SILENT))).await;
    assert_eq!(fixture.store.list().await.unwrap().len(), 39);
}

/// A store on a disk that is full.
#[derive(Debug)]
struct Full(FileStore);

#[async_trait]
impl DeviceStore for Full {
    async fn get(&self, device: &DeviceId) -> Result<Stored, StoreError> {
        self.0.get(device).await
    }
    async fn list(&self) -> Result<Vec<(DeviceId, Stored)>, StoreError> {
        self.0.list().await
    }
    async fn waiting(&self) -> Result<Vec<(DeviceId, Stored)>, StoreError> {
        self.0.waiting().await
    }
    async fn compare_and_set(&self, _: &DeviceId, _: Revision, _: DeviceRecord) -> Result<Revision, StoreError> {
        let source = Arc::new(std::io::ErrorKind::StorageFull.into());
        Err(StoreError::Unwritable { path: "paired.json".into(), owner: None, uid: 0, source })
    }
    fn watch(&self) -> Watch {
        self.0.watch()
    }
    async fn refresh(&self) -> Result<(), StoreError> {
        self.0.refresh().await
    }
}

#[tokio::test]
async fn a_full_disk_keeps_out_nobody_who_is_known() {
    let fixture = Fixture::new();
    let before = fixture.admitted(&asking(1, "read"), SILENT).await;
    let full = Fixture::service(Arc::new(Full(fixture.store.clone())), &fixture.told, &fixture.now);
    let judge = async |claim: &Claim, grant| full.judge(claim, grant, by(Mechanism::Token)).await;

    assert_eq!(secret(&admitted(judge(&asking(1, "read"), REMOTE).await.unwrap())), secret(&before));
    let wider = admitted(judge(&claim(1), REMOTE).await.unwrap());
    assert_eq!((wider.scopes, wider.waiting), (scopes("read"), None));
    for (claim, grant) in [(claim(2), SILENT), (claim(2), REMOTE)] {
        let error = judge(&claim, grant).await.unwrap_err();
        assert!(matches!(error, PairingError::Store(StoreError::Unwritable { .. })), "{error}");
    }
    // A change of the key makes a new token necessary, which cannot be written: in, but without one.
    let other_key =
        Pairing::new(Arc::new(Full(fixture.store.clone())), TokenKey::from_bytes([9; 32]), fixture.told.clone());
    let verdict = other_key.judge(&asking(1, "read"), REMOTE, by(Mechanism::Token)).await.unwrap();
    assert!(admitted(verdict).token.is_none());
}
