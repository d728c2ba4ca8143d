//! Where a target came from.

use std::fmt;

/// Where a target came from, in the words that operators know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The Unix socket of the state directory.
    LocalSocket,
    /// The loopback address of the configured port.
    LocalLoopback,
    /// This machine's address in its network.
    LocalLan(String),
    /// This machine's address in its tailnet.
    LocalTailnet(String),
    /// `--url`.
    CliUrl,
    /// `OPENCLAW_GATEWAY_URL`.
    EnvUrl,
    /// `gateway.client.url` of our own file.
    OwnConfig,
    /// `gateway.remote.url`.
    ConfigRemote,
    /// `gateway.mode` is remote and no URL is named.
    MissingRemoteUrl,
    /// The files of the state directory.
    Files,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LocalSocket => f.write_str("local socket"),
            Self::LocalLoopback => f.write_str("local loopback"),
            Self::LocalLan(address) => write!(f, "local lan {address}"),
            Self::LocalTailnet(address) => write!(f, "local tailnet {address}"),
            Self::CliUrl => f.write_str("cli --url"),
            Self::EnvUrl => f.write_str("env OPENCLAW_GATEWAY_URL"),
            Self::OwnConfig => f.write_str("config gateway.client.url"),
            Self::ConfigRemote => f.write_str("config gateway.remote.url"),
            Self::MissingRemoteUrl => f.write_str("missing gateway.remote.url (fallback local)"),
            Self::Files => f.write_str("state directory"),
        }
    }
}
