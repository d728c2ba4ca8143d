//! Panics as log lines.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    panic::{self, PanicHookInfo},
    sync::Arc,
    thread,
};

use super::{
    fields::{Scratch, with_scratch},
    lines::Lines,
};
use crate::{
    defaults::{LOG_PANIC_FLUSH_TIMEOUT, MAX_LOG_TEXT_BYTES},
    logs::{
        Severity,
        sanitize::{cut, push_json},
    },
};

/// Sees to it that a panic is a line like every other, instead of bare text on standard error.
pub(super) fn install(lines: Arc<Lines>) {
    panic::set_hook(Box::new(move |info| {
        // Not through `tracing`: it ignores what is said while it is itself at work, and a panic there counts too.
        with_scratch(|scratch| {
            describe(info, scratch);
            lines.write(Severity::Fatal, "gateway", scratch);
        });
        lines.flush(LOG_PANIC_FLUSH_TIMEOUT);
    }));
}

fn describe(info: &PanicHookInfo<'_>, scratch: &mut Scratch) {
    let thread = thread::current();
    let place = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let what = info.payload_as_str().unwrap_or("no message");
    scratch.message = format!("thread {} panicked at {place}: {what}", thread.name().unwrap_or("without a name"));
    cut(&mut scratch.message, MAX_LOG_TEXT_BYTES);
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        let mut text = backtrace.to_string();
        cut(&mut text, MAX_LOG_TEXT_BYTES);
        scratch.pairs = format!("\n{text}");
        scratch.members.push_str(",\"backtrace\":");
        push_json(&mut scratch.members, &text);
    }
}
