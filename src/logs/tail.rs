//! Reading the end of the log.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use super::location;
use crate::{
    defaults::{LOG_TAIL_BYTES, LOG_TAIL_LINES, MAX_LOG_TAIL_BYTES, MAX_LOG_TAIL_LINES},
    hint::Hint,
    protocol::{LogsTail, LogsTailParams},
};

/// Why the log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// The file, or the directory that would hold it, does not let itself be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A directory, a device or a pipe: it has no end to read.
    #[error("{} is not a file", path.display())]
    NotAFile {
        /// What was to be read.
        path: PathBuf,
    },
}

impl Hint for TailError {
    fn hint(&self) -> String {
        match self {
            Self::Read { path, source } if source.kind() == io::ErrorKind::PermissionDenied => {
                format!("run this as the owner of {}", path.display())
            }
            Self::Read { .. } => {
                "see that `logging.file` names a file on a disk that works; the gateway's standard output has the log too".into()
            }
            Self::NotAFile { .. } => {
                "set `logging.file` to a regular file, or leave it out; the gateway's standard output has the log too"
                    .into()
            }
        }
    }
}

/// Which part of the file to read.
#[derive(Debug, PartialEq, Eq)]
struct Window {
    start: u64,
    truncated: bool,
    reset: bool,
}

/// Where reading starts in a file of `size` bytes (gateway protocol, `logs.tail`).
fn window(size: u64, cursor: Option<u64>, max_bytes: u64) -> Window {
    let last = size.saturating_sub(max_bytes);
    match cursor {
        None => Window { start: last, truncated: last > 0, reset: false },
        Some(cursor) if cursor > size => Window { start: last, truncated: last > 0, reset: true },
        Some(cursor) if size - cursor > max_bytes => Window { start: last, truncated: true, reset: true },
        Some(cursor) => Window { start: cursor, truncated: false, reset: false },
    }
}

/// Reads the last lines of `file`, or those after the caller's cursor.
///
/// A file that does not exist has no lines. When its name is a dated one (`openclaw-YYYY-MM-DD.log`), the newest dated file
/// beside it is read instead: a gateway that has been silent since midnight has not begun today's. Never holds more than
/// the limits allow; blocks, so call it where blocking is allowed.
///
/// # Errors
///
/// When the file is there but cannot be read.
pub fn tail(file: &Path, params: &LogsTailParams) -> Result<LogsTail, TailError> {
    let Some((path, mut open)) = find(file)? else {
        return Ok(LogsTail { file: file.display().to_string(), ..LogsTail::default() });
    };
    let limit = params.limit.unwrap_or(LOG_TAIL_LINES).clamp(1, MAX_LOG_TAIL_LINES);
    let max_bytes = params.max_bytes.unwrap_or(LOG_TAIL_BYTES).clamp(1, MAX_LOG_TAIL_BYTES);
    read(&mut open, params.cursor, limit, max_bytes)
        .map(|tail| LogsTail { file: path.display().to_string(), ..tail })
        .map_err(|source| TailError::Read { path, source })
}

fn find(file: &Path) -> Result<Option<(PathBuf, File)>, TailError> {
    if let Some(open) = open(file)? {
        return Ok(Some((file.to_owned(), open)));
    }
    let is_dated = file.file_name().and_then(|name| name.to_str()).is_some_and(|name| location::dated(name).is_some());
    let Some(directory) = file.parent().filter(|_| is_dated) else { return Ok(None) };
    let newest =
        location::newest(directory).map_err(|source| TailError::Read { path: directory.to_owned(), source })?;
    let Some(newest) = newest else { return Ok(None) };
    Ok(open(&newest)?.map(|open| (newest, open)))
}

