//! What is wrong, each with its cause and the one thing to type. Pure.

use serde_json::{Value, json};

use super::{lock::Lock, report::Report};
use crate::{
    hint::Hint as _,
    net::{LastGateway, PortOwner},
    owner::as_owner,
};

/// Something that is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// What it is.
    pub(super) cause: String,
    /// What makes us think so, line by line.
    pub(super) evidence: Vec<String>,
    /// What to type.
    pub(super) next: String,
}

impl Trouble {
    fn new(cause: impl Into<String>, next: impl Into<String>) -> Self {
        Self { cause: cause.into(), evidence: Vec::new(), next: next.into() }
    }

    /// As programs read it.
    pub(super) fn document(&self) -> Value {
        json!({ "cause": self.cause, "evidence": self.evidence, "next": self.next })
    }
}

/// Everything that is wrong, the most pressing first.
pub(super) fn troubles(report: &Report) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    if !report.problems.is_empty() {
        let next = report.config_hint.clone().unwrap_or_else(|| "openclaw config validate".into());
        troubles.push(Trouble::new(
            "the configuration cannot be used: a restart would be refused, and a start would fail",
            next,
        ));
    }
    if !report.elsewhere {
        troubles.extend(process(report));
    }
    troubles.extend(connection(report));
    troubles
}

/// About the process and its port.
fn process(report: &Report) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    let reached = report.probe.tried().iter().any(|rpc| rpc.is_local() && rpc.result.is_ok());
    match &report.lock {
        Lock::Free(last) if !reached => match &report.listener {
            None => troubles.push(nothing_runs(report, last)),
            Some(owner) => troubles.push(taken_port(report, owner)),
        },
        Lock::Closed { owner } if !reached => {
            let state = report.state.display();
            let cause =
                format!("permission denied: {state} is closed to this user, so whether a gateway runs cannot be told");
            troubles.push(Trouble::new(cause, as_owner(&report.state, *owner)));
        }
        Lock::Held { here: false, .. } if !reached => troubles.push(Trouble::new(
            "the gateway runs on another machine, which shares the state directory with this one",
            "openclaw gateway status --url URL --token TOKEN",
        )),
        Lock::Held { here: true, .. } => {
            let other_port = report.configured_port != 0 && report.configured_port != report.port;
            if other_port {
                let cause = format!(
                    "the gateway listens on port {}, and the configuration says {} now",
                    report.port, report.configured_port
                );
                troubles.push(Trouble::new(cause, "openclaw gateway restart"));
            }
            if let Some(version) = report.lock.holder().map(|holder| holder.version.as_str())
                && version != env!("CARGO_PKG_VERSION")
            {
                let cause =
                    format!("the gateway is version {version}, and this program is {}", env!("CARGO_PKG_VERSION"));
                troubles.push(Trouble::new(cause, "openclaw gateway restart"));
            }
        }
        _ => {}
    }
    troubles
}

/// Nobody has the state directory, and nobody the port.
fn nothing_runs(report: &Report, last: &LastGateway) -> Trouble {
    let state = report.state.display();
    let (cause, next) = match last {
        LastGateway::Restarting { .. } => {
            return Trouble::new(
                format!("the gateway on {state} restarts, and is not back yet"),
                "openclaw gateway status",
            );
        }
        LastGateway::Cut(_) => {
            (format!("no gateway runs on {state}: the last one was killed or crashed"), &report.start)
        }
        _ => (format!("no gateway runs on {state}"), &report.start),
    };
    Trouble { evidence: report.last_words.clone(), ..Trouble::new(cause, next) }
}

/// Somebody has the port, and no gateway the state directory.
fn taken_port(report: &Report, owner: &PortOwner) -> Trouble {
    let port = report.port;
    let state = report.state.display();
    if owner.forward().is_some() {
        let cause = format!("the gateway of this port is {owner}, and no gateway runs on {state}");
        Trouble::new(cause, format!("docker exec \"$(docker ps -q --filter publish={port})\" openclaw gateway status"))
    } else if owner.is_openclaw() {
        let cause = format!("port {port} is taken by {owner}, which has another state directory than {state}");
        Trouble::new(cause, "OPENCLAW_STATE_DIR=ITS_DIRECTORY openclaw gateway status")
    } else {
        let cause = format!("port {port} is taken by {owner}, so that no gateway could start there");
        Trouble::new(cause, "openclaw gateway run --port PORT")
    }
}

/// About the ways to it.
fn connection(report: &Report) -> Vec<Trouble> {
    let Some(told) = report.probe.rpc() else { return Vec::new() };
    let mut troubles = Vec::new();
    let nobody = matches!(report.lock, Lock::Free(_) | Lock::Closed { .. }) && told.is_local() && told.is_absent();
    for rpc in std::iter::once(told).chain(report.probe.others()) {
        let Err(error) = &rpc.result else { continue };
        let lives = matches!(report.lock, Lock::Held { here: true, .. });
        if rpc.is_socket() && rpc.is_absent() {
            // A gateway that lives and cannot be asked; where none lives, that is said above. Of the places where a socket may
            // be, one is enough.
            let has_other = report.probe.tried().iter().any(|other| other.is_socket() && !other.is_absent());
            if lives && !has_other {
                troubles.push(Trouble::new(error.lines().swap_remove(0), "openclaw gateway restart"));
            }
            continue;
        }
        if nobody || (rpc.is_absent() && matches!(report.lock, Lock::Held { here: false, .. })) {
            continue;
        }
        // Commands go over the socket here. Who comes by the network and brings nothing is refused rightly, and in a container
        // beside the gateway's there is nobody on loopback.
        let is_no_matter = rpc.brought_nothing() || rpc.is_local() && rpc.is_absent();
        if told.is_socket() && told.result.is_ok() && is_no_matter {
            continue;
        }
        troubles.push(Trouble::new(format!("{}: {}", rpc.source, error.lines().swap_remove(0)), next(&error.hint())));
    }
    troubles
}

/// What to type, of advice in several lines: the first says what, the last where. Never the command that was typed just now.
fn next(hint: &str) -> String {
    const TYPED: &str = "where the gateway runs: openclaw gateway status";
    let last = hint.lines().rfind(|line| *line != TYPED);
    last.map_or_else(|| "where the gateway runs: openclaw logs".to_owned(), ToOwned::to_owned)
}
