//! Whether a gateway answers on a port, and which.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::Listener;
use crate::defaults::{MAX_PORT_PROBE_BYTES, PORT_PROBE_TIMEOUT};

/// Our own answers carry our name, over plain HTTP also where TLS is expected.
const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Every OpenClaw gateway begins a WebSocket with its challenge. Older ones have no health page.
const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: b3BlbmNsYXcgcHJvYmUhIQ==\r\n\r\n";

/// Asks whatever listens where `address` cannot be had.
pub(super) async fn ask(address: SocketAddr) -> Listener {
    let at = |ip: IpAddr| ask_at(SocketAddr::new(ip, address.port()));
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => at(Ipv4Addr::LOCALHOST.into()).await,
        // Every address of both families cannot be had where either is taken.
        IpAddr::V6(ip) if ip.is_unspecified() => {
            let (v4, v6) = tokio::join!(at(Ipv4Addr::LOCALHOST.into()), at(Ipv6Addr::LOCALHOST.into()));
            if v4 == Listener::Other { v6 } else { v4 }
        }
        ip => at(ip).await,
    }
}

async fn ask_at(address: SocketAddr) -> Listener {
    let is_ours = |answer: &str| answer.to_ascii_lowercase().contains("\r\nserver: openclaw/");
    let is_challenge = |answer: &str| answer.contains("connect.challenge");
    if is_ours(&exchange(address, HEALTH, is_ours).await) {
        Listener::OurGateway
    } else if is_challenge(&exchange(address, UPGRADE, is_challenge).await) {
        // Asked second: a WebSocket that is left again is a line in a gateway's log.
        Listener::OpenClawGateway
    } else {
        Listener::Other
    }
}

/// What comes back, until it is enough, the end, too much or too late.
async fn exchange(address: SocketAddr, request: &str, enough: impl Fn(&str) -> bool) -> String {
    let mut answer = Vec::new();
    let asking = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut stream = stream.take(MAX_PORT_PROBE_BYTES);
        while stream.read_buf(&mut answer).await? > 0 && !enough(&String::from_utf8_lossy(&answer)) {}
        Ok::<_, std::io::Error>(())
    };
    // Whatever came before an error or the deadline counts.
    let _ = timeout(PORT_PROBE_TIMEOUT, asking).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that gives one fixed answer to each connection, chosen by what the request asks for. It keeps WebSockets
    /// open, as gateways do.
    async fn server(to_health: &'static str, to_upgrade: &'static str) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 1024];
                let read = stream.read(&mut request).await.unwrap_or_default();
                let upgrades = String::from_utf8_lossy(&request[..read]).contains("Upgrade");
                let answer = if upgrades { to_upgrade } else { to_health };
                let _ = stream.write_all(answer.as_bytes()).await;
                open.extend(answer.contains(" 101 ").then_some(stream));
            }
        });
        address
    }

    #[tokio::test]
    async fn gateways_are_told_apart() {
        let ours = "HTTP/1.1 200 OK\r\nServer: openclaw/1.2.3\r\nContent-Length: 0\r\n\r\n";
        let page = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html>openclaw";
        let challenge =
            "HTTP/1.1 101 Switching Protocols\r\n\r\n\u{1}\u{1}{\"type\":\"event\",\"event\":\"connect.challenge\"}";
        #[rustfmt::skip]
        let rows = [
            (ours, "",        Listener::OurGateway),
            (page, challenge, Listener::OpenClawGateway),
            (page, page,      Listener::Other),          // a page that names us is no gateway
        ];
        for (health, upgrade, expected) in rows {
            let address = server(health, upgrade).await;
            assert_eq!(ask(address).await, expected, "{health:?} {upgrade:?}");
            let anywhere = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), address.port());
            assert_eq!(ask(anywhere).await, expected, "{health:?} {upgrade:?} on every address");
        }
    }
}
