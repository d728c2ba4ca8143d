//! Reading the configuration again: what is taken up, and what waits for a restart.

use std::sync::Arc;

use tracing::{info, warn};

use super::{Gateway, startup};
use crate::{
    config::{self, Loaded, changed_keys},
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
    "gateway.loopbackIsProxy",
    "gateway.mode",
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

impl Gateway {
    /// Reads the configuration again and takes up what can be while running. What is wrong with it is told, and what was in
    /// force stays. SIGHUP, the method `gateway.reload` and an edit of the files all come here.
    ///
    /// # Errors
    /// [`OrderError::Configuration`] when it cannot be used.
    pub(super) async fn reload(&mut self) -> Result<Reloaded, OrderError> {
        self.notify.reloading("reading the configuration again");
        let reloaded = self.take_up().await;
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
        let rotated = self.policy.borrow().is_rotated_by(&policy);
        let epoch = policy.epoch;
        self.policy.send_replace(Arc::new(policy));
        if let Some((certificate, _)) = &self.tls {
            certificate.reload_if_changed();
        }
        if rotated {
            self.shared.hub.signal(Signal::SecretRotated { epoch });
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
        let before = Arc::clone(&self.policy.borrow());
        let policy = startup::policy(&loaded, before.epoch + 1, before.surroundings.clone())
            .map_err(|problem| OrderError::Configuration(chain(&problem)))?;
        Ok((loaded, policy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
