//! The files of a certificate, and the one that is made where there is none.

use std::{
    error::Error,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use jiff::{ToSpan, Zoned, tz::TimeZone};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio_rustls::rustls::{crypto::ring, sign::CertifiedKey};
use tracing::info;

use super::TlsError;
use crate::{
    defaults::{CERTIFICATE_LIFETIME, MAX_KEY_FILE_BYTES},
    private_file,
    state::StateDir,
};

/// The files of a certificate (its chain, leaf first) and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain.
    pub chain: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// Changes when one of the files does: inode, length and time of change of each.
pub(super) type Stamp = [(u64, u64, i64, i64); 2];

impl CertificateFiles {
    /// The self-signed certificate of `state`, made for `names` (DNS names and addresses) when there is none yet.
    ///
    /// # Errors
    /// [`TlsError::Make`].
    pub fn self_signed(state: &StateDir, names: Vec<String>) -> Result<Self, TlsError> {
        let dir = state.tls();
        let files = Self { chain: dir.join("cert.pem"), key: dir.join("key.pem") };
        if files.chain.exists() && files.key.exists() {
            return Ok(files);
        }
        files.make(names).map_err(|source| TlsError::Make { path: dir, source })?;
        info!(target: "gateway", "made a self-signed certificate: {}", files.chain.display());
        Ok(files)
    }

    fn make(&self, names: Vec<String>) -> Result<(), Box<dyn Error + Send + Sync>> {
        // A machine's name may be no DNS name; the certificate has its addresses anyway.
        let names: Vec<_> = names.into_iter().filter(|name| !name.is_empty() && name.is_ascii()).collect();
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, "OpenClaw gateway");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // A client's clock may be behind ours.
        let yesterday = Zoned::now().with_time_zone(TimeZone::UTC).date().saturating_sub(1.day());
        params.not_before = rcgen::date_time_ymd(
            yesterday.year().into(),
            yesterday.month().unsigned_abs(),
            yesterday.day().unsigned_abs(),
        );
        params.not_after = params.not_before + CERTIFICATE_LIFETIME;
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        // What is left of an interrupted start goes first, and the key is there before the certificate: at no moment do two
        // files lie there that do not go together.
        for leftover in [&self.chain, &self.key] {
            match fs::remove_file(leftover) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        private_file::create(&self.key, &key.serialize_pem())?;
        private_file::create(&self.chain, &certificate.pem())?;
        Ok(())
    }

    pub(super) fn load(&self) -> Result<CertifiedKey, TlsError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(&self.chain)?)
            .collect::<Result<_, _>>()
            .map_err(|_| TlsError::Empty { path: self.chain.clone(), what: "certificate that can be read" })?;
        if chain.is_empty() {
            return Err(TlsError::Empty { path: self.chain.clone(), what: "certificate" });
        }
        let key = PrivateKeyDer::from_pem_slice(&read(&self.key)?)
            .map_err(|_| TlsError::Empty { path: self.key.clone(), what: "private key" })?;
        CertifiedKey::from_der(chain, key, &ring::default_provider())
            .map_err(|source| TlsError::Unusable { path: self.chain.clone(), source })
    }

    pub(super) fn stamp(&self) -> Option<Stamp> {
        let of = |path: &Path| {
            let found = fs::metadata(path).ok()?;
            Some((found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
        };
        Some([of(&self.chain)?, of(&self.key)?])
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |source| TlsError::Read { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(failed)?;
    let mut text = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, MAX_KEY_FILE_BYTES), &mut text).map_err(failed)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_certificate_is_made_once_for_the_owner_only() {
        let dir = tempfile::tempdir().expect("a directory");
        let state = StateDir::new(dir.path());
        let files = CertificateFiles::self_signed(&state, vec!["localhost".into(), "ümlaut".into()]).expect("made");
        assert_eq!(fs::metadata(&files.key).expect("there").permissions().mode() & 0o777, 0o600);
        let first = fs::read(&files.chain).expect("there");
        CertificateFiles::self_signed(&state, vec!["other".into()]).expect("kept");
        assert_eq!(fs::read(&files.chain).expect("there"), first);
    }

    #[test]
    fn an_interrupted_start_is_made_good() {
        let dir = tempfile::tempdir().expect("a directory");
        let state = StateDir::new(dir.path());
        let files = CertificateFiles::self_signed(&state, vec!["localhost".into()]).expect("made");
        for lost in [&files.chain, &files.key] {
            fs::remove_file(lost).expect("there");
            CertificateFiles::self_signed(&state, vec!["localhost".into()]).expect("made again");
            files.load().expect("a pair that goes together");
        }
    }

    #[test]
    fn what_is_wrong_with_files_is_told() {
        let (one, two) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
        let made = |dir: &Path| CertificateFiles::self_signed(&StateDir::new(dir), vec!["x".into()]).expect("made");
        let (one, two) = (made(one.path()), made(two.path()));
        let nothing = one.chain.with_file_name("empty");
        fs::write(&nothing, "").expect("writable");
        let absent = one.chain.with_file_name("absent");
        #[rustfmt::skip]
        let rows = [
            (&one.chain, &two.key,   "cannot be used",       "the key of the first certificate"),
            (&nothing,   &one.key,   "holds no certificate", "PEM"),
            (&one.chain, &nothing,   "holds no private key", "not encrypted"),
            (&absent,    &one.key,   "cannot read",          "gateway.tls.certPath"),
        ];
        for (chain, key, text, hint) in rows {
            use crate::hint::Hint;
            let error = CertificateFiles { chain: chain.clone(), key: key.clone() }.load().expect_err("unusable");
            assert!(error.to_string().contains(text), "{error}");
            assert!(error.hint().contains(hint), "{error}: {:?}", error.hint());
        }
    }
}
