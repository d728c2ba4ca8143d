//! Who listens on a port that is taken: which process, read from /proc, and whether it is an OpenClaw gateway.

mod forwarder;
mod probe;
mod process;

use std::{fmt, net::SocketAddr, path::Path};

use jiff::Timestamp;

pub use self::{forwarder::Forward, process::Process};

/// Whoever listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortOwner {
    /// The process, where /proc tells.
    pub process: Option<Process>,
    /// The user of the socket, where /proc tells.
    pub uid: Option<u32>,
    /// What answers on the port.
    pub kind: Listener,
}

/// What answers on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// A gateway of this product.
    OurGateway,
    /// OpenClaw's own gateway.
    OpenClawGateway,
    /// Something else, or nothing that answers in time.
    Other,
}

impl PortOwner {
    /// What it forwards to a container, where it is Docker's proxy.
    pub fn forward(&self) -> Option<Forward> {
        Forward::parse(self.process.as_ref()?.command.split(' '))
    }

    /// Whether it is an OpenClaw gateway of either kind, also one that does not answer.
    pub fn is_openclaw(&self) -> bool {
        self.kind != Listener::Other || self.process.as_ref().is_some_and(Process::names_openclaw)
    }
}

impl fmt::Display for PortOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(Forward { published, container }), Some(process)) = (self.forward(), &self.process) {
            let what = match self.kind {
                Listener::OurGateway => "an openclaw gateway",
                Listener::OpenClawGateway => "an OpenClaw Node.js gateway",
                Listener::Other => "something",
            };
            let pid = process.pid;
            return write!(
                f,
                "{what} in a container at {container}, published on {published} by docker-proxy (pid {pid})"
            );
        }
        f.write_str(match self.kind {
            Listener::OurGateway => "an openclaw gateway",
            Listener::OpenClawGateway => "an OpenClaw Node.js gateway",
            Listener::Other if self.is_openclaw() => "an openclaw process that does not answer",
            Listener::Other => "another process",
        })?;
        match (&self.process, self.uid) {
            (Some(Process { pid, command, since }), _) => {
                let since = since.map_or_else(String::new, |since: Timestamp| format!(" since {since:.0}"));
                write!(f, " (pid {pid}{since}: {command})")
            }
            (None, Some(uid)) => write!(f, " (of uid {uid})"),
            (None, None) => Ok(()),
        }
    }
}

/// Who listens at `address`; `None` where nobody does, as far as that can be told. The process `likely` is looked at before all
/// others: on a machine of many processes they take a while.
pub async fn port_owner(address: SocketAddr, likely: Option<u32>) -> Option<PortOwner> {
    let owner = look(address, likely).await;
    (owner.process.is_some() || owner.uid.is_some() || owner.kind != Listener::Other).then_some(owner)
}

/// Finds who listens where `address` cannot be had.
pub(super) async fn find(address: SocketAddr) -> PortOwner {
    look(address, None).await
}

async fn look(address: SocketAddr, likely: Option<u32>) -> PortOwner {
    let found = tokio::task::spawn_blocking(move || process::find(Path::new("/proc"), address, likely));
    let (found, kind) = tokio::join!(found, probe::ask(address));
    let found = found.unwrap_or_default();
    PortOwner { process: found.process, uid: found.uid, kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_an_owner_reads() {
        let process = |command: &str| Process {
            pid: 7,
            command: command.into(),
            since: Some(Timestamp::from_second(1_780_000_000).expect("a time")),
        };
        #[rustfmt::skip]
        let rows = [
            (Some(process("openclaw gateway run")), Listener::OurGateway, "an openclaw gateway (pid 7 since 2026-05-28T20:26:40Z: openclaw gateway run)"),
            (Some(process("openclaw gateway run")), Listener::Other,      "an openclaw process that does not answer (pid 7 since 2026-05-28T20:26:40Z: openclaw gateway run)"),
            (Some(process("nginx")),                Listener::Other,      "another process (pid 7 since 2026-05-28T20:26:40Z: nginx)"),
            (Some(process("docker-proxy -host-ip 127.0.0.1 -host-port 1 -container-ip 172.17.0.2 -container-port 2")), Listener::OurGateway,
             "an openclaw gateway in a container at 172.17.0.2:2, published on 127.0.0.1:1 by docker-proxy (pid 7)"),
            (None,                                  Listener::Other,      "another process (of uid 33)"),
            (None,                                  Listener::OpenClawGateway, "an OpenClaw Node.js gateway (of uid 33)"),
        ];
        for (process, kind, expected) in rows {
            assert_eq!(PortOwner { process, uid: Some(33), kind }.to_string(), expected);
        }
    }
}
