//! Waiting for a condition.

use std::time::{Duration, Instant};

/// Between two looks: nobody tells us of what is waited for here.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Asks again and again until `condition` gives something; `None` when it has not within `patience`.
pub fn eventually<T>(patience: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + patience;
    loop {
        let found = condition();
        if found.is_some() || Instant::now() >= end {
            return found;
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}
