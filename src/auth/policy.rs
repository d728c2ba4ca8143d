//! Which credentials count.

use std::fmt;

use super::{SharedSecret, TrustedProxy};

/// Which credentials count. A mode without what it needs cannot be written.
#[derive(Debug, Clone)]
pub enum AuthPolicy {
    /// Everybody is let in. Never the default.
    None,
    /// Whoever knows this token.
    Token(SharedSecret),
    /// Whoever knows this password.
    Password(SharedSecret),
    /// Whoever a trusted proxy vouches for.
    TrustedProxy {
        /// What the proxy must say.
        proxy: TrustedProxy,
        /// Lets in clients on this machine, which no proxy stands before.
        password: Option<SharedSecret>,
    },
}

impl AuthPolicy {
    /// The mode without its secrets.
    pub const fn mode(&self) -> Mode {
        match self {
            Self::None => Mode::None,
            Self::Token(_) => Mode::Token,
            Self::Password(_) => Mode::Password,
            Self::TrustedProxy { .. } => Mode::TrustedProxy,
        }
    }
}

/// `gateway.auth.mode` (gateway protocol, authentication).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everybody is let in.
    None,
    /// A shared token.
    Token,
    /// A shared password.
    Password,
    /// A proxy authenticates.
    TrustedProxy,
}

impl Mode {
    /// The name in the configuration and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Token => "token",
            Self::Password => "password",
            Self::TrustedProxy => "trusted-proxy",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
