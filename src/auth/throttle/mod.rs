//! Slowing down whoever guesses, without ever locking the owner out.
//!
//! There is no lock-out: a right secret is accepted however many wrong ones came before it. What is slowed down is wrong
//! answers. After a few they are held back, 250 ms and then twice as long each time up to 5 s, and while some are held back
//! only so many other guesses of the same client are compared. Nobody gains by hanging up early: what is held back counts
//! until its time, whether or not anyone still waits for it.
//!
//! Two rules keep neighbours apart. A secret that was wrong a moment ago is no new guess, so a program that repeats a stale
//! token all day takes nobody's turn. And whoever proved the key of a device that has a token counts for itself
//! ([`ThrottleKey::Device`]), in a table that no other traffic fills: strangers behind the same proxy or bridge cannot take
//! a paired operator's turn. The Unix socket is not judged at all.
//!
//! What remains cannot be told apart: a first-time client that shares its address, or a class without one, with somebody who
//! sends many different guesses at once has to wait for its turn, and is told to come again when that takes too long.

mod key;
mod record;
mod table;

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

pub use key::ThrottleKey;
use record::{Record, Turn};
use table::Table;

use super::{AuthFailure, Presented};
use crate::defaults::{
    AUTH_FAILURE_WINDOW, AUTH_FREE_FAILURES, AUTH_TURN_TIMEOUT, MAX_THROTTLED_CLIENTS, MAX_WAITING_GUESSES,
};

/// Tells one set of secrets from another, and nothing of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint(pub(super) [u8; 32]);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(…)")
    }
}

/// How much is forgiven. Keys below `gateway.auth.rateLimit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleRules {
    /// Wrong answers before the next one is held back.
    pub free_failures: u32,
    /// After this long without a wrong answer, all are forgotten.
    pub window: Duration,
}

impl Default for ThrottleRules {
    fn default() -> Self {
        Self { free_failures: AUTH_FREE_FAILURES, window: AUTH_FAILURE_WINDOW }
    }
}

/// The throttle of one gateway.
#[derive(Debug)]
pub struct Throttle {
    rules: ThrottleRules,
    clients: Mutex<Table>,
    devices: Mutex<Table>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self::new(ThrottleRules::default())
    }
}

impl Throttle {
    /// A throttle that has seen nobody yet.
    pub fn new(rules: ThrottleRules) -> Self {
        let table = || Mutex::new(Table::new(MAX_THROTTLED_CLIENTS));
        Self { rules, clients: table(), devices: table() }
    }

    /// Runs `compare`, which judges `presented`, in its turn, and holds its answer back where it is one wrong guess of many.
    ///
    /// Takes at most [`AUTH_TURN_TIMEOUT`] for the turn and 5 s for the answer. Missing secrets are no guess: they wait for
    /// nothing and count nowhere.
    ///
    /// # Errors
    /// What `compare` says, or [`AuthFailure::RateLimited`] when the turn did not come.
    pub async fn judge<T>(
        &self,
        key: ThrottleKey,
        presented: &Presented<'_>,
        compare: impl FnOnce() -> Result<T, AuthFailure>,
    ) -> Result<T, AuthFailure> {
        let Some(guess) = presented.fingerprint() else { return compare() };
        self.turn(key, guess).await?;
        let outcome = compare();
        if outcome.as_ref().is_err_and(AuthFailure::is_wrong_guess) {
            let release = self.table(key).record(key).wrong(guess, Instant::now(), self.rules);
            if let Some(release) = release {
                sleep_until(release).await;
            }
        }
        outcome
    }

    /// Waits until the guess may be compared.
    async fn turn(&self, key: ThrottleKey, guess: Fingerprint) -> Result<(), AuthFailure> {
        let deadline = Instant::now() + AUTH_TURN_TIMEOUT;
        let mut place: Option<InLine<'_>> = None;
        loop {
            let now = Instant::now();
            let until = {
                let mut table = self.table(key);
                let Some(record) = table.existing(key) else { return Ok(()) };
                let until = match record.turn(guess, now) {
                    Turn::Now => return Ok(()),
                    Turn::At(until) => until,
                };
                let line_is_full = place.is_none() && record.waiting >= MAX_WAITING_GUESSES;
                if until > deadline || line_is_full {
                    return Err(AuthFailure::RateLimited { retry_after: until - now });
                }
                if place.is_none() {
                    record.waiting += 1;
                    place = Some(InLine { throttle: self, key });
                }
                until
            };
            sleep_until(until).await;
        }
    }

