//! The port that Prometheus reads.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tracing::debug;

use crate::defaults::{
    ACCEPT_BACKOFF, MAX_HTTP_HEAD_BYTES, MAX_METRICS_CONNECTIONS, METRICS_CONNECTION_LIFE, METRICS_REQUEST_TIMEOUT,
};

/// The media type of `OpenMetrics` 1.0.
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Answers `GET /metrics` on a port of its own with what `text` says.
#[derive(Debug)]
pub struct MetricsServer<F> {
    listener: TcpListener,
    text: F,
}

impl<F, Answer> MetricsServer<F>
where
    F: Fn() -> Answer + Clone + Send + Sync + 'static,
    Answer: Future<Output = String> + Send,
{
    /// Will answer on `listener`.
    pub fn new(listener: TcpListener, text: F) -> Self {
        Self { listener, text }
    }

    /// Where it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// Serves until it is dropped. Whoever comes when too many are served already waits in the kernel's queue.
    pub async fn serve(self) {
        let places = Arc::new(Semaphore::new(MAX_METRICS_CONNECTIONS));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    debug!(target: "gateway/metrics", "cannot accept a connection: {error}");
                    tokio::time::sleep(ACCEPT_BACKOFF).await;
                    continue;
                }
            };
            let text = self.text.clone();
            tokio::spawn(async move {
                // A reader that keeps its connection open forever would hold its place forever.
                let _ = timeout(METRICS_CONNECTION_LIFE, connection(stream, text)).await;
                drop(place);
            });
        }
    }
}

async fn connection<F, Answer>(stream: TcpStream, text: F)
where
    F: Fn() -> Answer,
    Answer: Future<Output = String>,
{
    let service = service_fn(async |request: Request<Incoming>| Ok::<_, Infallible>(answer(&request, &text).await));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(METRICS_REQUEST_TIMEOUT)
        .max_header_size(MAX_HTTP_HEAD_BYTES)
        .max_buf_size(MAX_HTTP_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        debug!(target: "gateway/metrics", "connection ended: {error}");
    }
}

async fn answer<F, Answer>(request: &Request<Incoming>, text: &F) -> Response<Full<Bytes>>
where
    F: Fn() -> Answer,
    Answer: Future<Output = String>,
{
    let plain = |status, body: &'static str| {
        let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
        *response.status_mut() = status;
        response
    };
    let mut response = match (request.uri().path(), request.method()) {
        ("/metrics", &Method::GET | &Method::HEAD) => {
            let mut response = Response::new(Full::new(Bytes::from(text().await)));
            response.headers_mut().insert(CONTENT_TYPE, OPEN_METRICS);
            response
        }
        ("/metrics", _) => {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET /metrics is served here\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            response
        }
        _ => plain(StatusCode::NOT_FOUND, "only /metrics is served here\n"),
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
