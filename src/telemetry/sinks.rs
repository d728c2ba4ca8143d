//! The two ends: standard output and the log file.

use std::{
    io::{self, Write},
    thread,
    time::Duration,
};

use super::{
    fields::Scratch,
    lines::{Console, push_now},
    queue::Sink,
    style::Style,
};
use crate::logs::{Severity, file::LogFile, line::push_file_line};

const SUBSYSTEM: &str = "gateway";

/// Between two attempts on an output that someone else made non-blocking.
const WOULD_BLOCK_PAUSE: Duration = Duration::from_millis(5);

/// Standard output.
pub(super) struct Output<W> {
    to: W,
    style: Style,
    closed: bool,
}

impl<W: Write> Output<W> {
    pub(super) fn new(to: W, style: Style) -> Self {
        Self { to, style, closed: false }
    }

    fn put(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.closed {
            match self.to.write(bytes) {
                Ok(0) => return,
                Ok(n) => bytes = &bytes[n..],
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock => thread::sleep(WOULD_BLOCK_PAUSE),
                    // Nobody reads any more, and nobody will.
                    io::ErrorKind::BrokenPipe => self.closed = true,
                    _ => return,
                },
            }
        }
    }
}

impl<W: Write + Send + 'static> Sink for Output<W> {
    fn write(&mut self, lines: &[u8], dropped: u64) {
        self.put(lines);
        if dropped > 0 {
            let mut scratch = Scratch::default();
            push_now(&mut scratch.time);
            scratch.message = format!("{dropped} log lines were dropped: standard output was not read in time");
            self.style.write(Severity::Warn, SUBSYSTEM, &mut scratch);
            self.put(scratch.line.as_bytes());
        }
    }
}

/// The log file. What goes wrong with it is told on the console, once, and again when it goes well.
pub(super) struct ToFile {
    log: LogFile,
    console: Option<Console>,
    /// Why the file could not be written, while it cannot.
    failing: Option<String>,
    lost: u64,
}

impl ToFile {
    pub(super) fn new(log: LogFile, console: Option<Console>) -> Self {
        Self { log, console, failing: None, lost: 0 }
    }

    fn put(&mut self, lines: &[u8]) -> bool {
        let Err((written, error)) = self.log.append(lines) else { return true };
        self.lost += count(&lines[written..]);
        if self.failing.is_none() {
            let path = self.log.path();
            self.tell(
                Severity::Error,
                format!("cannot write the log file {}: {error}; going on without it", path.display()),
            );
        }
        self.failing = Some(error.to_string());
        false
    }

    fn tell(&self, severity: Severity, message: String) {
        if let Some(console) = &self.console {
            let mut scratch = Scratch::default();
            scratch.message = message;
            push_now(&mut scratch.time);
            console.write(severity, SUBSYSTEM, &mut scratch);
        }
    }
}

impl Sink for ToFile {
    fn write(&mut self, lines: &[u8], dropped: u64) {
        if let Some(why) = &self.failing {
            let lost = self.lost;
            if !self.put(note(&format!("{lost} log lines are missing here: {why}")).as_bytes()) {
                // The note itself is no loss.
                self.lost = lost + count(lines) + dropped;
                return;
            }
            (self.failing, self.lost) = (None, 0);
            self.tell(Severity::Info, format!("the log file is written again; {lost} lines are missing in it"));
        }
        if !self.put(lines) {
            self.lost += dropped;
        } else if dropped > 0 {
            self.put(note(&format!("{dropped} log lines were dropped: the disk was too slow")).as_bytes());
        }
    }
}

fn count(lines: &[u8]) -> u64 {
    lines.split_inclusive(|&byte| byte == b'\n').count() as u64
}

/// A line of the file about the file.
fn note(message: &str) -> String {
    let (mut time, mut line) = (String::new(), String::new());
    push_now(&mut time);
    push_file_line(&mut line, &time, Severity::Warn, SUBSYSTEM, &[message]);
    line
}
