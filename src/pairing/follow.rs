//! What happens by itself: changes by others are noticed, requests expire, sightings are written.

use std::collections::HashSet;

use futures_util::future::join_all;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::{Pairing, PairingError, events::Occurrence};
use crate::{
    defaults::{LAST_SEEN_FLUSH, STORE_POLL_INTERVAL},
    device::DeviceId,
    events::InvalidateReason,
    hint,
    protocol::Role,
    store::{Change, DeviceRecord, Paired, Pending},
};

impl Pairing {
    /// Follows the store until `stop`: sessions hear of what other processes changed, and what is in memory is written now
    /// and then, and at the end.
    pub async fn follow(&self, stop: CancellationToken) {
        let mut watch = self.store.watch();
        let every = |period| {
            let mut ticks = interval_at(Instant::now() + period, period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        let (mut look, mut write) = (every(STORE_POLL_INTERVAL), every(LAST_SEEN_FLUSH));
        let mut last_trouble = String::new();
        loop {
            let outcome = tokio::select! {
                () = stop.cancelled() => break,
                changes = watch.next() => {
                    for change in &changes {
                        self.pass_on(change);
                    }
                    Ok(())
                }
                _ = look.tick() => self.store.refresh().await.map_err(PairingError::from),
                _ = write.tick() => self.settle().await,
            };
            match outcome {
                Ok(()) => last_trouble.clear(),
                // The same trouble is told once, not every second.
                Err(error) if hint::chain(&error) == last_trouble => {}
                Err(error) => {
                    last_trouble = hint::chain(&error);
                    tracing::warn!(target: "gateway", "{last_trouble}");
                }
            }
        }
        if let Err(error) = self.settle().await {
            tracing::warn!(target: "gateway", "what was last seen of devices is lost: {}", hint::chain(&error));
        }
    }

    /// Forgets requests that have expired, and writes what was seen of devices.
    ///
    /// # Errors
    /// When the store failed; what was not written is tried again the next time.
    pub async fn settle(&self) -> Result<(), PairingError> {
        self.forget_expired().await?;
        self.flush().await
    }

    /// Writes what was seen of devices since the last time.
    ///
    /// # Errors
    /// When the store failed; what was not written is tried again the next time.
    pub async fn flush(&self) -> Result<(), PairingError> {
        // All at once, so that the store writes them together.
        let writes = self.sightings.all().into_iter().map(async |(device, sighting)| {
            let stored = self.store.get(&device).await?;
            let Some(paired) = stored.record.paired.as_ref().and_then(|paired| sighting.on(paired)) else {
                self.sightings.settle(&device, &sighting);
                return Ok(());
            };
            let record = DeviceRecord { paired: Some(paired), ..DeviceRecord::clone(&stored.record) };
            // Where another change came first, the next time is early enough.
            if self.set(&device, &stored, record).await?.is_some() {
                self.sightings.settle(&device, &sighting);
            }
            Ok(())
        });
        join_all(writes).await.into_iter().collect()
    }

    async fn forget_expired(&self) -> Result<(), PairingError> {
        let now_ms = self.clock.now_ms();
        let (waiting, expired): (Vec<_>, Vec<_>) = self
            .store
            .waiting()
            .await?
            .into_iter()
            .partition(|(_, stored)| self.waiting(&stored.record, now_ms).is_some());
        let ids: HashSet<_> = waiting
            .iter()
            .filter_map(|(_, stored)| Some(stored.record.pending.as_ref()?.request.request_id.clone()))
            .collect();
        self.keep_repeats_of(&ids);
        let writes = expired.iter().map(async |(device, stored)| {
            let record = DeviceRecord { pending: None, ..DeviceRecord::clone(&stored.record) };
            self.set(device, stored, record).await.map(drop)
        });
        join_all(writes).await.into_iter().collect()
    }

    fn pass_on(&self, change: &Change) {
        let now_ms = self.clock.now_ms();
        for occurrence in occurrences(&change.before, &change.after, now_ms) {
            tracing::info!(target: "gateway", "{} device={} (by another process)", name(&occurrence), change.device);
            self.told_by_others(&change.device, occurrence);
        }
    }

    fn told_by_others(&self, device: &DeviceId, occurrence: Occurrence) {
        match &occurrence {
            Occurrence::Resolved { request, .. } => self.forget_request(request),
            Occurrence::Ended { role: None, .. } => self.sightings.forget(device),
            _ => {}
        }
        self.tell(device, occurrence);
    }
}

const fn name(occurrence: &Occurrence) -> &'static str {
    match occurrence {
        Occurrence::Requested(_) => "device pairing requested",
        Occurrence::Resolved { approved: true, .. } => "device pairing approved",
        Occurrence::Resolved { approved: false, .. } => "device pairing rejected",
        Occurrence::Changed => "device changed",
        Occurrence::Ended { why: InvalidateReason::Removed, .. } => "device pairing removed",
        Occurrence::Ended { why: InvalidateReason::Rotated, .. } => "device token rotated",
        Occurrence::Ended { why: InvalidateReason::Revoked, .. } => "device token revoked",
    }
}

/// What sessions are told of a change that somebody else made: pure.
fn occurrences(before: &DeviceRecord, after: &DeviceRecord, now_ms: i64) -> Vec<Occurrence> {
    let mut told = Vec::new();
    if let Some(earlier) = &before.paired {
        told.extend(endings(earlier, after.paired.as_ref()));
    }
    let [asked, asks] = [before, after].map(|record| record.pending.as_ref());
    let request = |pending: &Pending| pending.request.request_id.clone();
    if asked.map(request) != asks.map(request) {
        if let Some(asked) = asked {
            let approved = after.paired.as_ref().is_some_and(|paired| paired.covers(asked));
            // Expiry is silent.
            if approved || asks.is_some() || !Pending::is_expired(asked.refreshed_at_ms(), now_ms) {
                told.push(Occurrence::Resolved { request: request(asked), approved });
            }
        }
        told.extend(asks.map(|asks| Occurrence::Requested(Box::new(asks.request.clone()))));
    }
    let visible = |record: &DeviceRecord| {
        record.paired.as_ref().map(|paired| (paired.operator_label.clone(), paired.roles(), paired.scopes.clone()))
    };
    if told.is_empty() && visible(before) != visible(after) {
        told.push(Occurrence::Changed);
    }
    told
}

/// Which sessions end. Whoever holds less than before starts anew; whoever holds more goes on.
fn endings(before: &Paired, after: Option<&Paired>) -> Vec<Occurrence> {
    let Some(after) = after.filter(|after| after.public_key == before.public_key) else {
        return vec![Occurrence::Ended { role: None, why: InvalidateReason::Removed }];
    };
    let ends = |role: Role| {
        if !after.has_role(role) {
            return Some(InvalidateReason::Revoked);
        }
        let token_lives = match (before.tokens.get(&role), after.tokens.get(&role)) {
            (Some(earlier), Some(later)) => earlier.outlived_by(later),
            (earlier, _) => earlier.is_none(),
        };
        let narrowed = !after.approved(role).cover_all(&before.approved(role));
        (!token_lives || narrowed).then_some(InvalidateReason::Rotated)
    };
    let roles = before.roles().into_iter().filter(|role| before.has_role(*role));
    roles.filter_map(|role| Some(Occurrence::Ended { role: Some(role), why: ends(role)? })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{paired, pending, refused, scopes};

    fn record(change: impl FnOnce(&mut DeviceRecord)) -> DeviceRecord {
        let mut record = DeviceRecord { paired: Some(paired(1, &scopes("admin"))), ..DeviceRecord::default() };
        change(&mut record);
        record
    }

    fn with_paired(change: impl FnOnce(&mut Paired)) -> DeviceRecord {
        record(|record| change(record.paired.as_mut().unwrap()))
    }

    #[test]
    fn what_sessions_hear_of_changes_by_others() {
        use InvalidateReason::{Removed, Revoked, Rotated};
        let request = pending(1, &scopes("read"));
        let id = || request.request.request_id.clone();
        let asking = || DeviceRecord { pending: Some(request.clone()), ..DeviceRecord::default() };
        let none = DeviceRecord::default;
        let same = || record(|_| ());
        let requested = || vec![Occurrence::Requested(Box::new(request.request.clone()))];
        let resolved = |approved| vec![Occurrence::Resolved { request: id(), approved }];
        let ended = |role, why| vec![Occurrence::Ended { role, why }];
        let operator = Some(Role::Operator);
        #[rustfmt::skip]
        let rows = vec![
            ("nothing",              same(),     same(),                                               vec![]),
            ("asks",                 none(),     asking(),                                             requested()),
            ("is approved",          asking(),   same(),                                               resolved(true)),
            ("is rejected",          asking(),   DeviceRecord { refused: Some(refused()), ..none() },  resolved(false)),
            ("repeats",              asking(),   DeviceRecord { pending: Some(Pending { refreshed_at_ms: Some(9), ..request.clone() }), ..none() }, vec![]),
            ("is seen",              same(),     with_paired(|paired| paired.last_seen_at_ms = Some(9)),       vec![]),
            ("is named",             same(),     with_paired(|paired| paired.operator_label = Some("a".into())), vec![Occurrence::Changed]),
            ("is removed",           same(),     none(),                                               ended(None, Removed)),
            ("has another key",      same(),     with_paired(|paired| paired.public_key = "x".into()), ended(None, Removed)),
            ("is revoked",           same(),     with_paired(|paired| paired.tokens.get_mut(&Role::Operator).unwrap().revoked_at_ms = Some(9)), ended(operator, Revoked)),
            ("loses its role",       same(),     with_paired(|paired| { paired.roles.clear(); paired.role = None; }), ended(operator, Revoked)),
            ("is rotated",           same(),     with_paired(|paired| paired.tokens.get_mut(&Role::Operator).unwrap().rotate(7, 9)), ended(operator, Rotated)),
            ("loses its token",      same(),     with_paired(|paired| paired.tokens.clear()),          ended(operator, Rotated)),
            ("holds less",           same(),     with_paired(|paired| paired.scopes = scopes("read")), ended(operator, Rotated)),
            ("holds more",           same(),     with_paired(|paired| paired.scopes = scopes("admin pairing")), vec![Occurrence::Changed]),
            ("appears",              none(),     same(),                                               vec![Occurrence::Changed]),
            ("is turned down twice", DeviceRecord { refused: Some(refused()), ..none() }, none(),      vec![]),
        ];
        for (what, before, after, told) in rows {
            assert_eq!(occurrences(&before, &after, 2000), told, "{what}");
        }
        assert_eq!(occurrences(&asking(), &none(), 2000 + 300_000), [], "expiry is silent");
    }
}
