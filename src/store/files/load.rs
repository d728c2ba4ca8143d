//! Reading the files, also damaged ones.

use super::{
    Shared, Use,
    codec::{self, Parsed, Part},
    disk::Stamp,
    image::{Trouble, assemble},
    report::Damage,
};
use crate::{defaults::STORE_LOCK_TIMEOUT, device::DeviceId, hint::Hint, store::StoreError};

/// Whether there is an earlier state to fall back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// No: what cannot be read is an error, and what is damaged is missing.
    First,
    /// Yes: it holds for each file that cannot be used.
    Again,
}

struct File<T> {
    stamp: Option<Stamp>,
    good: Option<Vec<(DeviceId, T)>>,
    trouble: Trouble,
}

impl Shared {
    /// Reads the files for the first time.
    pub(super) fn open(&self) -> Result<(), StoreError> {
        let names = self.disk.names(&self.directory).map_err(|error| self.unreadable(&self.directory, error))?;
        self.report().kept_earlier =
            names.iter().filter(|name| is_kept_aside(name)).map(|name| self.directory.join(name)).collect();
        if names.is_empty() {
            return Ok(());
        }
        let _guard = match self.user {
            Use::Gateway => self.lock_for_writing()?,
            // Where we may not even open the lock's file there is nothing that we could write; reading is still good.
            Use::Offline => match self.lock(STORE_LOCK_TIMEOUT) {
                Err(StoreError::Unwritable { .. }) => None,
                lock => lock?,
            },
        };
        self.load(Reading::First)?;
        if self.user == Use::Gateway {
            for name in names.iter().filter(|name| is_unfinished(name)) {
                let path = self.directory.join(name);
                self.disk.remove(&path).map_err(|error| self.unwritable(&path, error))?;
                self.report().removed_unfinished += 1;
            }
            self.tidy()?;
        }
        Ok(())
    }

    /// Reads the files and replaces the image. The caller holds the turn.
    ///
    /// Without the lock, another process may be between two of its writes. Requests are read first: an answered one goes
    /// only after its answer is written, so whoever finds it gone finds the answer too.
    pub(super) fn load(&self, reading: Reading) -> Result<(), StoreError> {
        let pending = self.read(Part::Pending, reading, codec::parse_pending)?;
        let mut in_clear = false;
        let paired = self.read(Part::Paired, reading, |bytes| {
            in_clear = codec::has_token_in_clear(bytes);
            codec::parse_paired(bytes)
        })?;
        let refused = self.read(Part::Refused, reading, codec::parse_refused)?;

        let mut image = self.image_mut();
        let paired_now = paired.good.unwrap_or_else(|| image.parts(|record| record.paired.as_ref()));
        let pending_now = pending.good.unwrap_or_else(|| image.parts(|record| record.pending.as_ref()));
        let refused_now = refused.good.unwrap_or_else(|| image.parts(|record| record.refused.as_ref()));
        let assembled = assemble(paired_now, pending_now, refused_now);
        let changes = image.replace(assembled.records);
        image.remains = assembled.remains;
        image.stamps = [paired.stamp, pending.stamp, refused.stamp];
        image.troubles = [paired.trouble, pending.trouble, refused.trouble];
        image.in_clear = in_clear;
        drop(image);
        if reading == Reading::Again {
            self.feed.send(&changes);
        }
        Ok(())
    }

    fn read<T>(
        &self,
        part: Part,
        reading: Reading,
        parse: impl FnOnce(&[u8]) -> Result<Parsed<T>, codec::Fault>,
    ) -> Result<File<T>, StoreError> {
        let path = self.path(part);
        // The stamp first: what changes between the two looks has another stamp at the next one.
        let content = self.disk.stamp(&path).and_then(|stamp| Ok((stamp, self.disk.read(&path)?)));
        let (stamp, bytes) = match content {
            Ok(content) => content,
            Err(error) => {
                let error = self.unreadable(&path, error);
                if reading == Reading::First {
                    return Err(error);
                }
                tracing::warn!(target: "gateway", "{error}; what was read before still holds; {}", error.hint());
                let stamp = self.disk.stamp(&path).unwrap_or_default();
                return Ok(File { stamp, good: None, trouble: Trouble::Unreadable(error) });
            }
        };
        let Some(bytes) = bytes else {
            return Ok(File { stamp, good: Some(Vec::new()), trouble: Trouble::None });
        };
        Ok(match parse(&bytes) {
            Ok(Parsed { good, strays }) if strays.is_empty() => {
                File { stamp, good: Some(good), trouble: Trouble::None }
            }
            Ok(Parsed { good, strays }) => {
                self.note_damage(part, format!("{} of its entries cannot be read as records", strays.len()));
                File { stamp, good: Some(good), trouble: Trouble::Strays(strays) }
            }
            Err(fault) => {
                self.note_damage(part, fault.to_string());
                let good = (reading == Reading::First).then(Vec::new);
                File { stamp, good, trouble: Trouble::Damaged }
            }
        })
    }

    fn note_damage(&self, part: Part, problem: String) {
        let damage = Damage { file: self.path(part), problem, kept_aside: None };
        tracing::warn!(target: "gateway", "damaged {}: {}; {}", damage.file.display(), damage.problem, damage.hint());
        let mut report = self.report();
        // What still lies where it was is the same damage, seen again.
        report.damage.retain(|earlier| earlier.file != damage.file || earlier.kept_aside.is_some());
        report.damage.push(damage);
    }
}

fn is_unfinished(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|extension| extension == "tmp")
        && Part::ALL.iter().any(|part| name.starts_with(part.file()))
}

fn is_kept_aside(name: &str) -> bool {
    Part::ALL.iter().any(|part| name.strip_prefix(part.file()).is_some_and(|rest| rest.starts_with(".damaged-")))
}
