//! What a connection may do.

use super::super::CliError;
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
    /// For people.
    pub(super) fn spoken(self) -> String {
        self.as_str().replace('_', "-")
    }

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
