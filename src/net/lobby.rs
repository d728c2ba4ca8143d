//! The bound on peers that have proved nothing.
//!
//! Every accepted connection takes a ticket before a byte of it is read, so byte-less connections and half-sent requests
//! count. The lobby never refuses: when it is full, somebody leaves. Who that is makes sure that a normal handshake, which
//! takes milliseconds, is never pushed out by a crowd:
//!
//! - a newcomer whose address holds more than its share takes the place of one of its own,
//! - silent peers leave before those that sent a whole request,
//! - among equals the oldest leaves.
//!
//! Under pressure deadlines shrink as well.

mod queue;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::queue::Queue;
use super::{Notices, customer};
use crate::defaults::{HANDSHAKE_TIMEOUT_UNDER_PRESSURE, SILENT_PEERS_SHARE};

/// Peers of one kind that have proved nothing. Clones share it.
#[derive(Debug, Clone)]
pub struct Lobby {
    waiting: Arc<Mutex<Waiting>>,
    most: usize,
    patience: Duration,
    notices: Arc<Notices>,
}

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    peers: HashMap<u64, Peer>,
    all: Queue,
    from: HashMap<IpAddr, Queue>,
}

#[derive(Debug)]
struct Peer {
    evicted: CancellationToken,
    origin: Option<IpAddr>,
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
        Self { waiting: Arc::default(), most: most.max(1), patience, notices: Arc::default() }
    }

    /// Takes in a peer without an address.
    pub fn enter(&self) -> Ticket {
        self.admit(None)
    }

    /// Takes in the peer at `address`.
    pub fn enter_from(&self, address: IpAddr) -> Ticket {
        self.admit(Some(customer(address)))
    }

    fn admit(&self, origin: Option<IpAddr>) -> Ticket {
        let now = Instant::now();
        let mut waiting = self.lock();
        if waiting.peers.len() >= self.most {
            waiting.make_room(origin, self.most / SILENT_PEERS_SHARE, now);
        }
        let (number, evicted) = waiting.add(origin, now);
        let deadline = now + self.patience_for(waiting.peers.len());
        Ticket { lobby: self.clone(), number, evicted, deadline }
    }

    /// Sends one peer away, if there is any: the process has no room for another connection.
    pub fn evict_one(&self) {
        self.lock().make_room(None, usize::MAX, Instant::now());
    }

    /// What is said of peers that prove nothing.
    pub fn notices(&self) -> &Notices {
        &self.notices
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
        // Nothing under this lock panics, so what a poisoned one guards is whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn add(&mut self, origin: Option<IpAddr>, now: Instant) -> (u64, CancellationToken) {
        let number = self.next;
        self.next += 1;
        let evicted = CancellationToken::new();
        self.peers.insert(number, Peer { evicted: evicted.clone(), origin });
        self.all.add(number, now);
        if let Some(origin) = origin {
            self.from.entry(origin).or_default().add(number, now);
        }
        (number, evicted)
    }

    fn remove(&mut self, number: u64) -> Option<Peer> {
        let peer = self.peers.remove(&number)?;
        self.all.remove(number);
        if let Some(origin) = peer.origin
            && let Some(queue) = self.from.get_mut(&origin)
        {
            queue.remove(number);
            if queue.is_empty() {
                self.from.remove(&origin);
            }
        }
        Some(peer)
    }

    /// Whoever floods pushes out its own; whoever does not is never pushed out by a single address.
    fn make_room(&mut self, newcomer: Option<IpAddr>, share: usize, now: Instant) {
        let own = newcomer.and_then(|origin| self.from.get(&origin)).filter(|queue| queue.len() > share);
        let leaves = own.unwrap_or(&self.all).next_to_leave(now);
        if let Some(peer) = leaves.and_then(|number| self.remove(number)) {
            peer.evicted.cancel();
        }
    }

    fn has_spoken(&mut self, number: u64) {
        let Some(peer) = self.peers.get(&number) else { return };
        self.all.has_spoken(number);
        if let Some(queue) = peer.origin.and_then(|origin| self.from.get_mut(&origin)) {
            queue.has_spoken(number);
        }
    }
}

impl Ticket {
    /// The peer sent a whole request. From now on it leaves after those that did not.
    pub fn has_spoken(&self) {
        self.lobby.lock().has_spoken(self.number);
    }

