//! The log file's writer.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use jiff::{Zoned, civil::Date};

use super::location::{self, Location};
use crate::defaults::{LOG_RETENTION_DAYS, MAX_LOG_FILES_ASIDE};

/// Appends lines to the log file. Rolls at midnight, sets a full file aside, and begins again when someone else moved or
/// removed the file.
///
/// Blocks on the disk: it belongs on a thread of its own.
#[derive(Debug)]
pub struct LogFile {
    location: Location,
    max_bytes: u64,
    open: Option<Open>,
    /// The day on which old files were last looked for.
    pruned: Option<Date>,
    /// A line was cut by an error: the next one must not continue it.
    torn: bool,
}

#[derive(Debug)]
struct Open {
    file: File,
    path: PathBuf,
    size: u64,
}

impl LogFile {
    /// A writer to `location`, whose files are set aside at `max_bytes`. Nothing is opened until something is written.
    pub fn new(location: Location, max_bytes: u64) -> Self {
        Self { location, max_bytes: max_bytes.max(1), open: None, pruned: None, torn: false }
    }

    /// The file that is written today.
    pub fn path(&self) -> PathBuf {
        self.location.current()
    }

    /// Appends `lines`, each of which ends with a newline.
    ///
    /// # Errors
    ///
    /// When the directory or the file cannot be made or written; the answer holds how many bytes of `lines` are in the
    /// file nevertheless. The next call starts afresh.
    pub fn append(&mut self, lines: &[u8]) -> Result<(), (usize, io::Error)> {
        self.append_on(Zoned::now().date(), lines)
    }

    fn append_on(&mut self, today: Date, lines: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut written = 0;
        while written < lines.len() {
            written += self.append_some(today, &lines[written..]).map_err(|(n, error)| {
                self.open = None;
                (written + n, error)
            })?;
        }
        Ok(())
    }

    /// Appends as many whole lines as fit the file, at least one.
    fn append_some(&mut self, today: Date, lines: &[u8]) -> Result<usize, (usize, io::Error)> {
        let nothing = |error| (0, error);
        self.prepare(today).map_err(nothing)?;
        let mut size = self.open.as_ref().map_or(0, |open| open.size);
        let mut fitting = fitting(lines, self.max_bytes.saturating_sub(size));
        if fitting == 0 && size > 0 {
            self.set_aside().map_err(nothing)?;
            self.prepare(today).map_err(nothing)?;
            size = self.open.as_ref().map_or(0, |open| open.size);
            fitting = self::fitting(lines, self.max_bytes.saturating_sub(size));
        }
        if fitting == 0 {
            fitting = first_line(lines);
        }
        let Some(open) = &mut self.open else { return Ok(0) };
        if self.torn {
            open.file.write_all(b"\n").map_err(nothing)?;
            self.torn = false;
        }
        let mut written = 0;
        while written < fitting {
            match open.file.write(&lines[written..fitting]) {
                Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
                Ok(n) => written += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.torn = written > 0 && lines[written - 1] != b'\n';
                    return Err((written, error));
                }
            }
        }
        Ok(written)
    }

    /// Sees to it that today's file is open, is still the one at its path, and has its size known.
    fn prepare(&mut self, today: Date) -> io::Result<()> {
        let path = self.location.on(today);
        if let Some(open) = &mut self.open
            && open.path == path
            && let (Ok(there), Ok(ours)) = (fs::metadata(&path), open.file.metadata())
            && (there.dev(), there.ino()) == (ours.dev(), ours.ino())
        {
            // Others may write to the same file: the size is asked for, not counted.
            open.size = if ours.is_file() { ours.len() } else { 0 };
            return Ok(());
        }
        self.open = None;
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        if self.pruned != Some(today)
            && let Location::Daily(directory) = &self.location
        {
            location::prune(directory, today, LOG_RETENTION_DAYS);
            self.pruned = Some(today);
        }
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
        let about = file.metadata()?;
        let size = if about.is_file() { about.len() } else { 0 };
        self.open = Some(Open { file, path, size });
        Ok(())
    }

    /// Renames the file to `.1`, the one before it to `.2`, and so on; the last one is overwritten.
    fn set_aside(&mut self) -> io::Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        for number in (1..MAX_LOG_FILES_ASIDE).rev() {
            match fs::rename(aside(&open.path, number), aside(&open.path, number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&open.path, aside(&open.path, 1))
    }
}

/// The name of a file that was set aside: `gateway.log` becomes `gateway.1.log`, as real gateways name it.
pub fn aside(path: &Path, number: u32) -> PathBuf {
    match path.extension() {
        Some(extension) => {
            let mut numbered = std::ffi::OsString::from(number.to_string());
            numbered.push(".");
            numbered.push(extension);
            path.with_extension(numbered)
        }
        None => path.with_extension(number.to_string()),
    }
}

