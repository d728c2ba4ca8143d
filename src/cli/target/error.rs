//! Why there is no plan.

use super::Source;
use crate::{
    client::{GatewayUrl, InvalidFingerprint, InvalidUrl},
    hint::Hint,
};

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// A configured URL is none.
    #[error("{named_by} names no gateway")]
    BadUrl {
        /// Which setting.
        named_by: Source,
        /// What is wrong with it.
        #[source]
        problem: InvalidUrl,
    },
    /// A configured fingerprint is none.
    #[error("gateway.remote.tlsFingerprint cannot be read")]
    BadFingerprint(#[source] InvalidFingerprint),
    /// The remote gateway of the configuration has no secret there.
    #[error(
        "gateway.remote.url names {url}, and no credentials for it are configured\nFix: set gateway.remote.token or \
         gateway.remote.password, or pass --token or --password."
    )]
    RemoteWithoutCredentials {
        /// Where it would have gone.
        url: GatewayUrl,
    },
    /// A URL was named without a secret; secrets of the configuration are not sent there.
    #[error(
        "gateway url override requires explicit credentials\nFix: pass --token or --password{}.\n\
         The configured secrets are for the configured gateway, and are not sent to {url}.",
        if *.named_by == Source::EnvUrl { ", or set OPENCLAW_GATEWAY_TOKEN or OPENCLAW_GATEWAY_PASSWORD" } else { "" }
    )]
    NeedsCredentials {
        /// Where it would have gone.
        url: GatewayUrl,
        /// Which setting.
        named_by: Source,
    },
}

impl TargetError {
    /// Without the secret that it needs, the gateway at the URL that `named_by` gave is not asked.
    pub(crate) fn without_credentials(url: GatewayUrl, named_by: Source) -> Self {
        match named_by {
            Source::ConfigRemote => Self::RemoteWithoutCredentials { url },
            named_by => Self::NeedsCredentials { url, named_by },
        }
    }

    /// Which setting named the gateway.
    pub(crate) fn named_by(&self) -> Source {
        match self {
            Self::BadUrl { named_by, .. } | Self::NeedsCredentials { named_by, .. } => named_by.clone(),
            Self::RemoteWithoutCredentials { .. } | Self::BadFingerprint(_) => Source::ConfigRemote,
        }
    }
}

impl Hint for TargetError {
    fn hint(&self) -> String {
        match self {
            Self::BadUrl { problem, .. } => problem.hint(),
            Self::BadFingerprint(_) => "copy the fingerprint that the gateway printed at its start".into(),
            Self::RemoteWithoutCredentials { .. } => {
                "openclaw config set gateway.remote.token --stdin   (it is gateway.auth.token on the gateway's machine)".into()
            }
            Self::NeedsCredentials { .. } => {
                "the token is gateway.auth.token on the gateway's machine: in openclaw.json, OPENCLAW_GATEWAY_TOKEN, or \
                 identity/gateway-token of its state directory"
                    .into()
            }
        }
    }
}