    /// Ends when the peer has to leave: evicted by newer ones, or out of time.
    pub async fn expired(&self) {
        tokio::select! {
            () = self.evicted.cancelled() => {}
            () = tokio::time::sleep_until(self.deadline) => {}
        }
    }
}

impl Ticket {
    /// What is said of peers that prove nothing.
    pub(super) fn notices(&self) -> Arc<Notices> {
        Arc::clone(&self.lobby.notices)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.lobby.lock().remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(15);

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[tokio::test]
    async fn the_oldest_makes_room() {
        let lobby = Lobby::new(2, PATIENCE);
        let first = lobby.enter();
        let second = lobby.enter();
        let third = lobby.enter();
        assert!(first.evicted.is_cancelled());
        assert!(!second.evicted.is_cancelled() && !third.evicted.is_cancelled());
        assert_eq!(lobby.len(), 2);
        drop((first, second, third));
        assert!(lobby.is_empty());
        assert!(lobby.lock().from.is_empty() && lobby.lock().all.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn silent_peers_leave_before_those_that_spoke() {
        let lobby = Lobby::new(2, PATIENCE);
        let speaker = lobby.enter();
        speaker.has_spoken();
        let silent = lobby.enter();
        tokio::time::advance(Duration::from_secs(1)).await;
        let _newcomer = lobby.enter();
        assert!(silent.evicted.is_cancelled() && !speaker.evicted.is_cancelled());
    }

    #[tokio::test]
    async fn a_crowd_that_spoke_does_not_push_out_whoever_just_arrived() {
        let lobby = Lobby::new(3, PATIENCE);
        let crowd: Vec<_> = (0..3).map(|_| lobby.enter()).collect();
        crowd.iter().for_each(Ticket::has_spoken);
        let arrived = lobby.enter();
        let _next = lobby.enter();
        assert!(!arrived.evicted.is_cancelled(), "it has not had the time to speak");
        assert!(crowd[0].evicted.is_cancelled() && crowd[1].evicted.is_cancelled());
    }

    #[tokio::test]
    async fn an_address_that_floods_pushes_out_its_own() {
        #[rustfmt::skip]
        let rows = [
            // flood                 other                    survives
            ("192.0.2.1",            "198.51.100.1",          true),
            ("2001:db8::1",          "2001:db8:0:1::1",       true),
            ("192.0.2.1",            "192.0.2.1",             false), // told apart by nothing, so the oldest leaves
            ("2001:db8::1",          "2001:db8::2",           false), // one subnet, one owner
        ];
        for (flood, other, survives) in rows {
            let lobby = Lobby::new(64, PATIENCE);
            let other = lobby.enter_from(address(other));
            let flood: Vec<_> = (0..1000).map(|_| lobby.enter_from(address(flood))).collect();
            assert_eq!(!other.evicted.is_cancelled(), survives, "{flood:?} {other:?}");
            assert_eq!(lobby.len(), 64);
            assert_eq!(
                flood.iter().filter(|ticket| !ticket.evicted.is_cancelled()).count(),
                64 - usize::from(survives)
            );
        }
    }

    #[tokio::test]
    async fn one_leaves_when_the_process_is_out_of_files() {
        let lobby = Lobby::new(8, PATIENCE);
        lobby.evict_one();
        let first = lobby.enter_from(address("192.0.2.1"));
        let second = lobby.enter_from(address("192.0.2.1"));
        lobby.evict_one();
        assert!(first.evicted.is_cancelled() && !second.evicted.is_cancelled());
        first.expired().await;
    }

    #[test]
    fn patience_shrinks_under_pressure() {
        let lobby = Lobby::new(100, PATIENCE);
        #[rustfmt::skip]
        let rows = [(1, 15.0), (50, 15.0), (75, 8.5), (100, 2.0)];
        for (taken, seconds) in rows {
            assert_eq!(lobby.patience_for(taken), Duration::from_secs_f64(seconds), "{taken} of 100");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_ticket_expires() {
        let lobby = Lobby::new(4, PATIENCE);
        let ticket = lobby.enter();
        let begun = Instant::now();
        ticket.expired().await;
        assert_eq!(begun.elapsed().as_secs(), PATIENCE.as_secs());
    }
}
