//! Where a command writes: text for people or JSON for programs, to writers that a test can take the place of.

use std::io::{self, IsTerminal as _, Write};

use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;

use super::{text::visible, waiting::Waiting};

/// How a command shows its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON document on standard output, and nothing else there.
    Json,
}

/// What a piece of text means to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    Plain,
    /// A heading.
    Heading,
    /// Good news.
    Good,
    /// Something to look at.
    Warning,
    /// Bad news.
    Bad,
    /// An aside.
    Dim,
}

impl Tone {
    const fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Heading => Style::new().bold(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Warning => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Dim => Style::new().dimmed(),
        }
    }
}

/// Standard output and standard error, and what may be written to them.
///
/// Text from a peer is shown with everything in it escaped that steers a terminal; the methods see to that.
pub struct Output {
    out: Sink,
    err: Sink,
    format: Format,
    waiting: Waiting,
}

struct Sink {
    writer: Box<dyn Write + Send>,
    colour: bool,
    /// The terminal's width in columns; `None` where there is no terminal.
    width: Option<u16>,
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").field("format", &self.format).finish_non_exhaustive()
    }
}

impl Output {
    /// The process's own streams. Colour is for terminals only, and for none where `plain` is set.
    pub fn of_process(format: Format, plain: bool) -> Self {
        let width = io::stdout().is_terminal().then(terminal_width);
        let out = Sink { writer: Box::new(io::stdout()), colour: width.is_some() && !plain, width };
        let err = Sink { writer: Box::new(io::stderr()), colour: io::stderr().is_terminal() && !plain, width: None };
        Self { out, err, format, waiting: Waiting::of_process(format == Format::Json) }
    }

    /// Streams of the caller's own, without colour. `width` is that of a terminal, where one is played.
    pub fn to_writers(
        out: impl Write + Send + 'static,
        err: impl Write + Send + 'static,
        format: Format,
        width: Option<u16>,
    ) -> Self {
        let sink = |writer, width| Sink { writer, colour: false, width };
        Self { out: sink(Box::new(out), width), err: sink(Box::new(err), None), format, waiting: Waiting::hidden() }
    }

    /// Shows that a command waits, until it writes something.
    pub(super) fn waiting(&self) -> Waiting {
        self.waiting.clone()
    }

    /// How data is shown.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether data is shown as JSON.
    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// The columns of the terminal; `None` where standard output is none.
    pub fn width(&self) -> Option<u16> {
        self.out.width
    }

    /// Without colour from here on.
    pub fn without_colour(&mut self) {
        self.out.colour = false;
        self.err.colour = false;
    }

    /// Writes `text` and a line end to standard output.
    ///
    /// # Errors
    /// As writing fails; `BrokenPipe` when the reader has gone.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.waiting.end();
        self.out.line(Tone::Plain, text)
    }

    /// Writes `text` in `tone` and a line end to standard output.
    ///
    /// # Errors
    /// As writing fails; `BrokenPipe` when the reader has gone.
    pub fn toned(&mut self, tone: Tone, text: &str) -> io::Result<()> {
        self.waiting.end();
        self.out.line(tone, text)
    }

    /// Writes `label: text` to standard output, the label in bold.
    ///
    /// # Errors
    /// As writing fails; `BrokenPipe` when the reader has gone.
    pub fn field(&mut self, label: &str, tone: Tone, text: &str) -> io::Result<()> {
        self.waiting.end();
        self.out.painted(Tone::Heading, &format!("{label}:"))?;
        self.out.painted(Tone::Plain, " ")?;
        self.out.line(tone, text)
    }

    /// Writes `value` as JSON to standard output: on several lines for reading.
    ///
    /// # Errors
    /// As writing fails; `BrokenPipe` when the reader has gone.
    pub fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.waiting.end();
        let text = serde_json::to_string_pretty(value)?;
        self.out.writer.write_all(escaped_json(&text).as_bytes())?;
        self.out.writer.write_all(b"\n")
    }

    /// Writes `value` as JSON on one line to standard output, for streams of values.
    ///
    /// # Errors
    /// As writing fails; `BrokenPipe` when the reader has gone.
    pub fn json_line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string(value)?;
        self.out.writer.write_all(escaped_json(&text).as_bytes())?;
        self.out.writer.write_all(b"\n")
    }

    /// Writes bytes of our own making to standard output as they are: scripts, which are not for reading.
    ///
    /// # Errors
    /// As writing fails; `BrokenPipe` when the reader has gone.
    pub(super) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.waiting.end();
        self.out.writer.write_all(bytes)
    }

    /// Writes lines to standard error: advice, progress, warnings.
    ///
    /// # Errors
    /// As writing fails.
    pub fn note(&mut self, tone: Tone, text: &str) -> io::Result<()> {
        self.waiting.end();
        self.err.line(tone, text)
    }

    /// Hands on what was written so far: a follower's reader waits for it.
    ///
    /// # Errors
    /// As writing fails; `BrokenPipe` when the reader has gone.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.writer.flush()?;
        self.err.writer.flush()
    }
}

