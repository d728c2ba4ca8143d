//! The `openclaw` binary: parse, run the command, print the error chain and its hint, exit.

fn main() {}
