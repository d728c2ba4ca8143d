//! What the lock says of the gateway that has it, or that had it last.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::clock::now_ms;

/// What the holder of the lock wrote into it, for people and for the command line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LockHolder {
    /// The kernel's boot id.
    pub boot_id: String,
    /// The process, as its own namespace numbers it.
    pub pid: u32,
    /// Since when, in milliseconds since the Unix epoch.
    pub started_at_ms: i64,
    /// The gateway's version.
    pub version: String,
    /// Where it listens, once it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its Unix socket, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<PathBuf>,
    /// Its log file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_file: Option<PathBuf>,
    /// Which secret counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<SecretInForce>,
    /// The settings that its flags and its environment give, by their keys, and what gives each: no edit of a file changes them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub given: BTreeMap<String, String>,
    /// Its coming back, where it is about to begin anew in its own process: until then it listens nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart: Option<Restart>,
}

/// Which secret a gateway goes by; never the secret.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretInForce {
    /// The mode, as `gateway.auth.mode` names it.
    pub mode: String,
    /// The mode and where the secret comes from, for people.
    pub described: String,
    /// Whether it is the token that the gateway made itself.
    pub generated: bool,
}

/// How a gateway that begins anew in its own process comes back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Restart {
    /// When it is back at the latest, in milliseconds since the Unix epoch.
    pub until_ms: i64,
    /// Whether it has ended in order, and has let go of the lock for the moment that the new run takes to begin. One without a
    /// lock that had not was killed.
    pub begun: bool,
}

impl Restart {
    pub(super) fn within(time: Duration) -> Self {
        let milliseconds = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        Self { until_ms: now_ms().saturating_add(milliseconds), begun: false }
    }

    /// How much longer it is to be waited for.
    pub fn time_left(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.until_ms.saturating_sub(now_ms())).unwrap_or_default())
    }
}

impl LockHolder {
    /// How much longer it is to be waited for, where it let go of the lock only to begin anew.
    pub(super) fn comes_back_within(&self) -> Option<Duration> {
        let restart = self.restart.as_ref().filter(|restart| restart.begun)?;
        Some(restart.time_left()).filter(|left| !left.is_zero())
    }
}

/// What a gateway that listens writes into its lock.
#[derive(Debug, Clone, Default)]
pub struct Announcement {
    /// Where it listens.
    pub url: String,
    /// Its Unix socket.
    pub socket: Option<PathBuf>,
    /// Its log file.
    pub log_file: Option<PathBuf>,
    /// Which secret counts.
    pub auth: SecretInForce,
    /// The settings that its flags and its environment give, and what gives each.
    pub given: BTreeMap<String, String>,
}
