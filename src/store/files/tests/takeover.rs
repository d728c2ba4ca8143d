//! A directory written by an OpenClaw gateway of protocol 3.

use std::{path::PathBuf, sync::Arc};

use serde_json::{Value, json};

use super::{
    super::{FileStore, Use},
    memory_disk::{DIRECTORY, MemoryDisk},
};
use crate::{
    protocol::Role,
    store::{
        DeviceRecord, DeviceStore,
        testing::{device, key, paired, scopes},
    },
};

const TOKEN: &str = "T0kenOfAnotherGateway-4T0kenOfAnotherGateway";

fn theirs() -> Value {
    let id = device(1).to_string();
    let mut map = serde_json::Map::new();
    map.insert(
        id.clone(),
        json!({
            "deviceId": id, "publicKey": key(1), "platform": "linux", "clientId": "cli", "clientMode": "cli",
            "role": "operator", "roles": ["operator"], "scopes": ["operator.admin", "operator.approvals"],
            "tokens": {"operator": {
                "token": TOKEN, "role": "operator", "scopes": ["operator.admin", "operator.approvals"],
                "createdAtMs": 1_771_500_000_000_i64
            }},
            "createdAtMs": 1_771_500_000_000_i64, "approvedAtMs": 1_771_500_000_001_i64,
            "somethingElse": {"kept": true}
        }),
    );
    Value::Object(map)
}

fn open(disk: &MemoryDisk, user: Use) -> FileStore {
    FileStore::open_on(Arc::new(disk.clone()), PathBuf::from(DIRECTORY), user).unwrap()
}

#[tokio::test]
async fn a_gateway_replaces_tokens_by_their_hashes_and_keeps_the_rest() {
    let disk = MemoryDisk::default();
    disk.put("paired.json", serde_json::to_string_pretty(&theirs()).unwrap().as_bytes());
    let store = open(&disk, Use::Gateway);
    assert!(store.report().took_over_tokens && store.report().damage.is_empty());

    let written = disk.content("paired.json").unwrap();
    assert!(!written.contains(TOKEN), "{written}");
    let mut expected = theirs();
    let record = &mut expected[device(1).to_string()];
    record["tokens"]["operator"].as_object_mut().unwrap().remove("token");
    let mut found: Value = serde_json::from_str(&written).unwrap();
    let token = found[device(1).to_string()]["tokens"]["operator"].as_object_mut().unwrap();
    assert!(token.remove("alsoAccepted").is_some());
    assert_eq!(found, expected);

    for store in [store, open(&disk, Use::Gateway)] {
        let record = store.get(&device(1)).await.unwrap().record;
        let paired = record.paired.as_ref().unwrap();
        assert!(paired.has_role(Role::Operator) && paired.tokens[&Role::Operator].accepts(TOKEN));
        assert_eq!(paired.approved(Role::Operator), scopes("admin approvals"), "their scopes stay as they are");
    }
}

#[tokio::test]
async fn an_offline_command_leaves_their_file_alone_until_it_changes_something() {
    let disk = MemoryDisk::default();
    let content = serde_json::to_string(&theirs()).unwrap();
    disk.put("paired.json", content.as_bytes());
    let store = open(&disk, Use::Offline);
    assert_eq!(store.list().await.unwrap().len(), 1);
    store.refresh().await.unwrap();
    assert_eq!(disk.content("paired.json"), Some(content));

    let other = DeviceRecord { paired: Some(paired(2, &scopes("read"))), ..DeviceRecord::default() };
    store.compare_and_set(&device(2), crate::store::Revision::ABSENT, other).await.unwrap();
    assert!(!disk.content("paired.json").unwrap().contains(TOKEN));
}

#[tokio::test]
async fn a_file_restored_beside_a_running_gateway_is_taken_over_too() {
    let disk = MemoryDisk::default();
    let store = open(&disk, Use::Gateway);
    disk.put("paired.json", serde_json::to_string(&theirs()).unwrap().as_bytes());
    store.refresh().await.unwrap();
    assert!(!disk.content("paired.json").unwrap().contains(TOKEN));
    assert!(
        store.get(&device(1)).await.unwrap().record.paired.as_ref().unwrap().tokens[&Role::Operator].accepts(TOKEN)
    );
}

#[tokio::test]
async fn remains_of_a_crash_are_recognised_as_settled() {
    let disk = MemoryDisk::default();
    let mut map = serde_json::Map::new();
    // Approved at 1000 for `read`; asked at 900 for `read`, which is settled, and at 900 for `write`, which is not.
    for (number, wanted) in [(1, "read"), (2, "write")] {
        map.insert(device(number).to_string(), serde_json::to_value(paired(number, &scopes("read"))).unwrap());
        let mut request = crate::store::testing::pending(number, &scopes(wanted));
        request.request.ts = 900;
        let mut file: serde_json::Map<String, Value> =
            disk.content("pending.json").map_or_else(Default::default, |text| serde_json::from_str(&text).unwrap());
        file.insert(request.request.request_id.to_string(), serde_json::to_value(&request).unwrap());
        disk.put("pending.json", serde_json::to_string(&file).unwrap().as_bytes());
    }
    disk.put("paired.json", serde_json::to_string(&map).unwrap().as_bytes());
    let marks = json!({device(1).to_string(): {"refusedAtMs": 900}, device(2).to_string(): {"refusedAtMs": 1001}});
    disk.put("refused.json", marks.to_string().as_bytes());

    let store = open(&disk, Use::Gateway);
    let one = store.get(&device(1)).await.unwrap().record;
    assert!(one.pending.is_none() && one.refused.is_none(), "{one:?}");
    let two = store.get(&device(2)).await.unwrap().record;
    assert!(two.pending.is_some() && two.refused.is_some(), "{two:?}");
}
