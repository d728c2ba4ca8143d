//! Subscribers, and the fan-out to them.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio::sync::{broadcast, mpsc};

use super::{Event, Signal};
use crate::{
    defaults::{MAX_OUTBOUND_BYTES, MAX_OUTBOUND_FRAMES, MAX_WAITING_SIGNALS},
    device::DeviceId,
    protocol::{EventFrame, Role, Scopes},
};

/// Where services publish and sessions subscribe. Clones share one list of subscribers.
#[derive(Debug, Clone)]
pub struct Hub {
    subscribers: Arc<Mutex<Vec<Arc<Queue>>>>,
    signals: broadcast::Sender<Signal>,
    /// How many signals were sent. Sessions wait on their own queues only, and look here: a wait on the signals themselves
    /// is a lock that all sessions share, at every frame.
    signalled: Arc<AtomicU64>,
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
        Self {
            subscribers: Arc::default(),
            signals: broadcast::channel(MAX_WAITING_SIGNALS).0,
            signalled: Arc::default(),
            lost: Arc::default(),
        }
    }
}

/// The hub's end of one session's queue.
#[derive(Debug)]
struct Queue {
    device: Option<DeviceId>,
    role: Role,
    scopes: Scopes,
    sender: mpsc::Sender<Item>,
    /// Bytes of the frames that wait in the queue.
    waiting_bytes: AtomicUsize,
    /// Events that this session lost since it last looked.
    lost: AtomicU64,
}

/// An event's frame, or `None`: that there is a signal to look for.
type Item = Option<Arc<EventFrame>>;

/// One session's end of its queue. Dropping it ends the subscription.
#[derive(Debug)]
pub struct Subscriber {
    hub: Hub,
    queue: Arc<Queue>,
    receiver: mpsc::Receiver<Item>,
    signals: broadcast::Receiver<Signal>,
    /// How many signals had been sent when there was none left to hear.
    heard: u64,
}

/// The signals since it was taken. Dropping it misses them.
#[derive(Debug)]
pub struct Signals(broadcast::Receiver<Signal>);

/// What a session takes from its queue.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// What happened.
    pub frame: Arc<EventFrame>,
    /// How many events this session lost before it: its numbering skips them, so that the client knows.
    pub lost_before: u64,
}

/// What a session hears.
#[derive(Debug, Clone)]
pub enum Notice {
    /// Something to tell its peer.
    Event(Delivery),
    /// Something that may end it.
    Signal(Signal),
    /// More signals came than could wait: whoever missed one must assume the worst.
    SignalsLost,
}

impl Hub {
    /// From now on no signal is missed. Taken before a peer is judged, so that what is revoked meanwhile reaches it.
    pub fn listen(&self) -> Signals {
        Signals(self.signals.subscribe())
    }

    /// Adds a session of `device` that may see what `role` and `scopes` allow, and hears every signal since `signals` was
    /// taken.
    pub fn subscribe(&self, signals: Signals, device: Option<DeviceId>, role: Role, scopes: Scopes) -> Subscriber {
        let (sender, receiver) = mpsc::channel(MAX_OUTBOUND_FRAMES);
        let queue = Arc::new(Queue {
            device,
            role,
            scopes,
            sender,
            waiting_bytes: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
        });
        self.lock().push(Arc::clone(&queue));
        Subscriber { hub: self.clone(), queue, receiver, signals: signals.0, heard: 0 }
    }

