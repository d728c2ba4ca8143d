//! Who calls, and what proved it.

use std::fmt;

use super::ProxyUser;
use crate::{
    device::DeviceId,
    protocol::{Role, Scopes},
};

/// Who calls: what a session may do, and what proved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Operator or node.
    pub role: Role,
    /// What it may do.
    pub scopes: Scopes,
    /// Its device, where it proved one.
    pub device: Option<DeviceId>,
    /// What let it in.
    pub mechanism: Mechanism,
    /// The user for whom a trusted proxy vouched.
    pub user: Option<ProxyUser>,
}

/// What let a client in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// Nothing was asked for.
    None,
    /// The shared token.
    Token,
    /// The shared password.
    Password,
    /// The token of its device.
    DeviceToken,
    /// A proxy that is trusted to authenticate.
    TrustedProxy,
    /// The kernel's word for who is at the other end of the Unix socket.
    UnixSocket,
}

impl Mechanism {
    /// The name in logs and in `hello-ok`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Token => "token",
            Self::Password => "password",
            Self::DeviceToken => "device-token",
            Self::TrustedProxy => "trusted-proxy",
            Self::UnixSocket => "unix-socket",
        }
    }

    /// Whether it is the secret that all who operate this gateway share. A device token is none.
    pub const fn is_shared_secret(self) -> bool {
        matches!(self, Self::Token | Self::Password)
    }

    /// Whether it counts by what the configuration says of authentication, and not by what an operator approved or the kernel
    /// says.
    pub const fn is_configured(self) -> bool {
        matches!(self, Self::None | Self::Token | Self::Password | Self::TrustedProxy)
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
