//! One deadline for all that a command does.

use std::{future::Future, time::Duration};

use tokio::time::Instant;

/// A moment by which something is done, and how long that was when it began: what a timeout message names.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
    total: Duration,
}

/// The deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed {
    /// What the deadline allowed.
    pub after: Duration,
}

impl Deadline {
    /// `total` from now.
    pub fn after(total: Duration) -> Self {
        Self { at: Instant::now() + total, total }
    }

    /// This deadline, but at most `limit` from now.
    #[must_use]
    pub fn at_most(self, limit: Duration) -> Self {
        let sooner = Self::after(limit);
        if sooner.at < self.at { sooner } else { self }
    }

    /// What is left.
    pub fn left(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Waits for `future`, but not beyond the deadline.
    ///
    /// # Errors
    /// [`Elapsed`] when the deadline came first.
    pub async fn run<T>(self, future: impl Future<Output = T>) -> Result<T, Elapsed> {
        tokio::time::timeout_at(self.at, future).await.map_err(|_| Elapsed { after: self.total })
    }
}
