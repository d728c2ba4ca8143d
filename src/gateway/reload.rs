//! Reading the configuration again: what is taken up, and what waits for a restart.

use std::sync::Arc;

use tracing::{info, warn};

use super::{Gateway, Next, startup};
use crate::{
    config::{self, Loaded, ReloadMode, changed_keys},
    control::{OrderError, Reloaded},
    events::Signal,
    hint::chain,
    policy::Policy,
    telemetry,
};

/// The settings that a running gateway takes up, by the beginnings of their keys; every other one waits for a restart.
const TAKEN_UP: &[&str] = &[
    "gateway.allowRealIpFallback",
    "gateway.auth.mode",
    "gateway.auth.password",
    "gateway.auth.token",
    "gateway.auth.trustedProxy",
    "gateway.controlUi.allowedOrigins",
    "gateway.dangerouslyTrustAllProxies",
    "gateway.loopbackIsProxy",
    "gateway.mode",
    "gateway.proxyProtocol.from",
    "gateway.publishedOn",
    "gateway.reload",
    "gateway.trustedBridges",
    "gateway.trustedProxies",
    "gateway.unattributed",
    "logging.consoleLevel",
    "logging.level",
];

/// Whether a running gateway takes up an edit of `key`.
fn is_taken_up(key: &str) -> bool {
    TAKEN_UP.iter().any(|prefix| key.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// How the gateway learns that it should read its configuration again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// Somebody says so.
    Signal,
    /// Its files are others than before.
    Files,
}

/// What an edit calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// Take up what can be while running.
    TakeUp,
    /// Drain and begin anew.
    Restart,
}

/// What `mode` makes of an edit that changes anything at all, or what only a restart takes up.
fn answer(mode: ReloadMode, changes: bool, needs_restart: bool) -> Answer {
    match mode {
        ReloadMode::Restart if changes => Answer::Restart,
        ReloadMode::Hybrid if needs_restart => Answer::Restart,
        ReloadMode::Off | ReloadMode::Hot | ReloadMode::Hybrid | ReloadMode::Restart => Answer::TakeUp,
    }
}

impl Gateway {
    /// Takes up what was edited, in the way that `gateway.reload.mode` says. With the way that it says after the edit, since
    /// whoever edits both means both. Whether the gateway begins anew is the result.
    pub(super) async fn take_up_edits(&mut self, occasion: Occasion) -> Option<Next> {
        let edited = self.read().await;
        let mode = match &edited {
            Ok((loaded, _)) => {
                let settings = &loaded.settings;
                let changed = !changed_keys(&self.in_force.current, settings).is_empty();
                let waiting = changed_keys(&self.in_force.started, settings);
                let waiting: Vec<_> = waiting.into_iter().filter(|key| !is_taken_up(key)).collect();
                if answer(settings.reload.mode, changed, !waiting.is_empty()) == Answer::Restart {
                    let keys = if waiting.is_empty() { "the configuration".to_owned() } else { waiting.join(", ") };
                    let mode = settings.reload.mode.as_str();
                    info!(target: "gateway", "{keys} changed: restarting, as gateway.reload.mode is {mode}");
                    return Some(Next::Again);
                }
                // Files are touched for many reasons, and what is new may mean the same.
                if occasion == Occasion::Files && !changed {
                    self.follow_files().await;
                    return None;
                }
                settings.reload.mode
            }
            Err(_) => self.in_force.current.reload.mode,
        };
        drop(edited);
        // What came of it is in the log.
        let _ = self.reload().await;
        if mode == ReloadMode::Off && occasion == Occasion::Files {
            info!(target: "gateway", "edits are taken up at the next start from now on: gateway.reload.mode is off");
        }
        None
    }

    /// Watches the files that the configuration is read from now, which an edit may have made others.
    async fn follow_files(&mut self) {
        let files = startup::read_from(&self.environment, &self.flags).await;
        self.files.follow(files, self.in_force.current.reload.debounce()).await;
    }

    /// Reads the configuration again and takes up what can be while running. What is wrong with it is told, and what was in
    /// force stays. SIGHUP, the method `gateway.reload` and an edit of the files all come here.
    ///
    /// # Errors
    /// [`OrderError::Configuration`] when it cannot be used.
    pub(super) async fn reload(&mut self) -> Result<Reloaded, OrderError> {
        self.notify.reloading("reading the configuration again");
        let reloaded = self.take_up().await;
        self.follow_files().await;
        self.notify.ready();
        match &reloaded {
            Err(problem) => warn!(target: "gateway", "{problem}"),
            Ok(reloaded) => {
                for warning in &reloaded.warnings {
                    warn!(target: "gateway", "{warning}");
                }
                let keys = |keys: &[String]| if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") };
                info!(
                    target: "gateway", "configuration reloaded; applied: {}; needs a restart: {}",
                    keys(&reloaded.applied), keys(&reloaded.needs_restart),
                );
            }
        }
        reloaded
    }

