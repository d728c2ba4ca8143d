//! Logging set-up: the console, and the file that `logs` tails.
//!
//! Whoever logs puts a line together and hands it to a queue; one thread for each place writes. A stalled terminal, a full
//! disk or a closed pipe costs lines, which are counted and reported, and never the gateway's time.
//!
//! A target is a subsystem (`gateway`, `gateway/ws`); a module path stands for its crate. Fields beside the message are
//! ` key=value` for people and members of their own in JSON lines, where the fields of the spans around the event stand too.

mod fields;
mod layer;
mod lines;
mod options;
mod panic;
mod queue;
mod sinks;
mod style;

use std::{
    env,
    fs::File,
    io::{self, IsTerminal, Write},
    os::fd::AsFd,
    sync::Arc,
};

use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

pub use options::{Console, Options, severity};

use self::{
    layer::LineLayer,
    lines::{Lines, Threshold},
    queue::Queue,
    sinks::{Output, ToFile},
    style::Style,
};
use crate::{
    defaults::LOG_FLUSH_TIMEOUT,
    hint::Hint,
    logs::{Severity, file::LogFile},
};

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// No thread could be started for the log, or standard output could not be had.
    #[error("cannot start the log")]
    Start(#[from] io::Error),
    /// Logging was set up before in this process.
    #[error("the log is set up already")]
    Twice,
}

impl Hint for TelemetryError {
    fn hint(&self) -> String {
        match self {
            Self::Start(_) => {
                "raise the limit on processes and open files (`ulimit -u`, `ulimit -n`; `--pids-limit` of a container)"
                    .into()
            }
            Self::Twice => "start it in a process of its own: openclaw gateway run".into(),
        }
    }
}

/// Keeps the log going; when it is dropped, what was said is written and nothing more is taken.
#[derive(Debug)]
#[must_use = "dropping the guard ends the log"]
pub struct Guard {
    lines: Arc<Lines>,
}

impl Guard {
    /// Waits until everything said so far is written, for two seconds at the longest. For the moment before the process
    /// becomes another one.
    pub fn flush(&self) {
        self.lines.flush(LOG_FLUSH_TIMEOUT);
    }

    /// Changes from which severity on the file and the console are told; `None` silences.
    pub fn set_levels(&self, level: Option<Severity>, console_level: Option<Severity>) {
        self.lines.file_least.set(level);
        self.lines.console_least.set(console_level);
        tracing::callsite::rebuild_interest_cache();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.lines.close(LOG_FLUSH_TIMEOUT);
    }
}

/// Sets up the log of this process: `tracing` events, those of the `log` crate, and panics.
///
/// A log file that cannot be written is no error here: it is reported on the console, and tried again with every line.
///
/// # Errors
///
/// When the threads cannot be started, or logging was set up before.
pub fn init(options: Options) -> Result<Guard, TelemetryError> {
    let stdout = io::stdout();
    let style = style(options.console, stdout.is_terminal(), |name| env::var(name).ok());
    // A descriptor of our own, unbuffered: after an error nothing is left behind in a buffer.
    let stdout = File::from(stdout.as_fd().try_clone_to_owned()?);
    let lines = Arc::new(start(options, style.map(|style| (stdout, style)))?);
    let guard = Guard { lines: Arc::clone(&lines) };
    let layer = LineLayer(Arc::clone(&lines));
    tracing_subscriber::registry().with(layer).try_init().map_err(|_| TelemetryError::Twice)?;
    panic::install(lines);
    Ok(guard)
}

fn start(options: Options, console: Option<(impl Write + Send + 'static, Style)>) -> io::Result<Lines> {
    let console = console
        .map(|(to, style)| {
            let queue = Queue::start("log-console", Output::new(to, style))?;
            io::Result::Ok(lines::Console { queue, style })
        })
        .transpose()?;
    let file = options
        .file
        .map(|location| {
            let log = LogFile::new(location, options.max_file_bytes.get());
            Queue::start("log-file", ToFile::new(log, console.clone()))
        })
        .transpose()?;
    Ok(Lines {
        console,
        file,
        console_least: Threshold::new(options.console_level),
        file_least: Threshold::new(options.level),
    })
}

/// The form of the console's lines; `None` for none.
fn style(console: Console, is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> Option<Style> {
    let colour = || {
        is_terminal
            && variable("NO_COLOR").is_none_or(|value| value.is_empty())
            && variable("TERM").is_none_or(|term| term != "dumb")
    };
    match console {
        Console::Auto if is_terminal => Some(Style::Human { colour: colour() }),
        Console::Plain => Some(Style::Human { colour: false }),
        Console::Human => Some(Style::Human { colour: colour() }),
        Console::Auto | Console::Json => Some(Style::Json),
        Console::Off => None,
    }
}

#[cfg(test)]
mod tests;
