//! What `status` and `probe` find out: the ways to a gateway, each tried by itself.

use super::super::{
    CliError, Context, Session, Wish,
    reach::open_way,
    target::{Known, Source, TargetArgs, Way, plan},
};
use crate::{
    client::Failure,
    protocol::{HelloOk, Role, Scope},
};

/// What a connection may do, in the words of other gateways' probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Capability {
    /// There is no telling.
    Unknown,
    /// The device waits for an operator.
    PairingPending,
    /// It is connected and may call nothing.
    ConnectedNoOperatorScope,
    /// It may read.
    ReadOnly,
    /// It may read and act.
    WriteCapable,
    /// It may do everything.
    AdminCapable,
}

impl Capability {
    /// The name in JSON; people read hyphens.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::PairingPending => "pairing_pending",
            Self::ConnectedNoOperatorScope => "connected_no_operator_scope",
            Self::ReadOnly => "read_only",
            Self::WriteCapable => "write_capable",
            Self::AdminCapable => "admin_capable",
        }
    }

    /// What the greeting grants. Older gateways say nothing about it.
    pub(super) fn of(hello: &HelloOk) -> Self {
        let Some(auth) = hello.auth.as_ref() else { return Self::Unknown };
        let may = |scope: &Scope| auth.role == Role::Operator && auth.scopes.cover(scope);
        if may(&Scope::ADMIN) {
            Self::AdminCapable
        } else if may(&Scope::WRITE) {
            Self::WriteCapable
        } else if may(&Scope::READ) {
            Self::ReadOnly
        } else {
            Self::ConnectedNoOperatorScope
        }
    }

    /// What a refusal tells.
    pub(super) fn of_failure(error: &CliError) -> Self {
        match error {
            CliError::Connect(error) => match &error.failure {
                Failure::Refused { error, .. } if error.message.contains("pairing required") => Self::PairingPending,
                _ => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }
}

/// One way to try.
#[derive(Debug)]
pub(super) struct Attempt {
    way: Way,
    /// Whether it is the way that commands take first.
    pub(super) active: bool,
}

impl Attempt {
    /// The name in JSON.
    pub(super) fn id(&self) -> &'static str {
        match &self.way {
            Way::Socket(_) => "localSocket",
            Way::Files => "files",
            Way::Network(remote) => match remote.source {
                Source::CliUrl | Source::EnvUrl | Source::OwnConfig => "explicit",
                Source::ConfigRemote => "configRemote",
                _ => "localLoopback",
            },
        }
    }

    /// The name for people.
    pub(super) fn label(&self) -> String {
        match &self.way {
            Way::Socket(_) => Source::LocalSocket.to_string(),
            Way::Network(remote) => remote.source.to_string(),
            Way::Files => Source::Files.to_string(),
        }
    }

    /// URL or path.
    pub(super) fn address(&self) -> String {
        match &self.way {
            Way::Socket(path) => path.display().to_string(),
            Way::Network(remote) => remote.url.to_string(),
            Way::Files => String::new(),
        }
    }

    /// Connects this way, and no other.
    pub(super) async fn open(&self, context: &Context, target: &TargetArgs) -> Result<Session, CliError> {
        open_way(context, target, Wish::PROBE, &self.way).await
    }
}

/// Every way that commands could take here: what was named, then the gateway of this machine.
pub(super) fn attempts(context: &Context, args: &TargetArgs) -> Result<Vec<Attempt>, CliError> {
    let lock = context.lock();
    let announced = Context::announced(&lock);
    let sockets = context.sockets(&lock);
    let known = Known { settings: &context.settings, sockets: &sockets, announced: announced.as_ref(), files: false };
    let planned = |args: &TargetArgs, known: Known<'_>| plan(args, known).map_err(|error| context.no_target(error));
    let first = planned(args, known)?;
    let mut ways = first.ways;
    if first.explicit {
        let mut local = context.settings.clone();
        local.client.url = None;
        local.mode = None;
        let own = TargetArgs { url: None, token: None, password: None, tls_fingerprint: None, ..args.clone() };
        ways.extend(planned(&own, Known { settings: &local, ..known })?.ways);
    }
    // A socket that is not there is no way; where none is, the first place is named.
    let exists = |way: &Way| !matches!(way, Way::Socket(path) if !path.exists());
    if ways.iter().any(|way| matches!(way, Way::Socket(_)) && exists(way)) {
        ways.retain(exists);
    } else if let Some(first) = ways.iter().position(|way| matches!(way, Way::Socket(_))) {
        let mut at = 0;
        ways.retain(|way| {
            at += 1;
            !matches!(way, Way::Socket(_)) || at == first + 1
        });
    }
    Ok(ways.into_iter().enumerate().map(|(at, way)| Attempt { way, active: at == 0 }).collect())
}
