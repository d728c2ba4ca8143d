//! A failure as people read it.

use std::{fmt::Write as _, io};

use super::{CliError, Exit};
use crate::{
    cli::{Output, Tone},
    client::{CallFailure, Failure},
    hint::{Hint, chain},
};

impl Hint for CliError {
    fn hint(&self) -> String {
        match self {
            Self::Usage { hint, .. }
            | Self::Files { hint, .. }
            | Self::Gateway { hint, .. }
            | Self::Occupied { hint, .. } => hint.clone(),
            Self::Config(error) => error.hint(),
            Self::Target { error, .. } => error.hint(),
            Self::Connect(error) => error.advice.clone().unwrap_or_else(|| error.failure.hint()),
            Self::Call(error) => error.failure.hint(),
            Self::Output(_) => "see that there is room where the output goes, then run the same command again".into(),
        }
    }
}

impl CliError {
    /// A command line that does not say what is needed, and what to type instead.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: hint.into() }
    }

    /// Whether only our reader went away, which is no failure of ours.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// What the process ends with.
    pub fn exit(&self) -> Exit {
        if self.is_closed_pipe() { Exit::Done } else { Exit::Failed }
    }

    /// Everything that a user is told, a line each, the cause first.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Connect(error) => {
                let mut lines = vec![cause_of(&error.failure)];
                if let (Failure::Refused { .. }, Some(closed)) = (&error.failure, error.failure.closed()) {
                    lines.push(closed.to_string());
                }
                lines.extend(error.target.lines());
                // Which of several secrets it was is worth knowing only where it was read.
                if let (Failure::Refused { .. }, Some(origin)) = (&error.failure, &error.target.secret_from) {
                    lines.push(format!("Secret: {origin}"));
                }
                lines.extend(error.remarks.iter().cloned());
                lines
            }
            Self::Call(error) => {
                let mut lines = vec![cause_of(&error.failure)];
                // A refusal came from a gateway that works; where that is helps only with the others.
                if !matches!(error.failure, CallFailure::Refused(_)) {
                    lines.extend(error.target.lines());
                }
                lines
            }
            Self::Target { error, config } => {
                let mut lines = vec![cause_of(error)];
                lines.push(format!("Config: {}", config.display()));
                lines
            }
            // Their text repeats the cause.
            Self::Config(_)
            | Self::Usage { .. }
            | Self::Occupied { .. }
            | Self::Files { .. }
            | Self::Gateway { .. } => vec![self.to_string()],
            Self::Output(_) => vec![chain(self)],
        }
    }

    /// Tells the user: text on standard error, and with `--json` a document on standard output too.
    ///
    /// # Errors
    /// As writing fails.
    pub fn print(&self, output: &mut Output) -> io::Result<()> {
        if output.is_json() {
            output.json(&self.document())?;
        }
        for (at, line) in self.lines().iter().enumerate() {
            output.note(if at == 0 { Tone::Bad } else { Tone::Dim }, line)?;
        }
        output.note(Tone::Plain, &format!("Hint: {}", self.hint()))?;
        output.flush()
    }
}

/// An error and its causes, without a cause whose text is in the one before already.
fn cause_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let own = inner.to_string();
        if !text.contains(&own) {
            // Writing to a String cannot fail.
            let _ = write!(text, ": {own}");
        }
        cause = inner.source();
    }
    text
}
