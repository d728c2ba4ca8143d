//! TLS and plain HTTP, each on the right port and on the wrong one.

use std::io;

use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{self, ClientConfig, RootCertStore},
};

use super::*;
use crate::net::{Certificate, CertificateFiles};

/// A gateway with a self-signed certificate, and the certificate.
async fn tls_server() -> (Server, CertificateDer<'static>) {
    let dir = tempfile::tempdir().expect("a directory");
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let files = CertificateFiles::self_signed(&StateDir::new(dir.path()), names).expect("made");
    let leaf = CertificateDer::from_pem_file(&files.chain).expect("a certificate");
    let certificate = Certificate::load(files).expect("loaded");
    let acceptor = certificate.acceptor().expect("an acceptor");
    (Server::with(Lobby::new(64, Duration::from_secs(15)), Some(acceptor)).await, leaf)
}

async fn connect(server: &Server, root: Option<CertificateDer<'static>>) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    if let Some(root) = root {
        roots.add(root).expect("a certificate");
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, server.connect().await).await
}

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn tls_on_a_tls_port() {
    let (mut server, leaf) = tls_server().await;
    let stream = connect(&server, Some(leaf.clone())).await.expect("trusted");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let answer = exchange(stream, HEALTH).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "closed with a TLS goodbye: {answer}");

    let stream = connect(&server, Some(leaf)).await.expect("trusted");
    tokio_tungstenite::client_async("wss://localhost/", stream).await.expect("upgraded");
    assert!(server.upgraded.recv().await.expect("upgraded").tls);
}

#[tokio::test]
async fn a_plain_client_on_a_tls_port_is_told() {
    let (server, _) = tls_server().await;
    let answer = server.ask(HEALTH).await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("use wss://"), "{answer}");
    let refused = tokio_tungstenite::client_async("ws://localhost/", server.connect().await).await;
    let text = refused.expect_err("refused").to_string();
    assert!(text.contains("400"), "{text}");
}

#[tokio::test]
async fn a_tls_client_on_a_plain_port_learns_that_it_is_plain() {
    let server = Server::start().await;
    let error = connect(&server, None).await.expect_err("no TLS here");
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    assert!(matches!(cause, Some(rustls::Error::InvalidMessage(_))), "what a TLS library says of plain text: {error}");
    // What a person sees who looks at the bytes.
    let mut stream = server.connect().await;
    stream.write_all(&[0x16, 3, 1, 0, 1, 1]).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("closed, not reset");
    assert!(answer.contains("use ws://"), "{answer}");
}
