//! From something said to the places where it is written.

use std::{
    fmt::Write,
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use jiff::Timestamp;
use tracing::level_filters::LevelFilter;

use super::{fields::Scratch, queue::Queue, style::Style};
use crate::logs::{Severity, line::push_file_line};

/// The places, and from which severity on each of them is told.
#[derive(Debug)]
pub(super) struct Lines {
    pub console: Option<Console>,
    pub file: Option<Queue>,
    pub console_least: Threshold,
    pub file_least: Threshold,
}

/// The way to the console.
#[derive(Debug, Clone)]
pub(super) struct Console {
    pub queue: Queue,
    pub style: Style,
}

impl Console {
    /// Writes what is in `scratch`.
    pub(super) fn write(&self, severity: Severity, subsystem: &str, scratch: &mut Scratch) {
        self.style.write(severity, subsystem, scratch);
        self.queue.push(scratch.line.as_bytes());
    }
}

/// The least severity that passes. Can be changed while others look.
#[derive(Debug)]
pub(super) struct Threshold(AtomicU8);

impl Threshold {
    pub(super) fn new(least: Option<Severity>) -> Self {
        Self(AtomicU8::new(rank(least)))
    }

    pub(super) fn set(&self, least: Option<Severity>) {
        self.0.store(rank(least), Ordering::Relaxed);
    }

    fn passes(&self, severity: Severity) -> bool {
        rank(Some(severity)) >= self.0.load(Ordering::Relaxed)
    }
}

/// A place in the order of severities; above all of them when nothing is to pass.
fn rank(severity: Option<Severity>) -> u8 {
    severity.map_or(u8::MAX, |severity| severity as u8)
}

impl Lines {
    /// Whether anybody is told of this severity.
    pub(super) fn wants(&self, severity: Severity) -> bool {
        self.console.is_some() && self.console_least.passes(severity)
            || self.file.is_some() && self.file_least.passes(severity)
    }

    /// The most detailed events that anybody is told of.
    pub(super) fn most_detailed(&self) -> LevelFilter {
        let levels = [LevelFilter::TRACE, LevelFilter::DEBUG, LevelFilter::INFO, LevelFilter::WARN, LevelFilter::ERROR];
        let wanted = |filter: &LevelFilter| filter.into_level().is_some_and(|level| self.wants(level.into()));
        levels.into_iter().find(wanted).unwrap_or(LevelFilter::OFF)
    }

    /// Whether lines carry fields as members of their own.
    pub(super) fn has_members(&self) -> bool {
        self.console.as_ref().is_some_and(|console| console.style == Style::Json)
    }

    /// Writes what is in `scratch` to everybody who is told of this severity.
    pub(super) fn write(&self, severity: Severity, subsystem: &str, scratch: &mut Scratch) {
        scratch.time.clear();
        push_now(&mut scratch.time);
        if let Some(console) = self.console.as_ref().filter(|_| self.console_least.passes(severity)) {
            console.write(severity, subsystem, scratch);
        }
        if let Some(file) = self.file.as_ref().filter(|_| self.file_least.passes(severity)) {
            let Scratch { message, pairs, time, line, .. } = scratch;
            line.clear();
            push_file_line(line, time, severity, subsystem, &[message, pairs]);
            file.push(line.as_bytes());
        }
    }

    /// Waits until everything said so far is written, `most` at the longest for each place.
    pub(super) fn flush(&self, most: Duration) {
        self.queues().for_each(|queue| queue.flush(most));
    }

    /// Takes nothing more, and waits for what was said as [`flush`](Self::flush) does.
    pub(super) fn close(&self, most: Duration) {
        self.queues().for_each(|queue| {
            queue.close();
            queue.flush(most);
        });
    }

    /// The console last: what goes wrong with the file is told there.
    fn queues(&self) -> impl Iterator<Item = &Queue> {
        self.file.iter().chain(self.console.as_ref().map(|console| &console.queue))
    }
}

/// Appends the time in ISO form, in UTC and to the millisecond.
pub(super) fn push_now(out: &mut String) {
    let _ = write!(out, "{:.3}", Timestamp::now());
}
