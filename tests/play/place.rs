//! What the rows need of a place.

use std::process::Command;
use std::time::Duration;

use crate::support::{self, ran::Ran};
use crate::visitor::Visitor;

/// For one command, a container or a pod that starts included. A loaded machine gets more than it needs.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// Which place it is: a column of the table of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Plain,
    Systemd,
    Container,
    Pod,
}

/// What the gateway and its commands say of a place.
#[derive(Debug, Clone)]
pub struct Facts {
    /// As what a visitor is seen: `CLASS from PEER`.
    pub visitor_seen_as: String,
    /// The name that the machine has for itself, and as what class who uses it is seen.
    pub own_name: String,
    pub own_name_class: &'static str,
    /// Whether the secret is enough there. In a pod remote clients can come from the pod's own address.
    pub own_name_is_silent: bool,
    /// The `supervisor.kind` of `gateway status --json`; `None` where the gateway's process is not to be seen by its operator.
    pub supervisor: Option<&'static str>,
    /// What `gateway install --user` says, each to be found.
    pub no_unit: &'static [&'static str],
    /// What `gateway status` says to type when there is no gateway; `None` where its command line is gone with the gateway.
    pub starts_with: Option<&'static str>,
    /// Whether something there starts a gateway again that was killed.
    pub comes_back: bool,
}

/// A place where a gateway runs. It runs from the start.
pub trait Place {
    fn kind(&self) -> Kind;
    fn facts(&self) -> Facts;
    /// Our command line with `words`, beside the gateway and on its state directory.
    fn command(&self, words: &str) -> Command;
    /// Runs it.
    fn operator(&self, words: &str) -> Ran {
        Ran::to_end(&mut self.command(words), PATIENCE)
    }
    /// The same where no gateway runs.
    fn operator_without_gateway(&self, words: &str) -> Ran {
        self.operator(words)
    }
    /// Types a line where the operator stands, word for word.
    fn types(&self, line: &str) -> Ran;
    /// Starts the gateway again, and waits until it is ready.
    fn start(&self);
    /// Stops it as people do there, and waits until it is gone.
    fn stop(&self);
    /// Kills the gateway, which has no time to say anything, and waits until it is gone or has come back.
    fn kill(&self);
    /// Has the gateway trust exactly `proxies`, as people do there, while it runs.
    fn trust(&self, proxies: &[&str]) {
        let words = if proxies.is_empty() {
            "config unset gateway.trustedProxies".to_owned()
        } else {
            format!("config set gateway.trustedProxies {}", serde_json::json!(proxies))
        };
        self.operator(&words).succeeded().says(&["The running gateway goes by it now"]);
    }
    /// What the gateway wrote.
    fn log(&self) -> String;
    /// The secret of the gateway.
    fn token(&self) -> String {
        let token = self.operator("config get gateway.auth.token --json").succeeded().json();
        token.as_str().expect("a text").to_owned()
    }
    /// A client elsewhere, which nothing but an approval lets in, with a device of its own.
    fn visitor(&self) -> Visitor;
    /// A client of the host behind the bridge, where there is one.
    fn behind_the_bridge(&self) -> Option<Visitor> {
        None
    }
    /// A line that starts a second gateway with a state directory of its own, where such a line can be typed.
    fn another_gateway(&self) -> Option<String>;
}

/// Waits until `condition` gives something.
///
/// # Panics
/// When it has not in time.
#[track_caller]
pub fn eventually<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    let Some(found) = support::eventually::eventually(PATIENCE, condition) else {
        panic!("not within {PATIENCE:?}: {what}")
    };
    found
}
