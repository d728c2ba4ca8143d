//! TLS for the gateway port: certificates from files, or a self-signed one made on first start.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use sha2::{Digest, Sha256};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
    },
};
use tracing::{info, warn};

use crate::{hint::Hint, state::StateDir};

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
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Make { .. } => "make the state directory writable, or set gateway.tls.certPath and gateway.tls.keyPath".into(),
            Self::Read { .. } | Self::Empty { .. } | Self::Unusable { .. } => {
                "set gateway.tls.certPath and gateway.tls.keyPath to PEM files, or leave both out for a self-signed certificate"
                    .into()
            }
        })
    }
}

/// The files of a certificate (its chain, leaf first) and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain.
    pub chain: PathBuf,
    /// The key.
    pub key: PathBuf,
}

impl CertificateFiles {
    /// The self-signed certificate of `state`, made for `names` when there is none yet.
    ///
    /// # Errors
    /// [`TlsError::Make`].
    pub fn self_signed(state: &StateDir, names: Vec<String>) -> Result<Self, TlsError> {
        let dir = state.tls();
        let files = Self { chain: dir.join("cert.pem"), key: dir.join("key.pem") };
        if files.chain.exists() && files.key.exists() {
            return Ok(files);
        }
        let make = || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            let made = rcgen::generate_simple_self_signed(names)?;
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
            // The key first: a start that is interrupted between the two makes both anew.
            write_private(&files.key, &made.signing_key.serialize_pem())?;
            write_private(&files.chain, &made.cert.pem())?;
            Ok(())
        };
        make().map_err(|source| TlsError::Make { path: dir.clone(), source })?;
        info!(target: "gateway", "made a self-signed certificate: {}", files.chain.display());
        Ok(files)
    }

    fn load(&self) -> Result<CertifiedKey, TlsError> {
        let read = |path: &Path| fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source });
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(&read(&self.chain)?).filter_map(Result::ok).collect();
        if chain.is_empty() {
            return Err(TlsError::Empty { path: self.chain.clone(), what: "certificate" });
        }
        let key = PrivateKeyDer::from_pem_slice(&read(&self.key)?)
            .map_err(|_| TlsError::Empty { path: self.key.clone(), what: "private key" })?;
        let unusable = |source| TlsError::Unusable { path: self.chain.clone(), source };
        CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider()).map_err(unusable)
    }

    /// Changes when one of the files does.
    fn stamp(&self) -> Option<[(u64, i64, i64); 2]> {
        let of = |path: &Path| fs::metadata(path).ok().map(|found| (found.ino(), found.mtime(), found.mtime_nsec()));
        Some([of(&self.chain)?, of(&self.key)?])
    }
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    file.sync_all()
}

/// The certificate in force. Clones share it.
#[derive(Debug, Clone)]
pub struct Certificate {
    files: CertificateFiles,
    current: Arc<Current>,
}

#[derive(Debug)]
struct Current {
    key: RwLock<Arc<CertifiedKey>>,
    stamp: RwLock<Option<[(u64, i64, i64); 2]>>,
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.key.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Certificate {
    /// Loads the certificate.
    ///
    /// # Errors
    /// [`TlsError`] names the file.
    pub fn load(files: CertificateFiles) -> Result<Self, TlsError> {
        let stamp = RwLock::new(files.stamp());
        let key = RwLock::new(Arc::new(files.load()?));
        Ok(Self { files, current: Arc::new(Current { key, stamp }) })
    }

    /// The SHA-256 of the leaf certificate, as pairs of hexadecimal digits with colons: what clients pin.
    pub fn fingerprint(&self) -> String {
        let key = self.current.key.read().unwrap_or_else(PoisonError::into_inner);
        let digest = key.cert.first().map(Sha256::digest).unwrap_or_default();
        digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    }

    /// Loads the files again if they changed. Files that cannot be used leave the last good certificate in force.
    pub fn reload_if_changed(&self) {
        let stamp = self.files.stamp();
        {
            let mut last = self.current.stamp.write().unwrap_or_else(PoisonError::into_inner);
            if *last == stamp {
                return;
            }
            *last = stamp;
        }
        match self.files.load() {
            Ok(key) => {
                *self.current.key.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
                info!(target: "gateway", "certificate reloaded, SHA-256 fingerprint {}", self.fingerprint());
            }
            Err(error) => {
                warn!(target: "gateway", "the changed certificate cannot be used, the last one stays: {}", crate::hint::chain(&error));
            }
        }
    }

    /// What accepts TLS with it.
    ///
    /// # Errors
    /// [`TlsError::Unusable`] when the TLS library refuses its own defaults.
    pub fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|source| TlsError::Unusable { path: self.files.chain.clone(), source })?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&self.current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_made_once_and_reloaded() {
        let dir = tempfile::tempdir().expect("a directory");
        let state = StateDir::new(dir.path());
        let files = CertificateFiles::self_signed(&state, vec!["localhost".into()]).expect("made");
        let certificate = Certificate::load(files.clone()).expect("loaded");
        let first = certificate.fingerprint();
        assert_eq!(first.len(), 95);
        let again = CertificateFiles::self_signed(&state, vec!["other".into()]).expect("kept");
        assert_eq!(Certificate::load(again).expect("loaded").fingerprint(), first);

        fs::remove_file(&files.chain).expect("there");
        fs::write(&files.chain, "nonsense").expect("writable");
        certificate.reload_if_changed();
        assert_eq!(certificate.fingerprint(), first, "a broken file leaves the last good certificate");

        fs::remove_file(&files.chain).expect("there");
        CertificateFiles::self_signed(&state, vec!["other".into()]).expect("made");
        certificate.reload_if_changed();
        assert_ne!(certificate.fingerprint(), first);
    }
}
