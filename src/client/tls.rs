//! TLS to a gateway: public roots, an own certificate authority, or one certificate known by its fingerprint.

use std::{fmt, path::PathBuf, str::FromStr, sync::Arc};

use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        self, CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme,
        client::{
            WebPkiServerVerifier,
            danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        },
        crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    },
};

use super::GatewayUrl;

/// The SHA-256 of a certificate in DER, printed as colon-separated hexadecimal pairs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

/// A text that is no fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is the SHA-256 of the certificate: 64 hexadecimal digits, with or without colons")]
pub struct InvalidFingerprint;

impl Fingerprint {
    /// The fingerprint of `certificate`.
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().to_ascii_lowercase();
        let digits = text.strip_prefix("sha256:").unwrap_or(&text).replace([':', ' '], "");
        let mut bytes = [0; 32];
        if digits.len() != 64 || !digits.is_ascii() {
            return Err(InvalidFingerprint);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| InvalidFingerprint)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| InvalidFingerprint)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<_> = self.0.iter().map(|byte| format!("{byte:02X}")).collect();
        f.write_str(&pairs.join(":"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// Which certificates a gateway may present.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// Certificates trusted whatever they say: named by the user, or found in our own state directory.
    pub pins: Vec<Fingerprint>,
    /// Whether only `pins` count, because the user named one.
    pub pins_only: bool,
    /// A PEM file of further authorities, from `SSL_CERT_FILE`.
    pub authorities: Option<PathBuf>,
}

/// Why TLS failed, as far as a client can tell.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    #[error("cannot read the certificates in {path}", path = .path.display())]
    Authorities { path: PathBuf, source: rustls_pki_types::pem::Error },
    #[error("certificate not trusted")]
    Untrusted { presented: Option<Fingerprint>, cause: Option<CertificateError> },
    #[error("another certificate than the named one")]
    Mismatch { presented: Fingerprint, expected: Vec<Fingerprint> },
    /// What came back was no TLS record.
    #[error("no TLS")]
    NotTls,
    #[error(transparent)]
    Io(std::io::Error),
}

pub(super) async fn handshake<S>(stream: S, url: &GatewayUrl, trust: &Trust) -> Result<TlsStream<S>, TlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let name = match url.address() {
        Some(address) => ServerName::from(address),
        None => ServerName::try_from(url.host().to_owned())
            .map_err(|_| TlsError::Untrusted { presented: None, cause: Some(CertificateError::NotValidForName) })?,
    };
    let connector = TlsConnector::from(Arc::new(config(trust)?));
    connector.connect(name, stream).await.map_err(sort)
}

fn config(trust: &Trust) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier { pins: trust.pins.clone(), roots: roots(trust, &provider)?, provider: provider.clone() };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring serves every version that rustls calls safe")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn roots(trust: &Trust, provider: &Arc<CryptoProvider>) -> Result<Option<Arc<WebPkiServerVerifier>>, TlsError> {
    if trust.pins_only {
        return Ok(None);
    }
    let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = &trust.authorities {
        let unreadable = |source| TlsError::Authorities { path: path.clone(), source };
        for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
            // One authority that webpki cannot use must not take the others away.
            let _ = store.add(certificate.map_err(unreadable)?);
        }
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone())
        .build()
        .expect("the built-in roots are not empty");
    Ok(Some(verifier))
}

fn sort(error: std::io::Error) -> TlsError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidMessage(_)) => TlsError::NotTls,
        Some(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other)))) => {
            match other.downcast_ref::<Refused>() {
                Some(Refused::Mismatch { presented, expected }) => {
                    TlsError::Mismatch { presented: *presented, expected: expected.clone() }
                }
                Some(Refused::Untrusted { presented, cause }) => {
                    TlsError::Untrusted { presented: Some(*presented), cause: Some(cause.clone()) }
                }
                None => TlsError::Untrusted { presented: None, cause: None },
            }
        }
        Some(rustls::Error::InvalidCertificate(cause)) => {
            TlsError::Untrusted { presented: None, cause: Some(cause.clone()) }
        }
        _ => TlsError::Io(error),
    }
}

/// What the verifier found, on its way through rustls's own error type.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("the certificate is not the named one")]
    Mismatch { presented: Fingerprint, expected: Vec<Fingerprint> },
    #[error("the certificate is not trusted")]
    Untrusted { presented: Fingerprint, cause: CertificateError },
}

#[derive(Debug)]
struct Verifier {
    pins: Vec<Fingerprint>,
    roots: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let presented = Fingerprint::of(end_entity);
        // A pin replaces name and chain; that the peer holds the key is still proved by the handshake's signature.
        if self.pins.contains(&presented) {
            return Ok(ServerCertVerified::assertion());
        }
        let refusal = match &self.roots {
            None => Refused::Mismatch { presented, expected: self.pins.clone() },
            Some(roots) => match roots.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
                Err(rustls::Error::InvalidCertificate(cause)) => Refused::Untrusted { presented, cause },
                verdict => return verdict,
            },
        };
        Err(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refusal)))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints() {
        let plain = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
        let colons = "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";
        let parsed: Fingerprint = plain.parse().expect("64 digits");
        assert_eq!(parsed.to_string(), colons);
        let sha = format!("SHA256:{plain}");
        for text in [colons, &sha, " 00112233445566778899AABBCCDDEEFF 00112233445566778899AABBCCDDEEFF "] {
            assert_eq!(text.parse(), Ok(parsed), "{text}");
        }
        for text in ["", "00", &plain[1..], &plain.replace('0', "g"), &"é".repeat(32)] {
            assert_eq!(text.parse::<Fingerprint>(), Err(InvalidFingerprint), "{text}");
        }
    }
}
