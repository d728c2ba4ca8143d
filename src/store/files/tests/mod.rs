//! The file store, on a real disk and on one that fails on purpose.

mod crash;
mod damage;
mod memory_disk;
mod real;
mod takeover;