    fn table(&self, key: ThrottleKey) -> MutexGuard<'_, Table> {
        let table = match key {
            ThrottleKey::Device(_) => &self.devices,
            ThrottleKey::Client(_) | ThrottleKey::Class(_) => &self.clients,
        };
        // Whoever panicked left whole records: nothing in here is changed in two steps.
        table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the line of those who wait for their turn; given up when the connection is.
struct InLine<'a> {
    throttle: &'a Throttle,
    key: ThrottleKey,
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        if let Some(record) = self.throttle.table(self.key).existing(self.key) {
            record.waiting = record.waiting.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::IpAddr,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use super::*;
    use crate::{device::DeviceId, source::SourceClass};

    const WRONG: AuthFailure = AuthFailure::TokenMismatch { can_retry_with_device_token: false };
    const BRIDGE: ThrottleKey = ThrottleKey::Class(SourceClass::Bridge);

    fn token(text: &str) -> Presented<'_> {
        Presented { token: Some(text), ..Presented::default() }
    }

    /// The gateway with one secret, `right`.
    async fn knock(throttle: &Throttle, key: ThrottleKey, text: &str) -> Result<(), AuthFailure> {
        throttle.judge(key, &token(text), || if text == "right" { Ok(()) } else { Err(WRONG) }).await
    }

    /// Lets every task run as far as it can while time stands still.
    async fn settle() {
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
    }

    /// Many different wrong guesses at once, from programs that hang up after 10 ms; how many were compared.
    async fn flood(throttle: &Arc<Throttle>, key: ThrottleKey, guesses: std::ops::Range<usize>) -> usize {
        let compared = Arc::new(AtomicUsize::new(0));
        let mut tasks = Vec::new();
        for guess in guesses {
            let (throttle, compared) = (Arc::clone(throttle), Arc::clone(&compared));
            tasks.push(tokio::spawn(async move {
                let text = format!("guess {guess}");
                let presented = token(&text);
                let judged = throttle.judge(key, &presented, || {
                    compared.fetch_add(1, Ordering::Relaxed);
                    Err::<(), _>(WRONG)
                });
                let _ = tokio::time::timeout(Duration::from_millis(10), judged).await;
            }));
        }
        for task in tasks {
            task.await.expect("no panic");
        }
        compared.load(Ordering::Relaxed)
    }

