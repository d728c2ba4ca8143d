//! What a command finds around itself: variables, files, settings.

use std::path::{Path, PathBuf};

use super::{CliError, target::TargetError};
use crate::{
    client::GatewayUrl,
    config::{
        ConfigError, Environment, Flags, Layer, Loaded, Origin, Paths, Settings, Warning, WarningKind, load_for_client,
    },
    net::{LockState, probe_lock, socket_candidates},
    owner::as_owner,
    state::StateDir,
};

/// The settings that say which gateway is meant.
const TARGET_KEYS: [&str; 3] = ["gateway.client.url", "gateway.mode", "gateway.remote.url"];

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
    /// What is odd about it all the same.
    pub warnings: Vec<Warning>,
}

impl Context {
    /// Reads the configuration that `environment` leads to.
    ///
    /// # Errors
    /// [`ConfigError::NoHome`] when nothing says where the files are.
    pub fn new(environment: Environment) -> Result<Self, ConfigError> {
        Ok(match load_for_client(&environment, &Flags::default()) {
            Ok(Loaded { settings, paths, warnings, .. }) => {
                Self { environment, paths, settings, problem: None, warnings }
            }
            Err(problem) => {
                let paths = Paths::resolve(&environment)?;
                let warnings = Vec::new();
                Self { environment, paths, settings: Settings::default(), problem: Some(problem), warnings }
            }
        })
    }

    /// What there is to say of the configuration to whoever connects by it.
    pub(super) fn remarks(&self) -> Vec<String> {
        let useless = self
            .problem
            .iter()
            .map(|problem| format!("the configuration cannot be used, going on without it: {problem}"));
        // What is misspelled may have been meant to name the gateway, or its secret.
        let misspelled = self.warnings.iter().filter(|it| matches!(it.kind, WarningKind::MisspelledVariable(_)));
        useless.chain(misspelled.map(ToString::to_string)).collect()
    }

    /// Whether it is known which gateway is meant: another one must not be worked on.
    pub(super) fn check_target(&self) -> Result<(), CliError> {
        match &self.problem {
            Some(problem) if problem.concerns(&TARGET_KEYS) => Err(CliError::usage(
                format!("which gateway is meant is not known: {problem}"),
                "mend it, or name the gateway with --url; --offline works on the files here",
            )),
            _ => Ok(()),
        }
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

    /// What there is to say of a token from `origin`, where the gateway that lives here was started with another one.
    pub(super) fn other_token(&self, origin: &Origin) -> Option<String> {
        let LockState::Held { holder: Some(holder), .. } = self.lock() else { return None };
        let auth = holder.auth.as_ref()?;
        match holder.given.get("gateway.auth.token") {
            // Whether it is the same one is not to be seen from here.
            Some(by) if by.starts_with("--") && origin.layer() != Layer::Flag => {
                Some(format!("the running gateway goes by that from {by}, which wins over this one"))
            }
            _ if auth.generated != matches!(origin, Origin::Generated(_)) => {
                Some(format!("the running gateway goes by another one: {}", auth.described))
            }
            _ => None,
        }
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
