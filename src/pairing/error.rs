//! Why pairing cannot do what it is asked, for the caller and on the wire.

use std::fmt;

use crate::{
    defaults::MAX_LABEL_CHARS,
    hint::{self, Hint},
    protocol::{Dialect, ErrorShape, Scope},
    store::StoreError,
};

/// Why pairing cannot do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum PairingError {
    /// No request of that id waits.
    #[error("unknown requestId")]
    UnknownRequest,
    /// No device of that id is paired.
    #[error("unknown deviceId")]
    UnknownDevice,
    /// The caller may not decide on that request.
    #[error("device pairing approval denied")]
    ApprovalDenied,
    /// The caller may not turn that request down.
    #[error("device pairing rejection denied")]
    RejectionDenied,
    /// The caller may not remove that device.
    #[error("device pairing removal denied")]
    RemovalDenied,
    /// The caller may not name that device.
    #[error("device pairing rename denied")]
    RenameDenied,
    /// The token cannot be replaced, or not by this caller.
    #[error("device token rotation denied")]
    RotationDenied(Denial),
    /// The token cannot be revoked, or not by this caller.
    #[error("device token revocation denied")]
    RevocationDenied(Denial),
    /// The caller would grant what it does not hold.
    #[error("missing scope: {0}")]
    MissingScope(Scope),
    /// The text is no label.
    #[error(transparent)]
    InvalidLabel(#[from] InvalidLabel),
    /// The record changed under our hands again and again.
    #[error("the device is being changed by many at once")]
    Contended,
    /// The records cannot be read or written.
    #[error("the device store failed")]
    Store(#[from] StoreError),
}

/// Why a token is not replaced or revoked; the log says it, and the caller is told what to do about it. A device that manages
/// only itself is denied everything else alike, and learns of no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// There is no such device, or it does not have the role.
    UnknownDeviceOrRole,
    /// The caller may manage its own device only.
    DeviceOwnershipMismatch,
    /// Tokens of roles other than operator are for administrators.
    RoleManagementRequiresAdmin,
    /// The caller does not hold what the token permits.
    CallerMissingScope(Scope),
    /// More was asked for than was approved.
    ScopeOutsideApprovedBaseline(Scope),
    /// Scopes were asked for, and none was ever approved.
    MissingApprovedScopeBaseline,
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (reason, scope) = match self {
            Self::UnknownDeviceOrRole => ("unknown-device-or-role", None),
            Self::DeviceOwnershipMismatch => ("device-ownership-mismatch", None),
            Self::RoleManagementRequiresAdmin => ("role-management-requires-admin", None),
            Self::CallerMissingScope(scope) => ("caller-missing-scope", Some(scope)),
            Self::ScopeOutsideApprovedBaseline(scope) => ("scope-outside-approved-baseline", Some(scope)),
            Self::MissingApprovedScopeBaseline => ("missing-approved-scope-baseline", None),
        };
        f.write_str(reason)?;
        scope.map_or(Ok(()), |scope| write!(f, " scope={}", super::audit::field(scope.as_str())))
    }
}

/// A text that cannot be a device's label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a label is 1 to {MAX_LABEL_CHARS} characters, without control characters")]
pub struct InvalidLabel;

impl PairingError {
    /// As the error of a response.
    pub fn to_wire(&self, dialect: Dialect) -> ErrorShape {
        match self {
            Self::RotationDenied(Denial::UnknownDeviceOrRole) | Self::RevocationDenied(Denial::UnknownDeviceOrRole)
                if dialect == Dialect::V3 =>
            {
                ErrorShape::invalid("unknown deviceId/role")
            }
            Self::Contended
            | Self::Store(StoreError::Conflict | StoreError::Locked { .. } | StoreError::Interrupted) => {
                ErrorShape { retryable: Some(true), ..ErrorShape::unavailable(self.with_advice()) }
            }
            Self::Store(_) => ErrorShape::unavailable(self.with_advice()),
            // Clients print the message as it is, and only its first words are matched.
            Self::ApprovalDenied
            | Self::RejectionDenied
            | Self::RemovalDenied
            | Self::RenameDenied
            | Self::RotationDenied(_)
            | Self::RevocationDenied(_) => ErrorShape::invalid(self.with_advice()),
            _ => ErrorShape::invalid(self.to_string()),
        }
    }

