//! Device records in JSON files.
//!
//! `paired.json`, `pending.json` and `refused.json` under `devices/` can be read with `cat` and edited by hand. The records
//! are kept in memory; at every access the files' stamps are compared, so that a change by another process (the offline
//! CLI, an editor) is noticed at once and an unchanged store costs three `stat` calls.
//!
//! A change is one read-change-write under the kernel's lock on `devices/.lock`; each file is written beside, synced,
//! renamed and made durable before the change is acknowledged. Changes that arrive while one is being written are written
//! together. What cannot be read is kept, and reported, never taken for nothing.

mod codec;
mod commit;
mod disk;
mod image;
mod load;
mod report;
#[cfg(test)]
mod tests;

pub use report::{Damage, Locks, StoreReport};

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;

use self::{
    codec::Part,
    commit::Change,
    disk::{Disk, LockError, LockGuard, RealDisk},
    image::Image,
    load::Reading,
};
use super::{DeviceRecord, DeviceStore, Revision, StoreError, Stored, Watch, watch::Feed};
use crate::{defaults::STORE_LOCK_TIMEOUT, device::DeviceId, state::StateDir};

/// Who opens the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// The gateway that owns the state directory: it cleans up what a crash left, takes over foreign records, and moves
    /// aside what is damaged, all at once.
    Gateway,
    /// A command beside it or without it: it writes only what it is asked to change.
    Offline,
}

/// The store of a single gateway. Clones share one image.
#[derive(Debug, Clone)]
pub struct FileStore {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    user: Use,
    image: RwLock<Image>,
    /// While we write, the files differ from the image without anybody else having changed them.
    writing: AtomicBool,
    queue: Mutex<Vec<Change>>,
    /// Held by whoever reads or writes the files.
    turn: Arc<tokio::sync::Mutex<()>>,
    feed: Feed,
    report: Mutex<StoreReport>,
}

impl FileStore {
    /// Opens the device files of a state directory. Nothing is created before there is something to write. Blocks on the
    /// file system.
    ///
    /// # Errors
    /// When a file is there and cannot be read, or when another process holds the lock.
    pub fn open(state: &StateDir, user: Use) -> Result<Self, StoreError> {
        Self::open_on(Arc::new(RealDisk), state.devices(), user)
    }

    fn open_on(disk: Arc<dyn Disk>, directory: PathBuf, user: Use) -> Result<Self, StoreError> {
        let shared = Shared {
            disk,
            directory,
            user,
            image: RwLock::default(),
            writing: AtomicBool::new(false),
            queue: Mutex::default(),
            turn: Arc::default(),
            feed: Feed::default(),
            report: Mutex::default(),
        };
        shared.open()?;
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Lets `look` at an image that is as new as the files.
    async fn current<T>(&self, look: impl FnOnce(&Image) -> T) -> Result<T, StoreError> {
        if !self.shared.is_current() {
            self.reload().await?;
        }
        Ok(look(&self.shared.image()))
    }

    async fn reload(&self) -> Result<(), StoreError> {
        let turn = Arc::clone(&self.shared.turn).lock_owned().await;
        let shared = Arc::clone(&self.shared);
        let reading = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            // Whoever had the turn before may have read the same change.
            if shared.is_current() { Ok(()) } else { shared.reload() }
        });
        reading.await.map_err(|_| StoreError::Interrupted)?
    }
}

#[async_trait]
impl DeviceStore for FileStore {
    async fn get(&self, device: &DeviceId) -> Result<Stored, StoreError> {
        self.current(|image| image.get(device)).await
    }

    async fn list(&self) -> Result<Vec<(DeviceId, Stored)>, StoreError> {
        self.current(Image::list).await
    }

    async fn waiting(&self) -> Result<Vec<(DeviceId, Stored)>, StoreError> {
        self.current(Image::waiting).await
    }

