//! Logging set-up: console, JSON lines, and the file that `logs` tails.
