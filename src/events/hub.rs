//! Subscribers, and the fan-out to them.

use std::{
    collections::HashSet,
    future::poll_fn,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::broadcast::{self, error::TryRecvError};

use super::{
    Event, Signal,
    queue::{Delivery, Queue, SignalsLost, Taken},
};
use crate::{
    defaults::MAX_WAITING_SIGNALS,
    device::DeviceId,
    protocol::{EventGuard, Role, Scopes},
};

/// Where services publish and sessions subscribe. Clones share one list of subscribers.
#[derive(Debug, Clone)]
pub struct Hub {
    listeners: Arc<Mutex<Vec<Arc<Listener>>>>,
    /// For those that are about to become sessions.
    signals: broadcast::Sender<Signal>,
    /// How many events did not fit the queue of a session.
    lost: Arc<AtomicU64>,
}

/// What waits in the queues of all sessions together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueuesDepth {
    /// Events that wait.
    pub events: usize,
    /// Bytes of their frames.
    pub bytes: usize,
    /// Events that did not fit, since the start.
    pub lost: u64,
}

impl Default for Hub {
    fn default() -> Self {
        Self { listeners: Arc::default(), signals: broadcast::channel(MAX_WAITING_SIGNALS).0, lost: Arc::default() }
    }
}

/// The hub's end of one session.
#[derive(Debug)]
struct Listener {
    device: Option<DeviceId>,
    /// Whether it may see what needs each of [`EventGuard::ALL`].
    admitted: [bool; EventGuard::ALL.len()],
    queue: Queue,
}

/// One session's end of its queue. Dropping it ends the subscription.
#[derive(Debug)]
pub struct Subscriber {
    hub: Hub,
    listener: Arc<Listener>,
    taken: Taken,
}

/// The signals since it was taken. Dropping it misses them.
#[derive(Debug)]
pub struct Signals(broadcast::Receiver<Signal>);

/// One session's end of the signals that mean it.
#[derive(Debug)]
pub struct Summons(Arc<Listener>);

impl Hub {
    /// From now on no signal is missed. Taken before a peer is judged, so that what is revoked meanwhile reaches it.
    pub fn listen(&self) -> Signals {
        Signals(self.signals.subscribe())
    }

