//! The log file: where it lies, its line format, writing, rotating, and reading its tail.
//!
//! A line is one JSON object in the shape that every generation of OpenClaw's CLI renders:
//!
//! ```json
//! {"0":"<message>","_meta":{"name":"{\"subsystem\":\"gateway/ws\"}","date":"<ISO>","logLevelName":"WARN"},"time":"<ISO>"}
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`location`] | which file is written today, and which dated file is the newest |
//! | [`mod@line`] | a line as it is written |
//! | [`record`] | a line as it is read, and how the CLI shows it |
//! | [`mod@file`] | the writer: rolls at midnight, rotates by size, survives a full disk |
//! | [`sanitize`] | what a stranger's text may look like in a log and on a terminal |

pub mod file;
pub mod line;
pub mod location;
pub mod record;
pub mod sanitize;
mod tail;

pub use file::aside;
pub use line::Severity;
pub use location::Location;
pub use record::Record;
pub use tail::{TailError, tail};
