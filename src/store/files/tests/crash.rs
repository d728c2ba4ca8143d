//! Power cuts and full disks at every step.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use super::{
    super::{FileStore, Use},
    memory_disk::{DIRECTORY, MemoryDisk, Step},
};
use crate::{
    device::DeviceId,
    store::{
        DeviceRecord, DeviceStore, StoreError,
        testing::{device, paired, pending, refused, scopes},
    },
};

type Records = BTreeMap<DeviceId, DeviceRecord>;

fn open(disk: &MemoryDisk) -> FileStore {
    FileStore::open_on(Arc::new(disk.clone()), PathBuf::from(DIRECTORY), Use::Gateway).unwrap()
}

async fn records(store: &FileStore) -> Records {
    store
        .list()
        .await
        .unwrap()
        .into_iter()
        .map(|(device, stored)| (device, DeviceRecord::clone(&stored.record)))
        .collect()
}

async fn set(store: &FileStore, number: u32, record: DeviceRecord) -> Result<(), StoreError> {
    let revision = store.get(&device(number)).await?.revision;
    store.compare_and_set(&device(number), revision, record).await.map(drop)
}

/// What devices go through; changes in one row are made at the same time: the first alone, the others in one turn.
fn life() -> Vec<Vec<(u32, DeviceRecord)>> {
    let none = DeviceRecord::default;
    let asking = |number, wanted: &str| DeviceRecord { pending: Some(pending(number, &scopes(wanted))), ..none() };
    let approved = |number, held: &str| {
        let mut paired = paired(number, &scopes(held));
        paired.approved_at_ms = 5000;
        DeviceRecord { paired: Some(paired), ..none() }
    };
    let turned_down = || DeviceRecord { refused: Some(refused()), ..none() };
    let revoked = |number| {
        let mut record = approved(number, "read");
        record.paired.as_mut().unwrap().tokens.values_mut().for_each(|token| token.revoked_at_ms = Some(6000));
        record
    };
    vec![
        vec![(1, asking(1, "read"))],
        vec![(1, approved(1, "read")), (2, asking(2, "admin"))],
        vec![(2, turned_down())],
        vec![(1, DeviceRecord { pending: Some(pending(1, &scopes("admin"))), ..approved(1, "read") })],
        vec![(1, approved(1, "read admin"))],
        vec![(4, approved(4, "read")), (2, approved(2, "admin")), (3, turned_down())],
        vec![(4, revoked(4)), (3, none())],
        vec![(4, turned_down()), (1, none())],
    ]
}

#[tokio::test]
async fn every_cut_leaves_what_was_acknowledged_and_no_damage() {
    let disk = MemoryDisk::default();
    let store = open(&disk);
    let mut acknowledged = vec![Records::new()];
    for (number, together) in life().into_iter().enumerate() {
        let changes = together.into_iter().map(|(device, record)| set(&store, device, record));
        futures_util::future::try_join_all(changes).await.unwrap();
        disk.acknowledge(number + 1);
        acknowledged.push(records(&store).await);
    }

    let steps = disk.steps();
    assert!(steps.len() > 50, "{} steps", steps.len());
    for cut in 0..=steps.len() {
        let done = steps[..cut].iter().rev().find_map(|step| match step {
            Step::Acknowledged(number) => Some(*number),
            _ => None,
        });
        let before = &acknowledged[done.unwrap_or(0)];
        let after = acknowledged.get(done.unwrap_or(0) + 1).unwrap_or(before);
        for disk in MemoryDisk::after_power_cut(&steps[..cut]) {
            let store = open(&disk);
            let report = store.report();
            assert!(report.damage.is_empty() && report.kept_earlier.is_empty(), "cut {cut}: {report:?}");
            let found = records(&store).await;
            for device in before.keys().chain(after.keys()).chain(found.keys()) {
                let [before, after, found] =
                    [before, after, &found].map(|records| records.get(device).cloned().unwrap_or_default());
                assert_between(&before, &after, &found, cut);
            }
            assert!(!disk.has_unfinished(), "cut {cut}: {:?}", disk.files());
            nothing_comes_back(&disk, &store, &found, cut).await;
        }
    }
}

/// What the cut left of answered requests and old refusals stays gone, also when what settled it goes.
async fn nothing_comes_back(disk: &MemoryDisk, store: &FileStore, found: &Records, cut: usize) {
    for (device, record) in found.iter().filter(|(_, record)| record.paired.is_some()) {
        let revision = store.get(device).await.unwrap().revision;
        let without = DeviceRecord { paired: None, ..record.clone() };
        store.compare_and_set(device, revision, without.clone()).await.unwrap();
        let next = records(&open(disk)).await.get(device).cloned().unwrap_or_default();
        assert_eq!(next, without, "cut {cut}: {device} was {record:?}");
    }
}

/// The record is the one before or after the change that was cut off, or a state that loses nothing on the way.
fn assert_between(before: &DeviceRecord, after: &DeviceRecord, found: &DeviceRecord, cut: usize) {
    let at = format!("cut {cut}\nbefore {before:?}\nafter {after:?}\nfound {found:?}");
    assert!(found.paired == before.paired || found.paired == after.paired, "{at}");
    assert!(found.pending == before.pending || found.pending == after.pending, "{at}");
    assert!(found.refused == before.refused || found.refused == after.refused, "{at}");
    let answered = before.pending.is_some() && found.pending.is_none();
    if answered && after.paired != before.paired {
        assert_eq!(found.paired, after.paired, "a request is gone, and its approval too: {at}");
    }
    if answered && after.refused.is_some() {
        assert!(found.refused.is_some(), "a request is gone, and its refusal too: {at}");
    }
    if before.refused.is_some() && found.refused.is_none() {
        assert!(found.paired == after.paired, "a refusal is gone before what ended it: {at}");
    }
}

#[tokio::test]
async fn a_full_disk_at_any_step_loses_nothing() {
    for (row, together) in life().into_iter().enumerate() {
        for (forever, fails_after) in [false, true].into_iter().flat_map(|forever| (0..40).map(move |n| (forever, n))) {
            let at =
                format!("row {row}, {fails_after} steps, {}", if forever { "then all fail" } else { "then one fails" });
            let disk = MemoryDisk::default();
            let store = open(&disk);
            for earlier in life().into_iter().take(row) {
                for (device, record) in earlier {
                    set(&store, device, record).await.unwrap();
                }
            }
            let before = records(&store).await;
            let (number, record) = together[0].clone();
            disk.fail_after(fails_after, forever);
            let outcome = set(&store, number, record.clone()).await;
            let failed = !disk.heal() || outcome.is_err();
            let after = records(&store).await;
            match &outcome {
                Err(StoreError::Unwritable { source, .. }) => {
                    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull, "{at}");
                }
                Err(other) => panic!("{at}: {other}"),
                Ok(()) => {
                    assert_eq!(after.get(&device(number)).cloned().unwrap_or_default(), record, "{at}");
                    if !failed {
                        break;
                    }
                }
            }
            for (other, record) in before.iter().filter(|(other, _)| **other != device(number)) {
                assert_eq!(after.get(other), Some(record), "{at}");
            }
            // What the store says is what a new start finds.
            let reopened = open(&disk);
            assert_eq!(records(&reopened).await, after, "{at}");
            assert!(reopened.report().damage.is_empty(), "{at}");
            assert!(forever || !disk.has_unfinished(), "{at}: {:?}", disk.files());

            set(&store, number, record.clone()).await.unwrap();
            assert_eq!(records(&store).await.get(&device(number)).cloned().unwrap_or_default(), record, "{at}");
        }
    }
}