    fn with_advice(&self) -> String {
        format!("{} ({})", hint::chain(self), self.hint())
    }
}

impl Hint for PairingError {
    fn hint(&self) -> String {
        match self {
            Self::UnknownRequest => {
                "openclaw devices list shows what waits; a request is forgotten 5 minutes after its device last asked".into()
            }
            Self::UnknownDevice => "openclaw devices list shows the full ids".into(),
            Self::MissingScope(_) | Self::ApprovalDenied => {
                "approve with an operator that holds what is asked for, or where the gateway runs: openclaw devices approve"
                    .into()
            }
            Self::RotationDenied(Denial::ScopeOutsideApprovedBaseline(_) | Denial::MissingApprovedScopeBaseline) => {
                "let the device ask for the scope and approve its request".into()
            }
            Self::RotationDenied(Denial::UnknownDeviceOrRole) | Self::RevocationDenied(Denial::UnknownDeviceOrRole) => {
                "openclaw devices list shows the devices with their roles; a revoked token comes back by approving the \
                 device's next request"
                    .into()
            }
            Self::RotationDenied(Denial::CallerMissingScope(scope)) | Self::RevocationDenied(Denial::CallerMissingScope(scope)) => {
                format!("use an operator that holds {scope}, or the command line where the gateway runs")
            }
            Self::RejectionDenied
            | Self::RemovalDenied
            | Self::RenameDenied
            | Self::RotationDenied(_)
            | Self::RevocationDenied(_) => "use an operator with operator.admin, or the command line where the gateway runs".into(),
            Self::Contended => "try again".into(),
            Self::Store(error) => error.hint(),
            Self::InvalidLabel(_) => "give another name: openclaw devices rename".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ErrorCode;

    #[test]
    fn what_callers_are_told() {
        let unknown = || PairingError::RotationDenied(Denial::UnknownDeviceOrRole);
        let outside = || PairingError::RotationDenied(Denial::ScopeOutsideApprovedBaseline(Scope::ADMIN));
        #[rustfmt::skip]
        let rows = [
            (PairingError::UnknownRequest,            Dialect::V3, "unknown requestId"),
            (PairingError::UnknownDevice,             Dialect::V4, "unknown deviceId"),
            (PairingError::ApprovalDenied,            Dialect::V4, "device pairing approval denied (approve with an operator that holds what is asked for, or where the gateway runs: openclaw devices approve)"),
            (PairingError::MissingScope(Scope::READ), Dialect::V4, "missing scope: operator.read"),
            (unknown(),                               Dialect::V3, "unknown deviceId/role"),
            (unknown(),                               Dialect::V4, "device token rotation denied (openclaw devices list shows the devices with their roles; a revoked token comes back by approving the device's next request)"),
            (outside(),                               Dialect::V3, "device token rotation denied (let the device ask for the scope and approve its request)"),
            (PairingError::RevocationDenied(Denial::CallerMissingScope(Scope::ADMIN)), Dialect::V4, "device token revocation denied (use an operator that holds operator.admin, or the command line where the gateway runs)"),
            (PairingError::RevocationDenied(Denial::DeviceOwnershipMismatch), Dialect::V4, "device token revocation denied (use an operator with operator.admin, or the command line where the gateway runs)"),
        ];
        for (error, dialect, message) in rows {
            assert_eq!(error.to_wire(dialect), ErrorShape::invalid(message));
        }
        let locked = PairingError::Contended.to_wire(Dialect::V4);
        assert_eq!((locked.code, locked.retryable), (ErrorCode::Unavailable, Some(true)));
    }
}