    /// Tells every session that may see it. Never waits: where a queue is full, that session loses the event.
    pub fn publish(&self, event: Event) {
        let guard = event.name.guard();
        let frame = Arc::new(event.into_frame());
        for queue in self.lock().iter().filter(|queue| guard.admits(queue.role, &queue.scopes)) {
            if !queue.push(&frame) {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Tells every session that some of them no longer count.
    pub fn signal(&self, signal: Signal) {
        // Without sessions there is nobody to tell.
        let _ = self.signals.send(signal);
        self.signalled.fetch_add(1, Ordering::Release);
        for queue in self.lock().iter() {
            // A session whose queue is full has something to wake up for, and looks for signals first.
            let _ = queue.sender.try_send(None);
        }
    }

    /// The devices that have a session.
    pub fn devices(&self) -> HashSet<DeviceId> {
        self.lock().iter().filter_map(|queue| queue.device).collect()
    }

    /// What waits in the queues of all sessions together.
    pub fn waiting(&self) -> QueuesDepth {
        let lost = self.lost.load(Ordering::Relaxed);
        self.lock().iter().fold(QueuesDepth { lost, ..QueuesDepth::default() }, |depth, queue| QueuesDepth {
            events: depth.events + queue.sender.max_capacity() - queue.sender.capacity(),
            bytes: depth.bytes + queue.waiting_bytes.load(Ordering::Relaxed),
            ..depth
        })
    }

    /// How many sessions listen.
    pub fn subscribers(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Queue>>> {
        // The list is whole after every statement, so a panic elsewhere leaves nothing half done.
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Whether the event found room.
    fn push(&self, frame: &Arc<EventFrame>) -> bool {
        let bytes = frame.bytes();
        // Counted before it is sent, since the session may take it out again at once.
        let waiting = self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if waiting > MAX_OUTBOUND_BYTES || self.sender.try_send(Some(Arc::clone(frame))).is_err() {
            self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.lost.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        true
    }
}

impl Subscriber {
    /// The next event or signal; signals first. Cancel safe.
    pub async fn next(&mut self) -> Notice {
        loop {
            if let Some(notice) = self.next_signal() {
                return notice;
            }
            match self.receiver.recv().await {
                Some(Some(frame)) => return Notice::Event(self.deliver(frame)),
                Some(None) => {}
                // Our own end of the queue holds its sender, so it never closes.
                None => return Notice::SignalsLost,
            }
        }
    }

    /// The next event, if one waits.
    pub fn try_next(&mut self) -> Option<Delivery> {
        loop {
            // What says that there is a signal can be passed over: `next` looks for signals whenever it is called.
            if let Some(frame) = self.receiver.try_recv().ok()? {
                return Some(self.deliver(frame));
            }
        }
    }

    fn next_signal(&mut self) -> Option<Notice> {
        let sent = self.hub.signalled.load(Ordering::Acquire);
        if sent == self.heard {
            return None;
        }
        match self.signals.try_recv() {
            Ok(signal) => Some(Notice::Signal(signal)),
            Err(broadcast::error::TryRecvError::Empty) => {
                self.heard = sent;
                None
            }
            // The hub holds the sender, and we hold the hub: it never closes.
            Err(broadcast::error::TryRecvError::Lagged(_) | broadcast::error::TryRecvError::Closed) => {
                Some(Notice::SignalsLost)
            }
        }
    }

    fn deliver(&self, frame: Arc<EventFrame>) -> Delivery {
        self.queue.waiting_bytes.fetch_sub(frame.bytes(), Ordering::Relaxed);
        Delivery { frame, lost_before: self.queue.lost.swap(0, Ordering::Relaxed) }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let mut subscribers = self.hub.lock();
        if let Some(position) = subscribers.iter().position(|queue| Arc::ptr_eq(queue, &self.queue)) {
            subscribers.swap_remove(position);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{EventName, Scope};

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
            let mut subscriber = hub.subscribe(hub.listen(), None, role, scopes.iter().cloned().collect());
            hub.publish(event(name));
            assert_eq!(subscriber.try_next().is_some(), seen, "{role} {scopes:?} {name:?}");
        }
    }

    #[tokio::test]
    async fn a_full_queue_loses_events_and_says_how_many() {
        let hub = Hub::default();
        let mut subscriber = hub.subscribe(hub.listen(), None, Role::Operator, Scopes::none());
        for _ in 0..MAX_OUTBOUND_FRAMES + 7 {
            hub.publish(event(EventName::Tick));
        }
        let mut lost = Vec::new();
        while let Some(delivery) = subscriber.try_next() {
            lost.push(delivery.lost_before);
        }
        assert_eq!(lost.len(), MAX_OUTBOUND_FRAMES);
        assert_eq!(lost.iter().sum::<u64>(), 7);
        assert_eq!(hub.waiting(), QueuesDepth { events: 0, bytes: 0, lost: 7 });
        hub.publish(event(EventName::Tick));
        assert_eq!(
            hub.waiting(),
            QueuesDepth { events: 1, bytes: event(EventName::Tick).into_frame().bytes(), lost: 7 }
        );
    }

    #[tokio::test]
    async fn signals_come_before_events_and_wake_a_session() {
        let hub = Hub::default();
        let early = hub.listen();
        hub.signal(Signal::SecretRotated { epoch: 2 });
        let mut subscriber = hub.subscribe(early, None, Role::Operator, Scopes::none());
        hub.publish(event(EventName::Tick));
        hub.signal(Signal::SecretRotated { epoch: 3 });
        for expected in [2, 3] {
            let notice = subscriber.next().await;
            assert!(
                matches!(notice, Notice::Signal(Signal::SecretRotated { epoch }) if epoch == expected),
                "{notice:?}"
            );
        }
        assert!(matches!(subscriber.next().await, Notice::Event(_)));

        let waiting = tokio::spawn(async move { subscriber.next().await });
        tokio::task::yield_now().await;
        hub.signal(Signal::SecretRotated { epoch: 4 });
        let notice = waiting.await.expect("no panic");
        assert!(matches!(notice, Notice::Signal(Signal::SecretRotated { epoch: 4 })), "{notice:?}");
    }

    #[tokio::test]
    async fn whoever_missed_a_signal_is_told() {
        let hub = Hub::default();
        let mut subscriber = hub.subscribe(hub.listen(), None, Role::Operator, Scopes::none());
        for epoch in 0..=MAX_WAITING_SIGNALS as u64 {
            hub.signal(Signal::SecretRotated { epoch });
        }
        assert!(matches!(subscriber.next().await, Notice::SignalsLost));
    }

    #[tokio::test]
    async fn dropping_a_subscriber_ends_it() {
        let hub = Hub::default();
        let first = hub.subscribe(hub.listen(), None, Role::Operator, Scopes::none());
        let second = hub.subscribe(hub.listen(), None, Role::Operator, Scopes::none());
        drop(first);
        assert_eq!(hub.subscribers(), 1);
        drop(second);
        assert_eq!(hub.subscribers(), 0);
    }
}
