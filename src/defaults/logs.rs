//! Limits of what is logged, and of what is read of it.

use std::{num::NonZeroU64, time::Duration};

/// Longest message or field of one log line, in bytes. Longer ones are cut with a note, so that no input fills the disk.
pub const MAX_LOG_TEXT_BYTES: usize = 16 * 1024;

/// Most bytes of log lines that wait for the disk or for the reader of stdout. Above it lines are dropped and counted:
/// a stalled log must not stall the gateway.
pub const MAX_LOG_QUEUE_BYTES: usize = 4 * 1024 * 1024;

/// What waiting log lines have left to be written when the process ends.
pub const LOG_FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a panicking thread waits for its line to be written, since the process may end with it.
pub const LOG_PANIC_FLUSH_TIMEOUT: Duration = Duration::from_millis(250);

/// Size at which a log file is set aside, in bytes. The number of real gateways.
pub const MAX_LOG_FILE_BYTES: NonZeroU64 = NonZeroU64::new(100 * 1024 * 1024).expect("not zero");

/// Most files that were set aside under one name.
pub const MAX_LOG_FILES_ASIDE: u32 = 5;

/// How many days a dated log file is kept. A weekend and what led to it.
pub const LOG_RETENTION_DAYS: i64 = 7;

/// Lines of `logs.tail` when the caller names no limit. The protocol's own number.
pub const LOG_TAIL_LINES: usize = 500;

/// Most lines of one `logs.tail`. The protocol's own number.
pub const MAX_LOG_TAIL_LINES: usize = 5000;

/// Bytes of `logs.tail` when the caller names no limit. The protocol's own number.
pub const LOG_TAIL_BYTES: u64 = 250_000;

/// Most bytes of one `logs.tail`. The protocol's own number.
pub const MAX_LOG_TAIL_BYTES: u64 = 1_000_000;

/// The window in which lines about refused connections are counted.
pub const LOG_WINDOW: Duration = Duration::from_mins(1);

/// Most lines of one sort about one client in a window: a person who tries a dozen things sees every one of them.
pub const MAX_LINES_PER_CLIENT: u32 = 60;

/// Most lines of one sort about all clients in a window. At half a kilobyte each, a flood writes less than half a gigabyte a
/// day, which the rotation of the log file bounds further.
pub const MAX_LINES_PER_WINDOW: u32 = 600;

/// Most clients whose lines are counted apart in a window.
pub const MAX_LOGGED_CLIENTS: usize = 1024;
