//! The bound on peers that have proved nothing.
//!
//! Every accepted connection takes a ticket before a byte of it is read, so byte-less connections and half-sent upgrades
//! count. The lobby never refuses: when it is full, the oldest peer leaves. A normal handshake takes milliseconds, so
//! whoever wants to push it out has to fill the whole lobby within them. Under pressure deadlines shrink.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::defaults::HANDSHAKE_TIMEOUT_UNDER_PRESSURE;

/// Peers of one kind that have proved nothing. Clones share it.
#[derive(Debug, Clone)]
pub struct Lobby {
    waiting: Arc<Mutex<Waiting>>,
    most: usize,
    patience: Duration,
}

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    /// Oldest first.
    peers: VecDeque<(u64, CancellationToken)>,
}

/// A peer's place in the lobby. Dropping it makes room.
#[derive(Debug)]
pub struct Ticket {
    lobby: Lobby,
    number: u64,
    evicted: CancellationToken,
    deadline: Instant,
}

impl Lobby {
    /// A lobby for `most` peers, each of which gets `patience` while there is room.
    pub fn new(most: usize, patience: Duration) -> Self {
        Self { waiting: Arc::default(), most: most.max(1), patience }
    }

    /// Takes a peer in; the oldest makes room where there is none.
    pub fn enter(&self) -> Ticket {
        let evicted = CancellationToken::new();
        let mut waiting = self.lock();
        let number = waiting.next;
        waiting.next += 1;
        if waiting.peers.len() >= self.most
            && let Some((_, oldest)) = waiting.peers.pop_front()
        {
            oldest.cancel();
        }
        waiting.peers.push_back((number, evicted.clone()));
        let deadline = Instant::now() + self.patience_for(waiting.peers.len());
        Ticket { lobby: self.clone(), number, evicted, deadline }
    }

    /// How many peers wait.
    pub fn len(&self) -> usize {
        self.lock().peers.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Full patience up to half of the places, then less in proportion, down to a floor.
    fn patience_for(&self, taken: usize) -> Duration {
        let half = self.most / 2;
        if taken <= half || half == 0 {
            return self.patience;
        }
        let floor = HANDSHAKE_TIMEOUT_UNDER_PRESSURE.min(self.patience);
        let free = u32::try_from(self.most.saturating_sub(taken)).unwrap_or(u32::MAX);
        let half = u32::try_from(half).unwrap_or(u32::MAX);
        floor + self.patience.saturating_sub(floor) * free / half
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Every change is a single push or removal: a panic elsewhere leaves the queue whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Ends when the peer has to leave: evicted by newer ones, or out of time.
    pub async fn expired(&self) {
        tokio::select! {
            () = self.evicted.cancelled() => {}
            () = tokio::time::sleep_until(self.deadline) => {}
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut waiting = self.lobby.lock();
        // Numbers only grow, so the queue is sorted.
        if let Ok(position) = waiting.peers.binary_search_by_key(&self.number, |(number, _)| *number) {
            waiting.peers.remove(position);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_makes_room() {
        let lobby = Lobby::new(2, Duration::from_secs(15));
        let first = lobby.enter();
        let second = lobby.enter();
        let third = lobby.enter();
        assert!(first.evicted.is_cancelled());
        assert!(!second.evicted.is_cancelled() && !third.evicted.is_cancelled());
        assert_eq!(lobby.len(), 2);
        drop((first, second, third));
        assert!(lobby.is_empty());
    }

    #[test]
    fn patience_shrinks_under_pressure() {
        let lobby = Lobby::new(100, Duration::from_secs(15));
        #[rustfmt::skip]
        let rows = [(1, 15.0), (50, 15.0), (75, 8.5), (100, 2.0)];
        for (taken, seconds) in rows {
            assert_eq!(lobby.patience_for(taken), Duration::from_secs_f64(seconds), "{taken} of 100");
        }
    }
}
