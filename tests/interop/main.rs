//! The real OpenClaw CLIs against our gateway, and our CLI against the real OpenClaw gateways.
//!
//! `scripts/test interop` installs the real programs and runs this where there is no network but loopback. Without them every
//! test says that it cannot run, and passes; with `OPENCLAW_INTEROP=required` or `CI=true` it fails.

#![allow(unreachable_pub, reason = "a test binary has no outside")]
#![allow(clippy::print_stderr, reason = "what a test has to say beside its result goes there")]

mod cli;
mod installed;
mod listing;
mod proxy;
mod real_gateway;
#[path = "../support/mod.rs"]
mod support;

mod our_cli;
mod pairing_requests;
mod real_cli;
mod takeover;
