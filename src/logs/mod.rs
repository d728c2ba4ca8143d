//! The log file: its line format, rotation, and reading its tail.
