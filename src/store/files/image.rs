//! The records in memory, as the files held them when they were last read or written.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    super::{Change, DeviceRecord, Paired, Pending, Refused, Revision, StoreError, Stored},
    codec::{Part, Stray},
    disk::Stamp,
};
use crate::{defaults::MAX_REFUSED_DEVICES, device::DeviceId};

/// The records, and the files' stamps by which a change of theirs is noticed.
#[derive(Debug, Default)]
pub(super) struct Image {
    records: HashMap<DeviceId, Stored>,
    waiting: HashSet<DeviceId>,
    refused: HashSet<DeviceId>,
    last_revision: u64,
    /// What the files looked like, in the order of [`Part::ALL`].
    pub(super) stamps: [Option<Stamp>; 3],
    /// What keeps them from being simply written over, in the same order.
    pub(super) troubles: [Trouble; 3],
    /// Which of them still hold what a later part has settled, in the same order.
    pub(super) remains: [bool; 3],
    /// Whether a file holds tokens in clear.
    pub(super) in_clear: bool,
}

/// What keeps a file from being simply written over.
#[derive(Debug, Default)]
pub(super) enum Trouble {
    #[default]
    None,
    /// It cannot be parsed.
    Damaged,
    /// These entries of it cannot be parsed.
    Strays(Vec<Stray>),
    /// It may not be read.
    Unreadable(StoreError),
}

/// Changes that were accepted but are not written yet.
#[derive(Debug, Default)]
pub(super) struct Staged(pub(super) HashMap<DeviceId, Stored>);

impl Image {
    pub(super) fn get(&self, device: &DeviceId) -> Stored {
        self.records.get(device).cloned().unwrap_or_default()
    }

    pub(super) fn list(&self) -> Vec<(DeviceId, Stored)> {
        self.records.iter().map(|(device, stored)| (*device, stored.clone())).collect()
    }

    pub(super) fn waiting(&self) -> Vec<(DeviceId, Stored)> {
        self.waiting.iter().map(|device| (*device, self.get(device))).collect()
    }

    /// One part of every record that has it.
    pub(super) fn parts<T: Clone>(&self, part: impl Fn(&DeviceRecord) -> Option<&T>) -> Vec<(DeviceId, T)> {
        self.records.iter().filter_map(|(device, stored)| Some((*device, part(&stored.record)?.clone()))).collect()
    }

