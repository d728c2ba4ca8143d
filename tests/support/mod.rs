//! Programs under test: each in a process group and directories of its own, watched while it runs, and gone when its value is.
#![allow(dead_code, unreachable_pub, reason = "shared by several test binaries, each of which uses a part")]
#![allow(clippy::print_stderr, reason = "what a test has to say beside its result goes there")]

pub mod eventually;
pub mod home;
pub mod our_gateway;
pub mod ran;
pub mod running;
