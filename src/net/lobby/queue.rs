//! Who leaves next.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::defaults::SILENT_PEER_GRACE;

/// Peers by number, which is the order of their arrival.
#[derive(Debug, Default)]
pub(super) struct Queue {
    silent: BTreeMap<u64, Instant>,
    spoken: BTreeMap<u64, Instant>,
}

impl Queue {
    pub(super) fn add(&mut self, number: u64, arrived: Instant) {
        self.silent.insert(number, arrived);
    }

    pub(super) fn remove(&mut self, number: u64) {
        if self.silent.remove(&number).is_none() {
            self.spoken.remove(&number);
        }
    }

    pub(super) fn has_spoken(&mut self, number: u64) {
        if let Some(arrived) = self.silent.remove(&number) {
            self.spoken.insert(number, arrived);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.silent.len() + self.spoken.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The oldest silent peer, once it has had the time to speak; else the oldest of all. Without that time, a crowd that
    /// sent requests and nothing more would push out everybody who arrives.
    pub(super) fn next_to_leave(&self, now: Instant) -> Option<u64> {
        let oldest =
            |peers: &BTreeMap<u64, Instant>| peers.first_key_value().map(|(number, arrived)| (*number, *arrived));
        match (oldest(&self.silent), oldest(&self.spoken)) {
            (Some((silent, arrived)), Some((spoken, _))) if now.duration_since(arrived) < SILENT_PEER_GRACE => {
                Some(silent.min(spoken))
            }
            (Some((number, _)), _) | (None, Some((number, _))) => Some(number),
            (None, None) => None,
        }
    }
}
