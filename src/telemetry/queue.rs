//! Lines on their way to a slow place: a bounded queue and the thread that empties it.

use std::{
    io, mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::defaults::MAX_LOG_QUEUE_BYTES;

/// Memory that an empty queue keeps for the next lines, in bytes.
const KEPT_BYTES: usize = 16 * 1024;

/// Where lines end up.
pub(super) trait Sink: Send + 'static {
    /// Writes whole lines, then says that `dropped` more found no room. Errors are the sink's own matter.
    fn write(&mut self, lines: &[u8], dropped: u64);
}

/// A queue of bytes with a thread behind it. Whoever logs never waits: what finds no room is dropped and counted.
#[derive(Debug, Clone)]
pub(super) struct Queue(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    dropped: u64,
    /// The thread is at work on what was waiting before.
    busy: bool,
    closed: bool,
}

impl Queue {
    /// Starts the thread `name` that writes to `sink`.
    pub(super) fn start(name: &str, sink: impl Sink) -> io::Result<Self> {
        Self::with_room(name, MAX_LOG_QUEUE_BYTES, sink)
    }

    fn with_room(name: &str, max_bytes: usize, sink: impl Sink) -> io::Result<Self> {
        let queue = Self(Arc::new(Shared { state: Mutex::default(), changed: Condvar::new(), max_bytes }));
        let taking = queue.clone();
        thread::Builder::new().name(name.to_owned()).spawn(move || taking.work(sink))?;
        Ok(queue)
    }

    /// Takes `line`, which ends with a newline, if there is room.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.state();
        if state.closed {
            return;
        }
        if state.waiting.len() + line.len() > self.0.max_bytes {
            state.dropped += 1;
            return;
        }
        state.waiting.extend_from_slice(line);
        drop(state);
        self.0.changed.notify_all();
    }

    /// Waits until everything taken so far is written, `most` at the longest.
    pub(super) fn flush(&self, most: Duration) {
        let until = Instant::now() + most;
        let mut state = self.state();
        while state.busy || !state.waiting.is_empty() || state.dropped > 0 {
            let Some(left) = until.checked_duration_since(Instant::now()) else { return };
            state = self.0.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Takes no more lines; the thread ends when it has written those that wait.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.0.changed.notify_all();
    }

    fn work(self, mut sink: impl Sink) {
        let mut lines = Vec::new();
        loop {
            let mut state = self.state();
            state.busy = false;
            self.0.changed.notify_all();
            while state.waiting.is_empty() && state.dropped == 0 {
                if state.closed {
                    return;
                }
                state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            mem::swap(&mut lines, &mut state.waiting);
            let dropped = mem::take(&mut state.dropped);
            state.busy = true;
            drop(state);
            sink.write(&lines, dropped);
            lines.clear();
            lines.shrink_to(KEPT_BYTES);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic half-way, so what it guards is whole even when the lock is poisoned.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    /// Writes into a channel, and waits for leave before each write.
    struct Slow {
        leave: mpsc::Receiver<()>,
        written: mpsc::Sender<(String, u64)>,
    }

    impl Sink for Slow {
        fn write(&mut self, lines: &[u8], dropped: u64) {
            let _ = self.leave.recv();
            let _ = self.written.send((String::from_utf8_lossy(lines).into_owned(), dropped));
        }
    }

    fn slow() -> (Slow, mpsc::Sender<()>, mpsc::Receiver<(String, u64)>) {
        let (go, leave) = mpsc::channel();
        let (written, seen) = mpsc::channel();
        (Slow { leave, written }, go, seen)
    }

    #[test]
    fn a_stalled_sink_costs_lines_and_never_time() {
        let (sink, go, seen) = slow();
        let queue = Queue::with_room("test", 6, sink).unwrap();
        queue.push(b"a\n");
        // Taken by the thread, which now waits for leave.
        while !queue.state().busy {
            thread::yield_now();
        }
        for line in ["b\n", "c\n", "d\n", "lost\n", "lost\n"] {
            queue.push(line.as_bytes());
        }
        drop(go);
        queue.flush(LONG);
        assert_eq!(seen.recv().unwrap(), ("a\n".to_owned(), 0));
        assert_eq!(seen.recv().unwrap(), ("b\nc\nd\n".to_owned(), 2));
    }

    #[test]
    fn closing_writes_what_waits_and_takes_no_more() {
        let (sink, go, seen) = slow();
        let queue = Queue::with_room("test", 100, sink).unwrap();
        queue.push(b"a\n");
        queue.close();
        queue.push(b"b\n");
        drop(go);
        assert_eq!(seen.recv().unwrap(), ("a\n".to_owned(), 0));
        assert!(seen.recv_timeout(LONG).is_err_and(|error| error == mpsc::RecvTimeoutError::Disconnected), "it ends");
    }

    #[test]
    fn a_flush_does_not_wait_for_ever() {
        let (sink, _go, _seen) = slow();
        let queue = Queue::with_room("test", 100, sink).unwrap();
        queue.push(b"a\n");
        queue.flush(Duration::from_millis(1));
        assert!(queue.state().busy || !queue.state().waiting.is_empty());
    }
}
