//! What is remembered of one client that guessed wrong.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::{Fingerprint, ThrottleRules};
use crate::defaults::{AUTH_DELAY_FIRST, AUTH_DELAY_MAX, MAX_GUESSES_HELD_BACK, MAX_REMEMBERED_GUESSES};

/// When a guess may be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Now,
    At(Instant),
}

/// What is remembered of one client that guessed wrong.
#[derive(Debug)]
pub(super) struct Record {
    failures: u32,
    last_failure: Option<Instant>,
    /// When the answers that are held back are due.
    held_back: Vec<Instant>,
    /// The wrong guesses of late. Comparing them again tells nobody anything.
    wrong: VecDeque<Fingerprint>,
    /// How many wait for their turn.
    pub(super) waiting: usize,
}

impl Record {
    pub(super) const fn new() -> Self {
        Self { failures: 0, last_failure: None, held_back: Vec::new(), wrong: VecDeque::new(), waiting: 0 }
    }

    /// When `guess` may be compared.
    pub(super) fn turn(&mut self, guess: Fingerprint, now: Instant) -> Turn {
        self.held_back.retain(|due| *due > now);
        if self.held_back.len() < MAX_GUESSES_HELD_BACK || self.wrong.contains(&guess) {
            return Turn::Now;
        }
        self.held_back.iter().min().map_or(Turn::Now, |due| Turn::At(*due))
    }

    /// Counts a wrong guess; the time until which its answer is held back.
    pub(super) fn wrong(&mut self, guess: Fingerprint, now: Instant, rules: ThrottleRules) -> Option<Instant> {
        if self.last_failure.is_some_and(|last| now - last >= rules.window) {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        self.last_failure = Some(now);
        let is_new = !self.wrong.contains(&guess);
        if is_new {
            if self.wrong.len() == MAX_REMEMBERED_GUESSES {
                self.wrong.pop_front();
            }
            self.wrong.push_back(guess);
        }
        let beyond = self.failures.checked_sub(rules.free_failures).filter(|beyond| *beyond > 0)?;
        let due = now + delay(beyond);
        if is_new {
            self.held_back.push(due);
        }
        Some(due)
    }
}

/// How long the answer to the `beyond`th failure beyond the free ones is held back.
fn delay(beyond: u32) -> Duration {
    let doublings = beyond.saturating_sub(1).min(31);
    AUTH_DELAY_FIRST.saturating_mul(1 << doublings).min(AUTH_DELAY_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_five_seconds() {
        let rows = [(1, 250), (2, 500), (3, 1000), (4, 2000), (5, 4000), (6, 5000), (33, 5000), (u32::MAX, 5000)];
        for (beyond, ms) in rows {
            assert_eq!(delay(beyond), Duration::from_millis(ms), "{beyond}");
        }
    }
}
