//! Why credentials do not hold, in the words of the wire (gateway protocol, failure messages).

use std::{borrow::Cow, time::Duration};

use serde_json::{Value, json};

use super::TrustedProxyFailure;
use crate::{
    hint::Hint,
    protocol::{ClientInfo, ClientMode, Dialect},
};

/// Why credentials do not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthFailure {
    /// No secret, where a token counts.
    #[error("the gateway token is missing")]
    TokenMissing,
    /// Another secret than the shared token.
    #[error("the gateway token does not match")]
    TokenMismatch {
        /// Whether the client may try again with the token of its device, which it did not send.
        can_retry_with_device_token: bool,
    },
    /// No secret, where a password counts.
    #[error("the gateway password is missing")]
    PasswordMissing,
    /// Another secret than the shared password.
    #[error("the gateway password does not match")]
    PasswordMismatch,
    /// Another token than the device's own.
    #[error("the device token does not match")]
    DeviceTokenMismatch,
    /// A setup code, and this gateway makes none.
    #[error("the setup code is not valid here")]
    SetupCodeInvalid,
    /// No proxy vouches for the user.
    #[error(transparent)]
    TrustedProxy(#[from] TrustedProxyFailure),
    /// Too many different secrets of this client wait to be compared.
    #[error("too many failed attempts")]
    RateLimited {
        /// When to try again.
        retry_after: Duration,
    },
}

impl AuthFailure {
    /// The reason in logs and in `details.authReason`.
    pub fn reason(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::TokenMissing => "token_missing",
            Self::TokenMismatch { .. } => "token_mismatch",
            Self::PasswordMissing => "password_missing",
            Self::PasswordMismatch => "password_mismatch",
            Self::DeviceTokenMismatch => "device_token_mismatch",
            Self::SetupCodeInvalid => "bootstrap_token_invalid",
            Self::TrustedProxy(failure) => return failure.reason(),
            Self::RateLimited { .. } => "rate_limited",
        })
    }

    /// Whether a secret was compared and is wrong. A missing secret is no guess.
    pub const fn is_wrong_guess(&self) -> bool {
        matches!(self, Self::TokenMismatch { .. } | Self::PasswordMismatch | Self::DeviceTokenMismatch)
    }

    /// What the client is told: message and close reason. Clients match parts of it, so advice is appended at most.
    ///
    /// `near` says that the client is where it may be paired silently, which for newer command lines changes where the right
    /// secret is found.
    pub fn message(&self, client: &ClientInfo, dialect: Dialect, near: bool) -> String {
        let place = Place::of(client, dialect, near);
        let (token, password) = (place.token(), place.password());
        match self {
            Self::TokenMissing => format!("unauthorized: gateway token missing ({token})"),
            Self::TokenMismatch { .. } => format!("unauthorized: gateway token mismatch ({token})"),
            Self::PasswordMissing => format!("unauthorized: gateway password missing ({password})"),
            Self::PasswordMismatch => format!("unauthorized: gateway password mismatch ({password})"),
            Self::DeviceTokenMismatch => "unauthorized: device token mismatch (rotate/reissue device token)".into(),
            Self::SetupCodeInvalid => {
                "unauthorized: setup code invalid, expired, revoked, or already used (create a new \
                                       code; review `openclaw devices list`)"
                    .into()
            }
            Self::TrustedProxy(_) => "unauthorized".into(),
            Self::RateLimited { .. } => "unauthorized: too many failed authentication attempts (retry later)".into(),
        }
    }

    /// `details` of the error.
    pub fn details(&self) -> Value {
        json!({
            "code": self.code(),
            "authReason": self.reason(),
            "canRetryWithDeviceToken": self.next_step() == NextStep::RetryWithDeviceToken,
            "recommendedNextStep": self.next_step().as_str(),
        })
    }

    /// When the client may try again, in milliseconds; `None` where trying the same again is of no use.
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::RateLimited { retry_after } => Some(u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX)),
            _ => None,
        }
    }

    const fn code(&self) -> &'static str {
        match self {
            Self::TokenMissing => "AUTH_TOKEN_MISSING",
            Self::TokenMismatch { .. } => "AUTH_TOKEN_MISMATCH",
            Self::PasswordMissing => "AUTH_PASSWORD_MISSING",
            Self::PasswordMismatch => "AUTH_PASSWORD_MISMATCH",
            Self::DeviceTokenMismatch => "AUTH_DEVICE_TOKEN_MISMATCH",
            Self::SetupCodeInvalid => "AUTH_BOOTSTRAP_TOKEN_INVALID",
            Self::TrustedProxy(TrustedProxyFailure::MissingHeader(_)) => "AUTH_IDENTITY_HEADER_REQUIRED",
            Self::TrustedProxy(_) => "AUTH_UNAUTHORIZED",
            Self::RateLimited { .. } => "AUTH_RATE_LIMITED",
        }
    }

    const fn next_step(&self) -> NextStep {
        match self {
            Self::TokenMissing | Self::PasswordMissing => NextStep::UpdateConfiguration,
            Self::TokenMismatch { can_retry_with_device_token: true } => NextStep::RetryWithDeviceToken,
            Self::TokenMismatch { .. } | Self::PasswordMismatch | Self::DeviceTokenMismatch => {
                NextStep::UpdateCredentials
            }
            Self::SetupCodeInvalid | Self::TrustedProxy(_) => NextStep::ReviewConfiguration,
            Self::RateLimited { .. } => NextStep::WaitThenRetry,
        }
    }
}

