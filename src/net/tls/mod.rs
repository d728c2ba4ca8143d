//! TLS for the gateway port: certificates from files, or a self-signed one made on first start.

mod error;
mod files;
mod validity;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
    },
};
use tracing::{info, warn};

pub use self::{error::TlsError, files::CertificateFiles};
use self::{files::Stamp, validity::Standing};

/// The certificate in force. Clones share it.
#[derive(Debug, Clone)]
pub struct Certificate {
    files: CertificateFiles,
    current: Arc<Current>,
}

#[derive(Debug)]
struct Current(Mutex<State>);

#[derive(Debug)]
struct State {
    key: Arc<CertifiedKey>,
    /// As the files were when they were last read, well or not.
    stamp: Option<Stamp>,
    /// As the log was last told.
    standing: Standing,
}

impl Current {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is one assignment: a panic elsewhere leaves the state whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.lock().key))
    }
}

/// What an operator should know about the certificate in `files` at `now`, and whether clients refuse it for that; `None` where
/// it is good.
///
/// # Errors
/// [`TlsError`] names the file that cannot be used.
pub fn certificate_remark(files: &CertificateFiles, now: Timestamp) -> Result<Option<(String, bool)>, TlsError> {
    let key = files.load()?;
    let standing = key.cert.first().map_or(Standing::Unknown, |leaf| Standing::of(leaf, now));
    Ok(standing.warning().map(|warning| (warning, !matches!(standing, Standing::Ending(_)))))
}

impl Certificate {
    /// Loads the certificate. One that has expired is used all the same, with a warning: its clients may pin it.
    ///
    /// # Errors
    /// [`TlsError`] names the file.
    pub fn load(files: CertificateFiles) -> Result<Self, TlsError> {
        // The stamp comes first: a change after it is seen by the next look.
        let stamp = files.stamp();
        let key = Arc::new(files.load()?);
        let current = Arc::new(Current(Mutex::new(State { key, stamp, standing: Standing::Good })));
        let certificate = Self { files, current };
        certificate.warn_of_expiry(Timestamp::now());
        Ok(certificate)
    }

    /// The SHA-256 of the leaf certificate, as pairs of hexadecimal digits with colons: what clients pin.
    pub fn fingerprint(&self) -> String {
        let key = Arc::clone(&self.current.lock().key);
        let digest = key.cert.first().map(Sha256::digest).unwrap_or_default();
        digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    }

    /// Loads the files again if they changed, and warns when the certificate is about to expire. Files that cannot be used
    /// leave the last good certificate in force. Reads files: not for a task that serves.
    pub fn reload_if_changed(&self) {
        let stamp = self.files.stamp();
        if std::mem::replace(&mut self.current.lock().stamp, stamp) != stamp {
            match self.files.load() {
                Ok(key) => {
                    self.current.lock().key = Arc::new(key);
                    info!(target: "gateway", "certificate reloaded, SHA-256 fingerprint {}", self.fingerprint());
                }
                Err(error) => warn!(
                    target: "gateway",
                    "the changed certificate cannot be used, the last one stays: {}", crate::hint::chain(&error)
                ),
            }
        }
        self.warn_of_expiry(Timestamp::now());
    }

    /// Tells the log once when the certificate's standing changes.
    fn warn_of_expiry(&self, now: Timestamp) {
        let mut state = self.current.lock();
        let standing = state.key.cert.first().map_or(Standing::Unknown, |leaf| Standing::of(leaf, now));
        if std::mem::replace(&mut state.standing, standing) != standing
            && let Some(warning) = standing.warning()
        {
            warn!(target: "gateway", "{warning} ({})", self.files.chain.display());
        }
    }

    /// What accepts TLS with it: versions 1.2 and 1.3.
    ///
    /// # Errors
    /// [`TlsError::Unusable`] when the TLS library refuses its own defaults.
    pub fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
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
    use std::fs;

    use super::*;
    use crate::state::StateDir;

    #[test]
    fn changed_files_are_read_again_and_broken_ones_are_not_used() {
        let dir = tempfile::tempdir().expect("a directory");
        let state = StateDir::new(dir.path());
        let files = CertificateFiles::self_signed(&state, vec!["localhost".into()]).expect("made");
        let certificate = Certificate::load(files.clone()).expect("loaded");
        let first = certificate.fingerprint();
        assert_eq!(first.len(), 95);

        fs::write(&files.chain, "nonsense").expect("writable");
        certificate.reload_if_changed();
        assert_eq!(certificate.fingerprint(), first, "a broken file leaves the last good certificate");

        fs::remove_file(&files.chain).expect("there");
        certificate.reload_if_changed();
        assert_eq!(certificate.fingerprint(), first, "and so does an absent one");

        CertificateFiles::self_signed(&state, vec!["other".into()]).expect("made");
        certificate.reload_if_changed();
        assert_ne!(certificate.fingerprint(), first);
    }

    #[test]
    fn the_log_is_told_once_that_the_end_is_near() {
        let dir = tempfile::tempdir().expect("a directory");
        let files = CertificateFiles::self_signed(&StateDir::new(dir.path()), vec!["localhost".into()]).expect("made");
        let certificate = Certificate::load(files).expect("loaded");
        assert_eq!(certificate.current.lock().standing, Standing::Good);
        certificate.warn_of_expiry("2999-01-01T00:00:00Z".parse().expect("a time"));
        assert!(matches!(certificate.current.lock().standing, Standing::Ended(_)));
    }
}
