//! Every way in, opened as the configuration says.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
};

use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tracing::{info, warn};

use super::{GatewayError, surroundings::hostname};
use crate::{
    config::{AuthMode, Bind, Environment, Loaded, Settings},
    net::{self, BindMode, Certificate, CertificateFiles, ContainerMarks, LocalSocket},
    source::{PreambleListener, Surroundings},
    state::StateDir,
};

/// Every way in.
pub(super) struct Network {
    pub(super) listeners: Vec<TcpListener>,
    /// Those that require a PROXY preamble.
    pub(super) introduced: Vec<TcpListener>,
    pub(super) bound: Vec<SocketAddr>,
    pub(super) metrics: Vec<TcpListener>,
    pub(super) local: LocalSocket,
    pub(super) tls: Option<(Certificate, TlsAcceptor)>,
}

impl Network {
    pub(super) async fn open(
        loaded: &Loaded,
        environment: &Environment,
        surroundings: &Surroundings,
        preamble: Option<&PreambleListener>,
    ) -> Result<Self, GatewayError> {
        let (settings, state) = (&loaded.settings, &loaded.paths.state);
        let tls = tls(settings, state, &surroundings.own_addresses())?;
        let marks = ContainerMarks::read(Path::new("/"));
        let addresses = net::addresses(bind_mode(settings), &surroundings.interfaces, marks);
        // What `auto` stands for is known only here; every other mode was checked with the configuration.
        if settings.auth.mode == AuthMode::None && !addresses.iter().all(IpAddr::is_loopback) {
            return Err(GatewayError::OpenBind { bind: settings.listen.bind });
        }
        let listeners = net::listen(&addresses, settings.listen.port).await?;
        let introduced = match preamble {
            Some(listener) => net::listen(&addresses, listener.port).await.map_err(GatewayError::Introduced)?,
            None => Vec::new(),
        };
        for address in introduced.iter().filter_map(|listener| listener.local_addr().ok()) {
            info!(target: "gateway", "PROXY protocol required on {address}");
        }
        let bound = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
        let runtime_dir = environment.variable("XDG_RUNTIME_DIR").map(Path::new);
        let candidates = net::socket_candidates(state, settings.listen.socket.as_deref(), runtime_dir);
        let local = LocalSocket::bind(&candidates)?;
        if local.path() != state.socket() && settings.listen.socket.is_none() {
            let place = local.path().display();
            warn!(target: "gateway", "the state directory cannot hold a socket: the local way in is {place}");
        }
        let metrics = metrics_listeners(settings, surroundings, marks).await?;
        Ok(Self { listeners, introduced, bound, metrics, local, tls })
    }
}

async fn metrics_listeners(
    settings: &Settings,
    surroundings: &Surroundings,
    marks: ContainerMarks,
) -> Result<Vec<TcpListener>, GatewayError> {
    let settings = &settings.metrics;
    if !settings.enabled {
        return Ok(Vec::new());
    }
    let addresses = match settings.host {
        Some(host) => vec![host],
        None => net::addresses(BindMode::Auto, &surroundings.interfaces, marks),
    };
    let listeners = net::listen(&addresses, settings.port).await.map_err(GatewayError::Metrics)?;
    for address in listeners.iter().filter_map(|listener| listener.local_addr().ok()) {
        info!(target: "gateway", "metrics on http://{address}/metrics");
    }
    Ok(listeners)
}

fn tls(
    settings: &Settings,
    state: &StateDir,
    own_addresses: &[IpAddr],
) -> Result<Option<(Certificate, TlsAcceptor)>, GatewayError> {
    if !settings.tls.enabled {
        return Ok(None);
    }
    let files = if let (Some(chain), Some(key)) = (&settings.tls.cert_path, &settings.tls.key_path) {
        CertificateFiles { chain: chain.clone(), key: key.clone() }
    } else {
        let names = ["localhost".to_owned(), "127.0.0.1".into(), "::1".into(), hostname()];
        let addresses = own_addresses.iter().map(ToString::to_string);
        CertificateFiles::self_signed(state, names.into_iter().chain(addresses).collect())?
    };
    let certificate = Certificate::load(files)?;
    let acceptor = certificate.acceptor()?;
    Ok(Some((certificate, acceptor)))
}

fn bind_mode(settings: &Settings) -> BindMode {
    match (settings.listen.bind, settings.listen.custom_bind_host) {
        (Bind::Auto, _) => BindMode::Auto,
        (Bind::Lan, _) => BindMode::Lan,
        (Bind::Tailnet, _) => BindMode::Tailnet,
        (Bind::Custom, Some(host)) => BindMode::Custom(host),
        // Without an address `custom` means nothing, and the configuration's own check says so.
        (Bind::Loopback, _) | (Bind::Custom, None) => BindMode::Loopback,
    }
}
