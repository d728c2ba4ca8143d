use futures_util::{SinkExt, StreamExt};
use tokio::net::UnixStream;
use tokio_tungstenite::tungstenite::{self, Message};

use super::*;
use crate::{defaults::MAX_PREAUTH_FRAME_BYTES, net::budget_exhausted};

#[tokio::test]
async fn which_requests_become_a_websocket() {
    let mut server = Server::start().await;
    let good = upgrade_request("/", "");
    #[rustfmt::skip]
    let rows = [
        (good.clone(),                                                         101, "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        (upgrade_request("/any/path?x=1", ""),                                 101, "connection: Upgrade"),
        (good.replace("Connection: Upgrade", "Connection: keep-alive, upgrade"), 101, "upgrade: websocket"),
        (good.replace("Upgrade: websocket", "Upgrade: h2c, WebSocket"),        101, "upgrade: websocket"),
        (upgrade_request("/", "Sec-WebSocket-Protocol: one, two\r\n"),         101, "sec-websocket-protocol: one\r\n"),
        (upgrade_request("/__openclaw__/worker", ""),                          404, "no WebSocket is served"),
        (good.replace("Version: 13", "Version: 8"),                            426, "sec-websocket-version: 13"),
        (good.replace("Sec-WebSocket-Version: 13\r\n", ""),                    426, "upgrade: websocket"),
        (good.replace("dGhlIHNhbXBsZSBub25jZQ==", "short"),                    400, "16 bytes in base64"),
        (good.replace("Connection: Upgrade", "Connection: close"),             400, "drops them"),
        (good.replace("GET", "POST"),                                          400, "begins with GET"),
        (good.replace("HTTP/1.1", "HTTP/1.0"),                                 400, "HTTP/1.1"),
        (good.replace("Host: localhost\r\n", ""),                              400, "exactly one Host"),
    ];
    for (request, status, expected) in rows {
        let mut stream = server.connect().await;
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = head(&mut stream).await;
        assert!(answer.contains(&format!(" {status} ")), "{request}: {answer}");
        if status == 101 {
            assert!(!answer.contains("sec-websocket-extensions"), "{answer}");
            server.upgraded.recv().await.expect("upgraded");
        } else {
            let mut body = [0; 512];
            let read = stream.read(&mut body).await.expect("a body");
            answer.push_str(&String::from_utf8_lossy(&body[..read]));
        }
        assert!(answer.contains(expected), "{request}: {answer}");
    }
}

#[tokio::test]
async fn frames_that_came_with_the_request_are_not_lost() {
    let mut server = Server::start().await;
    let mut stream = server.connect().await;
    let mut bytes = upgrade_request("/", "Origin: http://localhost\r\n").into_bytes();
    bytes.extend([0x81, 0x82, 0, 0, 0, 0, b'h', b'i']);
    stream.write_all(&bytes).await.expect("sent");
    let mut upgraded = server.upgraded.recv().await.expect("upgraded");
    assert!(upgraded.head.is_browser() && !upgraded.tls);
    assert_eq!(upgraded.head.text("host"), Some("localhost"));
    assert_eq!(upgraded.ends.expect("TCP").0.socket(), stream.local_addr().expect("connected"));
    assert_eq!(upgraded.socket.next().await.expect("open").expect("whole"), Message::text("hi"));
    assert_eq!(server.lobby.len(), 1, "whoever upgraded has proved nothing yet");
    drop(upgraded);
    assert!(server.lobby.is_empty());
}

#[tokio::test]
async fn a_stranger_may_send_little_and_an_admitted_peer_much() {
    let mut server = Server::start().await;
    #[rustfmt::skip]
    let rows = [
        // lifted  bytes                        received
        (false,    MAX_PREAUTH_FRAME_BYTES,     true),
        (false,    MAX_PREAUTH_FRAME_BYTES + 1, false),
        (false,    4 * MAX_PREAUTH_FRAME_BYTES, false),
        (true,     4 * MAX_PREAUTH_FRAME_BYTES, true),
        (true,     8 * 1024 * 1024,             true),
    ];
    for (lifted, bytes, received) in rows {
        let url = format!("ws://{}/", server.address);
        let (mut client, _) = tokio_tungstenite::client_async(url, server.connect().await).await.expect("upgraded");
        let mut upgraded = server.upgraded.recv().await.expect("upgraded");
        if lifted {
            upgraded.budget.lift();
        }
        let message = Message::text("x".repeat(bytes));
        let (got, _) = tokio::join!(upgraded.socket.next(), client.send(message.clone()));
        match got.expect("open") {
            Ok(got) => assert!(received && got == message, "{bytes} bytes, lifted: {lifted}"),
            Err(tungstenite::Error::Io(error)) => {
                assert!(!received && budget_exhausted(&error), "{bytes} bytes, lifted: {lifted}: {error}");
            }
            Err(error) => panic!("{bytes} bytes, lifted: {lifted}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_stranger_that_declares_much_is_refused_before_it_is_sent() {
    let mut server = Server::start().await;
    let most = u64::try_from(MAX_PREAUTH_FRAME_BYTES).expect("small");
    // Behind a whole frame or at the start, together with the request or later.
    for (before, with_request) in
        [(&b""[..], false), (b"", true), (b"\x81\x82\0\0\0\0hi", false), (b"\x81\x82\0\0\0\0hi", true)]
    {
        for (declared, refused) in [(most, false), (most + 1, true), (25 << 20, true), (u64::MAX >> 1, true)] {
            let mut stream = server.connect().await;
            let header = [&[0x81, 0xff][..], &declared.to_be_bytes(), &[0; 4]].concat();
            let request = upgrade_request("/", "").into_bytes();
            let (first, second) = if with_request {
                ([&request, before, &header].concat(), Vec::new())
            } else {
                (request, [before, &header].concat())
            };
            stream.write_all(&first).await.expect("sent");
            let mut upgraded = server.upgraded.recv().await.expect("upgraded");
            stream.write_all(&second).await.expect("sent");
            if !refused {
                stream.shutdown().await.expect("open");
            }
            // What came before, in one read with it, need not be heard.
            let mut heard = upgraded.socket.next().await.expect("open");
            while heard.as_ref().is_ok_and(|heard| *heard == Message::text("hi")) {
                heard = upgraded.socket.next().await.expect("open");
            }
            let cut = matches!(&heard, Err(tungstenite::Error::Io(error)) if budget_exhausted(error));
            assert_eq!(cut, refused, "{declared} after {before:?}: {heard:?}");
        }
    }
}

#[tokio::test]
async fn the_unix_socket_is_for_programs() {
    let mut server = Server::start().await;
    #[rustfmt::skip]
    let rows = [
        ("",                                 101),
        ("Origin: http://localhost\r\n",     403),
        ("Sec-Fetch-Mode: websocket\r\n",    403),
        ("X-Forwarded-For: 127.0.0.1\r\n",   403),
        ("Forwarded: for=127.0.0.1\r\n",     403),
        ("Via: 1.1 proxy\r\n",               403),
    ];
    for (more, status) in rows {
        let mut stream = UnixStream::connect(&server.socket).await.expect("listening");
        stream.write_all(upgrade_request("/", more).as_bytes()).await.expect("sent");
        let answer = head(&mut stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{more}: {answer}");
        if status == 101 {
            assert!(server.upgraded.recv().await.expect("upgraded").ends.is_none());
        }
    }
    let stream = UnixStream::connect(&server.socket).await.expect("listening");
    let request = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert!(exchange(stream, request).await.starts_with("HTTP/1.1 200 "));
}