    /// The records as they will be with `staged`.
    pub(super) fn with<'a>(&'a self, staged: &'a Staged) -> impl Iterator<Item = (&'a DeviceId, &'a DeviceRecord)> {
        let kept = self.records.iter().filter(|(device, _)| !staged.0.contains_key(*device));
        kept.chain(&staged.0).map(|(device, stored)| (device, &*stored.record))
    }

    /// Accepts a change, unless it rests on another version than the one that is or will be there.
    pub(super) fn stage(
        &mut self,
        staged: &mut Staged,
        device: &DeviceId,
        expected: Revision,
        record: &DeviceRecord,
    ) -> Option<Revision> {
        let current = staged.0.get(device).map_or_else(|| self.get(device).revision, |stored| stored.revision);
        if current != expected {
            return None;
        }
        let revision = self.next_revision(record);
        staged.0.insert(*device, Stored { record: Arc::new(record.clone()), revision });
        Some(revision)
    }

    /// Forgets the oldest refusals where there are more than may be.
    pub(super) fn bound_refusals(&mut self, staged: &mut Staged) {
        let gained = staged.0.values().filter(|stored| stored.record.refused.is_some()).count();
        if gained == 0 || self.refused.len() + gained <= MAX_REFUSED_DEVICES {
            return;
        }
        let mut marks: Vec<_> = self
            .with(staged)
            .filter_map(|(device, record)| Some((record.refused.as_ref()?.refused_at_ms, *device)))
            .collect();
        marks.sort_unstable();
        let surplus = marks.len().saturating_sub(MAX_REFUSED_DEVICES);
        for (_, device) in marks.into_iter().take(surplus) {
            let stored = staged.0.get(&device).cloned().unwrap_or_else(|| self.get(&device));
            let record = DeviceRecord { refused: None, ..DeviceRecord::clone(&stored.record) };
            let revision = self.next_revision(&record);
            staged.0.insert(device, Stored { record: Arc::new(record), revision });
        }
    }

    /// Which files have to be written for `staged`.
    pub(super) fn parts_changed(&self, staged: &Staged) -> Vec<Part> {
        let changed = |part: &Part| {
            staged.0.iter().any(|(device, stored)| part.differs(&self.get(device).record, &stored.record))
        };
        Part::ALL.into_iter().filter(changed).collect()
    }

    /// Whether `staged` adds a refusal or renews one.
    pub(super) fn gains_refusal(&self, staged: &Staged) -> bool {
        staged.0.iter().any(|(device, stored)| {
            stored.record.refused.is_some() && stored.record.refused != self.get(device).record.refused
        })
    }

    /// `staged`, but with every refusal that it takes away; `None` where it takes none away.
    pub(super) fn keeping_refusals(&self, staged: &Staged) -> Option<Staged> {
        let mut kept = Staged(staged.0.clone());
        let mut keeps = false;
        for (device, stored) in &mut kept.0 {
            let earlier = self.get(device);
            if stored.record.refused.is_none() && earlier.record.refused.is_some() {
                keeps = true;
                let refused = earlier.record.refused.clone();
                stored.record = Arc::new(DeviceRecord { refused, ..DeviceRecord::clone(&stored.record) });
            }
        }
        keeps.then_some(kept)
    }

    /// Takes over what was written.
    pub(super) fn publish(&mut self, staged: Staged) {
        for (device, stored) in staged.0 {
            self.put(device, stored);
        }
    }

    /// Takes over what was read, and says what is different from before. A record that did not change keeps its revision.
    pub(super) fn replace(&mut self, records: HashMap<DeviceId, DeviceRecord>) -> Vec<Change> {
        let gone = self.records.keys().filter(|device| !records.contains_key(*device)).copied().collect::<Vec<_>>();
        let gone = gone.into_iter().map(|device| (device, DeviceRecord::default()));
        let mut changes = Vec::new();
        for (device, record) in gone.chain(records).collect::<Vec<_>>() {
            let before = self.get(&device).record;
            if *before != record {
                let revision = self.next_revision(&record);
                let after = Arc::new(record);
                changes.push(Change { device, before, after: Arc::clone(&after) });
                self.put(device, Stored { record: after, revision });
            }
        }
        changes
    }

    fn put(&mut self, device: DeviceId, stored: Stored) {
        mark(&mut self.waiting, &device, stored.record.pending.is_some());
        mark(&mut self.refused, &device, stored.record.refused.is_some());
        if stored.record.is_empty() {
            self.records.remove(&device);
        } else {
            self.records.insert(device, stored);
        }
    }

    fn next_revision(&mut self, record: &DeviceRecord) -> Revision {
        if record.is_empty() {
            return Revision::ABSENT;
        }
        self.last_revision += 1;
        Revision(self.last_revision)
    }
}

fn mark(set: &mut HashSet<DeviceId>, device: &DeviceId, belongs: bool) {
    if belongs {
        set.insert(*device);
    } else {
        set.remove(device);
    }
}

/// Records made of the parts in the files.
#[derive(Debug, Default)]
pub(super) struct Assembled {
    /// Without what a later part has settled.
    pub(super) records: HashMap<DeviceId, DeviceRecord>,
    /// Which files still hold such a thing, in the order of [`Part::ALL`].
    pub(super) remains: [bool; 3],
}

/// Puts the parts of each record together.
pub(super) fn assemble(
    paired: Vec<(DeviceId, Paired)>,
    pending: Vec<(DeviceId, Pending)>,
    refused: Vec<(DeviceId, Refused)>,
) -> Assembled {
    let mut records: HashMap<DeviceId, DeviceRecord> = HashMap::with_capacity(paired.len());
    for (device, paired) in paired {
        records.entry(device).or_default().paired = Some(paired);
    }
    for (device, pending) in pending {
        let place = &mut records.entry(device).or_default().pending;
        // A device has one request; where a file holds several, the last one counts.
        if place.as_ref().is_none_or(|other| other.request.ts <= pending.request.ts) {
            *place = Some(pending);
        }
    }
    for (device, refused) in refused {
        records.entry(device).or_default().refused = Some(refused);
    }
    let mut assembled = Assembled::default();
    for (device, record) in records {
        let (asked, was_refused) = (record.pending.is_some(), record.refused.is_some());
        let record = record.settled();
        assembled.remains[Part::Pending as usize] |= asked && record.pending.is_none();
        assembled.remains[Part::Refused as usize] |= was_refused && record.refused.is_none();
        if !record.is_empty() {
            assembled.records.insert(device, record);
        }
    }
    assembled
}
