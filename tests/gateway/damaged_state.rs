//! State files that are damaged, unreadable, or changed by somebody else.

use std::{fs, path::Path};

use nix::unistd::geteuid;
use serde_json::{Value, json};

use crate::support::{Close, Connect, Device, TestGateway};

/// The files in `directory` with exactly this content.
fn files_with(directory: &Path, content: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory").flatten();
    let found = entries.filter(|entry| fs::read_to_string(entry.path()).is_ok_and(|text| text == content));
    found.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn a_damaged_file_is_kept_aside_and_reported() {
    for (file, content) in [
        ("paired.json", "{\"0123\": {\"deviceId\": "),
        ("paired.json", "[]"),
        ("paired.json", "\0\0\0\0\0\0"),
        ("pending.json", "not json at all"),
    ] {
        let gateway = TestGateway::builder().file(&format!("devices/{file}"), content).start().await;
        let aside = files_with(&gateway.state().join("devices"), content);
        assert_eq!(aside.len(), 1, "{file} {content:?} is kept once: {aside:?}");
        assert_ne!(aside[0], file, "{content:?}");
        gateway.logs(&[&aside[0], file]).await;
        // And the gateway works.
        let connect = Connect::v4().token(&gateway.token()).device(&Device::fresh());
        gateway.admit(&connect).await;
        let gateway = gateway.restart().await;
        gateway.admit(&connect).await;
        assert_eq!(files_with(&gateway.state().join("devices"), content), aside, "it is kept for good");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_never_replaced_in_silence() {
    let builder = TestGateway::builder().file("devices/paired.json/precious", "x");
    let precious = builder.state().join("devices/paired.json/precious");
    let exit = builder.fails().await;
    assert!(!exit.status.success() && exit.output.contains("paired.json"), "{exit:?}");
    assert!(precious.exists());
}

#[tokio::test]
async fn a_key_that_is_damaged_is_not_replaced_by_a_new_one() {
    let gateway = TestGateway::start().await;
    let key = gateway.state().join("identity/token.key");
    assert!(key.exists(), "device tokens are derived from a key in a file");
    let builder = TestGateway::builder().file("identity/token.key", "short");
    let key = builder.state().join("identity/token.key");
    let exit = builder.fails().await;
    assert!(!exit.status.success() && exit.output.contains("token.key"), "{exit:?}");
    assert_eq!(fs::read_to_string(key).expect("it is still there"), "short");
}

#[tokio::test]
async fn a_state_directory_that_cannot_be_used_is_named() {
    let builder = TestGateway::builder();
    let file = builder.home().join("file");
    fs::write(&file, "").expect("a file can be written");
    #[rustfmt::skip]
    let rows = [
        builder.clone().state_at(&file),
        builder.clone().state_at(file.join("beneath")),
    ];
    for builder in rows {
        // What has to be mended is the file that stands in the way, not what would be beneath it.
        let exit = builder.fails().await;
        let named = exit.output.contains(&format!("mv {}", file.display()));
        assert!(!exit.status.success() && named, "{}: {exit:?}", builder.state().display());
    }
    if geteuid().is_root() {
        println!("not shown: root can write into a directory that is read-only by its mode");
        return;
    }
    let state = builder.home().join("sealed");
    fs::create_dir(&state).expect("a directory can be made");
    let sealed = std::os::unix::fs::PermissionsExt::from_mode(0o500);
    fs::set_permissions(&state, sealed).expect("its mode can be changed");
    let exit = builder.state_at(&state).fails().await;
    assert!(!exit.status.success() && exit.output.contains(&state.display().to_string()), "{exit:?}");
}

#[tokio::test]
async fn a_device_that_somebody_removed_from_the_file_is_out() {
    let gateway = TestGateway::start().await;
    let (kept, removed) = (Device::fresh(), Device::fresh());
    let connect = |device: &Device| Connect::v4().token(&gateway.token()).device(device);
    let mut stays = gateway.admit(&connect(&kept)).await;
    let mut goes = gateway.admit(&connect(&removed)).await;
    let token = goes.device_token();

    let path = gateway.state().join("devices/paired.json");
    let mut paired: Value = serde_json::from_slice(&fs::read(&path).expect("the file is there")).expect("it is JSON");
    paired.as_object_mut().expect("a map").remove(&removed.id()).expect("the device is in it");
    let draft = path.with_extension("draft");
    fs::write(&draft, paired.to_string()).expect("a file can be written");
    fs::rename(&draft, &path).expect("a file can be replaced");

    assert_eq!(goes.closed().await, Close::new(4001, "device removed"));
    stays.ok("health", json!({})).await;
    gateway.refuse(&Connect::v4().device_token(&token).device(&removed)).await;
    let list = gateway.owner().await.ok("device.pair.list", json!({})).await;
    let ids: Vec<_> = list["paired"].as_array().expect("a list").iter().map(|paired| &paired["deviceId"]).collect();
    assert_eq!(ids, [&json!(kept.id())]);
}

#[tokio::test]
async fn the_files_are_readable_by_a_person_and_by_nobody_else() {
    use std::os::unix::fs::PermissionsExt as _;
    let gateway = TestGateway::start().await;
    gateway.admit(&Connect::v4().token(&gateway.token()).device(&Device::fresh())).await;
    gateway.refuse_from_afar(&Connect::v4().token(&gateway.token()).device(&Device::fresh())).await;
    for file in ["paired.json", "pending.json"] {
        let path = gateway.state().join("devices").join(file);
        let text = fs::read_to_string(&path).expect("the file is there");
        assert!(text.lines().count() > 5, "{file} is laid out for a person: {text}");
        assert!(serde_json::from_str::<Value>(&text).is_ok_and(|value| value.is_object()), "{file}: {text}");
        let mode = fs::metadata(&path).expect("it has a mode").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{file}");
    }
}