    async fn compare_and_set(
        &self,
        device: &DeviceId,
        expected: Revision,
        record: DeviceRecord,
    ) -> Result<Revision, StoreError> {
        let (change, outcome) = Change::new(*device, expected, record);
        lock(&self.shared.queue).push(change);
        let turn = Arc::clone(&self.shared.turn).lock_owned().await;
        // Whoever had the turn before may have written our change with its own.
        let changes = std::mem::take(&mut *lock(&self.shared.queue));
        if changes.is_empty() {
            drop(turn);
        } else {
            let shared = Arc::clone(&self.shared);
            tokio::task::spawn_blocking(move || {
                let _turn = turn;
                shared.commit(changes);
            });
        }
        outcome.await.unwrap_or(Err(StoreError::Interrupted))
    }

    fn watch(&self) -> Watch {
        self.shared.feed.subscribe()
    }

    fn report(&self) -> StoreReport {
        self.shared.report().clone()
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        self.current(|_| ()).await?;
        if self.shared.has_unfinished_takeover() {
            let turn = Arc::clone(&self.shared.turn).lock_owned().await;
            let shared = Arc::clone(&self.shared);
            let rewriting = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                shared.rewrite()
            });
            rewriting.await.map_err(|_| StoreError::Interrupted)??;
        }
        Ok(())
    }
}

impl Shared {
    fn path(&self, part: Part) -> PathBuf {
        self.directory.join(part.file())
    }

    /// Whether the image is what the files hold. A file that cannot even be looked at has not changed as far as we can know.
    fn is_current(&self) -> bool {
        self.writing.load(Ordering::Acquire)
            || Part::ALL
                .into_iter()
                .zip(self.image().stamps)
                .all(|(part, stamp)| self.disk.stamp(&self.path(part)).map_or(true, |now| now == stamp))
    }

    fn reload(&self) -> Result<(), StoreError> {
        // With the lock nobody is between two writes. Whoever holds it may keep it for long, and what it has written so far
        // counts already.
        let _guard = self.lock(std::time::Duration::ZERO);
        self.load(Reading::Again)
    }

    /// The kernel's lock; `None` where this file system has none, which is noted.
    fn lock(&self, deadline: std::time::Duration) -> Result<Option<LockGuard>, StoreError> {
        let path = self.directory.join(".lock");
        match self.disk.lock(&path, deadline) {
            Ok(guard) => Ok(Some(guard)),
            Err(LockError::TimedOut) => Err(StoreError::Locked { path, waited: deadline }),
            Err(LockError::Unsupported) => {
                let before = std::mem::replace(&mut self.report().locks, Locks::Unsupported);
                if before == Locks::Kernel {
                    tracing::warn!(target: "gateway", "no file locks in {}: {}", self.directory.display(), Locks::Unsupported.advice().unwrap_or_default());
                }
                Ok(None)
            }
            Err(LockError::Io(error)) => Err(self.unwritable(&path, error)),
        }
    }

    fn lock_for_writing(&self) -> Result<Option<LockGuard>, StoreError> {
        self.disk.ensure_directory(&self.directory).map_err(|error| self.unwritable(&self.directory, error))?;
        self.lock(STORE_LOCK_TIMEOUT)
    }

    fn unwritable(&self, path: &Path, error: std::io::Error) -> StoreError {
        let owner = self.disk.owner(path);
        StoreError::Unwritable { path: path.to_owned(), owner, uid: self.disk.uid(), source: Arc::new(error) }
    }

    fn unreadable(&self, path: &Path, error: std::io::Error) -> StoreError {
        let owner = self.disk.owner(path);
        StoreError::Unreadable { path: path.to_owned(), owner, uid: self.disk.uid(), source: Arc::new(error) }
    }

    fn image(&self) -> RwLockReadGuard<'_, Image> {
        self.image.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn image_mut(&self) -> RwLockWriteGuard<'_, Image> {
        self.image.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self) -> MutexGuard<'_, StoreReport> {
        lock(&self.report)
    }
}

/// What these mutexes guard is whole after every statement, so a panic elsewhere leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
