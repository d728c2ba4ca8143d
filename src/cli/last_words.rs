//! What a gateway wrote just before it could no longer be reached.

use std::path::PathBuf;

use jiff::Timestamp;

use super::Context;
use crate::{
    defaults::LAST_WORDS_AGE,
    logs::{Location, Record, tail},
    net::{LastGateway, LockState, last_gateway},
    protocol::LogsTailParams,
};

/// How much of the log is looked at, in lines and bytes: what a crash leaves fits well within.
const LOOK_BACK: LogsTailParams = LogsTailParams { cursor: None, limit: Some(20), max_bytes: Some(16 * 1024) };

/// How many lines are shown.
const SHOWN: usize = 3;

/// The last lines of the log of this machine's gateway: of one that was killed or crashed, else where it wrote them just now.
pub(super) fn last_words(context: &Context, lock: &LockState) -> Vec<String> {
    let cut = *lock == LockState::Free && matches!(last_gateway(context.state()), LastGateway::Cut(_));
    let now = Timestamp::now();
    let said = if cut { said(context, lock, |_| true) } else { said(context, lock, |record| is_recent(record, now)) };
    said.into_iter().map(|line| format!("Last in its log: {line}")).collect()
}

/// That this machine's last gateway did not end in order, where none lives and that is known.
pub(super) fn how_it_ended(context: &Context, lock: &LockState) -> Option<String> {
    let LockState::Free = lock else { return None };
    let LastGateway::Cut(holder) = last_gateway(context.state()) else { return None };
    Some(format!("The last gateway here (pid {}, version {}) was killed or crashed", holder.pid, holder.version))
}

/// The log file of this machine's gateway: what the one that lives says, or the one that was cut off; else where one would write.
pub(super) fn log_file(context: &Context, lock: &LockState) -> PathBuf {
    let named = match lock {
        LockState::Held { holder: Some(holder), .. } => holder.log_file.clone(),
        LockState::Free => match last_gateway(context.state()) {
            LastGateway::Cut(holder) => holder.log_file,
            _ => None,
        },
        _ => None,
    };
    named.unwrap_or_else(|| Location::new(context.settings.logging.file.clone(), context.state()).current())
}

/// The last lines that `counts`.
fn said(context: &Context, lock: &LockState, counts: impl Fn(&Record) -> bool) -> Vec<String> {
    let Ok(piece) = tail(&log_file(context, lock), &LOOK_BACK) else { return Vec::new() };
    last(piece.lines.iter().filter_map(|line| Record::parse(line)).filter(counts))
}

fn last(records: impl Iterator<Item = Record>) -> Vec<String> {
    let lines: Vec<_> = records.map(|record| record.text()).collect();
    lines[lines.len().saturating_sub(SHOWN)..].to_vec()
}

fn is_recent(record: &Record, now: Timestamp) -> bool {
    let time = record.time.as_deref().and_then(|time| time.parse::<Timestamp>().ok());
    time.is_some_and(|time| now.duration_since(time).unsigned_abs() <= LAST_WORDS_AGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_just_now() {
        let now: Timestamp = "2026-01-01T10:00:00Z".parse().expect("a time");
        let record = |time: &str, message: &str| {
            Record::parse(&format!(r#"{{"0":"{message}","time":"{time}"}}"#)).expect("a record")
        };
        let lines = [
            record("2026-01-01T09:00:00Z", "long ago"),
            record("2026-01-01T09:59:50Z", "one"),
            record("2026-01-01T09:59:51Z", "two"),
            record("2026-01-01T09:59:52Z", "three"),
            record("2026-01-01T09:59:53Z", "four"),
            record("no time", "never"),
        ];
        let shown = last(lines.into_iter().filter(|record| is_recent(record, now)));
        let shown: Vec<_> = shown.iter().filter_map(|line| line.split(' ').nth(1)).collect();
        assert_eq!(shown, ["two", "three", "four"]);
    }
}
