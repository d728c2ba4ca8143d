//! A state directory that OpenClaw 2026.2.19 wrote.

use std::path::Path;

use super::*;
use crate::pairing::PairingReason;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/state-2026.2.19");

/// The command line on the gateway's host, one elsewhere, a node whose token was revoked, and a device that waits.
const HOST: &str = "cb62dab1e16f0cab7e68d41f7cf5bca22adef84e1103f2f99f6b179e52bf9d14";
const ELSEWHERE: &str = "00c6ef24034c4a0863187e048f6ef719410864b3bd8dafb90bfbe5b47cb7b194";
const NODE: &str = "83f22a02277e7e5a59ab5ae190d57ba5f137194d6d9700d55d8203305167f76c";
const WAITING: &str = "f6b38c3bcecfdf0315e9ef62f7bd4a3beb713b1a826dba5ecac5a4a626c94131";

fn json(path: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(Path::new(FIXTURE).join(path)).unwrap()).unwrap()
}

/// Their directory, at the moment when the request was made.
fn taken_over() -> Fixture {
    let fixture = Fixture::prepared(|state| {
        std::fs::create_dir_all(state.devices()).unwrap();
        for name in ["paired.json", "pending.json"] {
            std::fs::copy(Path::new(FIXTURE).join("gateway/devices").join(name), state.devices().join(name)).unwrap();
        }
    });
    let pending = json("gateway/devices/pending.json");
    let asked = pending.as_object().unwrap().values().next().unwrap()["ts"].as_i64().unwrap();
    fixture.now.store(asked, Ordering::SeqCst);
    fixture
}

fn claim_of(id: &str, role: Role, names: &str) -> Claim {
    let paired = json("gateway/devices/paired.json");
    let pending = json("gateway/devices/pending.json");
    let mut records = paired.as_object().unwrap().values().chain(pending.as_object().unwrap().values());
    let record = records.find(|record| record["deviceId"] == id).unwrap();
    let key = record["publicKey"].as_str().unwrap().parse().unwrap();
    Claim { device: id.parse().unwrap(), key, role, ..asking(0, names) }
}

#[tokio::test]
async fn nothing_is_lost_and_no_token_stays_in_clear() {
    let fixture = taken_over();
    let report = fixture.pairing.report();
    assert!(report.took_over_tokens && report.damage.is_empty(), "{report:?}");
    let written = fixture.file("paired.json");
    for record in json("gateway/devices/paired.json").as_object().unwrap().values() {
        for token in record["tokens"].as_object().unwrap().values() {
            assert!(!written.contains(token["token"].as_str().unwrap()), "{written}");
        }
    }
    let list = fixture.pairing.list(&Approver::owner(), |_| None).await.unwrap();
    let paired: Vec<_> = list.paired.iter().map(|paired| paired.device_id.as_str()).collect();
    assert_eq!(paired, [NODE, ELSEWHERE, HOST]);
    assert_eq!(list.paired[0].display_name.as_deref(), Some("kitchen"));
    assert_eq!(list.paired[1].tokens[0].rotated_at_ms, Some(1_795_397_205_122));
    assert_eq!(list.pending[0].device_id, WAITING);
}

#[tokio::test]
async fn their_tokens_go_on() {
    let fixture = taken_over();
    for (id, kept) in [(HOST, "gateway"), (ELSEWHERE, "remote-cli")] {
        let theirs = json(&format!("{kept}/identity/device-auth.json"))["tokens"]["operator"]["token"].clone();
        let theirs = theirs.as_str().unwrap();
        let accepts = async |token: &str| {
            let record = fixture.pairing.token(&id.parse().unwrap(), Role::Operator).await.unwrap();
            record.is_some_and(|record| record.accepts(token))
        };
        assert!(accepts(theirs).await, "{kept}");
        let claim = claim_of(id, Role::Operator, "admin approvals pairing");
        let admission = admitted(fixture.pairing.judge(&claim, REMOTE, by(Mechanism::DeviceToken)).await.unwrap());
        assert_eq!(admission.scopes, claim.scopes, "{kept}");
        assert!(accepts(&secret(&admission)).await && accepts(theirs).await, "{kept}");
        // What the earlier gateway refused for ever: a scope that is included, but not named.
        assert_eq!(fixture.admitted(&claim_of(id, Role::Operator, "read"), REMOTE).await.scopes, scopes("read"));
    }
}

#[tokio::test]
async fn a_revoked_token_stays_revoked_and_a_request_can_be_approved() {
    let fixture = taken_over();
    assert!(fixture.pairing.token(&NODE.parse().unwrap(), Role::Node).await.unwrap().is_none());
    let node = claim_of(NODE, Role::Node, "");
    assert_eq!(fixture.refused(&node, SILENT).await.reason, PairingReason::RoleUpgrade);

    let waiting = claim_of(WAITING, Role::Operator, "admin approvals pairing");
    let request = fixture.request(&waiting).await;
    assert_eq!(request.as_str(), "dba1219c-61d4-40e0-a528-0e85ed4c11c2");
    fixture.approve(&request).await;
    fixture.admitted(&waiting, REMOTE).await;
}
