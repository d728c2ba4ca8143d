//! One HTTP/1.1 connection: the route table, and the hand-over to the WebSocket side.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use hyper::{
    HeaderMap, Method, Request, Response, StatusCode, Version,
    body::Incoming,
    header::{ALLOW, HOST, HeaderValue},
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
    gate::{self, Gate},
    page,
    probes::Probe,
    respond::{self, Body},
    upgrade, whoami,
};
use crate::{
    defaults::{
        HANDSHAKE_TIMEOUT, MAX_FRAME_BYTES, MAX_HTTP_HEAD_BYTES, MAX_PREAUTH_FRAME_BYTES, PREAUTH_SLACK_BYTES,
        SOCKET_BUFFER_BYTES,
    },
    net::{Accepted, BudgetHandle, ByteBudget, Held, Hold, PeerAddr, Stream, Ticket, close_gently},
    policy::Policy,
    readiness::Readiness,
    source::Source,
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
    /// Where it comes from.
    pub source: Source,
    /// What that was judged by.
    pub policy: Arc<Policy>,
}

impl RequestHead {
    /// A header's value as text; `None` when it is absent or no text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether a browser sent the request.
    pub fn is_browser(&self) -> bool {
        gate::is_browser(&self.headers)
    }
}

/// A connection that became a WebSocket.
#[derive(Debug)]
pub struct Upgraded {
    /// The WebSocket, our side. The answer to the request leaves with the first frame.
    pub socket: WebSocketStream<ByteBudget<Held<Stream>>>,
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
pub async fn serve(accepted: Accepted, app: &App, gate: &Gate<'_>) -> Option<Upgraded> {
    let Accepted { stream, ends, tls, ticket } = accepted;
    let (stream, hold) = Held::new(stream);
    let (stream, budget) = ByteBudget::new(stream, MAX_PREAUTH_FRAME_BYTES + MAX_HTTP_HEAD_BYTES + PREAUTH_SLACK_BYTES);
    let mut ended = None;
    let head = Mutex::new(None);
    {
        let service = service_fn(async |mut request: Request<Incoming>| {
            Ok::<_, Infallible>(route(&mut request, app, gate, tls, &head, &hold).await)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HANDSHAKE_TIMEOUT)
            .max_header_size(MAX_HTTP_HEAD_BYTES)
            .max_buf_size(MAX_HTTP_HEAD_BYTES)
            .half_close(false)
            .serve_connection(TokioIo::new(stream), service)
            .without_shutdown();
        tokio::select! {
            served = connection => match served {
                Ok(parts) => ended = Some((parts.io.into_inner(), parts.read_buf)),
                Err(error) => debug!(target: "gateway/http", "connection ended: {error}"),
            },
            () = ticket.expired() => debug!(target: "gateway/http", "a peer that had proved nothing was cut"),
        }
    }
    let (mut stream, read_ahead) = ended?;
    let Some(head) = head.into_inner().ok().flatten() else {
        close_gently(stream).await;
        return None;
    };
    ticket.has_spoken();
    hold.release();
    stream.expect_frames(read_ahead, MAX_PREAUTH_FRAME_BYTES);
    let socket = WebSocketStream::from_raw_socket(
        stream,
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
    Some(Upgraded { socket, budget, head, ends, tls, ticket })
}

/// The route table.
async fn route(
    request: &mut Request<Incoming>,
    app: &App,
    gate: &Gate<'_>,
    tls: bool,
    upgraded: &Mutex<Option<RequestHead>>,
    hold: &Hold,
) -> Response<Body> {
    let headers = request.headers();
    let named;
    let gate = if gate.may_be_named(headers) {
        named = Gate { policy: (gate.fresh)().await, ..gate.clone() };
        &named
    } else {
        gate
    };
    let source = gate.classify(headers);
    if let Err(response) = gate::check_local(&source, headers) {
        return *response;
    }
    // Load balancers ask for health in the old version, which has no Host.
    let hosts = headers.get_all(HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() != Version::HTTP_10) {
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
        if let Err(response) = gate.check_attribution(&source, headers) {
            return *response;
        }
        return match upgrade::accept(request) {
            Ok(response) => {
                hold.keep();
                if let Ok(mut slot) = upgraded.lock() {
                    *slot = Some(RequestHead {
                        headers: std::mem::take(request.headers_mut()),
                        source,
                        policy: Arc::clone(&gate.policy),
                    });
                }
                response
            }
            Err(response) => *response,
        };
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let path = request.uri().path();
    match Probe::at(path) {
        Some(probe) if reads => probe.answer(&app.readiness).await,
        None if path == "/" && reads => {
            let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
            respond::html(page::render(host, tls, app))
        }
        None if path == whoami::PATH && reads => whoami::answer(gate, &source, headers, tls),
        Some(_) => method_not_allowed(),
        None if path == "/" || path == whoami::PATH => method_not_allowed(),
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
