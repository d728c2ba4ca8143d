//! Whether this command could connect, by each way that was tried.

use crate::{
    cli::{CliError, target::Source},
    client::Failure,
    protocol::{HelloOk, SourceReport},
};

/// Whether this command could connect.
#[derive(Debug)]
pub(super) enum Probe {
    NotAsked,
    Tried(Vec<Rpc>),
}

/// One way, and what it led to.
#[derive(Debug)]
pub(super) struct Rpc {
    pub(super) source: Source,
    pub(super) address: String,
    pub(super) result: Result<Box<HelloOk>, CliError>,
    /// As what the gateway sees us, where it tells.
    pub(super) seen: Option<Box<SourceReport>>,
}

impl Rpc {
    /// Whether it is this machine's own gateway that was tried.
    pub(super) fn is_local(&self) -> bool {
        use Source::{CliUrl, ConfigRemote, EnvUrl, OwnConfig};
        !matches!(self.source, CliUrl | EnvUrl | OwnConfig | ConfigRemote)
    }

    /// Whether it went over a Unix socket.
    pub(super) fn is_socket(&self) -> bool {
        self.source == Source::LocalSocket
    }

    /// Whether it was refused, having brought no secret.
    pub(super) fn brought_nothing(&self) -> bool {
        let refused = |failure: &Failure| matches!(failure, Failure::Refused { .. });
        matches!(&self.result, Err(CliError::Connect(error)) if refused(&error.failure) && error.target.secret_from.is_none())
    }

    /// Whether nobody is there at all.
    pub(super) fn is_absent(&self) -> bool {
        matches!(&self.result, Err(CliError::Connect(error)) if error.failure.is_absent())
    }

    /// Whether there is no socket, which is no news beside another place where one is.
    pub(super) fn has_no_socket(&self) -> bool {
        matches!(&self.result, Err(CliError::Connect(error)) if matches!(error.failure, Failure::NoSocket { .. }))
    }
}

impl Probe {
    /// Every way that was tried.
    pub(super) fn tried(&self) -> &[Rpc] {
        match self {
            Self::NotAsked => &[],
            Self::Tried(tried) => tried,
        }
    }

    /// The way that tells most: the first that led to a gateway, else the first at whose end somebody is, else the last.
    pub(super) fn rpc(&self) -> Option<&Rpc> {
        let tried = self.tried();
        let led = tried.iter().find(|rpc| rpc.result.is_ok());
        led.or_else(|| tried.iter().find(|rpc| !rpc.is_absent()).or(tried.last()))
    }

    /// The other ways that are worth a line.
    pub(super) fn others(&self) -> impl Iterator<Item = &Rpc> {
        let told = self.rpc();
        // Of the places where a socket could be and is not, the first one is enough to name.
        let first = self.tried().iter().find(|rpc| rpc.has_no_socket());
        let is = |rpc: &Rpc, other: Option<&Rpc>| other.is_some_and(|other| std::ptr::eq(rpc, other));
        self.tried().iter().filter(move |rpc| !is(rpc, told) && (!rpc.has_no_socket() || is(rpc, first)))
    }
}