fn open(path: &Path) -> Result<Option<File>, TailError> {
    let failed = |source| TailError::Read { path: path.to_owned(), source };
    // Looked at before it is opened: opening a pipe would wait for its other end.
    match path.metadata() {
        Ok(about) if about.is_file() => File::open(path).map(Some).map_err(failed),
        Ok(_) => Err(TailError::NotAFile { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

fn read(file: &mut File, cursor: Option<u64>, limit: usize, max_bytes: u64) -> io::Result<LogsTail> {
    let size = file.metadata()?.len();
    let Window { start, truncated, reset } = window(size, cursor, max_bytes);
    // One byte more in front: it tells whether the start is also the start of a line.
    let before = start.saturating_sub(1);
    file.seek(SeekFrom::Start(before))?;
    let mut bytes = Vec::new();
    file.take(size - before).read_to_end(&mut bytes)?;
    let bytes = if start == 0 { &bytes[..] } else { after_newline(&bytes) };
    let lines = split(bytes);
    let left_out = lines.len().saturating_sub(limit);
    Ok(LogsTail {
        file: String::new(),
        cursor: size,
        size,
        lines: lines[left_out..].iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect(),
        truncated: truncated || left_out > 0,
        reset,
    })
}

/// What follows the first newline: when the byte before the start is one, everything; else what follows the line cut in two.
fn after_newline(bytes: &[u8]) -> &[u8] {
    bytes.iter().position(|&byte| byte == b'\n').map_or(&[], |at| &bytes[at + 1..])
}

fn split(bytes: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<_> = bytes.split(|&byte| byte == b'\n').collect();
    if lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn params(cursor: Option<u64>, limit: Option<usize>, max_bytes: Option<u64>) -> LogsTailParams {
        LogsTailParams { cursor, limit, max_bytes }
    }

    #[test]
    fn every_case_of_the_cursor() {
        // Ten bytes: "aa" at 0, "bb" at 3, "ccc" at 6.
        let text = "aa\nbb\nccc\n";
        #[rustfmt::skip]
        let rows = [
            // cursor   limit    max bytes lines                    truncated reset
            (None,      None,    None,     &["aa", "bb", "ccc"][..], false,   false),
            (None,      None,    Some(10), &["aa", "bb", "ccc"],     false,   false),
            (None,      None,    Some(9),  &["bb", "ccc"],           true,    false), // starts inside "aa"
            (None,      None,    Some(7),  &["bb", "ccc"],           true,    false), // starts with "bb"
            (None,      None,    Some(1),  &[],                      true,    false), // only the last newline
            (None,      Some(1), None,     &["ccc"],                 true,    false),
            (Some(0),   None,    None,     &["aa", "bb", "ccc"],     false,   false),
            (Some(3),   None,    None,     &["bb", "ccc"],           false,   false),
            (Some(4),   None,    None,     &["ccc"],                 false,   false), // inside "bb"
            (Some(10),  None,    None,     &[],                      false,   false), // nothing new
            (Some(11),  None,    None,     &["aa", "bb", "ccc"],     false,   true),  // the file was rotated
            (Some(11),  None,    Some(7),  &["bb", "ccc"],           true,    true),
            (Some(0),   None,    Some(4),  &["ccc"],                 true,    true),  // too far behind
            (Some(3),   Some(1), None,     &["ccc"],                 true,    false),
            (None,      Some(0), Some(0),  &[],                      true,    false), // below the limits: as 1 and 1
        ];
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("gateway.log");
        fs::write(&file, text).unwrap();
        for (cursor, limit, max_bytes, lines, truncated, reset) in rows {
            let row = format!("cursor {cursor:?}, limit {limit:?}, maxBytes {max_bytes:?}");
            let tail = tail(&file, &params(cursor, limit, max_bytes)).unwrap();
            assert_eq!(tail.lines, lines, "{row}");
            assert_eq!((tail.truncated, tail.reset), (truncated, reset), "{row}");
            assert_eq!((tail.cursor, tail.size), (10, 10), "{row}");
            assert_eq!(tail.file, file.display().to_string(), "{row}");
        }
    }

    #[test]
    fn a_trailing_partial_line_is_returned_and_consumed() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("gateway.log");
        fs::write(&file, "whole\npart").unwrap();
        let tail = tail(&file, &params(None, None, None)).unwrap();
        assert_eq!((tail.lines, tail.cursor), (vec!["whole".to_owned(), "part".to_owned()], 10));
    }

    #[test]
    fn a_missing_file_has_no_lines() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["gateway.log", "openclaw-2026-02-19.log", "missing/openclaw-2026-02-19.log"] {
            let file = directory.path().join(name);
            let tail = tail(&file, &params(Some(7), None, None)).unwrap();
            assert_eq!(tail, LogsTail { file: file.display().to_string(), ..LogsTail::default() }, "{name}");
        }
    }

    #[test]
    fn the_newest_dated_file_stands_in_for_a_dated_one() {
        let directory = tempfile::tempdir().unwrap();
        let yesterday = directory.path().join("openclaw-2026-02-18.log");
        fs::write(directory.path().join("openclaw-2026-02-17.log"), "old\n").unwrap();
        fs::write(&yesterday, "new\n").unwrap();
        let found = tail(&directory.path().join("openclaw-2026-02-19.log"), &params(None, None, None)).unwrap();
        assert_eq!((found.file, found.lines), (yesterday.display().to_string(), vec!["new".to_owned()]));
        let other = tail(&directory.path().join("other.log"), &params(None, None, None)).unwrap();
        assert!(other.lines.is_empty(), "only for a dated name: {other:?}");
    }

    #[test]
    fn what_is_no_file_is_refused_with_a_hint() {
        let directory = tempfile::tempdir().unwrap();
        let error = tail(directory.path(), &params(None, None, None)).unwrap_err();
        assert!(matches!(&error, TailError::NotAFile { path } if path == directory.path()), "{error:?}");
        assert!(error.hint().contains("logging.file"));
        fs::write(directory.path().join("plain"), "").unwrap();
        let error = tail(&directory.path().join("plain/gateway.log"), &params(None, None, None)).unwrap_err();
        assert!(matches!(error, TailError::Read { .. }), "{error:?}");
    }

    #[test]
    fn no_more_than_the_greatest_limit_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("gateway.log");
        fs::write(&file, "0123456\n".repeat(200_000)).unwrap();
        let tail = tail(&file, &params(None, Some(usize::MAX), Some(u64::MAX))).unwrap();
        assert_eq!(tail.lines.len(), MAX_LOG_TAIL_LINES);
        assert!(tail.truncated);
    }

    proptest! {
        #[test]
        fn any_bytes_at_any_cursor_are_read(
            bytes in prop::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..200),
            cursor in prop::option::of(0..300_u64),
            limit in prop::option::of(0..50_usize),
            max_bytes in prop::option::of(0..300_u64),
        ) {
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), &bytes).unwrap();
            let tail = tail(file.path(), &params(cursor, limit, max_bytes)).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            let whole: Vec<_> = text.split('\n').collect();
            prop_assert!(tail.lines.iter().all(|line| whole.contains(&line.as_str())), "only whole lines: {tail:?}");
            prop_assert!(tail.lines.len() <= limit.unwrap_or(LOG_TAIL_LINES).max(1));
        }

        #[test]
        fn following_by_the_cursor_misses_and_repeats_nothing(lines in prop::collection::vec("[a-z]{0,9}", 0..40)) {
            let file = tempfile::NamedTempFile::new().unwrap();
            let (mut text, mut seen, mut cursor) = (String::new(), Vec::new(), None);
            for line in &lines {
                text.push_str(line);
                text.push('\n');
                fs::write(file.path(), &text).unwrap();
                let tail = tail(file.path(), &params(cursor, None, None)).unwrap();
                cursor = Some(tail.cursor);
                seen.extend(tail.lines);
            }
            prop_assert_eq!(seen, lines);
        }
    }
}
