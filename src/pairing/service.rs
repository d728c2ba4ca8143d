//! The service: one store, and what lives beside it in memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use secrecy::SecretString;

use super::{Clock, PairingError, PairingEvents, events::Occurrence, sightings::Sightings, token};
use crate::{
    auth::TokenKey,
    device::DeviceId,
    protocol::{RequestId, Role},
    store::{DeviceRecord, DeviceStore, Pending, Revision, StoreError, StoreReport, Stored, TokenRecord},
};

/// Which devices may connect, as what.
///
/// Every change is a read, a decision and a compare-and-set, tried again when somebody else was first; so any number of
/// these may stand over one store, such as a gateway's and an offline command's.
#[derive(Debug)]
pub struct Pairing {
    pub(super) store: Arc<dyn DeviceStore>,
    /// `None` offline: no token is handed out there, so none has to be derived.
    pub(super) key: Option<TokenKey>,
    pub(super) events: Arc<dyn PairingEvents>,
    pub(super) clock: Clock,
    pub(super) sightings: Sightings,
    /// When devices last repeated their requests, where the store says something older.
    refreshed: Mutex<HashMap<RequestId, i64>>,
    /// One request is made at a time, so that the bound on them holds.
    pub(super) asking: tokio::sync::Mutex<()>,
}

/// A change that was not made because another one came first is no error yet: it is tried again.
pub(super) type Tried<T> = Result<Option<T>, PairingError>;

impl Pairing {
    /// The service of a gateway: devices get tokens that are derived from `key`, and sessions hear of changes by `events`.
    pub fn new(store: Arc<dyn DeviceStore>, key: TokenKey, events: Arc<dyn PairingEvents>) -> Self {
        Self::over(store, Some(key), events)
    }

    pub(super) fn over(store: Arc<dyn DeviceStore>, key: Option<TokenKey>, events: Arc<dyn PairingEvents>) -> Self {
        Self {
            store,
            key,
            events,
            clock: Clock::default(),
            sightings: Sightings::default(),
            refreshed: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    /// The same with another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// What opening and reading the store brought to light so far.
    pub fn report(&self) -> StoreReport {
        self.store.report()
    }

    /// How many devices wait for an operator.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn waiting_requests(&self) -> Result<usize, PairingError> {
        Ok(self.all_waiting().await?.len())
    }

    /// The token record of `device` for `role`, for authentication; `None` where there is none that counts.
    /// [`TokenRecord::accepts`] says in constant time whether a text is the token.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn token(&self, device: &DeviceId, role: Role) -> Result<Option<TokenRecord>, PairingError> {
        let stored = self.store.get(device).await?;
        let paired = stored.record.paired.as_ref().filter(|paired| paired.has_role(role));
        Ok(paired.and_then(|paired| paired.tokens.get(&role)).cloned())
    }

    /// Replaces the record that `stored` is; `None` where another change came first.
    pub(super) async fn set(&self, device: &DeviceId, stored: &Stored, record: DeviceRecord) -> Tried<Revision> {
        match self.store.compare_and_set(device, stored.revision, record).await {
            Ok(revision) => Ok(Some(revision)),
            Err(StoreError::Conflict) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Notes the hashes of tokens that were just made, where the key is at hand.
    pub(super) fn seal(&self, device: &DeviceId, record: &mut DeviceRecord) {
        if let (Some(key), Some(paired)) = (&self.key, &mut record.paired) {
            for record in paired.tokens.values_mut().filter(|record| record.hash.is_none()) {
                token::seal(key, device, record, token::fresh_generation());
            }
        }
    }

    pub(super) fn secret(&self, device: &DeviceId, record: &TokenRecord) -> Option<SecretString> {
        token::issue(self.key.as_ref()?, device, record).map(|issued| issued.secret)
    }

    pub(super) fn tell(&self, device: &DeviceId, occurrence: Occurrence) {
        occurrence.tell(&*self.events, device, self.clock.now_ms());
    }

    /// The request of a record, unless it has expired.
    pub(super) fn waiting<'a>(&self, record: &'a DeviceRecord, now_ms: i64) -> Option<&'a Pending> {
        record.pending.as_ref().filter(|pending| !Pending::is_expired(self.refreshed_at_ms(pending), now_ms))
    }

    /// Every request that has not expired, with its device.
    pub(super) async fn all_waiting(&self) -> Result<Vec<(DeviceId, Stored)>, PairingError> {
        let now_ms = self.clock.now_ms();
        let mut waiting = self.store.waiting().await?;
        waiting.retain(|(_, stored)| self.waiting(&stored.record, now_ms).is_some());
        Ok(waiting)
    }

    pub(super) fn refreshed_at_ms(&self, pending: &Pending) -> i64 {
        let here = self.refreshes().get(&pending.request.request_id).copied();
        here.unwrap_or(i64::MIN).max(pending.refreshed_at_ms())
    }

    pub(super) fn note_repeat(&self, request: &RequestId, now_ms: i64) {
        self.refreshes().insert(request.clone(), now_ms);
    }

    pub(super) fn forget_request(&self, request: &RequestId) {
        self.refreshes().remove(request);
    }

    /// Keeps what is known of these requests only.
    pub(super) fn keep_repeats_of(&self, requests: &std::collections::HashSet<RequestId>) {
        self.refreshes().retain(|request, _| requests.contains(request));
    }

    fn refreshes(&self) -> MutexGuard<'_, HashMap<RequestId, i64>> {
        // The map is whole after every statement, so a panic elsewhere leaves nothing half done.
        self.refreshed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