    async fn take_up(&mut self) -> Result<Reloaded, OrderError> {
        let (loaded, policy) = self.read().await?;
        let changed = changed_keys(&self.in_force.current, &loaded.settings);
        let applied = changed.into_iter().filter(|key| is_taken_up(key)).collect();
        let changed = changed_keys(&self.in_force.started, &loaded.settings);
        let needs_restart = changed.into_iter().filter(|key| !is_taken_up(key)).collect();
        let warnings = loaded.warnings.iter().map(ToString::to_string).collect();

        let logging = &loaded.settings.logging;
        self.log.set_levels(telemetry::severity(logging.level), telemetry::severity(logging.console_level()));
        let Some(configured) = self.policies.configure(policy).await else { return Err(OrderError::Busy) };
        if let Some((certificate, _)) = &self.tls {
            certificate.reload_if_changed();
        }
        if configured.rotated {
            self.shared.hub.signal(Signal::SecretRotated { epoch: configured.epoch });
        }
        let secret = startup::secret_in_force(&loaded.settings, None);
        if let Err(error) = self.lock.tell_secret(secret) {
            warn!(target: "gateway", "the gateway's lock file cannot be written: {error}");
        }
        self.in_force.current = loaded.settings;
        Ok(Reloaded { applied, needs_restart, warnings })
    }

    /// Whether a gateway could start with the configuration as it is now: a restart that cannot succeed is not begun.
    ///
    /// # Errors
    /// [`OrderError::Configuration`] when it could not.
    pub(super) async fn restartable(&self) -> Result<(), OrderError> {
        self.read().await.map(drop)
    }

    /// The configuration as it is now, and the policy that it stands for.
    async fn read(&self) -> Result<(Loaded, Policy), OrderError> {
        let (environment, flags) = (Arc::clone(&self.environment), Arc::clone(&self.flags));
        let read = tokio::task::spawn_blocking(move || {
            let mut loaded = config::load(&environment, &flags).map_err(|error| chain(&error))?;
            loaded.ensure_token().map_err(|error| chain(&error))?;
            Ok::<_, String>(loaded)
        });
        let loaded = match read.await {
            Ok(loaded) => loaded.map_err(OrderError::Configuration)?,
            // Only a runtime that ends gives up on such work.
            Err(_) => return Err(OrderError::Busy),
        };
        let policy = startup::policy(&loaded).map_err(|problem| OrderError::Configuration(chain(&problem)))?;
        Ok((loaded, policy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_mode_makes_of_an_edit() {
        #[rustfmt::skip]
        let rows = [
            // mode               changes  restart  answer
            (ReloadMode::Off,     true,    true,    Answer::TakeUp), // somebody said so
            (ReloadMode::Hot,     true,    true,    Answer::TakeUp),
            (ReloadMode::Hybrid,  true,    false,   Answer::TakeUp),
            (ReloadMode::Hybrid,  true,    true,    Answer::Restart),
            (ReloadMode::Hybrid,  false,   true,    Answer::Restart), // what was left over from another mode
            (ReloadMode::Restart, true,    false,   Answer::Restart),
            (ReloadMode::Restart, false,   false,   Answer::TakeUp),
        ];
        for (mode, changes, needs_restart, expected) in rows {
            assert_eq!(answer(mode, changes, needs_restart), expected, "{mode:?} {changes} {needs_restart}");
        }
    }

    #[test]
    fn what_a_running_gateway_takes_up() {
        #[rustfmt::skip]
        let rows = [
            ("gateway.auth.token", true), ("gateway.auth.trustedProxy.userHeader", true), ("logging.level", true),
            ("gateway.port", false), ("gateway.bind", false), ("gateway.tls.enabled", false), ("logging.file", false),
            ("gateway.auth.tokens", false), ("gateway.auth.rateLimit.windowMs", false), ("gateway.modern", false),
        ];
        for (key, taken_up) in rows {
            assert_eq!(is_taken_up(key), taken_up, "{key}");
        }
    }
}
