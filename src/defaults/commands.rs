//! Times and limits of commands: what asks a gateway, and what a person waits for.

use std::time::Duration;

/// Backups of a configuration file that are kept, each of an edit by the command line: as many as OpenClaw keeps.
pub const CONFIG_BACKUPS: usize = 5;

/// What a command waits for its answer when no `--timeout` is given, connecting included. OpenClaw's own default.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// What `logs` waits for one answer when no `--timeout` is given. OpenClaw's own default.
pub const LOGS_TIMEOUT: Duration = Duration::from_secs(30);

/// For one address to take a TCP connection. A filtered port answers nothing; the next address must still get its turn.
pub const DIAL_TIMEOUT: Duration = Duration::from_secs(4);

/// After what time without an answer the next address of a host is tried beside the first (RFC 8305, section 8).
pub const DIAL_STAGGER: Duration = Duration::from_millis(250);

/// For finding out which scheme a port speaks after a handshake in the other one failed.
pub const SCHEME_PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Largest HTTP answer to an upgrade that a client reads, head and the beginning of the body, in bytes.
pub const MAX_UPGRADE_ANSWER_BYTES: usize = 16 * 1024;

/// Most events that a client keeps for a caller that does not ask for them; the oldest go first.
pub const MAX_CLIENT_EVENTS: usize = 4096;

/// Within what time a gateway that holds its directory must answer before the files may be repaired under it.
pub const LOCAL_ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// First pause of `logs --follow` after a lost connection; doubles with each failure.
pub const RECONNECT_MIN: Duration = Duration::from_secs(1);

/// Longest pause of `logs --follow` between two tries.
pub const RECONNECT_MAX: Duration = Duration::from_secs(30);

/// How old the last lines of a gateway's log may be to tell why it cannot be reached.
pub const LAST_WORDS_AGE: Duration = Duration::from_mins(1);

/// Shortest pause before a gateway that is starting is asked again.
pub const STARTING_PAUSE: Duration = Duration::from_millis(100);

/// Between two looks for a gateway that is being recreated. It starts in milliseconds; its container takes tenths of a second.
pub const GATEWAY_WAIT_POLL: Duration = Duration::from_millis(100);

/// Most entries of a list that a suggested command repeats. A longer command is no longer one that somebody checks before
/// typing it.
pub const MAX_ADVISED_ENTRIES: usize = 8;

/// Between two looks whether an order to a gateway has had its result.
pub const RESULT_POLL: Duration = Duration::from_millis(20);

/// How long the log is watched for what came of a signal to reload.
pub const RELOAD_PATIENCE: Duration = Duration::from_secs(5);

/// How long a command on a terminal waits before a spinner shows that it does. A person takes less for no time at all.
pub const SPINNER_AFTER: Duration = Duration::from_millis(500);

/// Between two pictures of the spinner.
pub const SPINNER_TICK: Duration = Duration::from_millis(120);

/// How long a command waits before one plain line says so where there is no terminal: logs of jobs are read later, and only
/// a real wait is worth a line there.
pub const PLAIN_WAITING_AFTER: Duration = Duration::from_secs(3);

/// Most files that `doctor` looks at: a state directory has a few dozen.
pub const MAX_DOCTOR_ENTRIES: usize = 2000;

/// Free bytes below which a state directory's disk counts as full: a record, a log line and their temporary files need room.
pub const DISK_FREE_NEEDED: u64 = 16 * 1024 * 1024;

/// Free bytes below which `doctor` warns: a full log file fits, and little else.
pub const DISK_FREE_LOW: u64 = 256 * 1024 * 1024;

/// How far in the future a file may be dated before a clock must be wrong. Network file systems differ by seconds.
pub const CLOCK_SKEW_NOTICE: Duration = Duration::from_mins(2);

/// Characters below which a token can be guessed by trying.
pub const SHORT_SECRET_CHARS: usize = 16;
