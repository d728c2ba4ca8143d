//! What happens beside: other processes, and what is written later.

use tokio_util::sync::CancellationToken;

use super::*;
use crate::pairing::{DeviceAdmin, open_offline};

#[tokio::test(start_paused = true)]
async fn a_running_gateway_notices_what_the_offline_command_does() {
    let fixture = Fixture::new();
    fixture.admitted(&claim(1), SILENT).await;
    let request = fixture.request(&claim(2)).await;
    fixture.told.take();
    let stop = CancellationToken::new();
    let following = {
        let (pairing, stop) = (Arc::clone(&fixture.pairing), stop.clone());
        tokio::spawn(async move { pairing.follow(stop).await })
    };

    let offline = open_offline(&fixture.state).unwrap().with_clock(fixture.pairing.clock.clone());
    let listed = DeviceAdmin::list(&offline).await.unwrap();
    assert_eq!((listed.paired.len(), listed.pending.len(), listed.paired[0].connected), (1, 1, None));
    DeviceAdmin::approve(&offline, &request).await.unwrap();
    assert_eq!(fixture.told.next().await, [format!("approved {request}")]);
    let admission = fixture.admitted(&claim(2), REMOTE).await;
    assert!(fixture.accepts(2, &secret(&admission)).await, "the token is made at the first connect");

    DeviceAdmin::rotate(&offline, device(1), Role::Operator, None).await.unwrap();
    assert_eq!(fixture.told.next().await, ["ended operator Rotated"]);
    DeviceAdmin::revoke(&offline, device(1), Role::Operator).await.unwrap();
    assert_eq!(fixture.told.next().await, ["ended operator Revoked"]);
    DeviceAdmin::rename(&offline, device(2), "kitchen").await.unwrap();
    assert_eq!(fixture.told.next().await, ["device.pair.changed"]);
    DeviceAdmin::remove(&offline, device(2)).await.unwrap();
    assert_eq!(fixture.told.next().await, ["ended every role Removed"]);
    let request = fixture.request(&claim(3)).await;
    fixture.told.take();
    DeviceAdmin::reject(&offline, &request).await.unwrap();
    assert_eq!(fixture.told.next().await, [format!("rejected {request}")]);

    stop.cancel();
    following.await.unwrap();
}

#[tokio::test]
async fn the_offline_command_hands_out_no_token_and_needs_no_key() {
    let fixture = Fixture::new();
    let request = fixture.request(&claim(1)).await;
    let offline = open_offline(&fixture.state).unwrap().with_clock(fixture.pairing.clock.clone());
    DeviceAdmin::approve(&offline, &request).await.unwrap();
    let rotated = DeviceAdmin::rotate(&offline, device(1), Role::Operator, None).await.unwrap();
    assert_eq!(rotated.token, None);
    assert!(!fixture.state.token_key().exists());
}

#[tokio::test]
async fn what_was_seen_is_listed_at_once_and_written_later() {
    let fixture = Fixture::new();
    fixture.admitted(&claim(1), SILENT).await;
    fixture.pairing.settle().await.unwrap();
    let written = fixture.file("paired.json");
    fixture.pass(Duration::from_secs(7));
    let moved = Claim {
        display_name: Some("desktop".into()),
        platform: Some("darwin".into()),
        client: Some("198.51.100.7".parse().unwrap()),
        ..claim(1)
    };
    fixture.pairing.judge(&moved, REMOTE, by(Mechanism::DeviceToken)).await.unwrap();
    assert_eq!(fixture.file("paired.json"), written, "a connect writes nothing");

    let check = async |pairing: &Pairing| {
        let list = pairing.list(&Approver::owner(), |_| None).await.unwrap();
        let seen = &list.paired[0];
        assert_eq!((seen.display_name.as_deref(), seen.platform.as_deref()), (Some("desktop"), Some("darwin")));
        assert_eq!((seen.remote_ip.as_deref(), seen.last_seen_at_ms), (Some("198.51.100.7"), Some(1_007_000)));
        assert_eq!(seen.last_seen_reason.as_deref(), Some("device-token-auth"));
        assert_eq!(seen.tokens[0].last_used_at_ms, Some(1_007_000));
    };
    check(&fixture.pairing).await;
    fixture.pairing.settle().await.unwrap();
    check(&open_offline(&fixture.state).unwrap()).await;

    let written = std::fs::metadata(fixture.state.devices().join("paired.json")).unwrap().modified().unwrap();
    fixture.pairing.settle().await.unwrap();
    let now = std::fs::metadata(fixture.state.devices().join("paired.json")).unwrap().modified().unwrap();
    assert_eq!(written, now, "nothing was seen since");
}

#[tokio::test(start_paused = true)]
async fn what_was_seen_is_written_at_the_end() {
    let fixture = Fixture::new();
    fixture.admitted(&claim(1), SILENT).await;
    let stop = CancellationToken::new();
    stop.cancel();
    fixture.pairing.follow(stop).await;
    assert!(fixture.file("paired.json").contains("lastSeenAtMs"));
}
