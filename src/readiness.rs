//! Whether the gateway is ready: listening, state directory writable, not draining.

use std::{
    fs::OpenOptions,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use crate::{defaults::WRITABLE_CHECK_INTERVAL, state::StateDir};

/// Whether the gateway is ready. Clones share it.
#[derive(Debug, Clone)]
pub struct Readiness(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    listening: AtomicBool,
    draining: AtomicBool,
    probe_file: PathBuf,
    /// When the directory was last tried, and how that went.
    writable: Mutex<Option<(Instant, bool)>>,
}

impl Readiness {
    /// Not ready yet.
    pub fn new(state: &StateDir) -> Self {
        Self(Arc::new(Inner {
            listening: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            probe_file: state.run().join(".writable"),
            writable: Mutex::new(None),
        }))
    }

    /// The listeners are open.
    pub fn listening(&self) {
        self.0.listening.store(true, Ordering::Relaxed);
    }

    /// The gateway stops.
    pub fn draining(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the listeners are open.
    pub fn is_listening(&self) -> bool {
        self.0.listening.load(Ordering::Relaxed)
    }

    /// Whether the gateway stops.
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }

    /// What keeps the gateway from being ready; empty when it is.
    pub fn failing(&self) -> Vec<&'static str> {
        let mut failing = Vec::new();
        if !self.is_listening() {
            failing.push("listening");
        }
        if self.is_draining() {
            failing.push("draining");
        }
        if !self.is_state_writable() {
            failing.push("state-directory");
        }
        failing
    }

    /// Tries a write. Probes come as often as strangers like, so the answer is kept for a moment.
    fn is_state_writable(&self) -> bool {
        let mut last = self.0.writable.lock().unwrap_or_else(PoisonError::into_inner);
        match *last {
            Some((when, writable)) if when.elapsed() < WRITABLE_CHECK_INTERVAL => writable,
            _ => {
                let probe = OpenOptions::new().write(true).create(true).truncate(true).open(&self.0.probe_file);
                let writable = probe.is_ok() && std::fs::remove_file(&self.0.probe_file).is_ok();
                *last = Some((Instant::now(), writable));
                writable
            }
        }
    }
}
