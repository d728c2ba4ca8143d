//! Requests that wait.

use super::*;
use crate::{
    defaults::{MAX_PAIRING_REQUESTS, MAX_PAIRING_REQUESTS_PER_CLIENT, PAIRING_REQUEST_TTL},
    pairing::PairingReason,
};

const NEARLY: Duration = PAIRING_REQUEST_TTL.saturating_sub(Duration::from_millis(1));

#[tokio::test]
async fn a_request_is_kept_while_its_device_asks_for_no_more_and_else_replaced() {
    let fixture = Fixture::new();
    let first = fixture.request(&asking(1, "pairing")).await;
    assert_eq!(fixture.told.take(), [format!("device.pair.requested {first}")]);
    assert_eq!(fixture.request(&asking(1, "pairing")).await, first);
    assert_eq!(fixture.told.take(), Vec::<String>::new());

    let second = fixture.request(&asking(1, "read")).await;
    assert_eq!(fixture.told.take(), [format!("rejected {first}"), format!("device.pair.requested {second}")]);
    let list = fixture.pairing.list(&Approver::owner(), |_| None).await.unwrap();
    assert_eq!(list.pending.len(), 1);
    assert_eq!(list.pending[0].scopes, Some(scopes("pairing read")));
    assert_eq!(list.pending[0].remote_ip.as_deref(), Some("192.0.2.50"));
    assert_denied(fixture.pairing.approve(&Approver::owner(), &first).await, "unknown requestId", "replaced");

    fixture.approve(&second).await;
    assert_eq!(fixture.told.take(), [format!("approved {second}")]);
    assert_eq!(fixture.admitted(&asking(1, "pairing read"), REMOTE).await.scopes, scopes("pairing read"));
}

#[tokio::test]
async fn a_request_expires_after_its_last_repeat_and_nobody_is_told() {
    let fixture = Fixture::new();
    let request = fixture.request(&claim(1)).await;
    fixture.told.take();
    fixture.pass(NEARLY);
    assert_eq!(fixture.request(&claim(1)).await, request);
    fixture.pass(NEARLY);
    assert_eq!(fixture.request(&claim(1)).await, request, "the repeat counts");
    // The repeats were written, so another process knows of them.
    let other = FileStore::open(&fixture.state, Use::Offline).unwrap();
    let other = Fixture::service(Arc::new(other), &fixture.told, &fixture.now);
    assert_eq!(other.list(&Approver::owner(), |_| None).await.unwrap().pending.len(), 1);

    fixture.pass(PAIRING_REQUEST_TTL);
    assert!(fixture.pairing.list(&Approver::owner(), |_| None).await.unwrap().pending.is_empty());
    assert_denied(fixture.pairing.approve(&Approver::owner(), &request).await, "unknown requestId", "expired");
    fixture.pairing.settle().await.unwrap();
    assert_eq!((fixture.file("pending.json").as_str(), fixture.told.take()), ("{}", Vec::new()));
    assert_ne!(fixture.request(&claim(1)).await, request);
}

#[tokio::test]
async fn repeats_in_quick_succession_write_nothing() {
    let fixture = Fixture::new();
    fixture.request(&claim(1)).await;
    let written = fixture.file("pending.json");
    for _ in 0..20 {
        fixture.pass(Duration::from_secs(1));
        fixture.request(&claim(1)).await;
    }
    assert_eq!(fixture.file("pending.json"), written);
}

#[tokio::test]
async fn no_more_than_so_many_wait_at_once() {
    let fixture = Fixture::new();
    let from = |number: u32, last: u8| Claim { client: Some([192, 0, 2, last].into()), ..claim(number) };
    let connects: Vec<_> = (0..20).map(|number| from(number, 1)).collect();
    let refusals = futures_util::future::join_all(connects.iter().map(|claim| fixture.refused(claim, REMOTE))).await;
    let made = refusals.iter().filter(|refusal| refusal.asked != Asked::ListFull).count();
    assert_eq!(made, MAX_PAIRING_REQUESTS_PER_CLIENT, "one client at the same moment");

    for number in 100..200 {
        fixture.refused(&from(number, u8::try_from(number).unwrap()), REMOTE).await;
    }
    let list = fixture.pairing.list(&Approver::owner(), |_| None).await.unwrap();
    assert_eq!(list.pending.len(), MAX_PAIRING_REQUESTS);
    let refusal = fixture.refused(&from(300, 250), REMOTE).await;
    assert_eq!((refusal.asked, refusal.reason), (Asked::ListFull, PairingReason::NotPaired));
    // A device that waits may change its own request, and those that expired make room.
    let wider = Claim { scopes: scopes("talk.secrets"), ..from(150, 150) };
    assert_ne!(fixture.refused(&wider, REMOTE).await.asked, Asked::ListFull);
    fixture.pass(PAIRING_REQUEST_TTL);
    assert_ne!(fixture.refused(&from(300, 250), REMOTE).await.asked, Asked::ListFull);
}

#[tokio::test]
async fn a_full_list_keeps_out_nobody_who_is_known() {
    let fixture = Fixture::new();
    fixture.admitted(&asking(9, "read"), SILENT).await;
    for number in 0..4 {
        fixture.request(&claim(number)).await;
    }
    let admission = fixture.admitted(&claim(9), REMOTE).await;
    assert_eq!((admission.scopes, admission.waiting), (scopes("read"), None));
}

#[tokio::test]
async fn what_was_turned_down_stays_so_where_the_clock_was_set_back() {
    let fixture = Fixture::new();
    fixture.admitted(&asking(1, "read"), SILENT).await;
    fixture.now.fetch_sub(500_000, Ordering::SeqCst);
    let widening = fixture.admitted(&asking(1, "admin"), REMOTE).await.waiting.expect("it asks");
    fixture.pairing.reject(&Approver::owner(), &widening.request).await.unwrap();
    let again = Arc::new(FileStore::open(&fixture.state, Use::Gateway).unwrap());
    let again = Fixture::service(again, &fixture.told, &fixture.now);
    let admission = admitted(again.judge(&asking(1, "admin"), SILENT, by(Mechanism::Token)).await.unwrap());
    assert!(admission.waiting.is_some() && admission.scopes == scopes("read"), "{admission:?}");
}

#[tokio::test]
async fn what_was_turned_down_is_never_silent_until_it_is_approved() {
    let fixture = Fixture::new();
    let request = fixture.request(&claim(1)).await;
    fixture.told.take();
    fixture.pairing.reject(&Approver::owner(), &request).await.unwrap();
    assert_eq!(fixture.told.take(), [format!("rejected {request}")]);
    assert_denied(fixture.pairing.reject(&Approver::owner(), &request).await, "unknown requestId", "twice");
    assert_eq!(fixture.refused(&claim(1), SILENT).await.reason, PairingReason::NotPaired);
    // Also not after a restart.
    let again = Arc::new(FileStore::open(&fixture.state, Use::Gateway).unwrap());
    let again = Fixture::service(again, &fixture.told, &fixture.now);
    let verdict = again.judge(&claim(1), SILENT, by(Mechanism::Token)).await.unwrap();
    let Verdict::Refused(PairingRefusal { asked: Asked::Request(request), .. }) = verdict else {
        panic!("{verdict:?}")
    };

    fixture.approve(&request).await;
    fixture.admitted(&claim(1), REMOTE).await;
    fixture.admitted(&as_node(1), SILENT).await;
}
