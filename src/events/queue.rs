//! What waits for one session.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures_util::task::AtomicWaker;

use super::Signal;
use crate::{
    defaults::{MAX_OUTBOUND_BYTES, MAX_OUTBOUND_FRAMES, MAX_WAITING_SIGNALS},
    protocol::EventFrame,
};

/// The most room that an idle session keeps for events to come, in events.
const MOST_ROOM_KEPT: usize = 64;

/// The queue of one session. Whoever publishes never waits for it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// Whoever waits for events.
    reader: AtomicWaker,
    /// Whether there are signals, so that a session that has none does not lock to learn it.
    signalled: AtomicBool,
    /// Whoever waits for signals.
    summoned: AtomicWaker,
}

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<Delivery>,
    /// Of these and of those that the session took and has not come back from.
    depth: Depth,
    /// How many events did not fit since the last one that did.
    lost: u64,
    signals: VecDeque<Signal>,
    /// Whether a signal did not fit.
    signals_lost: bool,
}

/// More signals came than could wait: whoever missed one must assume the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalsLost;

/// How much waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Depth {
    /// Events.
    pub(super) events: usize,
    /// Bytes of their frames.
    pub(super) bytes: usize,
}

/// The session's own part: what it took out of the queue in one go, and goes through without a lock.
#[derive(Debug, Default)]
pub(super) struct Taken {
    events: VecDeque<Delivery>,
    /// How much it was.
    depth: Depth,
}

/// An event for one session.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// What happened.
    pub frame: Arc<EventFrame>,
    /// How many events this session lost before it: its numbering skips them, so that the client knows.
    pub lost_before: u64,
}

impl Queue {
    /// Whether the event found room.
    pub(super) fn push(&self, frame: &Arc<EventFrame>) -> bool {
        let mut waiting = self.lock();
        let Depth { events, bytes } = waiting.depth;
        let depth = Depth { events: events + 1, bytes: bytes + frame.bytes() };
        if depth.events > MAX_OUTBOUND_FRAMES || depth.bytes > MAX_OUTBOUND_BYTES {
            waiting.lost += 1;
            return false;
        }
        let is_first = waiting.events.is_empty();
        let lost_before = std::mem::take(&mut waiting.lost);
        waiting.depth = depth;
        waiting.events.push_back(Delivery { frame: Arc::clone(frame), lost_before });
        drop(waiting);
        // For the others the session has been woken, and looks whether there are more before it sleeps.
        if is_first {
            self.reader.wake();
        }
        true
    }

    /// The next event, if one waits.
    pub(super) fn pop(&self, taken: &mut Taken) -> Option<Delivery> {
        self.fill(taken);
        taken.events.pop_front()
    }

    /// Ready when [`Self::pop`] has an event. It stays where it is, so whoever stops waiting in between loses none.
    pub(super) fn poll_ready(&self, taken: &mut Taken, cx: &Context<'_>) -> Poll<()> {
        if self.fill(taken) {
            return Poll::Ready(());
        }
        self.reader.register(cx.waker());
        // What came before that wakes nobody.
        if self.fill(taken) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Whether there is an event among those that were taken. Everything that waits is taken at once.
    fn fill(&self, taken: &mut Taken) -> bool {
        if taken.events.is_empty() {
            let mut waiting = self.lock();
            waiting.depth.events -= taken.depth.events;
            waiting.depth.bytes -= taken.depth.bytes;
            taken.depth = waiting.depth;
            if taken.events.capacity() > MOST_ROOM_KEPT {
                taken.events = VecDeque::new();
            }
            std::mem::swap(&mut waiting.events, &mut taken.events);
        }
        !taken.events.is_empty()
    }

    /// Tells the session what may end it.
    pub(super) fn signal(&self, signal: Signal) {
        let mut waiting = self.lock();
        if waiting.signals.len() < MAX_WAITING_SIGNALS {
            waiting.signals.push_back(signal);
        } else {
            waiting.signals_lost = true;
        }
        self.tell(waiting);
    }

    /// Tells the session that a signal was missed.
    pub(super) fn lose_signals(&self) {
        let mut waiting = self.lock();
        waiting.signals_lost = true;
        self.tell(waiting);
    }

    fn tell(&self, waiting: MutexGuard<'_, Waiting>) {
        self.signalled.store(true, Ordering::Release);
        drop(waiting);
        self.summoned.wake();
    }

    /// The next signal.
    pub(super) fn poll_signal(&self, cx: &Context<'_>) -> Poll<Result<Signal, SignalsLost>> {
        if let Some(signal) = self.next_signal() {
            return Poll::Ready(signal);
        }
        self.summoned.register(cx.waker());
        // What came before that wakes nobody.
        self.next_signal().map_or(Poll::Pending, Poll::Ready)
    }

    fn next_signal(&self) -> Option<Result<Signal, SignalsLost>> {
        if !self.signalled.load(Ordering::Acquire) {
            return None;
        }
        let mut waiting = self.lock();
        let lost = std::mem::take(&mut waiting.signals_lost).then_some(Err(SignalsLost));
        let next = lost.or_else(|| waiting.signals.pop_front().map(Ok));
        self.signalled.store(!waiting.signals.is_empty() || waiting.signals_lost, Ordering::Release);
        next
    }

    pub(super) fn depth(&self) -> Depth {
        self.lock().depth
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing in between panics, so it is whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
