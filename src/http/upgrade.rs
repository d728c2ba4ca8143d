//! From an HTTP request to a WebSocket (RFC 6455, section 4.2).

use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode, Version,
    header::{
        CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
        SEC_WEBSOCKET_VERSION, UPGRADE,
    },
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::respond::{self, Body};

/// Paths at which OpenClaw's gateways serve something else than the gateway protocol; a path that ends in a slash stands for
/// all below it.
const RESERVED: [&str; 4] = ["/__openclaw__/", "/desktop/observe", "/node-desktop/attach", "/node-portal/attach"];

/// Whether a request wants to become a WebSocket.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    has_token(headers, &UPGRADE, "websocket")
}

/// Checks the request and makes the response that switches protocols.
///
/// # Errors
/// The response to send instead.
pub(super) fn accept<B>(request: &Request<B>) -> Result<Response<Body>, Box<Response<Body>>> {
    let headers = request.headers();
    let bad = |message| Err(Box::new(respond::error(StatusCode::BAD_REQUEST, "bad_upgrade", message)));
    if is_reserved(request.uri().path()) {
        let message = "no WebSocket is served at this path: use /";
        return Err(Box::new(respond::error(StatusCode::NOT_FOUND, "not_found", message)));
    }
    let begins = request.method() == Method::GET && request.version() >= Version::HTTP_11;
    if !begins || !has_token(headers, &CONNECTION, "upgrade") {
        return bad(
            "a WebSocket begins with GET over HTTP/1.1 and the headers `Connection: Upgrade` and `Upgrade: websocket`; a \
             proxy that drops them, or speaks HTTP/1.0, has to be told to pass them on",
        );
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        let mut response = respond::error(
            StatusCode::UPGRADE_REQUIRED,
            "bad_upgrade",
            "only version 13 of the WebSocket protocol is spoken here",
        );
        let headers = response.headers_mut();
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        // RFC 9110, section 15.5.22: the answer names what to upgrade to.
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade, close"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        return Err(Box::new(response));
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    if STANDARD.decode(key).map_or(0, |nonce| nonce.len()) != 16 {
        return bad("the header Sec-WebSocket-Key does not hold 16 bytes in base64");
    }
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let answer = response.headers_mut();
    answer.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    answer.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key)) {
        answer.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(first) = first_protocol(headers) {
        answer.insert(SEC_WEBSOCKET_PROTOCOL, first);
    }
    Ok(response)
}

fn is_reserved(path: &str) -> bool {
    RESERVED.iter().any(|reserved| path == *reserved || (reserved.ends_with('/') && path.starts_with(reserved)))
}

/// No subprotocol means anything here; the first that is offered is echoed, since browsers close without an echo.
fn first_protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let offered = headers.get(SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    HeaderValue::from_str(offered.split(',').next()?.trim()).ok().filter(|first| !first.is_empty())
}

fn has_token(headers: &HeaderMap, name: &hyper::header::HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}
