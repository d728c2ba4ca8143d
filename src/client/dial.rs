//! Opening the connection: a Unix socket, or one of a host's addresses, with TLS where the URL says so.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::rustls;
use tokio_tungstenite::WebSocketStream;

use super::{
    Closed, Deadline, Failure, GatewayUrl, Scheme, Step, Trust, tls,
    tls::TlsError,
    upgrade::{self, UpgradeError},
};
use crate::{
    defaults::{DIAL_STAGGER, DIAL_TIMEOUT, RESOLVE_TIMEOUT, SCHEME_PROBE_TIMEOUT},
    dns,
    net::{self, SocketError},
};

/// A byte stream to a gateway, whatever carries it.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire for S {}

/// A WebSocket to a gateway, whatever carries it.
pub(super) type Socket = WebSocketStream<Box<dyn Wire>>;

/// Where a gateway is, and what is needed to get there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// The local way in.
    Socket(PathBuf),
    /// A URL.
    Network {
        /// Where.
        url: GatewayUrl,
        /// Which certificates count there.
        trust: Trust,
        /// Whether any host name may be asked without TLS, not only those with private addresses.
        plain_to_any_name: bool,
    },
}

impl Endpoint {
    /// `url` with the built-in roots.
    pub fn network(url: GatewayUrl) -> Self {
        Self::Network { url, trust: Trust::default(), plain_to_any_name: false }
    }
}

/// Opens a WebSocket at `endpoint`.
pub(super) async fn dial(endpoint: &Endpoint, deadline: Deadline) -> Result<Socket, Failure> {
    match endpoint {
        Endpoint::Socket(path) => {
            let stream = within(deadline, Step::Dialing, socket(path)).await?;
            let stream: Box<dyn Wire> = Box::new(stream);
            within(deadline, Step::Upgrade, async {
                upgrade::upgrade(stream, "localhost", "/").await.map_err(|error| refused_upgrade(error, None))
            })
            .await
        }
        Endpoint::Network { url, trust, plain_to_any_name } => {
            let addresses = within(deadline, Step::Dialing, addresses(url)).await?;
            check_plaintext(url, &addresses, *plain_to_any_name)?;
            let stream = within(deadline, Step::Dialing, first_to_answer(url, &addresses)).await?;
            let peer = stream.peer_addr().ok();
            match over_tcp(stream, url, trust, deadline).await {
                Err(failure) => Err(other_scheme(failure, url, peer).await),
                opened => opened,
            }
        }
    }
}

async fn within<T>(
    deadline: Deadline,
    step: Step,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    deadline.run(work).await.map_err(|elapsed| Failure::Timeout { step, after: elapsed.after })?
}

async fn socket(path: &Path) -> Result<tokio::net::UnixStream, Failure> {
    net::connect_socket(path).await.map_err(|error| match error {
        SocketError::Foreign { path, uid, own } => Failure::ForeignSocket { path, owner: uid, own },
        SocketError::Unreachable { path, source } | SocketError::Unusable { path, source } => match source.kind() {
            io::ErrorKind::NotFound => Failure::NoSocket { path },
            io::ErrorKind::ConnectionRefused => Failure::NothingListens { at: path.display().to_string() },
            io::ErrorKind::PermissionDenied => Failure::PermissionDenied { path },
            _ => Failure::Unreachable { at: path.display().to_string(), source },
        },
    })
}

async fn addresses(url: &GatewayUrl) -> Result<Vec<SocketAddr>, Failure> {
    let found = dns::resolve(url.host(), RESOLVE_TIMEOUT).await.map_err(Failure::Unresolved)?;
    Ok(found.into_iter().map(|address| SocketAddr::new(address, url.port())).collect())
}

/// A secret must not cross a network that others read. A name counts as private when every address of it does.
fn check_plaintext(url: &GatewayUrl, addresses: &[SocketAddr], any_name: bool) -> Result<(), Failure> {
    let named = url.address().is_none();
    if url.scheme() == Scheme::Wss || (named && any_name) {
        return Ok(());
    }
    match addresses.iter().find(|address| !is_private(address.ip())) {
        Some(public) => Err(Failure::Plaintext { url: url.clone(), public: named.then_some(*public) }),
        None => Ok(()),
    }
}

