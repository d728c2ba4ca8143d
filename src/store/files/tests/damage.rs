//! Files that cannot be read.

use std::{path::PathBuf, sync::Arc};

use proptest::prelude::*;
use serde_json::json;

use super::{
    super::{FileStore, Use},
    memory_disk::{DIRECTORY, MemoryDisk},
};
use crate::{
    hint::Hint,
    store::{
        DeviceRecord, DeviceStore, Revision, StoreError,
        testing::{device, paired, scopes},
    },
};

fn open(disk: &MemoryDisk, user: Use) -> Result<FileStore, StoreError> {
    FileStore::open_on(Arc::new(disk.clone()), PathBuf::from(DIRECTORY), user)
}

fn paired_file(numbers: &[u32]) -> String {
    let map: serde_json::Map<_, _> = numbers
        .iter()
        .map(|number| (device(*number).to_string(), serde_json::to_value(paired(*number, &scopes("admin"))).unwrap()))
        .collect();
    serde_json::to_string_pretty(&map).unwrap()
}

fn approved(number: u32) -> DeviceRecord {
    DeviceRecord { paired: Some(paired(number, &scopes("read"))), ..DeviceRecord::default() }
}

#[tokio::test]
async fn a_damaged_file_is_kept_aside_and_reported() {
    for content in ["", "{", "[]", "null", "{\"a\": \"s3cret\", }", "\u{feff}{}", "\0\0\0\0"] {
        let disk = MemoryDisk::default();
        disk.put("paired.json", content.as_bytes());
        let store = open(&disk, Use::Gateway).unwrap();
        let damage = store.report().damage;
        assert_eq!(damage.len(), 1, "{content:?}");
        let name = "paired.json.damaged-20260101T120000Z";
        assert_eq!(damage[0].kept_aside, Some(PathBuf::from(DIRECTORY).join(name)), "{content:?}");
        assert_eq!(disk.content(name).as_deref(), Some(content));
        assert!(!damage[0].problem.contains("s3cret"), "{}", damage[0].problem);
        assert!(damage[0].hint().contains(name));

        // It is named at the next start too, and a second one gets a name of its own.
        disk.put("paired.json", b"}");
        let report = open(&disk, Use::Gateway).unwrap().report();
        assert_eq!(report.kept_earlier, [PathBuf::from(DIRECTORY).join(name)]);
        assert_eq!(report.damage[0].kept_aside, Some(PathBuf::from(DIRECTORY).join(format!("{name}-2"))));
    }
}

#[tokio::test]
async fn one_bad_record_does_not_take_the_others_with_it() {
    let mut map: serde_json::Map<_, _> = serde_json::from_str(&paired_file(&[1, 2])).unwrap();
    map.insert("no-device".into(), json!({"deviceId": "no-device", "publicKey": "k"}));
    map[&device(2).to_string()]["scopes"] = json!("operator.admin");
    let disk = MemoryDisk::default();
    disk.put("paired.json", serde_json::to_string(&map).unwrap().as_bytes());

    let store = open(&disk, Use::Gateway).unwrap();
    assert_eq!(store.list().await.unwrap().len(), 1);
    assert_eq!(store.report().damage.len(), 1);
    let aside: serde_json::Value =
        serde_json::from_str(&disk.content("paired.json.damaged-20260101T120000Z").unwrap()).unwrap();
    assert_eq!(aside["no-device"], map["no-device"]);
    assert_eq!(aside[device(2).to_string()], map[&device(2).to_string()]);
    assert!(!disk.content("paired.json").unwrap().contains("no-device"));
}

#[tokio::test]
async fn a_bad_edit_beside_a_running_gateway_changes_nothing_until_it_is_good() {
    let disk = MemoryDisk::default();
    disk.put("paired.json", paired_file(&[1, 2]).as_bytes());
    let store = open(&disk, Use::Gateway).unwrap();
    disk.put("paired.json", b"{ oops");
    assert_eq!(store.list().await.unwrap().len(), 2, "what was read before holds");
    assert_eq!(disk.content("paired.json").as_deref(), Some("{ oops"), "it lies where the editor left it");
    assert_eq!(store.report().damage[0].kept_aside, None);

    disk.put("paired.json", paired_file(&[1, 2, 3]).as_bytes());
    assert_eq!(store.list().await.unwrap().len(), 3, "a repaired file counts at once");

    disk.put("paired.json", b"{ oops");
    store.compare_and_set(&device(9), Revision::ABSENT, approved(9)).await.unwrap();
    assert_eq!(disk.content("paired.json.damaged-20260101T120000Z").as_deref(), Some("{ oops"));
    assert_eq!(open(&disk, Use::Gateway).unwrap().list().await.unwrap().len(), 4, "nothing was lost");
}

#[tokio::test]
async fn an_offline_command_moves_nothing_that_it_only_reads() {
    let disk = MemoryDisk::default();
    disk.put("paired.json", b"{ oops");
    let store = open(&disk, Use::Offline).unwrap();
    assert!(store.list().await.unwrap().is_empty());
    assert_eq!(store.report().damage[0].kept_aside, None);
    assert_eq!(disk.files(), ["paired.json"]);
    store.compare_and_set(&device(1), Revision::ABSENT, approved(1)).await.unwrap();
    assert_eq!(disk.content("paired.json.damaged-20260101T120000Z").as_deref(), Some("{ oops"));
}

#[tokio::test]
async fn a_file_that_may_not_be_read_is_never_an_empty_one() {
    let disk = MemoryDisk::default();
    disk.put("paired.json", paired_file(&[1]).as_bytes());
    let running = open(&disk, Use::Gateway).unwrap();
    disk.make_unreadable();
    for user in [Use::Gateway, Use::Offline] {
        let error = open(&disk, user).unwrap_err();
        assert_eq!(error.to_string(), "cannot read /state/devices/paired.json (owner uid 1000, our uid 65532)");
        assert_eq!(
            error.hint(),
            "run this as uid 1000, which owns /state/devices; or, where no gateway runs on it: chown -R 65532 /state/devices"
        );
    }
    disk.put("paired.json", b"{}");
    assert_eq!(running.list().await.unwrap().len(), 1, "what was read before holds");
    let refused = running.compare_and_set(&device(2), Revision::ABSENT, approved(2)).await;
    assert!(matches!(refused, Err(StoreError::Unreadable { .. })), "{refused:?}");
}

proptest! {
    #[test]
    fn no_bytes_make_opening_panic(
        paired in prop::collection::vec(any::<u8>(), 0..200),
        pending in "[ -~]{0,200}",
        refused in "\\{(\"[a-z0-9]{0,64}\": (\\{.{0,20}\\}|null|1),?){0,3}\\}",
    ) {
        let disk = MemoryDisk::default();
        disk.put("paired.json", &paired);
        disk.put("pending.json", pending.as_bytes());
        disk.put("refused.json", refused.as_bytes());
        open(&disk, Use::Gateway).unwrap();
        prop_assert!(open(&disk, Use::Gateway).unwrap().report().damage.is_empty(), "the first opening settled it");
    }

    #[test]
    fn no_change_of_a_good_file_makes_opening_panic(at in 0usize..2000, with in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = paired_file(&[1, 2]).into_bytes();
        let at = at % bytes.len();
        if cut { bytes.truncate(at) } else { bytes[at] = with }
        let disk = MemoryDisk::default();
        disk.put("paired.json", &bytes);
        open(&disk, Use::Gateway).unwrap();
        prop_assert!(open(&disk, Use::Gateway).unwrap().report().damage.is_empty(), "the first opening settled it");
    }
}
