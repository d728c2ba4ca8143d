//! What a command finds around itself: variables, files, settings.

use std::path::{Path, PathBuf};

use super::{CliError, target::TargetError};
use crate::{
    client::GatewayUrl,
    config::{ConfigError, Environment, Flags, Loaded, Paths, Settings, load_for_client},
    net::{LockState, probe_lock, socket_candidates},
    owner::as_owner,
    state::StateDir,
};

/// What a command finds around itself. The configuration is read when it is made.
#[derive(Debug)]
pub struct Context {
    /// Variables, home and working directory.
    pub environment: Environment,
    /// Where the files are.
    pub paths: Paths,
    /// The settings in force; the defaults where the configuration cannot be used.
    pub settings: Settings,
    /// What is wrong with the configuration: a command that does not need it goes on without.
    pub problem: Option<ConfigError>,
}

impl Context {
    /// Reads the configuration that `environment` leads to.
    ///
    /// # Errors
    /// [`ConfigError::NoHome`] when nothing says where the files are.
    pub fn new(environment: Environment) -> Result<Self, ConfigError> {
        Ok(match load_for_client(&environment, &Flags::default()) {
            Ok(Loaded { settings, paths, .. }) => Self { environment, paths, settings, problem: None },
            Err(problem) => {
                let paths = Paths::resolve(&environment)?;
                Self { environment, paths, settings: Settings::default(), problem: Some(problem) }
            }
        })
    }

    /// An error that names the configuration file.
    pub(super) fn no_target(&self, error: TargetError) -> CliError {
        CliError::Target { error, config: self.paths.config.clone() }
    }

    /// The state directory.
    pub fn state(&self) -> &StateDir {
        &self.paths.state
    }

    /// Whether a gateway lives on the state directory.
    pub fn lock(&self) -> LockState {
        probe_lock(self.state())
    }

    /// What there is to say of a state directory that is closed to this user, and what to do about it.
    pub(super) fn closed(&self, lock: &LockState) -> Option<(String, String)> {
        let LockState::Closed { owner } = lock else { return None };
        let state = self.state().path();
        let what = format!(
            "permission denied: {} is closed to this user, so whether a gateway runs on it cannot be told",
            state.display()
        );
        Some((what, as_owner(state, *owner)))
    }

    /// Where a gateway that lives here says that it listens. One under another kernel listens elsewhere.
    pub fn announced(lock: &LockState) -> Option<GatewayUrl> {
        match lock {
            LockState::Held { holder: Some(holder), same_kernel: true } => holder.url.as_deref()?.parse().ok(),
            _ => None,
        }
    }

    /// Where the gateway's socket may be: where the living gateway says, then wherever one would be made.
    pub fn sockets(&self, lock: &LockState) -> Vec<PathBuf> {
        let runtime_dir = self.environment.variable("XDG_RUNTIME_DIR").map(Path::new);
        let mut sockets = socket_candidates(self.state(), self.settings.listen.socket.as_deref(), runtime_dir);
        if let LockState::Held { holder: Some(holder), .. } = lock
            && let Some(socket) = &holder.socket
        {
            sockets.retain(|path| path != socket);
            sockets.insert(0, socket.clone());
        }
        sockets
    }
}
