//! What keeps a gateway from starting.

use crate::{
    auth::TokenKeyError,
    config::{Bind, ConfigError, generated_token::TokenError},
    hint::Hint,
    net::{ListenError, LockError, SocketError, TlsError},
    store::StoreError,
    telemetry::TelemetryError,
};

/// What keeps a gateway from starting. Each names its cause; the hint says what to do.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The state directory is another gateway's, or cannot be written.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// There is no token, and none could be made.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// There is no key for device tokens, and none could be made.
    #[error(transparent)]
    TokenKey(#[from] TokenKeyError),
    /// The device records cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Nobody can connect.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// No proxy can introduce a connection.
    #[error("cannot listen for the PROXY protocol")]
    Introduced(#[source] ListenError),
    /// Nobody can read the metrics.
    #[error("cannot serve metrics")]
    Metrics(#[source] ListenError),
    /// There is no way in without the network.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// Nothing can be logged.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The secret that the mode needs is not there.
    #[error("gateway.auth.mode is {mode}, but no {mode} is configured")]
    NoSecret {
        /// The mode.
        mode: &'static str,
    },
    /// Others could reach a gateway that asks nobody for a secret.
    #[error("Refusing to bind gateway to {bind} without auth.")]
    OpenBind {
        /// The bind mode.
        bind: Bind,
    },
    /// Mode `trusted-proxy` without what it needs.
    #[error("gateway.auth.mode is trusted-proxy, but gateway.auth.trustedProxy.userHeader names no header")]
    NoProxyHeader,
    /// The system refused something that every start needs.
    #[error("cannot {what}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl Hint for GatewayError {
    fn hint(&self) -> String {
        match self {
            Self::Config(error) => error.hint(),
            Self::Lock(error) => error.hint(),
            Self::Token(error) => error.hint(),
            Self::TokenKey(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Tls(error) => error.hint(),
            Self::Listen(error) => error.hint(),
            Self::Introduced(_) => "choose another gateway.proxyProtocol.port".into(),
            Self::Metrics(_) => {
                "choose another gateway.metrics.port or gateway.metrics.host, or set gateway.metrics.enabled to false"
                    .into()
            }
            Self::Socket(error) => error.hint(),
            Self::Telemetry(error) => error.hint(),
            Self::NoSecret { mode } => {
                let variable = mode.to_uppercase();
                format!("set gateway.auth.{mode}, or OPENCLAW_GATEWAY_{variable}, or OPENCLAW_GATEWAY_{variable}_FILE")
            }
            Self::OpenBind { .. } => "set gateway.auth.mode to token or password, or gateway.bind to loopback".into(),
            Self::NoProxyHeader => {
                "set gateway.auth.trustedProxy.userHeader to the header in which the proxy names the user".into()
            }
            Self::System { .. } => "openclaw doctor looks at what the system permits; then start it again".into(),
        }
    }
}