/// Whether `address` stays within a machine, a private network or a tailnet.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_loopback() || v4.is_private() || v4.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// Tries every address: the next one when one fails, and beside it when it does not answer soon (RFC 8305, section 5).
async fn first_to_answer(url: &GatewayUrl, addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
    let mut waiting = addresses.iter();
    let mut tries = FuturesUnordered::new();
    let mut worst: Option<io::Error> = None;
    loop {
        if let Some(address) = waiting.next() {
            tries.push(async move { timeout(DIAL_TIMEOUT, TcpStream::connect(address)).await });
        }
        let more = waiting.len() > 0;
        let answer = tokio::select! {
            answer = tries.next() => answer,
            () = tokio::time::sleep(DIAL_STAGGER), if more => continue,
        };
        match answer {
            Some(Ok(Ok(stream))) => {
                // A request is one small frame; waiting for more to send would only delay it.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Some(Ok(Err(error))) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Some(Ok(Err(error))) => worst = Some(error),
            Some(Err(_)) => worst = Some(io::ErrorKind::TimedOut.into()),
            None if more => {}
            None => break,
        }
    }
    let at = url.to_string();
    Err(match worst {
        Some(source) => Failure::Unreachable { at, source },
        None => Failure::NothingListens { at },
    })
}

async fn over_tcp(stream: TcpStream, url: &GatewayUrl, trust: &Trust, deadline: Deadline) -> Result<Socket, Failure> {
    let stream: Box<dyn Wire> = match url.scheme() {
        Scheme::Ws => Box::new(stream),
        Scheme::Wss => {
            let handshake = async { tls::handshake(stream, url, trust).await.map_err(|error| refused_tls(error, url)) };
            Box::new(within(deadline, Step::Tls, handshake).await?)
        }
    };
    let upgraded = async {
        upgrade::upgrade(stream, &url.authority(), url.path()).await.map_err(|error| refused_upgrade(error, Some(url)))
    };
    within(deadline, Step::Upgrade, upgraded).await
}

fn refused_tls(error: TlsError, url: &GatewayUrl) -> Failure {
    match error {
        TlsError::Authorities { path, source } => Failure::Authorities { path, source },
        TlsError::Untrusted { presented, cause } => {
            Failure::Untrusted { presented, source: cause.map(rustls::Error::InvalidCertificate) }
        }
        TlsError::Mismatch { presented, expected } => Failure::OtherCertificate { presented, expected },
        TlsError::NotTls => Failure::SpeaksPlain { right: url.other_scheme() },
        TlsError::Io(error) if is_cut(&error) => Failure::Closed { step: Step::Tls, closed: Closed::cut() },
        TlsError::Io(source) => Failure::Unreachable { at: url.to_string(), source },
    }
}

pub(super) fn refused_upgrade(error: UpgradeError, url: Option<&GatewayUrl>) -> Failure {
    let speaks_tls = |bytes: &[u8]| url.filter(|url| url.scheme() == Scheme::Ws && upgrade::is_tls_record(bytes));
    match error {
        UpgradeError::NotHttp(bytes) | UpgradeError::Cut(bytes) if speaks_tls(&bytes).is_some() => {
            let url = url.expect("speaks_tls found it");
            Failure::SpeaksTls { right: url.other_scheme() }
        }
        UpgradeError::Cut(bytes) if bytes.is_empty() || bytes.starts_with(b"HTTP/") => {
            Failure::Closed { step: Step::Upgrade, closed: Closed::cut() }
        }
        UpgradeError::NotHttp(bytes) | UpgradeError::Cut(bytes) => Failure::NotHttp(bytes),
        UpgradeError::Refused(answer) => Failure::NotAGateway(answer),
        UpgradeError::WrongKey => Failure::WrongKey,
        UpgradeError::Io(error) if is_cut(&error) => Failure::Closed { step: Step::Upgrade, closed: Closed::cut() },
        UpgradeError::Io(source) => {
            Failure::Unreachable { at: url.map_or_else(|| "the socket".into(), ToString::to_string), source }
        }
    }
}

fn is_cut(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

/// A peer that hangs up on our first words may only speak the other scheme: asks it once, in that one.
async fn other_scheme(failure: Failure, url: &GatewayUrl, peer: Option<SocketAddr>) -> Failure {
    let silent = match &failure {
        Failure::Closed { step: Step::Upgrade | Step::Tls, .. } | Failure::Timeout { step: Step::Tls, .. } => true,
        // nginx and Go answer plainly that they wanted TLS.
        Failure::NotAGateway(answer) if url.scheme() == Scheme::Ws => answer.status.as_u16() == 400,
        _ => false,
    };
    let Some(peer) = peer.filter(|_| silent) else { return failure };
    let speaks_other = timeout(SCHEME_PROBE_TIMEOUT, async {
        match url.scheme() {
            Scheme::Ws => speaks_tls(peer).await,
            Scheme::Wss => speaks_http(peer).await,
        }
    });
    match (speaks_other.await, url.scheme()) {
        (Ok(true), Scheme::Ws) => Failure::SpeaksTls { right: url.other_scheme() },
        (Ok(true), Scheme::Wss) => Failure::SpeaksPlain { right: url.other_scheme() },
        _ => failure,
    }
}

async fn speaks_tls(peer: SocketAddr) -> bool {
    let Ok(stream) = TcpStream::connect(peer).await else { return false };
    let url = GatewayUrl::new(Scheme::Wss, &peer.ip().to_string(), peer.port());
    // Any verdict on the certificate means that there was one.
    let verdict = tls::handshake(stream, &url, &Trust { pins_only: true, ..Trust::default() }).await;
    matches!(verdict, Ok(_) | Err(TlsError::Untrusted { .. } | TlsError::Mismatch { .. }))
}

async fn speaks_http(peer: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(peer).await else { return false };
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {peer}\r\nConnection: close\r\n\r\n");
    let mut answer = [0; 5];
    stream.write_all(request.as_bytes()).await.is_ok()
        && stream.read_exact(&mut answer).await.is_ok()
        && &answer == b"HTTP/"
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn deadline() -> Deadline {
        Deadline::after(std::time::Duration::from_secs(10))
    }

    fn addresses_of(list: &str) -> Vec<SocketAddr> {
        list.split_whitespace().map(|address| SocketAddr::new(address.parse().expect(address), 1)).collect()
    }

    #[test]
    fn plaintext_stays_on_private_networks() {
        #[rustfmt::skip]
        let rows = [
            // URL                     addresses                   any name   allowed
            ("ws://127.0.0.1:1",       "127.0.0.1",                false,     true),
            ("ws://10.1.2.3:1",        "10.1.2.3",                 false,     true),
            ("ws://100.64.0.1:1",      "100.64.0.1",               false,     true),
            ("ws://[fd00::1]:1",       "fd00::1",                  false,     true),
            ("ws://[::ffff:8.8.8.8]:1", "::ffff:8.8.8.8",          false,     false),
            ("ws://8.8.8.8:1",         "8.8.8.8",                  false,     false),
            ("ws://8.8.8.8:1",         "8.8.8.8",                  true,      false), // names only
            ("ws://gateway:1",         "172.18.0.2 fe80::1",       false,     true),
            ("ws://gateway:1",         "172.18.0.2 2001:db8::1",   false,     false), // one public address is enough
            ("ws://gateway:1",         "198.51.100.1",             true,      true),
            ("wss://8.8.8.8:1",        "8.8.8.8",                  false,     true),
        ];
        for (url, addresses, any_name, allowed) in rows {
            let url: GatewayUrl = url.parse().expect(url);
            let verdict = check_plaintext(&url, &addresses_of(addresses), any_name);
            assert_eq!(verdict.is_ok(), allowed, "{url} {addresses} {any_name}");
        }
    }

    #[tokio::test]
    async fn a_refused_address_gives_way_to_the_next_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let port = listener.local_addr().expect("bound").port();
        let refusing = SocketAddr::new("127.0.0.2".parse().expect("an address"), port);
        let listening = SocketAddr::new("127.0.0.1".parse().expect("an address"), port);
        let url = GatewayUrl::new(Scheme::Ws, "gateway", port);
        let stream = first_to_answer(&url, &[refusing, listening]).await.expect("the second one listens");
        assert_eq!(stream.peer_addr().expect("connected"), listening);
        let failure = first_to_answer(&url, &[refusing]).await.expect_err("nobody listens");
        assert!(matches!(failure, Failure::NothingListens { .. }), "{failure:?}");
    }

    #[tokio::test]
    async fn nothing_at_a_socket_is_told_as_such() {
        let directory = tempfile::tempdir().expect("a directory");
        let missing = Endpoint::Socket(directory.path().join("gateway.sock"));
        let failure = dial(&missing, deadline()).await.err().expect("nobody listens");
        assert!(failure.is_absent(), "{failure:?}");
        // A socket whose server is gone stays in the directory.
        let stale = directory.path().join("stale.sock");
        drop(std::os::unix::net::UnixListener::bind(&stale).expect("a socket"));
        let failure = dial(&Endpoint::Socket(stale), deadline()).await.err().expect("nobody listens");
        assert!(failure.is_absent(), "{failure:?}");
    }
}
