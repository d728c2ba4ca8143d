//! State that cannot be written any more, or that somebody damages, while the gateway runs.

use std::fs;

use serde_json::json;

use crate::support::{Connect, Device, TestGateway, eventually};

#[tokio::test]
async fn what_cannot_be_written_is_not_acknowledged() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let known = Device::fresh();
    let connect = |device: &Device| Connect::v4().token(&gateway.token()).device(device);
    let mut session = gateway.admit(&connect(&known)).await;
    let waits = gateway.refuse_from_afar(&connect(&Device::fresh())).await.request_id();

    // Nothing can be made in a directory that is not there; root is stopped by this as well.
    let devices = gateway.state().join("devices");
    let aside = gateway.state().join("aside");
    fs::rename(&devices, &aside).expect("a directory can be renamed");
    fs::write(&devices, "").expect("a file can stand in its way");

    let refused = gateway.refuse(&connect(&Device::fresh())).await;
    assert_eq!(refused.error["code"], "UNAVAILABLE", "{refused:?}");
    assert_eq!(refused.close.code, 1011, "{refused:?}");
    let error = owner.fails("device.pair.approve", json!({"requestId": waits})).await;
    assert_eq!(error["code"], "UNAVAILABLE", "{error}");
    gateway.logs(&["devices"]).await;
    eventually("the gateway to be not ready", async || {
        (gateway.http("GET", "/readyz", &[]).await.status == 503).then_some(())
    })
    .await;
    // Whoever is in stays in, the local way in is open, and whoever asks for the health is told.
    for asked in [&mut session, &mut gateway.owner().await] {
        let health = asked.ok("health", json!({})).await;
        assert_eq!((&health["ok"], &health["failing"]), (&json!(false), &json!(["state-directory"])), "{health}");
    }

    fs::remove_file(&devices).expect("the file can be removed");
    fs::rename(&aside, &devices).expect("the directory can be put back");
    eventually("the gateway to be ready again", async || {
        (gateway.http("GET", "/readyz", &[]).await.status == 200).then_some(())
    })
    .await;
    let health = session.ok("health", json!({})).await;
    assert_eq!((&health["ok"], health.get("failing")), (&json!(true), None), "{health}");
    gateway.admit(&connect(&Device::fresh())).await;
    gateway.admit(&connect(&known)).await;
    owner.ok("device.pair.approve", json!({"requestId": waits})).await;
}

#[tokio::test]
async fn a_file_that_is_damaged_meanwhile_throws_nobody_out() {
    let gateway = TestGateway::start().await;
    let device = Device::fresh();
    let connect = Connect::v4().token(&gateway.token()).device(&device);
    let mut session = gateway.admit(&connect).await;
    let path = gateway.state().join("devices/paired.json");
    let garbage = "{\"half\": ";
    fs::write(&path, garbage).expect("a file can be written");
    gateway.logs(&["paired.json", "damaged"]).await;
    session.ok("health", json!({})).await;
    gateway.admit(&connect).await;
    // The next change is written beside what was damaged, not over it.
    gateway.admit(&Connect::v4().token(&gateway.token()).device(&Device::fresh())).await;
    let kept = fs::read_dir(gateway.state().join("devices")).expect("a directory").flatten();
    let kept = kept.filter(|entry| fs::read_to_string(entry.path()).is_ok_and(|text| text == garbage)).count();
    assert_eq!(kept, 1, "the damaged file is kept aside");
    let gateway = gateway.restart().await;
    gateway.admit(&connect).await;
}
