//! Responses with the headers that every one of them carries.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    header::{
        CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
        SERVER, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};
use serde_json::Value;

/// A response that is there as a whole.
pub(super) type Body = Full<Bytes>;

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// Names the product, so that a gateway of ours is told from another when a port is taken.
const PRODUCT: &str = concat!("openclaw/", env!("CARGO_PKG_VERSION"));

/// The page has its style and nothing else; nothing is loaded from anywhere.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                           frame-ancestors 'none'";

fn plain(status: StatusCode, content_type: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, content_type),
        (SERVER, PRODUCT),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (X_FRAME_OPTIONS, "DENY"),
        (CONTENT_SECURITY_POLICY, PAGE_POLICY),
        (PERMISSIONS_POLICY, "camera=(), microphone=(), geolocation=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A JSON document.
pub(super) fn json(status: StatusCode, body: &Value) -> Response<Body> {
    plain(status, "application/json; charset=utf-8", body.to_string())
}

/// A page.
pub(super) fn html(body: String) -> Response<Body> {
    plain(StatusCode::OK, "text/html; charset=utf-8", body)
}

/// An error in the shape that the protocol's HTTP errors have, with what to do about it in its message. It ends the
/// connection: a client that was refused an upgrade has nothing else to say, and would hold a place in the lobby.
pub(super) fn error(status: StatusCode, kind: &str, message: &str) -> Response<Body> {
    refusal(status, &serde_json::json!({ "message": message, "type": kind }))
}

/// The same with more members in the error.
pub(super) fn refusal(status: StatusCode, error: &Value) -> Response<Body> {
    let mut response = json(status, &serde_json::json!({ "error": error }));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
