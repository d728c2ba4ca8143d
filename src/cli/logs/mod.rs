//! `openclaw logs`

mod filter;
mod local;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::{Timestamp, tz::TimeZone};
use regex_lite::Regex;
use serde_json::json;

use self::{
    filter::{Filter, Since},
    local::Followed,
};
use super::{
    CliError, Context, Exit, Output, Session, Tone, Wish,
    reach::gateway,
    target::{TargetArgs, milliseconds},
};
use crate::{
    defaults::{LOGS_TIMEOUT, MAX_LOG_TAIL_BYTES, MAX_LOG_TAIL_LINES, RECONNECT_MAX, RECONNECT_MIN},
    hint::{Hint, chain},
    logs::{Location, Severity, record::Entry, tail},
    net::LockState,
    protocol::{LogsTail, LogsTailParams},
};

/// Show the gateway's log: over the gateway, or from its file where the gateway does not answer
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Logs {
    /// Go on showing lines as they are written, over restarts of the gateway too
    #[arg(long, short)]
    follow: bool,
    /// Most lines at a time
    #[arg(long, value_name = "LINES", default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=5000))]
    limit: u16,
    /// Most bytes at a time
    #[arg(long, value_name = "BYTES", default_value_t = 250_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    max_bytes: u64,
    /// Pause between two looks with --follow, in milliseconds
    #[arg(long, value_name = "MS", default_value = "1000", value_parser = milliseconds)]
    interval: Duration,
    /// Only lines since then: how long ago, for example 10m or 2h, or a time, for example 2026-01-01T10:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,
    /// Only lines of this level and worse: trace, debug, info, warn, error, fatal
    #[arg(long, value_name = "LEVEL")]
    level: Option<Severity>,
    /// Only lines that match a regular expression; (?i) before it ignores case
    #[arg(long, value_name = "PATTERN")]
    grep: Option<Regex>,
    /// Print the lines without colour
    #[arg(long)]
    plain: bool,
    /// Show local time; this is so by default
    #[arg(long, conflicts_with = "utc")]
    local_time: bool,
    /// Show UTC
    #[arg(long)]
    utc: bool,
    #[arg(long, hide = true)]
    expect_final: bool,
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

/// How far the log was shown.
#[derive(Default)]
struct Position {
    cursor: Option<u64>,
    file: String,
    announced: bool,
    /// The file that was read here, where the gateway is not asked.
    followed: Followed,
}

impl Logs {
    /// Whether it goes on until it is told to stop.
    pub(super) fn follows(&self) -> bool {
        self.follow
    }

    /// Runs the command.
    ///
    /// # Errors
    /// [`CliError`] tells why it failed.
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        if self.plain {
            output.without_colour();
        }
        let mut position = Position::default();
        match self.over_gateway(context, &mut position, output).await {
            Ok(mut session) if self.follow => self.follow(&mut session, context, &mut position, output).await,
            Ok(session) => {
                session.close().await;
                Ok(Exit::Done)
            }
            Err(error) if error.is_closed_pipe() => Err(error),
            Err(error) => match self.local_file(context).filter(|file| file.exists()) {
                Some(file) => {
                    let why = error.lines().swap_remove(0);
                    output.note(Tone::Dim, &format!("reading {} itself: {why}", file.display()))?;
                    self.show_file(&file, &mut position, output)?;
                    if self.follow {
                        self.follow_file(&file, context, &mut position, output).await
                    } else {
                        Ok(Exit::Done)
                    }
                }
                None => report(&error, output),
            },
        }
    }

    /// Connects and shows the first piece.
    async fn over_gateway(
        &self,
        context: &Context,
        position: &mut Position,
        output: &mut Output,
    ) -> Result<Session, CliError> {
        let mut session = gateway(context, &self.target, Wish { timeout: LOGS_TIMEOUT, ..Wish::CALL }, output).await?;
        self.look(&mut session, position, output).await?;
        Ok(session)
    }

    async fn look(&self, session: &mut Session, position: &mut Position, output: &mut Output) -> Result<(), CliError> {
        let piece: LogsTail = session.call("logs.tail", Some(&self.params(position))).await?;
        self.show(&piece, position, output)
    }

    /// What to ask for. Of lines that are filtered, more must be looked at than are shown, and of those that follow none is
    /// to be left out.
    fn params(&self, position: &Position) -> LogsTailParams {
        let (limit, max_bytes) = if self.filter().is_open() && position.cursor.is_none() {
            (self.limit.into(), self.max_bytes)
        } else {
            (MAX_LOG_TAIL_LINES, MAX_LOG_TAIL_BYTES)
        };
        LogsTailParams { cursor: position.cursor, limit: Some(limit), max_bytes: Some(max_bytes) }
    }

    fn filter(&self) -> Filter {
        let since = self.since.map(|since| since.before(Timestamp::now()));
        Filter { since, level: self.level, grep: self.grep.clone() }
    }

    fn show_file(&self, file: &Path, position: &mut Position, output: &mut Output) -> Result<(), CliError> {
        let params = self.params(position);
        let pieces = position
            .followed
            .read(file, params)
            .map_err(|error| CliError::Files { message: chain(&error), hint: error.hint() })?;
        pieces.iter().try_for_each(|piece| self.show(piece, position, output))
    }

    async fn follow(
        &self,
        session: &mut Session,
        context: &Context,
        position: &mut Position,
        output: &mut Output,
    ) -> Result<Exit, CliError> {
        loop {
            tokio::time::sleep(self.interval).await;
            match self.look(session, position, output).await {
                Ok(()) => {}
                Err(error @ CliError::Call(_)) => {
                    output.note(Tone::Dim, &error.lines().swap_remove(0))?;
                    *session = self.reconnect(context, position, output).await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Tries until the gateway is back. What it writes meanwhile is shown from the file, where that is ours to read.
    async fn reconnect(
        &self,
        context: &Context,
        position: &mut Position,
        output: &mut Output,
    ) -> Result<Session, CliError> {
        let mut pause = RECONNECT_MIN;
        let file = self.local_file(context).filter(|file| file.display().to_string() == position.file);
        loop {
            let seconds = pause.as_secs();
            output.note(Tone::Warning, &format!("[logs] gateway disconnected, reconnecting in {seconds}s..."))?;
            output.flush()?;
            tokio::time::sleep(pause).await;
            let file = file.as_ref().and_then(|_| self.local_file(context));
            if let Some(file) = file.as_deref().filter(|file| file.exists()) {
                self.show_file(file, position, output)?;
            }
            match self.over_gateway(context, position, output).await {
                Ok(session) => {
                    output.note(Tone::Good, "[logs] gateway reconnected")?;
                    return Ok(session);
                }
                Err(error) if error.is_closed_pipe() => return Err(error),
                Err(_) => pause = (pause * 2).min(RECONNECT_MAX),
            }
        }
    }

    /// Follows the file, and goes over to the gateway when it answers.
    async fn follow_file(
        &self,
        file: &Path,
        context: &Context,
        position: &mut Position,
        output: &mut Output,
    ) -> Result<Exit, CliError> {
        let mut next_try = tokio::time::Instant::now() + RECONNECT_MIN;
        let mut pause = RECONNECT_MIN;
        loop {
            tokio::time::sleep(self.interval).await;
            // Another day has another file.
            let file = self.local_file(context).unwrap_or_else(|| file.to_owned());
            self.show_file(&file, position, output)?;
            // A gateway elsewhere has another file: the places in it would not fit.
            if tokio::time::Instant::now() < next_try || !matches!(context.lock(), LockState::Held { .. }) {
                continue;
            }
            match self.over_gateway(context, position, output).await {
                Ok(mut session) => {
                    output.note(Tone::Good, "[logs] gateway reconnected")?;
                    return self.follow(&mut session, context, position, output).await;
                }
                Err(error) if error.is_closed_pipe() => return Err(error),
                Err(_) => {
                    pause = (pause * 2).min(RECONNECT_MAX);
                    next_try = tokio::time::Instant::now() + pause;
                }
            }
        }
    }

    /// The log file of this machine's gateway; `None` where another gateway was named.
    fn local_file(&self, context: &Context) -> Option<PathBuf> {
        let settings = &context.settings;
        if self.target.url.is_some() || settings.client.url.is_some() || settings.remote.url.is_some() {
            return None;
        }
        if let LockState::Held { holder: Some(holder), .. } = context.lock()
            && let Some(file) = holder.log_file
        {
            return Some(file);
        }
        let file = Location::new(settings.logging.file.clone(), context.state()).current();
        // A dated file that is not there stands for the newest one beside it.
        let newest = tail(&file, &LogsTailParams { limit: Some(1), ..LogsTailParams::default() }).ok()?;
        Some(newest.file.into())
    }

    fn show(&self, piece: &LogsTail, position: &mut Position, output: &mut Output) -> Result<(), CliError> {
        if output.is_json() && !position.announced {
            output.json_line(&Entry::meta(&piece.file, piece.cursor, piece.size))?;
        }
        position.announced = true;
        let filter = self.filter();
        let shown: Vec<_> =
            piece.lines.iter().map(|line| Entry::line(line)).filter(|entry| filter.admits(entry)).collect();
        // Of a first look only the last lines are wanted, however many had to be looked at.
        let is_first = position.cursor.is_none();
        let left_out = if is_first { shown.len().saturating_sub(self.limit.into()) } else { 0 };
        let cut = is_first && (piece.truncated || left_out > 0);
        for (holds, notice) in [(piece.reset, Entry::RESET), (cut, Entry::TRUNCATED)] {
            if holds && output.is_json() {
                output.json_line(&notice)?;
            } else if holds {
                output.note(Tone::Dim, &notice.text())?;
            }
        }
        for entry in shown.into_iter().skip(left_out) {
            if output.is_json() {
                output.json_line(&entry)?;
            } else {
                output.toned(tone(&entry), &self.text(entry))?;
            }
        }
        position.cursor = Some(piece.cursor);
        position.file.clone_from(&piece.file);
        output.flush()?;
        Ok(())
    }

    fn text(&self, mut entry: Entry) -> String {
        if let Entry::Log(record) = &mut entry
            && let Some(time) = &mut record.time
        {
            let zone = if self.utc { TimeZone::UTC } else { TimeZone::system() };
            if let Some(shown) = in_zone(time, zone) {
                *time = shown;
            }
        }
        entry.text()
    }
}

/// A time of the log in `zone`; `None` where it is no time.
fn in_zone(time: &str, zone: TimeZone) -> Option<String> {
    let utc = zone == TimeZone::UTC;
    let time = time.parse::<Timestamp>().ok()?.to_zoned(zone);
    let format = if utc { "%Y-%m-%dT%H:%M:%S%.3fZ" } else { "%Y-%m-%dT%H:%M:%S%.3f%:z" };
    Some(time.strftime(format).to_string())
}

fn tone(entry: &Entry) -> Tone {
    match entry {
        Entry::Log(record) => match record.level.as_deref() {
            Some("error" | "fatal") => Tone::Bad,
            Some("warn") => Tone::Warning,
            Some("debug" | "trace") => Tone::Dim,
            _ => Tone::Plain,
        },
        _ => Tone::Plain,
    }
}

/// No gateway and no file: the error in the shape that readers of `logs` know.
fn report(error: &CliError, output: &mut Output) -> Result<Exit, CliError> {
    let headline = match error {
        CliError::Connect(error) if error.failure.is_refusal() => "The gateway answers, and refuses this command.",
        _ => "Gateway not reachable. Is it running and accessible?",
    };
    let lines = error.lines();
    if output.is_json() {
        let document = json!({
            "type": "error", "message": headline, "error": lines[0], "details": lines[1..].join("\n"), "hint": error.hint(),
        });
        output.note(Tone::Plain, &document.to_string())?;
    } else {
        output.note(Tone::Bad, headline)?;
        for line in lines {
            output.note(Tone::Dim, &line)?;
        }
        output.note(Tone::Plain, &format!("Hint: {}", error.hint()))?;
    }
    Ok(Exit::Failed)
}
