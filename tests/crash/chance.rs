//! Choices that can be repeated.

use std::cell::Cell;
use std::env;

/// A small generator of pseudo-random numbers (xorshift); its seed is printed, so that a failure can be repeated as far as the
/// moments of the kills allow.
pub struct Chance {
    seed: u64,
    state: Cell<u64>,
}

impl Chance {
    /// From `OPENCLAW_CRASH_SEED`, else from the system's randomness.
    pub fn from_environment() -> Self {
        let seed = env::var("OPENCLAW_CRASH_SEED").ok().map(|seed| seed.parse().expect("a number"));
        Self::new(seed.unwrap_or_else(|| getrandom::u64().expect("the system has randomness")))
    }

    fn new(seed: u64) -> Self {
        // Zero would stay zero.
        Self { seed, state: Cell::new(seed | 1) }
    }

    /// What it started from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Another one, which this one's choices do not touch.
    pub fn fork(&self) -> Self {
        Self::new(self.next())
    }

    /// One of 1 to `most`.
    pub fn up_to(&self, most: u32) -> u32 {
        let range = u64::from(most);
        u32::try_from(self.next() % range + 1).expect("at most `most`")
    }

    /// True once in `times`.
    pub fn once_in(&self, times: u32) -> bool {
        self.up_to(times) == 1
    }

    fn next(&self) -> u64 {
        let mut state = self.state.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.state.set(state);
        state
    }
}
