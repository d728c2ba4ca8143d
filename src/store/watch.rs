//! Changes that others make, told to whoever watches.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tokio::sync::Notify;

use super::DeviceRecord;
use crate::device::DeviceId;

/// What became of a device's record.
#[derive(Debug, Clone)]
pub struct Change {
    /// The device.
    pub device: DeviceId,
    /// The record that the watcher knew.
    pub before: Arc<DeviceRecord>,
    /// The record now.
    pub after: Arc<DeviceRecord>,
}

/// One watcher's end. What it has not read yet is merged by device, so a slow watcher misses no outcome and holds at most
/// one change a device.
#[derive(Debug)]
pub struct Watch(Arc<Unread>);

#[derive(Debug, Default)]
struct Unread {
    changes: Mutex<HashMap<DeviceId, Change>>,
    arrived: Notify,
}

/// The store's end.
#[derive(Debug, Default)]
pub(super) struct Feed(Mutex<Vec<Weak<Unread>>>);

impl Watch {
    /// The changes since the last call; waits for one. Cancel safe.
    pub async fn next(&mut self) -> Vec<Change> {
        loop {
            let changes: Vec<_> = std::mem::take(&mut *lock(&self.0.changes)).into_values().collect();
            if !changes.is_empty() {
                return changes;
            }
            self.0.arrived.notified().await;
        }
    }
}

impl Feed {
    pub(super) fn subscribe(&self) -> Watch {
        let unread = Arc::default();
        lock(&self.0).push(Arc::downgrade(&unread));
        Watch(unread)
    }

    pub(super) fn send(&self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        lock(&self.0).retain(|watcher| {
            let Some(unread) = watcher.upgrade() else { return false };
            unread.add(changes);
            true
        });
    }
}

impl Unread {
    fn add(&self, changes: &[Change]) {
        let mut unread = lock(&self.changes);
        for change in changes {
            match unread.entry(change.device) {
                Entry::Occupied(mut earlier) => earlier.get_mut().after = Arc::clone(&change.after),
                Entry::Vacant(place) => {
                    place.insert(change.clone());
                }
            }
        }
        drop(unread);
        self.arrived.notify_one();
    }
}

/// These maps are whole after every statement, so a panic elsewhere leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
