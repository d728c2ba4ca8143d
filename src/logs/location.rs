//! Which file the log is in.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use jiff::{Zoned, civil::Date};

use crate::state::StateDir;

/// Where the log is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// `openclaw-YYYY-MM-DD.log` in this directory, one a day by the local date.
    Daily(PathBuf),
    /// This file, whatever the day.
    Fixed(PathBuf),
}

impl Location {
    /// The configured file (`logging.file`), else one a day in `logs/` of the state directory.
    pub fn new(configured: Option<PathBuf>, state: &StateDir) -> Self {
        configured.map_or_else(|| Self::Daily(state.logs()), Self::Fixed)
    }

    /// The file that is written today. Ask again for every use: the answer changes at midnight.
    pub fn current(&self) -> PathBuf {
        match self {
            Self::Daily(_) => self.on(Zoned::now().date()),
            Self::Fixed(file) => file.clone(),
        }
    }

    /// The file that is written on `date`.
    pub fn on(&self, date: Date) -> PathBuf {
        match self {
            Self::Daily(directory) => directory.join(format!("openclaw-{date}.log")),
            Self::Fixed(file) => file.clone(),
        }
    }
}

/// The date in the name of a dated log file, and whether it is one that was set aside (`openclaw-YYYY-MM-DD.1.log`).
pub(super) fn dated(name: &str) -> Option<(Date, bool)> {
    let middle = name.strip_prefix("openclaw-")?.strip_suffix(".log")?;
    let (date, aside) = match middle.split_once('.') {
        None => (middle, false),
        Some((date, number)) if number.parse::<u32>().is_ok() => (date, true),
        Some(_) => return None,
    };
    // `Date` also parses forms that no log file's name has.
    let date = (date.len() == "YYYY-MM-DD".len()).then(|| date.parse().ok())??;
    Some((date, aside))
}

/// The newest dated log file of `directory` that is still written to; `None` when there is none.
pub(super) fn newest(directory: &Path) -> io::Result<Option<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let dates = entries.flatten().filter_map(|entry| match dated(entry.file_name().to_str()?)? {
        (date, false) => Some((date, entry.path())),
        (_, true) => None,
    });
    Ok(dates.max_by_key(|(date, _)| *date).map(|(_, path)| path))
}

/// Removes the dated files of `directory` that are more than `days` older than `today`. What cannot be removed is left:
/// it is tried again tomorrow.
pub(super) fn prune(directory: &Path, today: Date, days: i64) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let Ok(oldest) = today.checked_sub(jiff::Span::new().days(days)) else { return };
    for entry in entries.flatten() {
        let old = entry.file_name().to_str().and_then(dated).is_some_and(|(date, _)| date < oldest);
        if old {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn names_of_dated_files() {
        #[rustfmt::skip]
        let rows = [
            ("openclaw-2026-02-19.log",       Some((date(2026, 2, 19), false))),
            ("openclaw-2026-02-19.1.log",     Some((date(2026, 2, 19), true))),
            ("openclaw-2026-02-30.log",       None), // no such day
            ("openclaw-20260219.log",         None),
            ("openclaw-2026-02-19.log.bak",   None),
            ("openclaw-2026-02-19.old.log",   None),
            ("openclaw.log",                  None),
        ];
        for (name, expected) in rows {
            assert_eq!(dated(name), expected, "{name}");
        }
    }

    #[test]
    fn only_old_dated_files_are_pruned() {
        let directory = tempfile::tempdir().unwrap();
        #[rustfmt::skip]
        let rows = [
            ("openclaw-2026-02-19.log",   true),
            ("openclaw-2026-02-12.log",   true),  // seven days old
            ("openclaw-2026-02-11.log",   false),
            ("openclaw-2026-02-11.2.log", false),
            ("openclaw-2027-01-01.log",   true),  // the clock was wrong once: not ours to judge
            ("notes.log",                 true),
        ];
        for (name, _) in rows {
            fs::write(directory.path().join(name), "").unwrap();
        }
        prune(directory.path(), date(2026, 2, 19), 7);
        for (name, kept) in rows {
            assert_eq!(directory.path().join(name).exists(), kept, "{name}");
        }
    }

    #[test]
    fn the_newest_is_the_latest_date_that_was_not_set_aside() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(newest(directory.path()).unwrap(), None);
        assert_eq!(newest(&directory.path().join("missing")).unwrap(), None);
        for name in ["openclaw-2026-02-19.log", "openclaw-2026-02-18.log", "openclaw-2026-02-20.1.log"] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        assert_eq!(newest(directory.path()).unwrap(), Some(directory.path().join("openclaw-2026-02-19.log")));
    }
}
