//! What the file store asks of a file system, and the real one.
//!
//! A trait, so that tests can record the order of writes, syncs and renames, cut it anywhere, and see what is left.

use std::{
    any::Any,
    fmt,
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown},
    path::Path,
    time::{Duration, Instant},
};

use crate::defaults::{MAX_STORE_FILE_BYTES, STORE_LOCK_RETRY};

/// What tells one content of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) size: u64,
    pub(super) modified_ns: i128,
    pub(super) changed_ns: i128,
}

/// Held for as long as it lives.
pub(super) type LockGuard = Box<dyn Any + Send>;

/// Why there is no lock.
#[derive(Debug)]
pub(super) enum LockError {
    /// Somebody else kept it for the whole time.
    TimedOut,
    /// This file system has none.
    Unsupported,
    /// The lock's file cannot be opened.
    Io(io::Error),
}

/// A new file that is being written.
pub(super) trait NewFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes the content durable, not the name.
    fn sync(&mut self) -> io::Result<()>;
}

pub(super) trait Disk: fmt::Debug + Send + Sync + 'static {
    /// The content; `None` where there is no such file.
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>>;
    /// `None` where there is no such file.
    fn stamp(&self, path: &Path) -> io::Result<Option<Stamp>>;
    /// The names in a directory; none where there is no such directory.
    fn names(&self, directory: &Path) -> io::Result<Vec<String>>;
    /// Makes the directory and those above it durable, where they are missing.
    fn ensure_directory(&self, directory: &Path) -> io::Result<()>;
    /// A file that was not there before, readable by its owner only.
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in the directory durable.
    fn sync_directory(&self, directory: &Path) -> io::Result<()>;
    /// Waits for the kernel's lock on the file at `path`.
    fn lock(&self, path: &Path, deadline: Duration) -> Result<LockGuard, LockError>;
    /// The owner of what is at `path`, or of the directory that it would be in.
    fn owner(&self, path: &Path) -> Option<u32>;
    /// Who we are.
    fn uid(&self) -> u32;
    /// The time in UTC as part of a file name.
    fn time_for_name(&self) -> String;
}

/// The file system of the machine.
#[derive(Debug)]
pub(super) struct RealDisk;

impl Disk for RealDisk {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        // Opening a pipe would wait for its other end.
        let file = match OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let mut bytes = Vec::new();
        file.take(MAX_STORE_FILE_BYTES + 1).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_STORE_FILE_BYTES) {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("larger than {MAX_STORE_FILE_BYTES} bytes"),
            ));
        }
        Ok(Some(bytes))
    }

    fn stamp(&self, path: &Path) -> io::Result<Option<Stamp>> {
        let nanoseconds = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        match fs::metadata(path) {
            Ok(of) => Ok(Some(Stamp {
                device: of.dev(),
                inode: of.ino(),
                size: of.size(),
                modified_ns: nanoseconds(of.mtime(), of.mtime_nsec()),
                changed_ns: nanoseconds(of.ctime(), of.ctime_nsec()),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<String>> {
        match fs::read_dir(directory) {
            Ok(entries) => entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn ensure_directory(&self, directory: &Path) -> io::Result<()> {
        // Only a state directory that is there can be meant for a group; what lies above it says nothing of its files.
        let shared = directory.parent().is_some_and(is_group_writable);
        self.make_directories(directory, if shared { 0o770 } else { 0o700 })
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        Ok(Box::new(create_private(path, OpenOptions::new().write(true).create_new(true))?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        match File::open(directory)?.sync_all() {
            // Some file systems keep names durable by themselves and refuse the call.
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
            done => done,
        }
    }

    fn lock(&self, path: &Path, deadline: Duration) -> Result<LockGuard, LockError> {
        let file = create_private(path, OpenOptions::new().read(true).write(true).create(true).truncate(false))
            .map_err(LockError::Io)?;
        let end = Instant::now() + deadline;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Box::new(file)),
                Err(TryLockError::WouldBlock) if Instant::now() >= end => return Err(LockError::TimedOut),
                Err(TryLockError::WouldBlock) => std::thread::sleep(STORE_LOCK_RETRY),
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(TryLockError::Error(error)) => return Err(without_lock(error)),
            }
        }
    }

    fn owner(&self, path: &Path) -> Option<u32> {
        let there = fs::metadata(path).or_else(|_| fs::metadata(path.parent().unwrap_or(path)));
        there.ok().map(|metadata| metadata.uid())
    }

    fn uid(&self) -> u32 {
        nix::unistd::geteuid().as_raw()
    }

    fn time_for_name(&self) -> String {
        jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string()
    }
}

impl NewFile for File {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        io::Write::write_all(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        self.sync_all()
    }
}

impl RealDisk {
    /// Makes the directory with that mode, and those above it for their owner only, where they are missing.
    fn make_directories(&self, directory: &Path, rights: u32) -> io::Result<()> {
        if fs::metadata(directory).is_ok_and(|metadata| metadata.is_dir()) {
            return Ok(());
        }
        let above = directory.parent().unwrap_or(Path::new("/"));
        self.make_directories(above, 0o700)?;
        match DirBuilder::new().mode(rights).create(directory) {
            // Somebody else was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            made => made?,
        }
        let made = File::open(directory)?;
        // The process's umask has cut them.
        made.set_permissions(Permissions::from_mode(rights))?;
        belong_to_owner_of(above, &made);
        self.sync_directory(above)
    }
}

/// Network file systems without a lock service, and some in user space, answer like this.
fn without_lock(error: io::Error) -> LockError {
    use nix::libc::{EINVAL, ENOLCK, ENOSYS, EOPNOTSUPP};
    match error.raw_os_error() {
        Some(ENOLCK | ENOSYS | EOPNOTSUPP | EINVAL) => LockError::Unsupported,
        _ => LockError::Io(error),
    }
}

/// Opens a file for its owner only, or for the group too where the group may write the directory: containers that run
/// under arbitrary user ids share files by group 0.
fn create_private(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let mode = if is_group_writable(directory) { 0o660 } else { 0o600 };
    let existed = fs::symlink_metadata(path).is_ok();
    let file = options.mode(mode).open(path)?;
    if !existed {
        // The process's umask has cut the mode.
        file.set_permissions(Permissions::from_mode(mode))?;
        belong_to_owner_of(directory, &file);
    }
    Ok(file)
}

fn is_group_writable(directory: &Path) -> bool {
    fs::metadata(directory).is_ok_and(|metadata| metadata.mode() & 0o020 != 0)
}

/// What root writes (`docker exec -u 0`) must stay readable for the gateway, which runs as the directory's owner. For
/// anyone else the file is theirs already, so a failure means nothing.
fn belong_to_owner_of(directory: &Path, file: &File) {
    if nix::unistd::geteuid().is_root()
        && let Ok(metadata) = fs::metadata(directory)
    {
        let _ = fchown(file, Some(metadata.uid()), Some(metadata.gid()));
    }
}
