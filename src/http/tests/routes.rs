use super::*;

fn request(method: &str, path: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn the_route_table() {
    let server = Server::start().await;
    #[rustfmt::skip]
    let rows = [
        ("GET",    "/healthz",           200, r#"{"ok":true,"status":"live"}"#),
        ("GET",    "/health",            200, r#"{"ok":true,"status":"live"}"#),
        ("GET",    "/livez?verbose",     200, r#"{"ok":true,"status":"live"}"#),
        ("HEAD",   "/healthz",           200, ""),
        ("GET",    "/readyz",            200, r#"{"ready":true,"failing":[]}"#),
        ("GET",    "/ready",             200, r#"{"ready":true,"failing":[]}"#),
        ("GET",    "/startupz",          200, r#"{"ok":true,"status":"started"}"#),
        ("POST",   "/healthz",           405, "method_not_allowed"),
        ("DELETE", "/",                  405, "method_not_allowed"),
        ("GET",    "/healthz/x",         404, "not_found"),
        ("GET",    "/healthz/",          404, "not_found"),
        ("GET",    "/somez",             404, "not_found"),
        ("GET",    "/v1/models",         404, "not_found"),
        ("POST",   "/hooks/x",           404, "not_found"),
        ("GET",    "/",                  200, "<h1>openclaw gateway</h1>"),
        ("GET",    "http://localhost/healthz", 200, r#"{"ok":true,"status":"live"}"#),
    ];
    for (method, path, status, expected) in rows {
        let answer = server.ask(&request(method, path)).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{method} {path}: {head}");
        assert!(body.contains(expected), "{method} {path}: {body}");
        assert_eq!(body.is_empty(), method == "HEAD", "{method} {path}: {body}");
        assert_eq!(head.contains("allow: GET, HEAD"), status == 405, "{method} {path}: {head}");
    }
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let server = Server::start().await;
    for path in ["/", "/healthz", "/nothing"] {
        let answer = server.ask(&request("GET", path)).await;
        for header in [
            "server: openclaw/",
            "cache-control: no-store",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "x-frame-options: DENY",
            "content-security-policy: default-src 'none'",
            "permissions-policy: camera=()",
        ] {
            assert!(answer.contains(header), "{path} lacks {header}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_gateway_that_stops_is_alive_and_not_ready() {
    let server = Server::start().await;
    server.readiness.draining();
    assert!(server.ask(&request("GET", "/livez")).await.starts_with("HTTP/1.1 200 "));
    let answer = server.ask(&request("GET", "/readyz")).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.ends_with(r#"{"ready":false,"failing":["draining"]}"#));
    assert!(server.ask(&upgrade_request("/", "")).await.starts_with("HTTP/1.1 503 "));
    assert!(server.ask(&request("GET", "/")).await.contains("not ready: draining"));
}

#[tokio::test]
async fn hosts() {
    let server = Server::start().await;
    #[rustfmt::skip]
    let rows = [
        ("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n",                             "HTTP/1.1 400 "),
        ("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",       "HTTP/1.1 400 "),
        ("GET /healthz HTTP/1.0\r\n\r\n",                                                  "HTTP/1.0 200 "), // a load balancer
        ("not http at all\r\n\r\n",                                                        "HTTP/1.1 400 "),
    ];
    for (request, expected) in rows {
        let answer = server.ask(request).await;
        assert!(answer.starts_with(expected), "{request:?}: {answer}");
    }
}

#[tokio::test]
async fn a_connection_serves_several_requests() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        stream.write_all(b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("sent");
        assert!(head(&mut stream).await.starts_with("HTTP/1.1 200 "));
    }
}

#[tokio::test]
async fn an_answer_reaches_a_client_that_is_still_sending() {
    let server = Server::start().await;
    let body = "x".repeat(60_000);
    let request = format!("POST /hooks/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n{body}");
    let mut stream = server.connect().await;
    stream.write_all(request.as_bytes()).await.expect("sent");
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = Server::start().await;
    let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX-Large: {}\r\n\r\n", "x".repeat(40_000));
    let mut stream = server.connect().await;
    let _ = stream.write_all(request.as_bytes()).await;
    let answer = head(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn the_page_tells_strangers_why_a_browser_cannot_pair() {
    let server = Server::start().await;
    let port = server.address.port();
    #[rustfmt::skip]
    let rows = [
        ("localhost:18789",   false),
        ("app.localhost",     false),
        ("127.0.0.1:18789",   false),
        ("[::1]:18789",       false),
        ("192.0.2.1:18789",   true),
        ("gateway.example",   true),
        ("<script>",          true),
    ];
    for (host, expected) in rows {
        let answer = server.ask(&format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{host}: {answer}");
        assert_eq!(answer.contains("A browser cannot pair here"), expected, "{host}");
        assert_eq!(answer.contains(&format!("ssh -N -L {port}:127.0.0.1:{port} ")), expected, "{host}");
        assert!(!answer.contains("script"), "nothing of the request is shown");
    }
}
