//! The fields of an event, collected in the two forms in which they are written.

use std::{cell::RefCell, error::Error, fmt, fmt::Write};

use tracing::field::{Field, Visit};

use crate::{
    defaults::MAX_LOG_TEXT_BYTES,
    logs::sanitize::{cut, push_json},
};

/// Members that every JSON line has; a field of the same name gets a trailing `_`.
const RESERVED: [&str; 4] = ["time", "level", "subsystem", "message"];

/// Events of the `log` crate carry their origin as fields with this prefix.
const LOG_CRATE: &str = "log.";

/// Buffers for one line. They are kept from line to line, so that a line costs no allocation.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// What was said.
    pub message: String,
    /// The fields for people: ` key=value`, each with its leading space.
    pub pairs: String,
    /// The fields for programs: `,"key":value`, each with its leading comma.
    pub members: String,
    /// Where in `members` each of them starts, and where its value does.
    starts: Vec<(usize, usize)>,
    /// The target of an event that came through the `log` crate.
    pub target: String,
    /// When it was said, in ISO form.
    pub time: String,
    /// The line that is being put together.
    pub line: String,
    /// The value of the field that is being added.
    value: String,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Lends empty buffers to `write`.
pub(super) fn with_scratch(write: impl FnOnce(&mut Scratch)) {
    let mut write = Some(write);
    let _ = SCRATCH.try_with(|cell| {
        // Taken when a field's `Display` logs in its turn.
        if let Ok(mut scratch) = cell.try_borrow_mut()
            && let Some(write) = write.take()
        {
            scratch.clear();
            write(&mut scratch);
        }
    });
    if let Some(write) = write {
        write(&mut Scratch::default());
    }
}

impl Scratch {
    fn clear(&mut self) {
        for buffer in [&mut self.message, &mut self.pairs, &mut self.members, &mut self.target, &mut self.line] {
            buffer.clear();
            // One long line does not keep its memory for ever.
            buffer.shrink_to(MAX_LOG_TEXT_BYTES);
        }
        self.time.clear();
        self.starts.clear();
    }

    /// The fields for programs one by one: `,"key":` and the value.
    pub(super) fn each_member(&self) -> impl Iterator<Item = (&str, &str)> {
        self.starts.iter().enumerate().map(|(at, &(start, value))| {
            let end = self.starts.get(at + 1).map_or(self.members.len(), |&(next, _)| next);
            (&self.members[start..value], &self.members[value..end])
        })
    }

    /// Adds a field whose key stands in `,"key":` form, unless there is one of that name already: what is nearer to the
    /// event says more.
    pub(super) fn add_member(&mut self, key: &str, value: &str) {
        if !self.each_member().any(|(known, _)| known == key) {
            let start = self.members.len();
            self.starts.push((start, start + key.len()));
            self.members.push_str(key);
            self.members.push_str(value);
        }
    }

    /// Adds a field whose value is a number or a truth value, which both forms write alike.
    fn bare(&mut self, field: &Field, value: impl fmt::Display) {
        let name = name(field);
        if name.starts_with(LOG_CRATE) {
            return;
        }
        let _ = write!(self.pairs, " {name}={value}");
        self.key(name);
        let _ = write!(self.members, "{value}");
    }

    fn text(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let name = name(field);
        if let Some(origin) = name.strip_prefix(LOG_CRATE) {
            if origin == "target" {
                let _ = self.target.write_fmt(value);
            }
            return;
        }
        let buffer = if name == "message" { &mut self.message } else { &mut self.value };
        buffer.clear();
        // A value whose `Display` fails is written as far as it got.
        let _ = buffer.write_fmt(value);
        cut(buffer, MAX_LOG_TEXT_BYTES);
        if name != "message" {
            let _ = write!(self.pairs, " {name}=");
            push_value(&mut self.pairs, &self.value);
            self.key(name);
            push_json(&mut self.members, &self.value);
        }
    }

    fn key(&mut self, name: &str) {
        let start = self.members.len();
        self.members.push_str(",\"");
        self.members.push_str(name);
        self.members.push_str(if RESERVED.contains(&name) { "_\":" } else { "\":" });
        self.starts.push((start, self.members.len()));
    }
}

/// Appends the value of `key=value`: quoted when it would otherwise not be seen where it ends.
fn push_value(out: &mut String, value: &str) {
    let plain = |c: char| !c.is_whitespace() && !matches!(c, '"' | '=' | '\\');
    if !value.is_empty() && value.chars().all(plain) {
        out.push_str(value);
        return;
    }
    out.push('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

fn name(field: &Field) -> &'static str {
    field.name().strip_prefix("r#").unwrap_or(field.name())
}

/// An error with its causes.
struct Chain<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl Visit for Scratch {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for what is not finite.
        if value.is_finite() { self.bare(field, value) } else { self.text(field, format_args!("{value}")) }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.text(field, format_args!("{}", Chain(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, format_args!("{value:?}"));
    }
}
