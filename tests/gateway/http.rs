//! HTTP on the gateway's port: probes, the page, and what is refused.

use serde_json::json;

use crate::support::{AFAR, TestGateway, exchange};

const PROBES: [&str; 4] = ["/healthz", "/livez", "/readyz", "/startupz"];

#[tokio::test]
async fn the_probes_answer_with_a_body_that_says_what_they_mean() {
    let gateway = TestGateway::start().await;
    for path in PROBES {
        let answer = gateway.http("GET", path, &[]).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert!(answer.header("content-type").starts_with("application/json"), "{path}: {answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}: {answer:?}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}: {answer:?}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}: {answer:?}");
        let body = answer.json();
        match path {
            "/healthz" | "/livez" => assert_eq!(body, json!({"ok": true, "status": "live"}), "{path}"),
            "/readyz" => assert_eq!(body, json!({"ready": true, "failing": []}), "{path}"),
            _ => assert_eq!(body, json!({"ok": true, "status": "started"}), "{path}"),
        }
    }
}

#[tokio::test]
async fn the_probes_answer_everybody() {
    let gateway = TestGateway::start().await;
    for path in PROBES {
        for (name, value) in [("x-forwarded-for", AFAR), ("origin", "https://evil.example"), ("host", "10.0.0.9:18789")]
        {
            let answer = gateway.http("GET", path, &[(name, value)]).await;
            assert_eq!(answer.status, 200, "{path} with {name}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let gateway = TestGateway::start().await;
    for path in ["/healthz", "/readyz", "/"] {
        let get = gateway.http("GET", path, &[]).await;
        let head = gateway.http("HEAD", path, &[]).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}: {head:?}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
}

#[tokio::test]
async fn other_methods_and_paths_are_refused_as_http_says() {
    let gateway = TestGateway::start().await;
    for path in PROBES {
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let answer = gateway.http(method, path, &[]).await;
            assert_eq!(answer.status, 405, "{method} {path}: {answer:?}");
            assert_eq!(answer.header("allow"), "GET, HEAD", "{method} {path}: {answer:?}");
        }
        for beneath in [format!("{path}/"), format!("{path}/x")] {
            assert_eq!(gateway.http("GET", &beneath, &[]).await.status, 404, "{beneath}");
        }
        assert_eq!(gateway.http("GET", &format!("{path}?verbose"), &[]).await.status, 200, "{path} with a query");
    }
    for path in ["/nothing", "/v1/models", "/ui", "/..%2fetc%2fpasswd", "/HEALTHZ", "//healthz"] {
        let answer = gateway.http("GET", path, &[]).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn what_is_no_http_is_not_served() {
    let gateway = TestGateway::start().await;
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(100_000));
    let many = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(500));
    let big = format!("GET / HTTP/1.1\r\nhost: x\r\na: {}\r\n\r\n", "x".repeat(200_000));
    #[rustfmt::skip]
    let rows = [
        "hello\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\0\0\0\0\r\n\r\n", &long, &many, &big,
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\n folded: b\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n\r\nzz",
    ];
    for request in rows {
        let shown = &request[..request.len().min(40)];
        if let Some(answer) = exchange(&gateway.dial(), request.as_bytes()).await {
            assert!((400..600).contains(&answer.status), "{shown:?}: {answer:?}");
        }
    }
    assert_eq!(gateway.http("GET", "/healthz", &[]).await.status, 200);
}

#[tokio::test]
async fn the_page_carries_the_headers_of_a_page() {
    let gateway = TestGateway::start().await;
    let page = gateway.http("GET", "/", &[]).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
    assert_eq!(page.header("x-frame-options"), "DENY", "{page:?}");
    assert_eq!(page.header("x-content-type-options"), "nosniff", "{page:?}");
    assert_eq!(page.header("referrer-policy"), "no-referrer", "{page:?}");
    let policy = page.header("content-security-policy");
    for directive in ["default-src", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(directive), "{directive} is not in {policy}");
    }
    assert!(page.body.contains("openclaw"), "{page:?}");
}

#[tokio::test]
async fn in_an_insecure_context_the_page_says_why_a_browser_cannot_pair() {
    let gateway = TestGateway::start().await;
    let local = gateway.http("GET", "/", &[("host", &gateway.address.to_string())]).await;
    assert!(!local.body.contains("ssh "), "here everything works: {}", local.body);
    for host in ["gateway.example:18789", "192.0.2.9:18789", "[2001:db8::9]:18789", "machine"] {
        let page = gateway.http("GET", "/", &[("host", host)]).await;
        assert_eq!(page.status, 200, "{host}: {page:?}");
        let port = gateway.address.port();
        assert!(page.body.contains(&format!("ssh -N -L {port}:127.0.0.1:{port}")), "{host}: {}", page.body);
        assert!(page.body.contains("gateway.tls"), "{host}: {}", page.body);
    }
    // A Host that is no host must not come back as markup.
    let page = gateway.http("GET", "/", &[("host", "<script>alert(1)</script>")]).await;
    assert!(!page.body.contains("<script>alert"), "{}", page.body);
}
