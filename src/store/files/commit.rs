//! Writing changes, several at a time, so that a crash between any two steps loses nothing that was acknowledged.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use tokio::sync::oneshot;

use super::{
    Shared,
    codec::{self, Part},
    image::{Staged, Trouble},
    load::Reading,
};
use crate::{
    device::DeviceId,
    store::{DeviceRecord, Revision, StoreError},
};

/// A change that waits to be written, with the one who waits for it.
#[derive(Debug)]
pub(super) struct Change {
    device: DeviceId,
    expected: Revision,
    record: DeviceRecord,
    outcome: oneshot::Sender<Result<Revision, StoreError>>,
}

pub(super) type Outcome = oneshot::Receiver<Result<Revision, StoreError>>;

impl Change {
    pub(super) fn new(device: DeviceId, expected: Revision, record: DeviceRecord) -> (Self, Outcome) {
        let (outcome, answer) = oneshot::channel();
        (Self { device, expected, record, outcome }, answer)
    }
}

/// Ends the time in which the files may differ from the image, however the writing ends.
struct Writing<'a>(&'a AtomicBool);

impl<'a> Writing<'a> {
    fn begin(flag: &'a AtomicBool) -> Self {
        flag.store(true, Ordering::Release);
        Self(flag)
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Shared {
    /// Writes the changes and tells each one's owner. The caller holds the turn.
    pub(super) fn commit(&self, mut changes: Vec<Change>) {
        // Nobody waits for these any more, and nobody would learn that they were made.
        changes.retain(|change| !change.outcome.is_closed());
        let mut staged = Staged::default();
        if changes.is_empty() {
            return;
        }
        let accepted = self.lock_for_writing().and_then(|guard| {
            if !self.is_current() {
                self.load(Reading::Again)?;
            }
            self.clear_remains()?;
            let revisions = self.stage(&mut staged, &changes);
            self.write(staged).map(|()| (revisions, guard))
        });
        for (index, change) in changes.into_iter().enumerate() {
            let outcome = match &accepted {
                Ok((revisions, _)) => revisions[index].ok_or(StoreError::Conflict),
                Err(error) => Err(error.clone()),
            };
            // Whoever stopped waiting just now finds the change when it looks again.
            let _ = change.outcome.send(outcome);
        }
    }

    /// Whether tokens in clear still lie in a file that a gateway owns.
    pub(super) fn has_unfinished_takeover(&self) -> bool {
        self.user == super::Use::Gateway && self.image().in_clear
    }

    /// Writes the paired devices anew, without tokens in clear. The caller holds the turn.
    pub(super) fn rewrite(&self) -> Result<(), StoreError> {
        let _guard = self.lock_for_writing()?;
        if !self.is_current() {
            self.load(Reading::Again)?;
        }
        self.tidy()
    }

    /// Moves aside what is damaged and writes anew what holds tokens in clear. The caller holds the lock.
    pub(super) fn tidy(&self) -> Result<(), StoreError> {
        let _writing = Writing::begin(&self.writing);
        let nothing = Staged::default();
        for part in Part::ALL {
            let in_clear = part == Part::Paired && self.image().in_clear;
            let damaged = !matches!(self.image().troubles[part as usize], Trouble::None | Trouble::Unreadable(_));
            if in_clear || damaged {
                self.write_part(part, &nothing)?;
            }
        }
        Ok(())
    }

    /// Takes out of the files what a crash left there of answered requests and old refusals. It has to be gone before
    /// anything changes: once the approval that settled it is revoked or removed, nothing tells any more that it is settled,
    /// and the next start would bring it back. The caller holds the lock.
    fn clear_remains(&self) -> Result<(), StoreError> {
        let _writing = Writing::begin(&self.writing);
        let remains = self.image().remains;
        Part::ALL
            .into_iter()
            .filter(|part| remains[*part as usize])
            .try_for_each(|part| self.write_part(part, &Staged::default()))
    }

    fn stage(&self, staged: &mut Staged, changes: &[Change]) -> Vec<Option<Revision>> {
        let mut image = self.image_mut();
        let revisions =
            changes.iter().map(|change| image.stage(staged, &change.device, change.expected, &change.record)).collect();
        image.bound_refusals(staged);
        revisions
    }

    /// Makes `staged` durable, then visible. On failure the image becomes what the files hold.
    ///
    /// An approval settles the request and the refusal that it answers, so paired devices are written first: what a crash
    /// leaves of the others is recognised as settled. A refusal is written before the request that it answers goes: else a
    /// crash would forget that the device was turned down. Where one refusal goes and another comes, the first write holds
    /// both.
    fn write(&self, staged: Staged) -> Result<(), StoreError> {
        let _writing = Writing::begin(&self.writing);
        let (mut changed, early) = {
            let image = self.image();
            (image.parts_changed(&staged), image.gains_refusal(&staged).then(|| image.keeping_refusals(&staged)))
        };
        let written = (|| {
            if let Some(kept) = early {
                self.write_part(Part::Refused, kept.as_ref().unwrap_or(&staged))?;
                changed.retain(|part| *part != Part::Refused || kept.is_some());
            }
            changed.into_iter().try_for_each(|part| self.write_part(part, &staged))
        })();
        match written {
            Ok(()) => self.image_mut().publish(staged),
            // What cannot be read either is noted there; the failure to write is what the caller asked about.
            Err(_) => self.load(Reading::Again).unwrap_or_default(),
        }
        written
    }

    fn write_part(&self, part: Part, staged: &Staged) -> Result<(), StoreError> {
        self.make_room(part)?;
        let bytes = codec::encode(part, self.image().with(staged));
        let path = self.path(part);
        self.write_durably(&path, &bytes)?;
        let stamp = self.disk.stamp(&path).map_err(|error| self.unreadable(&path, error))?;
        let mut image = self.image_mut();
        image.stamps[part as usize] = stamp;
        image.remains[part as usize] = false;
        if part == Part::Paired {
            self.report().took_over_tokens |= std::mem::take(&mut image.in_clear);
        }
        Ok(())
    }

    /// Keeps aside what would be lost by writing over the file.
    fn make_room(&self, part: Part) -> Result<(), StoreError> {
        let path = self.path(part);
        let content = match &self.image().troubles[part as usize] {
            Trouble::None => return Ok(()),
            Trouble::Unreadable(error) => return Err(error.clone()),
            Trouble::Damaged => None,
            Trouble::Strays(strays) => Some(codec::encode_strays(strays)),
        };
        // A copy, since a file that is moved away is missing if what should follow fails.
        let content = match content {
            Some(entries) => entries,
            None => self.disk.read(&path).map_err(|error| self.unreadable(&path, error))?.unwrap_or_default(),
        };
        let place = self.free_name(part).map_err(|error| self.unreadable(&self.directory, error))?;
        self.write_durably(&place, &content)?;
        self.image_mut().troubles[part as usize] = Trouble::None;
        tracing::warn!(target: "gateway", "kept aside {} as {}", path.display(), place.display());
        for damage in &mut self.report().damage {
            if damage.file == path && damage.kept_aside.is_none() {
                damage.kept_aside = Some(place.clone());
            }
        }
        Ok(())
    }

    fn free_name(&self, part: Part) -> std::io::Result<PathBuf> {
        let names = self.disk.names(&self.directory)?;
        let first = format!("{}.damaged-{}", part.file(), self.disk.time_for_name());
        let others = (2..).map(|number| format!("{first}-{number}"));
        let name = std::iter::once(first.clone()).chain(others).find(|name| !names.contains(name));
        Ok(self.directory.join(name.expect("a directory does not hold every number")))
    }

    fn write_durably(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let unfinished = path.with_file_name(format!(
            "{}.{}.tmp",
            path.file_name().unwrap_or_default().to_string_lossy(),
            uuid::Uuid::new_v4()
        ));
        let written = self.disk.create(&unfinished).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync()
        });
        written
            .and_then(|()| self.disk.rename(&unfinished, path))
            .inspect_err(|_| {
                // On a full disk every byte counts. If even this fails, the next start removes it.
                let _ = self.disk.remove(&unfinished);
            })
            .and_then(|()| self.disk.sync_directory(&self.directory))
            .map_err(|error| self.unwritable(path, error))
    }
}
