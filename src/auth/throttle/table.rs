//! A bounded table of records: the one that was not touched for longest makes room.

use std::collections::{BTreeMap, HashMap};

use super::{Record, ThrottleKey};

/// Records by key, and their order of use.
#[derive(Debug)]
pub(super) struct Table {
    capacity: usize,
    records: HashMap<ThrottleKey, (u64, Record)>,
    order: BTreeMap<u64, ThrottleKey>,
    uses: u64,
}

impl Table {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, records: HashMap::new(), order: BTreeMap::new(), uses: 0 }
    }

    /// The record of `key`, if there is one. Looking does not count as use.
    pub(super) fn existing(&mut self, key: ThrottleKey) -> Option<&mut Record> {
        self.records.get_mut(&key).map(|(_, record)| record)
    }

    /// The record of `key`, made if there is none.
    pub(super) fn record(&mut self, key: ThrottleKey) -> &mut Record {
        if !self.records.contains_key(&key)
            && self.records.len() >= self.capacity
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.records.remove(&oldest);
        }
        self.uses += 1;
        let (used, record) = self.records.entry(key).or_insert_with(|| (0, Record::new()));
        self.order.remove(used);
        *used = self.uses;
        self.order.insert(self.uses, key);
        record
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.records.len(), self.order.len());
        self.records.len()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn key(last: u8) -> ThrottleKey {
        ThrottleKey::Client(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn the_one_untouched_for_longest_makes_room() {
        let mut table = Table::new(3);
        for last in [1, 2, 3, 1, 4] {
            table.record(key(last));
            assert!(table.len() <= 3);
        }
        let left: Vec<_> = (1..=4).filter(|last| table.existing(key(*last)).is_some()).collect();
        assert_eq!(left, [1, 3, 4]);
    }
}
