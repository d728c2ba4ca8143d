//! Which lines of a log are shown. Pure.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp, civil};
use regex_lite::Regex;

use crate::logs::{Severity, record::Entry};

/// Which lines are shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    /// None from before this time.
    pub(super) since: Option<Timestamp>,
    /// None below this level.
    pub(super) level: Option<Severity>,
    /// Only those that match.
    pub(super) grep: Option<Regex>,
}

/// A time that was typed: how long ago (`90s`, `10m`, `2h`, `3d`), or when (`2026-01-01T10:00:00Z`, `2026-01-01 10:00`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    Ago(SignedDuration),
    At(Timestamp),
}

impl Since {
    pub(super) fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(span) => now.checked_sub(span).unwrap_or(Timestamp::MIN),
            Self::At(time) => time,
        }
    }
}

impl FromStr for Since {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if let Some(span) = ago(text.trim().trim_end_matches(" ago")) {
            return Ok(Self::Ago(span));
        }
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(Self::At(time));
        }
        // Without a zone it is the time on the user's clock.
        let local = text.parse::<civil::DateTime>().or_else(|_| text.parse::<civil::Date>().map(civil::DateTime::from));
        let zone = jiff::tz::TimeZone::system();
        local
            .ok()
            .and_then(|time| time.to_zoned(zone).ok())
            .map(|time| Self::At(time.timestamp()))
            .ok_or("expected how long ago, for example 90s, 10m, 2h or 3d, or a time, for example 2026-01-01T10:00:00Z")
    }
}

fn ago(text: &str) -> Option<SignedDuration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: i64 = text[..digits].parse().ok()?;
    let seconds = match text[digits..].trim() {
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 86_400,
        _ => return None,
    };
    number.checked_mul(seconds).map(SignedDuration::from_secs)
}

impl Filter {
    /// Whether every line is shown.
    pub(super) fn is_open(&self) -> bool {
        self.since.is_none() && self.level.is_none() && self.grep.is_none()
    }

    /// Whether a line is shown. One that is not understood has neither time nor level: it is shown with its neighbours,
    /// unless a level is asked for.
    pub(super) fn admits(&self, entry: &Entry) -> bool {
        let (time, level, text) = match entry {
            Entry::Log(record) => (record.time.as_deref(), record.level.as_deref(), record.text()),
            Entry::Raw { raw } => (None, None, raw.clone()),
            Entry::Meta { .. } | Entry::Notice { .. } => return true,
        };
        let recent = match (self.since, time.and_then(|time| time.parse::<Timestamp>().ok())) {
            (Some(since), Some(time)) => time >= since,
            _ => true,
        };
        let bad_enough = self.level.is_none_or(|least| {
            level.and_then(|level| level.parse::<Severity>().ok()).is_some_and(|level| level >= least)
        });
        let matches = self.grep.as_ref().is_none_or(|pattern| pattern.is_match(&text));
        recent && bad_enough && matches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().expect("a time");
        #[rustfmt::skip]
        let rows = [
            ("90s",                   Some("2026-01-01T23:58:30Z")),
            ("10m",                   Some("2026-01-01T23:50:00Z")),
            ("2h",                    Some("2026-01-01T22:00:00Z")),
            ("1d",                    Some("2026-01-01T00:00:00Z")),
            ("10 minutes ago",        Some("2026-01-01T23:50:00Z")),
            ("2026-01-01T10:00:00Z",  Some("2026-01-01T10:00:00Z")),
            ("2026-01-01T10:00:00+02:00", Some("2026-01-01T08:00:00Z")),
            ("yesterday",             None),
            ("10",                    None),
            ("",                      None),
            ("99999999999999999d",    None),
        ];
        for (text, expected) in rows {
            let time = text.parse::<Since>().ok().map(|since| since.before(now).to_string());
            assert_eq!(time.as_deref(), expected, "{text}");
        }
        assert!("2026-01-01".parse::<Since>().is_ok() && "2026-01-01 10:00".parse::<Since>().is_ok());
    }

    #[test]
    fn lines() {
        let line = |level: &str, time: &str| {
            Entry::line(&format!(r#"{{"0":"pairing required","_meta":{{"logLevelName":"{level}"}},"time":"{time}"}}"#))
        };
        let filter = |since: Option<&str>, level: Option<&str>, grep: Option<&str>| Filter {
            since: since.map(|time| time.parse().expect("a time")),
            level: level.map(|level| level.parse().expect("a level")),
            grep: grep.map(|pattern| Regex::new(pattern).expect("a pattern")),
        };
        let (noon, warn) = ("2026-01-01T12:00:00Z", line("WARN", "2026-01-01T12:00:00.5Z"));
        #[rustfmt::skip]
        let rows = [
            (filter(None, None, None),                                    true),
            (filter(Some(noon), None, None),                              true),
            (filter(Some("2026-01-01T12:00:01Z"), None, None),            false),
            (filter(None, Some("warn"), None),                            true),
            (filter(None, Some("error"), None),                           false),
            (filter(None, None, Some("pairing .equired")),                true),
            (filter(None, None, Some("(?i)PAIRING")),                     true),
            (filter(None, None, Some("^warn")),                           false),
            (filter(Some(noon), Some("info"), Some("required$")),         true),
        ];
        for (filter, shown) in rows {
            assert_eq!(filter.admits(&warn), shown, "{filter:?}");
        }
        let raw = Entry::line("no json");
        assert!(filter(Some(noon), None, None).admits(&raw) && !filter(None, Some("info"), None).admits(&raw));
        assert!("loud".parse::<Severity>().is_err_and(|error| error.contains("warn")));
    }
}