    /// Adds a session of `device` that may see what `role` and `scopes` allow, and hears every signal since `signals` was
    /// taken.
    pub fn subscribe(&self, signals: Signals, device: Option<DeviceId>, role: Role, scopes: &Scopes) -> Subscriber {
        let admitted = EventGuard::ALL.map(|guard| guard.admits(role, scopes));
        let listener = Arc::new(Listener { device, admitted, queue: Queue::default() });
        // While this is locked no signal is sent: each one was heard before, or comes to the queue.
        let mut listeners = self.lock();
        let mut heard = signals.0;
        loop {
            match heard.try_recv() {
                Ok(signal) => listener.hear(&signal),
                Err(TryRecvError::Lagged(_)) => listener.queue.lose_signals(),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        listeners.push(Arc::clone(&listener));
        drop(listeners);
        Subscriber { hub: self.clone(), listener, taken: Taken::default() }
    }

    /// Tells every session that may see it. Never waits: where a queue is full, that session loses the event.
    pub fn publish(&self, event: Event) {
        let guard = event.name.guard() as usize;
        let frame = Arc::new(event.into_frame());
        for listener in self.lock().iter().filter(|listener| listener.admitted[guard]) {
            if !listener.queue.push(&frame) {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Tells those sessions that may no longer count.
    pub fn signal(&self, signal: Signal) {
        let listeners = self.lock();
        listeners.iter().for_each(|listener| listener.hear(&signal));
        // Where nobody is about to become a session there is nobody else to tell.
        let _ = self.signals.send(signal);
    }

    /// The devices that have a session.
    pub fn devices(&self) -> HashSet<DeviceId> {
        self.lock().iter().filter_map(|listener| listener.device).collect()
    }

    /// What waits in the queues of all sessions together.
    pub fn waiting(&self) -> QueuesDepth {
        let lost = self.lost.load(Ordering::Relaxed);
        self.lock().iter().map(|listener| listener.queue.depth()).fold(
            QueuesDepth { lost, ..QueuesDepth::default() },
            |all, depth| QueuesDepth { events: all.events + depth.events, bytes: all.bytes + depth.bytes, lost },
        )
    }

    /// How many sessions listen.
    pub fn subscribers(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Listener>>> {
        // The list is whole after every statement, so a panic elsewhere leaves nothing half done.
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    fn hear(&self, signal: &Signal) {
        let concerns = match signal {
            Signal::Invalidate(invalidate) => self.device == Some(invalidate.device),
            Signal::SecretRotated { .. } => true,
        };
        if concerns {
            self.queue.signal(signal.clone());
        }
    }
}

impl Subscriber {
    /// The signals that mean this session.
    pub fn summons(&self) -> Summons {
        Summons(Arc::clone(&self.listener))
    }

    /// Waits until [`Self::try_next`] has an event.
    pub async fn ready(&mut self) {
        let Self { listener, taken, .. } = self;
        poll_fn(|cx| listener.queue.poll_ready(taken, cx)).await;
    }

    /// The next event, if one waits.
    pub fn try_next(&mut self) -> Option<Delivery> {
        self.listener.queue.pop(&mut self.taken)
    }
}

impl Summons {
    /// The next signal. Cancel safe.
    ///
    /// # Errors
    /// One or more were missed.
    pub async fn next(&self) -> Result<Signal, SignalsLost> {
        poll_fn(|cx| self.0.queue.poll_signal(cx)).await
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let mut listeners = self.hub.lock();
        if let Some(position) = listeners.iter().position(|listener| Arc::ptr_eq(listener, &self.listener)) {
            listeners.swap_remove(position);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::{
        defaults::{MAX_OUTBOUND_BYTES, MAX_OUTBOUND_FRAMES},
        events::{Invalidate, InvalidateReason},
        protocol::{EventName, Scope},
    };

    fn event(name: EventName) -> Event {
        Event::new(name, &serde_json::json!({"n": 1}))
    }

    #[tokio::test]
    async fn who_sees_what() {
        #[rustfmt::skip]
        let rows = [
            // role            scopes               event                            sees it
            (Role::Operator, vec![],                EventName::Tick,                 true),
            (Role::Operator, vec![],                EventName::Presence,             false),
            (Role::Operator, vec![Scope::READ],     EventName::Presence,             true),
            (Role::Operator, vec![Scope::READ],     EventName::DevicePairRequested,  false),
            (Role::Operator, vec![Scope::ADMIN],    EventName::DevicePairRequested,  true),
            (Role::Node,     vec![Scope::ADMIN],    EventName::DevicePairRequested,  false),
        ];
        for (role, scopes, name, seen) in rows {
            let hub = Hub::default();
            let mut subscriber = hub.subscribe(hub.listen(), None, role, &scopes.iter().cloned().collect());
            hub.publish(event(name));
            assert_eq!(subscriber.try_next().is_some(), seen, "{role} {scopes:?} {name:?}");
        }
    }

    #[tokio::test]
    async fn a_full_queue_loses_events_and_says_how_many() {
        let hub = Hub::default();
        let mut subscriber = hub.subscribe(hub.listen(), None, Role::Operator, &Scopes::none());
        for _ in 0..MAX_OUTBOUND_FRAMES + 7 {
            hub.publish(event(EventName::Tick));
        }
        let mut lost = Vec::new();
        while let Some(delivery) = subscriber.try_next() {
            lost.push(delivery.lost_before);
        }
        assert_eq!(lost, vec![0; MAX_OUTBOUND_FRAMES], "what was lost came after all of these");
        assert_eq!(hub.waiting(), QueuesDepth { events: 0, bytes: 0, lost: 7 });
        for lost_before in [7, 0] {
            hub.publish(event(EventName::Tick));
            let bytes = event(EventName::Tick).into_frame().bytes();
            assert_eq!(hub.waiting(), QueuesDepth { events: 1, bytes, lost: 7 });
            assert_eq!(subscriber.try_next().expect("there is room again").lost_before, lost_before);
            assert_eq!(hub.waiting(), QueuesDepth { events: 1, bytes, lost: 7 }, "it may not be written yet");
            assert!(subscriber.try_next().is_none());
        }
        assert_eq!(hub.waiting(), QueuesDepth { events: 0, bytes: 0, lost: 7 });
    }

    #[tokio::test]
    async fn the_bytes_that_wait_are_bounded_too() {
        let hub = Hub::default();
        let mut subscriber = hub.subscribe(hub.listen(), None, Role::Operator, &Scopes::none());
        let large = Event::new(EventName::Tick, &"x".repeat(MAX_OUTBOUND_BYTES / 4));
        for _ in 0..4 {
            hub.publish(large.clone());
        }
        assert_eq!((hub.waiting().events, hub.waiting().lost), (3, 1), "the envelopes count too");
        // What the session took and has not written counts until it comes back for more.
        for _ in 0..3 {
            assert!(subscriber.try_next().is_some());
        }
        hub.publish(large.clone());
        assert_eq!(hub.waiting().lost, 2);
        assert!(subscriber.try_next().is_none());
        hub.publish(large);
        assert_eq!(subscriber.try_next().expect("room").lost_before, 2);
    }

    #[tokio::test]
    async fn signals_come_before_events_and_wake_a_session() {
        let hub = Hub::default();
        let early = hub.listen();
        hub.signal(Signal::SecretRotated { epoch: 2 });
        let mut subscriber = hub.subscribe(early, None, Role::Operator, &Scopes::none());
        hub.publish(event(EventName::Tick));
        hub.signal(Signal::SecretRotated { epoch: 3 });
        let summons = subscriber.summons();
        for expected in [2, 3] {
            let signal = summons.next().await;
            assert!(matches!(signal, Ok(Signal::SecretRotated { epoch }) if epoch == expected), "{signal:?}");
        }
        subscriber.ready().await;
        assert!(subscriber.try_next().is_some() && subscriber.try_next().is_none());

        let waiting = tokio::spawn(async move { summons.next().await });
        tokio::task::yield_now().await;
        hub.signal(Signal::SecretRotated { epoch: 4 });
        let signal = waiting.await.expect("no panic");
        assert!(matches!(signal, Ok(Signal::SecretRotated { epoch: 4 })), "{signal:?}");
    }

    #[tokio::test]
    async fn a_session_hears_of_its_own_device_only() {
        let hub = Hub::default();
        let [own, other] = [1, 2].map(|byte| DeviceId::of_key_bytes(&[byte; 32]));
        let ends = |device| Signal::Invalidate(Invalidate { device, role: None, why: InvalidateReason::Removed });
        let early = hub.listen();
        hub.signal(ends(other));
        hub.signal(ends(own));
        let mut subscriber = hub.subscribe(early, Some(own), Role::Operator, &Scopes::none());
        for _ in 0..2 * MAX_WAITING_SIGNALS {
            hub.signal(ends(other));
        }
        hub.signal(ends(own));
        hub.publish(event(EventName::Tick));
        let summons = subscriber.summons();
        for _ in 0..2 {
            let signal = summons.next().await;
            assert!(matches!(&signal, Ok(Signal::Invalidate(it)) if it.device == own), "{signal:?}");
        }
        assert!(summons.next().now_or_never().is_none(), "that was all");
        subscriber.ready().await;
        assert!(subscriber.try_next().is_some());
    }

    #[tokio::test]
    async fn whoever_missed_a_signal_is_told() {
        let hub = Hub::default();
        let subscriber = hub.subscribe(hub.listen(), None, Role::Operator, &Scopes::none());
        for epoch in 0..=MAX_WAITING_SIGNALS as u64 {
            hub.signal(Signal::SecretRotated { epoch });
        }
        assert!(matches!(subscriber.summons().next().await, Err(SignalsLost)));
    }

    #[tokio::test]
    async fn dropping_a_subscriber_ends_it() {
        let hub = Hub::default();
        let first = hub.subscribe(hub.listen(), None, Role::Operator, &Scopes::none());
        let second = hub.subscribe(hub.listen(), None, Role::Operator, &Scopes::none());
        drop(first);
        assert_eq!(hub.subscribers(), 1);
        drop(second);
        assert_eq!(hub.subscribers(), 0);
    }
}