impl Hint for AuthFailure {
    fn hint(&self) -> String {
        match self {
            Self::TokenMissing | Self::TokenMismatch { .. } => {
                "give the gateway's token with --token or OPENCLAW_GATEWAY_TOKEN".into()
            }
            Self::PasswordMissing | Self::PasswordMismatch => {
                "give the gateway's password with --password or OPENCLAW_GATEWAY_PASSWORD".into()
            }
            Self::DeviceTokenMismatch => {
                "connect once with the gateway's own token or password: the device then gets its new token".into()
            }
            Self::SetupCodeInvalid => "connect with the gateway's token; this gateway makes no setup codes".into(),
            Self::TrustedProxy(failure) => format!("check {}", failure.setting()),
            Self::RateLimited { .. } => {
                "use the Unix socket or a paired device, which no other client can slow down, or try again later".into()
            }
        }
    }
}

/// `details.recommendedNextStep`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NextStep {
    UpdateConfiguration,
    UpdateCredentials,
    RetryWithDeviceToken,
    ReviewConfiguration,
    WaitThenRetry,
}

impl NextStep {
    const fn as_str(self) -> &'static str {
        match self {
            Self::UpdateConfiguration => "update_auth_configuration",
            Self::UpdateCredentials => "update_auth_credentials",
            Self::RetryWithDeviceToken => "retry_with_device_token",
            Self::ReviewConfiguration => "review_auth_configuration",
            Self::WaitThenRetry => "wait_then_retry",
        }
    }
}

/// Where the user of a client finds or puts the secret.
#[derive(Debug, Clone, Copy)]
enum Place {
    RemoteCli,
    NearCli,
    Browser,
    Other,
}

impl Place {
    fn of(client: &ClientInfo, dialect: Dialect, near: bool) -> Self {
        if client.mode == ClientMode::Cli {
            if near && dialect == Dialect::V4 { Self::NearCli } else { Self::RemoteCli }
        } else if client.is_browser_ui() {
            Self::Browser
        } else {
            Self::Other
        }
    }

