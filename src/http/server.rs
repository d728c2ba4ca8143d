//! One HTTP/1.1 connection: the route table, and the hand-over to the WebSocket side.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Incoming,
    header::{ALLOW, HOST, HeaderValue, ORIGIN},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::protocol::{Role, WebSocketConfig},
};
use tracing::debug;

use super::{
    page,
    probes::Probe,
    respond::{self, Body},
    upgrade,
};
use crate::{
    defaults::{
        HANDSHAKE_TIMEOUT, MAX_FRAME_BYTES, MAX_HTTP_HEAD_BYTES, MAX_PREAUTH_FRAME_BYTES, PREAUTH_SLACK_BYTES,
        SOCKET_BUFFER_BYTES,
    },
    net::{Accepted, BudgetHandle, ByteBudget, PeerAddr, Stream, Ticket},
    readiness::Readiness,
    source::ProxyHeader,
};

/// What the HTTP side needs to know.
#[derive(Debug, Clone)]
pub struct App {
    /// Whether the gateway is ready.
    pub readiness: Readiness,
    /// Our own addresses, which are local Hosts.
    pub own_addresses: Arc<[std::net::IpAddr]>,
    /// The port, for the page's advice.
    pub port: u16,
}

/// The head of a request that became a WebSocket.
#[derive(Debug)]
pub struct RequestHead {
    /// Its headers.
    pub headers: HeaderMap,
}

impl RequestHead {
    /// A header's value as text; `None` when it is absent or no text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether a browser sent the request.
    pub fn is_browser(&self) -> bool {
        is_browser(&self.headers)
    }
}

/// A connection that became a WebSocket.
#[derive(Debug)]
pub struct Upgraded {
    /// The WebSocket, our side.
    pub socket: WebSocketStream<ByteBudget<Stream>>,
    /// Lifts the limit on what a peer that proved nothing may send.
    pub budget: BudgetHandle,
    /// The request.
    pub head: RequestHead,
    /// Both ends, peer first; `None` for the Unix socket.
    pub ends: Option<(PeerAddr, SocketAddr)>,
    /// Whether it is encrypted.
    pub tls: bool,
    /// Its place in the lobby.
    pub ticket: Ticket,
}

/// Serves one connection until it ends or becomes a WebSocket, which is returned.
///
/// The connection's place in the lobby bounds all of it, so a request that never ends is cut like a peer that never spoke.
pub async fn serve(accepted: Accepted, app: &App) -> Option<Upgraded> {
    let Accepted { stream, ends, tls, ticket } = accepted;
    let (stream, budget) = ByteBudget::new(stream, MAX_PREAUTH_FRAME_BYTES + MAX_HTTP_HEAD_BYTES + PREAUTH_SLACK_BYTES);
    let local = ends.is_none();
    let mut upgrading = None;
    let head = std::sync::Mutex::new(None);
    {
        let service = service_fn(|mut request: Request<Incoming>| {
            let response = route(&mut request, app, local, tls, &head);
            std::future::ready(Ok::<_, Infallible>(response))
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HANDSHAKE_TIMEOUT)
            .max_buf_size(MAX_HTTP_HEAD_BYTES)
            .half_close(false)
            .serve_connection(TokioIo::new(stream), service)
            .without_shutdown();
        tokio::select! {
            ended = connection => match ended {
                Ok(parts) => upgrading = Some((parts.io.into_inner(), parts.read_buf)),
                Err(error) => debug!(target: "gateway/http", "connection ended: {error}"),
            },
            () = ticket.expired() => debug!(target: "gateway/http", "a peer that had proved nothing was cut"),
        }
    }
    let (stream, read_ahead) = upgrading?;
    let headers = head.into_inner().ok().flatten()?;
    let socket = WebSocketStream::from_partially_read(
        stream,
        read_ahead.to_vec(),
        Role::Server,
        Some(
            WebSocketConfig::default()
                .read_buffer_size(SOCKET_BUFFER_BYTES)
                .write_buffer_size(SOCKET_BUFFER_BYTES)
                .max_message_size(Some(MAX_FRAME_BYTES))
                .max_frame_size(Some(MAX_FRAME_BYTES)),
        ),
    )
    .await;
    Some(Upgraded { socket, budget, head: RequestHead { headers }, ends, tls, ticket })
}

/// The route table.
fn route(
    request: &mut Request<Incoming>,
    app: &App,
    local: bool,
    tls: bool,
    upgraded: &std::sync::Mutex<Option<HeaderMap>>,
) -> Response<Body> {
    let headers = request.headers();
    if local && (is_browser(headers) || ProxyHeader::first_in(headers).is_some()) {
        return respond::error(
            StatusCode::FORBIDDEN,
            "local_socket",
            "the Unix socket is for command lines: put a reverse proxy in front of the TCP port, and name it in gateway.trustedProxies",
        );
    }
    if headers.get_all(HOST).iter().count() != 1 {
        return respond::error(StatusCode::BAD_REQUEST, "bad_request", "a request names exactly one Host");
    }
    if upgrade::is_wanted(headers) {
        if app.readiness.is_draining() {
            return respond::error(
                StatusCode::SERVICE_UNAVAILABLE,
                "draining",
                "the gateway is stopping: try again in a moment",
            );
        }
        return match upgrade::accept(request) {
            Ok(response) => {
                if let Ok(mut slot) = upgraded.lock() {
                    *slot = Some(std::mem::take(request.headers_mut()));
                }
                response
            }
            Err(response) => *response,
        };
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let path = request.uri().path();
    match Probe::at(path) {
        Some(probe) if reads => probe.answer(&app.readiness),
        None if path == "/" && reads => {
            let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
            respond::html(page::render(host, tls, app))
        }
        Some(_) => method_not_allowed(),
        None if path == "/" => method_not_allowed(),
        None => respond::error(StatusCode::NOT_FOUND, "not_found", "nothing is served at this path"),
    }
}

fn method_not_allowed() -> Response<Body> {
    let mut response = respond::error(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "only GET and HEAD are served at this path",
    );
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

fn is_browser(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN) || headers.keys().any(|name| name.as_str().starts_with("sec-fetch-"))
}
