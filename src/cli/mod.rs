//! The command line: one file a command.
//!
//! A command is a struct that clap reads and whose `run` does the work: it finds its gateway by [`reach()`], and writes
//! through [`Output`]. What fails is a [`CliError`], which knows how to tell the user. Nothing here ends the process.

mod args;
mod awaited;
mod completion;
mod config;
mod context;
mod dashboard;
mod devices;
mod doctor;
mod error;
mod gateway;
mod idle;
mod keys;
mod last_words;
mod logs;
mod occupied;
mod output;
mod reach;
mod session;
mod status;
mod table;
pub mod target;
#[cfg(test)]
mod tests;
mod text;
pub(crate) mod version;
mod waiting;

pub use args::Cli;
pub use context::Context;
pub use error::{CallError, CliError, ConnectError, Exit, Target};
pub use gateway::Run;
pub use output::{Format, Output, Tone};
pub use reach::{Reached, Wish, reach};
pub use session::Session;
pub(crate) use text::one_line;