    const fn token(self) -> &'static str {
        match self {
            Self::RemoteCli => "set gateway.remote.token to match gateway.auth.token",
            Self::NearCli => "use this gateway's gateway.auth.token or pair the device",
            Self::Browser => "open the dashboard URL and paste the token in Control UI settings",
            Self::Other => "provide gateway auth token",
        }
    }

    const fn password(self) -> &'static str {
        match self {
            Self::RemoteCli => "set gateway.remote.password to match gateway.auth.password",
            Self::NearCli => "use this gateway's gateway.auth.password",
            Self::Browser => "enter the password in Control UI settings",
            Self::Other => "provide gateway auth password",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults::MAX_CLOSE_REASON_BYTES;

    fn client(id: &str, mode: &str) -> ClientInfo {
        serde_json::from_value(json!({"id": id, "version": "dev", "platform": "linux", "mode": mode}))
            .expect("a client")
    }

    fn every_failure() -> Vec<AuthFailure> {
        vec![
            AuthFailure::TokenMissing,
            AuthFailure::TokenMismatch { can_retry_with_device_token: false },
            AuthFailure::TokenMismatch { can_retry_with_device_token: true },
            AuthFailure::PasswordMissing,
            AuthFailure::PasswordMismatch,
            AuthFailure::DeviceTokenMismatch,
            AuthFailure::SetupCodeInvalid,
            AuthFailure::TrustedProxy(TrustedProxyFailure::UserMissing),
            AuthFailure::TrustedProxy(TrustedProxyFailure::MissingHeader("x-a".parse().expect("a name"))),
            AuthFailure::RateLimited { retry_after: Duration::from_millis(1500) },
        ]
    }

    #[test]
    fn the_words_for_each_client() {
        let cli = client("cli", "cli");
        let page = client("openclaw-control-ui", "webchat");
        let node = client("node-host", "node");
        let (token, password) =
            (AuthFailure::TokenMismatch { can_retry_with_device_token: false }, AuthFailure::PasswordMissing);
        #[rustfmt::skip]
        let rows = [
            (&token,    &cli,  Dialect::V3, true,  "unauthorized: gateway token mismatch (set gateway.remote.token to match gateway.auth.token)"),
            (&token,    &cli,  Dialect::V4, false, "unauthorized: gateway token mismatch (set gateway.remote.token to match gateway.auth.token)"),
            (&token,    &cli,  Dialect::V4, true,  "unauthorized: gateway token mismatch (use this gateway's gateway.auth.token or pair the device)"),
            (&token,    &page, Dialect::V4, true,  "unauthorized: gateway token mismatch (open the dashboard URL and paste the token in Control UI settings)"),
            (&token,    &node, Dialect::V4, true,  "unauthorized: gateway token mismatch (provide gateway auth token)"),
            (&password, &cli,  Dialect::V3, false, "unauthorized: gateway password missing (set gateway.remote.password to match gateway.auth.password)"),
            (&password, &cli,  Dialect::V4, true,  "unauthorized: gateway password missing (use this gateway's gateway.auth.password)"),
            (&password, &page, Dialect::V3, true,  "unauthorized: gateway password missing (enter the password in Control UI settings)"),
            (&password, &node, Dialect::V3, true,  "unauthorized: gateway password missing (provide gateway auth password)"),
        ];
        for (failure, client, dialect, near, message) in rows {
            assert_eq!(failure.message(client, dialect, near), message);
        }
    }

    #[test]
    fn what_programs_read() {
        #[rustfmt::skip]
        let rows = [
            ("AUTH_TOKEN_MISSING",           "token_missing",               false, "update_auth_configuration"),
            ("AUTH_TOKEN_MISMATCH",          "token_mismatch",              false, "update_auth_credentials"),
            ("AUTH_TOKEN_MISMATCH",          "token_mismatch",              true,  "retry_with_device_token"),
            ("AUTH_PASSWORD_MISSING",        "password_missing",            false, "update_auth_configuration"),
            ("AUTH_PASSWORD_MISMATCH",       "password_mismatch",           false, "update_auth_credentials"),
            ("AUTH_DEVICE_TOKEN_MISMATCH",   "device_token_mismatch",       false, "update_auth_credentials"),
            ("AUTH_BOOTSTRAP_TOKEN_INVALID", "bootstrap_token_invalid",     false, "review_auth_configuration"),
            ("AUTH_UNAUTHORIZED",            "trusted_proxy_user_missing",  false, "review_auth_configuration"),
            ("AUTH_IDENTITY_HEADER_REQUIRED", "trusted_proxy_missing_header_x-a", false, "review_auth_configuration"),
            ("AUTH_RATE_LIMITED",            "rate_limited",                false, "wait_then_retry"),
        ];
        assert_eq!(rows.len(), every_failure().len());
        for (failure, (code, reason, can_retry, step)) in every_failure().iter().zip(rows) {
            assert_eq!(
                failure.details(),
                json!({
                    "code": code, "authReason": reason, "canRetryWithDeviceToken": can_retry, "recommendedNextStep": step,
                }),
                "{failure:?}"
            );
            assert_eq!(failure.retry_after_ms(), (code == "AUTH_RATE_LIMITED").then_some(1500), "{failure:?}");
        }
    }

    #[test]
    fn every_message_fits_a_close_reason_but_the_one_that_the_protocol_cuts() {
        let cli = client("cli", "cli");
        for failure in every_failure() {
            for near in [false, true] {
                let message = failure.message(&cli, Dialect::V4, near);
                assert!(message.starts_with("unauthorized"), "{message}");
                assert!(
                    message.len() <= MAX_CLOSE_REASON_BYTES || failure == AuthFailure::SetupCodeInvalid,
                    "{message}"
                );
            }
            assert!(!failure.hint().is_empty(), "{failure:?}");
        }
    }
}
