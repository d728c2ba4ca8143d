//! Checks of what runs.

use super::super::{
    facts::{Facts, Mendable, Remote},
    finding::Finding,
};
use crate::{
    cli::version::BUILT_AT,
    defaults::CLOCK_SKEW_NOTICE,
    hint::shell,
    net::{Listener, LockState},
    owner::as_owner,
};

pub(super) fn clock(facts: &Facts, found: &mut Vec<Finding>) {
    if let Some(built) = BUILT_AT.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        && facts.now < built
    {
        found.push(
            Finding::error("clock.behind", "this machine's clock is behind the time when this program was built")
                .because(format!("it is {:.0}, and the program is of {built:.0}", facts.now))
                .fix("timedatectl set-ntp true, or set the clock of the host"),
        );
    }
    let newest = facts.entries.iter().filter_map(|entry| Some((entry.written?, &entry.path))).max();
    if let Some((written, path)) = newest
        && written.duration_since(facts.now).unsigned_abs() > CLOCK_SKEW_NOTICE
        && written > facts.now
    {
        found.push(
            Finding::warning(
                "clock.ahead",
                "a file of the state directory is from the future: a clock is, or was, wrong",
            )
            .because(format!("{} was written at {written:.0}, and it is {:.0}", path.display(), facts.now))
            .fix("timedatectl status, here and where the gateway runs; signatures are valid for two minutes only"),
        );
    }
}

pub(super) fn port(facts: &Facts, found: &mut Vec<Finding>) {
    let Some(owner) = &facts.owner else { return };
    let ours = matches!(facts.lock, LockState::Held { same_kernel: true, .. });
    if facts.remote.is_some() && !ours {
        // No gateway wants the port of a client machine.
        return;
    }
    let port = facts.port;
    match owner.kind {
        Listener::OurGateway if ours => {}
        _ if ours && owner.process.is_none() => {}
        Listener::OpenClawGateway => found.push(
            Finding::error("port.openclaw", format!("an OpenClaw Node.js gateway listens on port {port}"))
                .because(owner.to_string())
                .fix("openclaw config set gateway.port 18790, or stop the other one: systemctl --user stop openclaw-gateway"),
        ),
        // Whoever holds the directory from elsewhere may be just the one that listens.
        Listener::OurGateway if facts.lock != LockState::Free => {}
        Listener::OurGateway => found.push(
            Finding::warning("port.other", format!("a gateway with another state directory listens on port {port}"))
                .because(owner.to_string())
                .fix("set OPENCLAW_STATE_DIR to its directory, or: openclaw config set gateway.port 18790"),
        ),
        Listener::Other if ours => {}
        Listener::Other => found.push(
            Finding::error("port.taken", format!("port {port} is taken"))
                .because(owner.to_string())
                .fix(format!("stop that process, or: openclaw config set gateway.port {}", port.saturating_add(1))),
        ),
    }
}

pub(super) fn gateway(facts: &Facts, found: &mut Vec<Finding>) {
    let here = |words: &str| facts.place.command(words);
    if let Some(remote) = &facts.remote {
        elsewhere(remote, found);
    }
    match (&facts.lock, &facts.answer) {
        (LockState::Free, _) if facts.remote.is_some() => {}
        (LockState::Free, _) => found.push(match &facts.cut {
            Some(Mendable { problem, fix }) => Finding::warning("gateway.cut", "no gateway runs here")
                .because(problem)
                .fix(format!("openclaw logs shows its last lines; {fix}")),
            None => Finding::info("gateway.stopped", "no gateway runs here").fix("openclaw gateway run"),
        }),
        (LockState::Held { same_kernel: true, .. }, Some(Err(why))) => found.push(
            Finding::error("gateway.silent", "a gateway runs and does not answer over its socket")
                .because(why.clone())
                .fix(format!("{}; then: openclaw gateway status --deep", here("gateway restart"))),
        ),
        (LockState::Held { same_kernel: true, .. }, Some(Ok(version))) if version != env!("CARGO_PKG_VERSION") => found
            .push(
                Finding::warning("gateway.version", "the running gateway is of another version than this command")
                    .because(format!(
                        "it is {}, this is {}",
                        crate::cli::one_line(version, 40),
                        env!("CARGO_PKG_VERSION")
                    ))
                    .fix("openclaw gateway restart"),
            ),
        (LockState::Held { same_kernel: false, .. } | LockState::ForeignKernel, _) => found.push(
            Finding::warning(
                "gateway.elsewhere",
                "the state directory is, or was, used by a gateway on another machine",
            )
            .fix("run this where it runs; two gateways must not share a directory"),
        ),
        (LockState::Closed { owner }, _) => found.push(
            Finding::warning(
                "gateway.closed",
                "whether a gateway runs cannot be told: its lock is closed to this user",
            )
            .fix(as_owner(&facts.state.path, *owner)),
        ),
        (LockState::Unknown, _) => {
            found.push(
                Finding::warning("gateway.unknown", "whether a gateway runs cannot be told: the lock cannot be read")
                    .fix("run this as the owner of the state directory"),
            );
        }
        (LockState::Held { .. }, _) => {}
    }
}

/// The gateway that a client machine is set up for.
fn elsewhere(remote: &Remote, found: &mut Vec<Finding>) {
    match remote {
        Remote::Answers => {}
        Remote::Unnamed => found.push(
            Finding::warning(
                "remote.unnamed",
                "gateway.mode is remote, and no gateway is named: commands look for one here",
            )
            .fix("openclaw config set gateway.remote.url wss://HOST:PORT"),
        ),
        Remote::Fails { why, evidence, fix } => {
            let finding =
                Finding::error("remote.fails", format!("the remote gateway does not take this machine: {why}"));
            found.push(evidence.iter().fold(finding, Finding::because).fix(fix));
        }
    }
}

pub(super) fn others(facts: &Facts, found: &mut Vec<Finding>) {
    if let Some(database) = &facts.database {
        found.push(
            Finding::warning("state.openclaw", "an OpenClaw 2026.9 gateway has used this directory; its devices are in a database that is not read here")
                .because(shell(&database.display().to_string()))
                .fix("pair those devices anew, or give this gateway a directory of its own in OPENCLAW_STATE_DIR"),
        );
    }
}
