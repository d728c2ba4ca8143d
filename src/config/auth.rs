//! Who may connect, as the files say it and as it was resolved.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    credential::{Credential, Credentials},
    secret::Secret,
    words::words,
};
use crate::defaults;

/// Who may connect. Keys below `gateway.auth`, as the layers say it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct AuthKeys {
    /// Which mechanism counts. Unset: `password` when a password is configured, otherwise `token`.
    pub mode: Option<AuthMode>,
    /// The shared token. When mode is `token` and none is configured, one is generated once into `identity/gateway-token`.
    pub token: Option<Secret>,
    /// The shared password of mode `password`.
    pub password: Option<Secret>,
    /// How wrong answers are slowed down.
    pub rate_limit: RateLimit,
    /// Mode `trusted-proxy`: the proxy in front has authenticated the user.
    pub trusted_proxy: Option<TrustedProxyAuth>,
}

words! {
    /// The mechanism that lets a client in.
    pub enum AuthMode {
        /// Everybody is let in; never the default.
        None = "none",
        /// A shared token.
        Token = "token",
        /// A shared password.
        Password = "password",
        /// A trusted proxy names the user in a header.
        TrustedProxy = "trusted-proxy",
    }
}

/// How wrong answers are slowed down. Keys below `gateway.auth.rateLimit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RateLimit {
    /// Wrong answers of one client before it is slowed down.
    pub max_attempts: u32,
    /// How long a wrong answer is remembered, in milliseconds.
    pub window_ms: u64,
    /// How long a client stays slowed down, in milliseconds.
    pub lockout_ms: u64,
    /// Whether clients on loopback are never slowed down.
    pub exempt_loopback: bool,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            max_attempts: defaults::AUTH_FREE_FAILURES,
            window_ms: defaults::AUTH_FAILURE_WINDOW.as_secs() * 1000,
            lockout_ms: defaults::AUTH_LOCKOUT_MS,
            exempt_loopback: true,
        }
    }
}

/// What a trusted proxy says about its user. Keys below `gateway.auth.trustedProxy`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct TrustedProxyAuth {
    /// The header that names the user.
    pub user_header: String,
    /// Headers that must be present and not blank.
    pub required_headers: Vec<String>,
    /// The users who are let in; empty: every user that the proxy names.
    pub allow_users: Vec<String>,
    /// Whether a proxy at a loopback address may vouch too: every program on this machine can then name any user.
    pub allow_loopback: bool,
}

/// Who may connect, with every layer taken into account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// The mechanism in force.
    pub mode: AuthMode,
    /// What is known as the shared token, the one in force first.
    pub token: Credentials,
    /// What is known as the shared password, the one in force first.
    pub password: Credentials,
    /// How wrong answers are slowed down.
    pub rate_limit: RateLimit,
    /// Whether `gateway.auth.rateLimit` is written anywhere; OpenClaw of protocol 3 throttles only then.
    pub rate_limit_configured: bool,
    /// What a trusted proxy says about its user.
    pub trusted_proxy: Option<TrustedProxyAuth>,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            mode: AuthMode::Token,
            token: Credentials::default(),
            password: Credentials::default(),
            rate_limit: RateLimit::default(),
            rate_limit_configured: false,
            trusted_proxy: None,
        }
    }
}

impl Auth {
    /// The shared secret of the mode in force, if the mode has one and it is known.
    pub fn shared_secret(&self) -> Option<&Credential> {
        match self.mode {
            AuthMode::Token => self.token.in_force(),
            AuthMode::Password => self.password.in_force(),
            AuthMode::None | AuthMode::TrustedProxy => None,
        }
    }
}