impl Sink {
    fn line(&mut self, tone: Tone, text: &str) -> io::Result<()> {
        // A line end within the style would colour the rest of the terminal's line.
        for line in text.split('\n') {
            self.painted(tone, line)?;
            self.writer.write_all(b"\n")?;
        }
        Ok(())
    }

    fn painted(&mut self, tone: Tone, text: &str) -> io::Result<()> {
        let text = visible(text);
        if self.colour && tone != Tone::Plain {
            let style = tone.style();
            write!(self.writer, "{style}{text}{style:#}")
        } else {
            self.writer.write_all(text.as_bytes())
        }
    }
}

/// JSON escapes control characters, but not those that turn the reading direction.
fn escaped_json(text: &str) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && crate::logs::sanitize::is_unprintable(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// `$COLUMNS` where it is set, else what the terminal says, else the width that every terminal has.
fn terminal_width() -> u16 {
    comfy_table::Table::new().width().filter(|width| *width > 0).unwrap_or(80)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A writer whose text can be read while an [`Output`] has it.
    #[derive(Clone, Default)]
    pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Captured {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().expect("no panic").clone()).expect("text")
        }
    }

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// An output and what is written to it: standard output, standard error.
    pub(crate) fn captured(format: Format, width: Option<u16>) -> (Output, Captured, Captured) {
        let (out, err) = (Captured::default(), Captured::default());
        (Output::to_writers(out.clone(), err.clone(), format, width), out, err)
    }

    #[test]
    fn what_a_peer_says_does_not_steer_the_terminal() {
        let (mut output, out, _) = captured(Format::Text, None);
        output.line("a\u{1b}[31mb\u{202e}c\nd").expect("in memory");
        assert_eq!(out.text(), "a\\u{1b}[31mb\\u{202e}c\nd\n");
    }

    #[test]
    fn json_stays_json() {
        let (mut output, out, _) = captured(Format::Json, None);
        output.json(&serde_json::json!({"a": "\u{1b}\u{202e}\u{e0041}é"})).expect("in memory");
        assert_eq!(out.text(), "{\n  \"a\": \"\\u001b\\u202e\\udb40\\udc41é\"\n}\n");
        let read: serde_json::Value = serde_json::from_str(&out.text()).expect("json");
        assert_eq!(read["a"], "\u{1b}\u{202e}\u{e0041}é");
    }

    #[test]
    fn colour_ends_with_its_line() {
        let (mut output, out, _) = captured(Format::Text, None);
        output.out.colour = true;
        output.toned(Tone::Bad, "no\nway").expect("in memory");
        let red = Tone::Bad.style();
        assert_eq!(out.text(), format!("{red}no{red:#}\n{red}way{red:#}\n"));
    }
}
