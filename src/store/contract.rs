//! What every store must do, as one test suite.
//!
//! A suite gets two handles on one store, as two processes have them.

use std::sync::Arc;

use super::{
    DeviceRecord, DeviceStore, Revision, StoreError,
    testing::{device, paired, pending, refused, scopes},
};

/// Two handles on one fresh store.
pub(crate) type Pair = (Arc<dyn DeviceStore>, Arc<dyn DeviceStore>);

fn approved(number: u32) -> DeviceRecord {
    DeviceRecord { paired: Some(paired(number, &scopes("admin"))), ..DeviceRecord::default() }
}

fn asking(number: u32) -> DeviceRecord {
    DeviceRecord { pending: Some(pending(number, &scopes("read"))), ..DeviceRecord::default() }
}

/// Runs the suite; `fresh` makes an empty store.
pub(crate) async fn run(fresh: impl AsyncFn() -> Pair) {
    what_one_writes_both_read(fresh().await).await;
    a_change_rests_on_the_version_that_was_seen(fresh().await).await;
    an_empty_record_is_none(fresh().await).await;
    only_requests_wait(fresh().await).await;
    no_change_is_lost_among_many(fresh().await).await;
    a_watcher_hears_of_what_others_do(fresh().await).await;
}

async fn what_one_writes_both_read((one, other): Pair) {
    assert_eq!(one.get(&device(1)).await.unwrap().revision, Revision::ABSENT);
    let full = DeviceRecord { refused: Some(refused()), pending: asking(1).pending, ..approved(1) };
    let revision = one.compare_and_set(&device(1), Revision::ABSENT, full.clone()).await.unwrap();
    let here = one.get(&device(1)).await.unwrap();
    assert_eq!((here.revision, &*here.record), (revision, &full));
    assert_eq!(*other.get(&device(1)).await.unwrap().record, full);
    assert_eq!(other.list().await.unwrap().len(), 1);
}

async fn a_change_rests_on_the_version_that_was_seen((one, other): Pair) {
    let first = one.compare_and_set(&device(1), Revision::ABSENT, approved(1)).await.unwrap();
    let seen_by_other = other.get(&device(1)).await.unwrap().revision;
    let again = one.compare_and_set(&device(1), Revision::ABSENT, asking(1)).await;
    assert!(matches!(again, Err(StoreError::Conflict)), "{again:?}");

    let mut renamed = approved(1);
    renamed.paired.as_mut().unwrap().operator_label = Some("kitchen".into());
    one.compare_and_set(&device(1), first, renamed.clone()).await.unwrap();
    for (store, stale) in [(&one, first), (&other, seen_by_other)] {
        let late = store.compare_and_set(&device(1), stale, approved(1)).await;
        assert!(matches!(late, Err(StoreError::Conflict)), "{late:?}");
    }
    assert_eq!(*other.get(&device(1)).await.unwrap().record, renamed);
}

async fn an_empty_record_is_none((one, other): Pair) {
    let first = one.compare_and_set(&device(1), Revision::ABSENT, approved(1)).await.unwrap();
    let gone = one.compare_and_set(&device(1), first, DeviceRecord::default()).await.unwrap();
    assert_eq!(gone, Revision::ABSENT);
    assert!(other.get(&device(1)).await.unwrap().record.is_empty());
    assert!(other.list().await.unwrap().is_empty());
    let second = one.compare_and_set(&device(1), Revision::ABSENT, approved(1)).await.unwrap();
    assert_ne!(first, second, "a record that came back is another one");
}

async fn only_requests_wait((one, other): Pair) {
    one.compare_and_set(&device(1), Revision::ABSENT, approved(1)).await.unwrap();
    let two = one.compare_and_set(&device(2), Revision::ABSENT, asking(2)).await.unwrap();
    one.compare_and_set(&device(3), Revision::ABSENT, asking(3)).await.unwrap();
    one.compare_and_set(&device(2), two, approved(2)).await.unwrap();
    let waiting: Vec<_> = other.waiting().await.unwrap().into_iter().map(|(device, _)| device).collect();
    assert_eq!(waiting, [device(3)]);
}

async fn no_change_is_lost_among_many((one, other): Pair) {
    const EACH: i64 = 20;
    one.compare_and_set(&device(1), Revision::ABSENT, approved(1)).await.unwrap();
    let count = |store: Arc<dyn DeviceStore>| async move {
        for _ in 0..EACH {
            loop {
                let seen = store.get(&device(1)).await.unwrap();
                let mut record = DeviceRecord::clone(&seen.record);
                let paired = record.paired.as_mut().unwrap();
                paired.last_seen_at_ms = Some(paired.last_seen_at_ms.unwrap_or(0) + 1);
                match store.compare_and_set(&device(1), seen.revision, record).await {
                    Ok(_) => break,
                    Err(StoreError::Conflict) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
    };
    tokio::join!(count(one.clone()), count(one.clone()), count(other.clone()), count(other.clone()));
    let record = one.get(&device(1)).await.unwrap().record;
    assert_eq!(record.paired.as_ref().unwrap().last_seen_at_ms, Some(4 * EACH));
}

async fn a_watcher_hears_of_what_others_do((one, other): Pair) {
    let mut watch = one.watch();
    other.compare_and_set(&device(1), Revision::ABSENT, asking(1)).await.unwrap();
    one.refresh().await.unwrap();
    let changes = watch.next().await;
    assert_eq!(changes.len(), 1);
    assert_eq!((&changes[0].device, changes[0].before.is_empty()), (&device(1), true));

    let seen = other.get(&device(1)).await.unwrap();
    assert_eq!(changes[0].after, seen.record);
    let revision = other.compare_and_set(&device(1), seen.revision, approved(1)).await.unwrap();
    one.refresh().await.unwrap();
    other.compare_and_set(&device(1), revision, DeviceRecord::default()).await.unwrap();
    one.refresh().await.unwrap();
    let changes = watch.next().await;
    assert_eq!(changes.len(), 1, "changes of one device are told together");
    assert_eq!((changes[0].before.pending.is_some(), changes[0].after.is_empty()), (true, true));
}
