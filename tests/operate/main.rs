//! The commands that act on the running gateway and tell how it fares, against real processes.

mod check_pairing;
mod doctor;
mod facts;
mod orders;
mod refusals;
mod service_manager;
#[path = "../support/mod.rs"]
mod support;
mod texts;

use std::path::PathBuf;
use std::time::Duration;

use support::home::Home;
use support::our_gateway::OurGateway;
use support::ran::Ran;

/// For one command to end. It takes milliseconds; a loaded machine running a debug build gets more.
const PATIENCE: Duration = Duration::from_secs(40);

/// Runs `openclaw` with these words in the home.
fn openclaw(home: &Home, words: &[&str]) -> Ran {
    Ran::to_end(home.command(OurGateway::program()).args(words), PATIENCE)
}

/// The gateway's lock file.
fn lock(home: &Home) -> PathBuf {
    home.state().join("run/gateway.lock")
}
