use super::*;

/// Ends when the other end has closed the connection.
async fn closed(stream: &mut TcpStream) {
    let reading = async { while stream.read(&mut [0; 256]).await.is_ok_and(|read| read > 0) {} };
    tokio::time::timeout(Duration::from_secs(5), reading).await.expect("closed by the gateway");
}

#[tokio::test]
async fn a_flood_of_silent_sockets_keeps_nobody_out() {
    const PLACES: usize = 32;
    let mut server = Server::with(Lobby::new(PLACES, Duration::from_mins(10)), None).await;
    let half = upgrade_request("/", "").split_at(60).0.to_owned();
    let mut flood = Vec::new();
    for round in 0..10 {
        for number in 0..PLACES {
            let mut stream = server.connect().await;
            // Every third says nothing, every third begins TLS, every third stops in the middle of its request.
            match number % 3 {
                0 => {}
                1 => drop(stream.write_all(&[0x16, 3, 1]).await),
                _ => drop(stream.write_all(half.as_bytes()).await),
            }
            flood.push(stream);
        }
        let url = format!("ws://{}/", server.address);
        let client = tokio_tungstenite::client_async(url, server.connect().await);
        let client = tokio::time::timeout(Duration::from_secs(5), client).await.expect("in time");
        client.unwrap_or_else(|error| panic!("round {round}: {error}"));
        drop(server.upgraded.recv().await.expect("upgraded"));
        assert!(server.lobby.len() <= PLACES);
    }
    for stream in flood.iter_mut().take(PLACES) {
        closed(stream).await;
    }
}

#[tokio::test]
async fn whoever_never_finishes_is_cut_in_time() {
    let server = Server::with(Lobby::new(64, Duration::from_millis(200)), None).await;
    #[rustfmt::skip]
    let rows = [
        "",
        "GET / HT",
        "GET / HTTP/1.1\r\nHost: localhost\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", // served, and then kept open
    ];
    for sent in rows {
        let mut stream = server.connect().await;
        stream.write_all(sent.as_bytes()).await.expect("sent");
        closed(&mut stream).await;
    }
    assert!(server.lobby.is_empty());
}
