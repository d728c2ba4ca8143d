//! The images in a real Docker engine, by the commands that people type.
//!
//! `scripts/test containers` starts an engine in namespaces of its own, builds the images, and runs this in the engine's network.
//! Without it the tests say that they cannot run, and pass.
#![allow(clippy::print_stderr, reason = "what a test has to say beside its result goes there")]

#[path = "../gateway/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the suite of the whole gateway uses more of its driver")]
mod driver;
#[path = "../support/mod.rs"]
mod support;

mod compose;
#[allow(clippy::unused_self, reason = "only who has an engine may name what is in it")]
mod engine;
mod images;
mod load;
mod process;
mod proxies;
mod readme;
mod users;
