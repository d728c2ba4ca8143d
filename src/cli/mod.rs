//! The command line: one file a command.

pub mod output;
mod table;
pub mod target;
mod text;

pub use output::{Format, Output, Tone};
