//! The state directory: where it is, what lies in it, who may read it.

use std::path::{Path, PathBuf};

/// The paths below the state directory (gateway protocol, on-disk formats).
///
/// The directory is `$OPENCLAW_STATE_DIR`, else `~/.openclaw`. Nothing is created by naming a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDir(PathBuf);

impl StateDir {
    /// Wraps the directory at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The configuration that OpenClaw's own programs read too: only keys that they know belong there.
    pub fn config(&self) -> PathBuf {
        self.0.join("openclaw.json")
    }

    /// Settings that only this product knows; OpenClaw's programs refuse a file with keys that are strange to them.
    pub fn own_config(&self) -> PathBuf {
        self.0.join("gateway.json")
    }

    /// Key material and tokens, one file each, readable by their owner.
    pub fn identity(&self) -> PathBuf {
        self.0.join("identity")
    }

    /// The gateway token that was generated because none was configured.
    pub fn generated_token(&self) -> PathBuf {
        self.identity().join("gateway-token")
    }

    /// The key from which device tokens are derived.
    pub fn token_key(&self) -> PathBuf {
        self.identity().join("token.key")
    }

    /// Pairing records, `pending.json` and `paired.json`.
    pub fn devices(&self) -> PathBuf {
        self.0.join("devices")
    }

    /// The directory of the socket and the gateway's lock; mode 0700.
    pub fn run(&self) -> PathBuf {
        self.0.join("run")
    }

    /// Held by the kernel for as long as a gateway lives on this directory.
    pub fn gateway_lock(&self) -> PathBuf {
        self.run().join("gateway.lock")
    }

    /// The local way in.
    pub fn socket(&self) -> PathBuf {
        self.run().join("gateway.sock")
    }

    /// Log files, one a day.
    pub fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    /// The self-signed certificate and its key.
    pub fn tls(&self) -> PathBuf {
        self.0.join("tls")
    }
}
