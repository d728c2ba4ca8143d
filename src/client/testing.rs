//! Small gateways that follow a script, for tests.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, accept_async,
    tungstenite::{Message, protocol::CloseFrame},
};

use super::{GatewayUrl, Scheme};

/// A gateway's end of a connection.
pub(crate) type Server = WebSocketStream<TcpStream>;

/// A server on a free port that does `script` with the first connection, and the URL to reach it.
pub(crate) async fn server<F>(script: impl FnOnce(TcpStream) -> F + Send + 'static) -> GatewayUrl
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move { script(listener.accept().await.expect("a client").0).await });
    GatewayUrl::new(Scheme::Ws, "127.0.0.1", port)
}

/// The same with the upgrade done and the challenge sent.
pub(crate) async fn gateway<F>(script: impl FnOnce(Server) -> F + Send + 'static) -> GatewayUrl
where
    F: Future<Output = ()> + Send + 'static,
{
    server(|stream| async {
        let mut socket = accept_async(stream).await.expect("an upgrade");
        say(&mut socket, &json!({"type":"event","event":"connect.challenge","payload":{"nonce":"n","ts":1}})).await;
        script(socket).await;
    })
    .await
}

pub(crate) async fn say(socket: &mut Server, frame: &Value) {
    socket.send(Message::text(frame.to_string())).await.expect("a client that listens");
}

pub(crate) async fn hear(socket: &mut Server) -> Value {
    let message = socket.next().await.expect("a frame").expect("a frame");
    serde_json::from_str(message.to_text().expect("text")).expect("json")
}

/// Reads `connect` and greets.
pub(crate) async fn admit(socket: &mut Server) -> Value {
    let connect = hear(socket).await;
    assert_eq!(connect["method"], "connect");
    let hello = json!({"type":"hello-ok","protocol":4,"server":{"version":"test","connId":"c"}});
    say(socket, &json!({"type":"res","id":connect["id"],"ok":true,"payload":hello})).await;
    connect["params"].clone()
}

pub(crate) async fn hang_up(socket: &mut Server, code: u16, reason: &'static str) {
    let _ = socket.close(Some(CloseFrame { code: code.into(), reason: reason.into() })).await;
    while socket.next().await.is_some() {}
}

/// Refuses `connect` with `error`, and closes with 1008 and `reason`.
pub(crate) async fn refuse(socket: &mut Server, error: Value, reason: &'static str) -> Value {
    let connect = hear(socket).await;
    say(socket, &json!({"type":"res","id":connect["id"],"ok":false,"error":error})).await;
    hang_up(socket, 1008, reason).await;
    connect["params"].clone()
}

/// A gateway for many connections: the script is told which one it is, from 0.
pub(crate) async fn gateways<F>(script: impl Fn(Server, usize) -> F + Send + 'static) -> GatewayUrl
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        for nth in 0.. {
            let (stream, _) = listener.accept().await.expect("a client");
            let mut socket = accept_async(stream).await.expect("an upgrade");
            say(&mut socket, &json!({"type":"event","event":"connect.challenge","payload":{"nonce":"n","ts":1}})).await;
            script(socket, nth).await;
        }
    });
    GatewayUrl::new(Scheme::Ws, "127.0.0.1", port)
}
