//! Why there is no TLS.

use std::{io, path::PathBuf};

use tokio_rustls::rustls;

use crate::hint::Hint;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds nothing of the kind.
    #[error("{} holds no {what}", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// The certificate and the key do not go together, or are of a kind that is not known.
    #[error("the certificate in {} cannot be used", path.display())]
    Unusable {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// No certificate could be made.
    #[error("no self-signed certificate could be made in {}", path.display())]
    Make {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Hint for TlsError {
    fn hint(&self) -> String {
        match self {
            Self::Make { .. } => {
                "make the state directory writable, or set gateway.tls.certPath and gateway.tls.keyPath".into()
            }
            Self::Read { path, source } if source.kind() == io::ErrorKind::PermissionDenied => {
                format!("make {} readable for the gateway's user", path.display())
            }
            Self::Unusable { source: rustls::Error::InconsistentKeys(_), .. } => {
                "gateway.tls.keyPath has to name the key of the first certificate in gateway.tls.certPath".into()
            }
            Self::Empty { what: "private key", .. } => {
                "gateway.tls.keyPath has to name a PEM file with a key that is not encrypted".into()
            }
            Self::Read { .. } | Self::Empty { .. } | Self::Unusable { .. } => {
                "set gateway.tls.certPath and gateway.tls.keyPath to PEM files, or leave both out for a self-signed certificate"
                    .into()
            }
        }
    }
}
