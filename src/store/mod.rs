//! Device records at rest: the trait, the model, and the file store.
//!
//! There is one [`DeviceRecord`] a device, under the device's id, and it changes by compare-and-set alone: whoever changes
//! one says on which [`Revision`] the change rests, and tries again when somebody else was first. [`FileStore`] keeps the
//! records in the files that OpenClaw knows, `devices/pending.json` and `devices/paired.json`, which are two projections of
//! the records; another store has only to pass the test suite in `contract`.

#[cfg(test)]
pub(crate) mod contract;
mod error;
mod files;
mod model;
#[cfg(test)]
pub(crate) mod testing;
mod watch;

pub use error::StoreError;
pub use files::{Damage, FileStore, Locks, StoreReport, Use};
pub use model::{DeviceRecord, Paired, Pending, Refused, TokenHash, TokenRecord, scopes_of};
pub use watch::{Change, Watch};

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use crate::device::DeviceId;

/// Which version of a record one has seen. Means something to the store that gave it, and to nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Revision(u64);

impl Revision {
    /// There is no record.
    pub const ABSENT: Self = Self(0);
}

/// A record together with the version that it is.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    /// The record, shared with the store.
    pub record: Arc<DeviceRecord>,
    /// Its version, for the next [`DeviceStore::compare_and_set`].
    pub revision: Revision,
}

impl Default for Revision {
    fn default() -> Self {
        Self::ABSENT
    }
}

/// Where device records are kept.
///
/// What an answer acknowledges is durable: it survives the end of this process and of the machine.
#[async_trait]
pub trait DeviceStore: fmt::Debug + Send + Sync {
    /// The record of `device`; an empty one with [`Revision::ABSENT`] where there is none. Costs the same however many
    /// devices are known.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn get(&self, device: &DeviceId) -> Result<Stored, StoreError>;

    /// Every record, in no order.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn list(&self) -> Result<Vec<(DeviceId, Stored)>, StoreError>;

    /// The records with a pending request, in no order.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn waiting(&self) -> Result<Vec<(DeviceId, Stored)>, StoreError>;

    /// Replaces the record of `device` if it is still the one of `expected`; an empty record removes it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the record is another one by now, else why it could not be written; then the record
    /// is what it was.
    async fn compare_and_set(
        &self,
        device: &DeviceId,
        expected: Revision,
        record: DeviceRecord,
    ) -> Result<Revision, StoreError>;

    /// The changes that others make from now on.
    fn watch(&self) -> Watch;

    /// What opening and reading brought to light so far.
    fn report(&self) -> StoreReport {
        StoreReport::default()
    }

    /// Looks for changes by others now instead of at the next access.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn refresh(&self) -> Result<(), StoreError>;
}
