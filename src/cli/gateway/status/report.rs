//! What `gateway status` found out.

use std::path::PathBuf;

use super::{
    lock::Lock,
    probe::{Probe, Rpc},
};
use crate::{
    client::GatewayUrl,
    config::Bind,
    net::{PortOwner, Process},
    supervisor::Supervisor,
};

/// What `gateway status` found out. No fact depends on another one's having been found.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) state: PathBuf,
    pub(super) config: PathBuf,
    pub(super) config_exists: bool,
    /// The file with the keys that only this product knows, where it is there.
    pub(super) own_config: Option<PathBuf>,
    pub(super) config_hint: Option<String>,
    /// What is wrong with the configuration.
    pub(super) problems: Vec<String>,
    /// The settings that say who reaches the gateway and how.
    pub(super) values: Vec<Setting>,
    pub(super) bind: Bind,
    /// Where the bind mode comes from.
    pub(super) bind_source: String,
    pub(super) bind_host: Option<String>,
    pub(super) port: u16,
    pub(super) port_source: String,
    /// The port of the configuration, which a gateway that runs need not have.
    pub(super) configured_port: u16,
    /// Who listens on the port.
    pub(super) listener: Option<PortOwner>,
    /// Where the gateway of this machine is.
    pub(super) url: GatewayUrl,
    /// Whether another gateway is meant: then it is no problem how this machine's own one fares.
    pub(super) elsewhere: bool,
    /// The page of the gateway that is meant.
    pub(super) dashboard: String,
    /// Where else it is reached.
    pub(super) urls: Vec<String>,
    /// Where a container's port is published.
    pub(super) published: Option<String>,
    /// The socket that is there, whoever left it.
    pub(super) socket: Option<PathBuf>,
    pub(super) lock: Lock,
    /// The gateway's process, as our own namespace numbers it.
    pub(super) process: Option<Process>,
    /// What supervises that process.
    pub(super) supervisor: Option<Supervisor>,
    /// How a gateway is started here where there is none.
    pub(super) start: String,
    pub(super) log_file: PathBuf,
    /// What a gateway that is gone wrote last.
    pub(super) last_words: Vec<String>,
    pub(super) probe: Probe,
}

/// A setting in force.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) key: &'static str,
    pub(super) value: String,
    pub(super) from: String,
}

impl Report {
    /// By what the gateway was found.
    pub(super) fn found_by(&self) -> Vec<&'static str> {
        let answers = |rpc: &Rpc| rpc.result.is_ok() && rpc.is_socket();
        let by_socket = self.probe.tried().iter().any(answers);
        let by_lock = matches!(self.lock, Lock::Held { .. });
        let by_port = self.listener.as_ref().is_some_and(PortOwner::is_openclaw);
        [(by_socket, "socket"), (by_lock, "lock"), (by_port, "port")]
            .into_iter()
            .filter_map(|(found, by)| found.then_some(by))
            .collect()
    }

    /// What supervises the gateway, in words.
    pub(super) fn supervised_by(&self) -> String {
        match (&self.supervisor, &self.lock) {
            (Some(supervisor), _) => supervisor.to_string(),
            (None, Lock::Held { .. }) => {
                "not to be seen from here: its process is in another container or another user's".into()
            }
            (None, _) => "nothing runs".into(),
        }
    }
}