    #[tokio::test(start_paused = true)]
    async fn wrong_answers_are_held_back_and_a_right_one_never() {
        let throttle = Throttle::default();
        #[rustfmt::skip]
        let held_back = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 250, 500, 1000, 2000, 4000, 5000, 5000];
        for (attempt, ms) in held_back.into_iter().enumerate() {
            let started = Instant::now();
            assert_eq!(knock(&throttle, BRIDGE, &format!("wrong {attempt}")).await, Err(WRONG));
            // The timer counts whole milliseconds.
            let waited = started.elapsed().as_millis();
            assert!((ms..=ms + 1).contains(&waited), "attempt {attempt}: {waited} ms");
            let started = Instant::now();
            assert_eq!(knock(&throttle, BRIDGE, "right").await, Ok(()), "attempt {attempt}");
            assert_eq!(started.elapsed(), Duration::ZERO, "attempt {attempt}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_minute_of_peace_is_forgiveness() {
        let throttle = Throttle::default();
        for attempt in 0..12 {
            let _ = knock(&throttle, BRIDGE, &format!("wrong {attempt}")).await;
        }
        tokio::time::advance(AUTH_FAILURE_WINDOW).await;
        let started = Instant::now();
        assert_eq!(knock(&throttle, BRIDGE, "wrong").await, Err(WRONG));
        assert_eq!(started.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_missing_is_no_guess() {
        let throttle = Throttle::default();
        for _ in 0..100 {
            let started = Instant::now();
            let outcome =
                throttle.judge(BRIDGE, &Presented::default(), || Err::<(), _>(AuthFailure::TokenMissing)).await;
            assert_eq!((outcome, started.elapsed()), (Err(AuthFailure::TokenMissing), Duration::ZERO));
        }
        assert_eq!(throttle.table(BRIDGE).len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_hangs_up_early_gains_nothing() {
        let throttle = Arc::new(Throttle::default());
        let at_once = AUTH_FREE_FAILURES as usize + crate::defaults::MAX_GUESSES_HELD_BACK;
        assert_eq!(flood(&throttle, BRIDGE, 0..1000).await, at_once);
        assert_eq!(flood(&throttle, BRIDGE, 1000..2000).await, 0, "nothing was released yet");
    }

    #[tokio::test(start_paused = true)]
    async fn stale_programs_take_nobody_s_turn() {
        let throttle = Arc::new(Throttle::default());
        let stale: Vec<_> = (0..200)
            .map(|program| {
                let throttle = Arc::clone(&throttle);
                tokio::spawn(async move { knock(&throttle, BRIDGE, &format!("stale {}", program % 8)).await })
            })
            .collect();
        settle().await;
        let started = Instant::now();
        assert_eq!(knock(&throttle, BRIDGE, "right").await, Ok(()));
        assert_eq!(started.elapsed(), Duration::ZERO);
        for program in stale {
            assert_eq!(program.await.expect("no panic"), Err(WRONG));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_slows_down_nobody_else() {
        let throttle = Arc::new(Throttle::default());
        flood(&throttle, BRIDGE, 0..1000).await;
        let others = [
            ThrottleKey::Client(IpAddr::from([192, 0, 2, 1])),
            ThrottleKey::Class(SourceClass::Unattributable),
            ThrottleKey::Device(DeviceId::of_key_bytes(b"paired")),
        ];
        for key in others {
            let started = Instant::now();
            assert_eq!(knock(&throttle, key, "wrong").await, Err(WRONG), "{key:?}");
            assert_eq!(knock(&throttle, key, "right").await, Ok(()), "{key:?}");
            assert_eq!(started.elapsed(), Duration::ZERO, "{key:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn in_the_middle_of_a_flood_the_turn_comes_or_one_is_told_to_come_again() {
        let throttle = Arc::new(Throttle::default());
        flood(&throttle, BRIDGE, 0..1000).await;
        let started = Instant::now();
        assert_eq!(
            knock(&throttle, BRIDGE, "right").await,
            Ok(()),
            "the flood is over: there is a turn within the time"
        );
        assert!(started.elapsed() <= AUTH_TURN_TIMEOUT, "{:?}", started.elapsed());

        flood(&throttle, BRIDGE, 1000..2000).await;
        let line: Vec<_> = (0..=MAX_WAITING_GUESSES + crate::defaults::MAX_GUESSES_HELD_BACK)
            .map(|guess| {
                let throttle = Arc::clone(&throttle);
                tokio::spawn(async move { knock(&throttle, BRIDGE, &format!("new {guess}")).await })
            })
            .collect();
        settle().await;
        let refused = knock(&throttle, BRIDGE, "right").await;
        let Err(AuthFailure::RateLimited { retry_after }) = refused else { panic!("{refused:?}") };
        assert!(retry_after <= crate::defaults::AUTH_DELAY_MAX, "{retry_after:?}");
        for guess in line {
            let _ = guess.await.expect("no panic");
        }
        assert_eq!(throttle.table(BRIDGE).record(BRIDGE).waiting, 0);
        assert_eq!(knock(&throttle, BRIDGE, "right").await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_without_number_are_not_all_remembered() {
        let throttle = Throttle::default();
        for client in 0..10_000_u32 {
            let _ = knock(&throttle, ThrottleKey::Client(IpAddr::from(client.to_be_bytes())), "wrong").await;
        }
        assert_eq!(throttle.table(BRIDGE).len(), MAX_THROTTLED_CLIENTS);
    }
}
