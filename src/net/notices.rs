//! Lines of the log that anybody on the network can cause, and that nobody can fill it with.

use std::{
    collections::HashMap,
    fmt::Display,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use tracing::warn;

use crate::defaults::NOTICE_PAUSE;

/// Says each thing once in a while, and how often it would have been said meanwhile.
#[derive(Debug, Default)]
pub struct Notices(Mutex<HashMap<&'static str, Told>>);

#[derive(Debug)]
struct Told {
    last: Instant,
    untold: u64,
}

impl Notices {
    /// Says `what`, and `more` about this time.
    pub fn warn(&self, what: &'static str, more: impl Display) {
        if let Some(untold) = self.turn(what, Instant::now()) {
            let others = if untold == 0 { String::new() } else { format!("; {untold} more before it") };
            warn!(target: "gateway", "{what}: {more}{others}");
        }
    }

    /// Whether it is time for a line, and how many went without one since the last.
    fn turn(&self, what: &'static str, now: Instant) -> Option<u64> {
        // Nothing under this lock panics, so what a poisoned one guards is whole.
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(before) = told.get_mut(what) else {
            told.insert(what, Told { last: now, untold: 0 });
            return Some(0);
        };
        if now.duration_since(before.last) < NOTICE_PAUSE {
            before.untold += 1;
            return None;
        }
        before.last = now;
        Some(std::mem::take(&mut before.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_does_not_fill_the_log() {
        let (notices, begin) = (Notices::default(), Instant::now());
        assert_eq!(notices.turn("one", begin), Some(0));
        for _ in 0..100 {
            assert_eq!(notices.turn("one", begin), None);
        }
        assert_eq!(notices.turn("another", begin), Some(0));
        assert_eq!(notices.turn("one", begin + NOTICE_PAUSE), Some(100));
        assert_eq!(notices.turn("one", begin + NOTICE_PAUSE * 2), Some(0));
    }
}