/// How many bytes of whole lines fit into `room`.
fn fitting(lines: &[u8], room: u64) -> usize {
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    if lines.len() <= room {
        return lines.len();
    }
    lines[..room].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1)
}

fn first_line(lines: &[u8]) -> usize {
    lines.iter().position(|&byte| byte == b'\n').map_or(lines.len(), |at| at + 1)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use jiff::civil::date;

    use super::*;

    const TODAY: Date = date(2026, 2, 19);

    fn read(directory: &Path, name: &str) -> String {
        fs::read_to_string(directory.join(name)).unwrap_or_else(|error| format!("{name}: {error}"))
    }

    #[test]
    fn file_and_directory_are_the_owners_alone() {
        let state = tempfile::tempdir().unwrap();
        let directory = state.path().join("logs");
        LogFile::new(Location::Daily(directory.clone()), 100).append_on(TODAY, b"a\n").unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&directory), 0o700);
        assert_eq!(mode(&directory.join("openclaw-2026-02-19.log")), 0o600);
    }

    #[test]
    fn a_new_day_has_a_new_file_and_old_ones_go() {
        let state = tempfile::tempdir().unwrap();
        fs::write(state.path().join("openclaw-2026-02-12.log"), "old").unwrap();
        let mut log = LogFile::new(Location::Daily(state.path().into()), 100);
        log.append_on(TODAY, b"a\n").unwrap();
        assert_eq!(read(state.path(), "openclaw-2026-02-12.log"), "old", "seven days are kept");
        log.append_on(date(2026, 2, 20), b"b\n").unwrap();
        assert_eq!(read(state.path(), "openclaw-2026-02-19.log"), "a\n");
        assert_eq!(read(state.path(), "openclaw-2026-02-20.log"), "b\n");
        assert!(!state.path().join("openclaw-2026-02-12.log").exists());
    }

    #[test]
    fn a_full_file_is_set_aside_and_five_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = LogFile::new(Location::Fixed(directory.path().join("gateway.log")), 4);
        log.append_on(TODAY, b"a\nb\nc\n").unwrap();
        assert_eq!(read(directory.path(), "gateway.1.log"), "a\nb\n", "lines are never cut");
        assert_eq!(read(directory.path(), "gateway.log"), "c\n");
        for line in ["longer than a file\n", "2\n", "3\n4\n5\n6\n7\n8\n9\n"] {
            log.append_on(TODAY, line.as_bytes()).unwrap();
        }
        let names =
            ["gateway.5.log", "gateway.4.log", "gateway.3.log", "gateway.2.log", "gateway.1.log", "gateway.log"];
        let contents = names.map(|name| read(directory.path(), name));
        assert_eq!(contents, ["c\n", "longer than a file\n", "2\n3\n", "4\n5\n", "6\n7\n", "8\n9\n"]);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 6);
    }

    #[test]
    fn a_file_that_was_moved_or_removed_is_begun_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gateway");
        let mut log = LogFile::new(Location::Fixed(path.clone()), 100);
        log.append_on(TODAY, b"a\n").unwrap();
        fs::rename(&path, directory.path().join("moved")).unwrap();
        log.append_on(TODAY, b"b\n").unwrap();
        fs::remove_file(&path).unwrap();
        log.append_on(TODAY, b"c\n").unwrap();
        assert_eq!((read(directory.path(), "moved"), read(directory.path(), "gateway")), ("a\n".into(), "c\n".into()));
    }

    #[test]
    fn an_error_is_told_and_the_next_line_is_tried_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("logs/gateway.log");
        fs::write(directory.path().join("logs"), "in the way").unwrap();
        let mut log = LogFile::new(Location::Fixed(path), 100);
        let (written, error) = log.append_on(TODAY, b"a\n").unwrap_err();
        assert_eq!(written, 0, "{error}");
        fs::remove_file(directory.path().join("logs")).unwrap();
        log.append_on(TODAY, b"b\n").unwrap();
        assert_eq!(read(directory.path(), "logs/gateway.log"), "b\n");
    }

    #[test]
    fn a_full_disk_is_an_error_and_no_panic() {
        let mut log = LogFile::new(Location::Fixed("/dev/full".into()), 100);
        for _ in 0..2 {
            let (written, error) = log.append_on(TODAY, b"a\n").unwrap_err();
            assert_eq!((written, error.kind()), (0, io::ErrorKind::StorageFull));
        }
    }

    #[test]
    fn names_of_files_set_aside() {
        #[rustfmt::skip]
        let rows = [
            ("/l/openclaw-2026-02-19.log", "/l/openclaw-2026-02-19.1.log"),
            ("/l/gateway",                 "/l/gateway.1"),
        ];
        for (path, expected) in rows {
            assert_eq!(aside(Path::new(path), 1), Path::new(expected), "{path}");
        }
    }
}
