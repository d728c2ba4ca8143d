//! What a proxy says before the connection that it introduces, on listeners that require it.

use std::net::IpAddr;

use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

use super::{Lobby, accept::Arriving};
use crate::defaults::PREAMBLE_TIMEOUT;

/// Why a connection was not introduced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotIntroduced<E: std::error::Error + 'static> {
    /// What it began with is no introduction.
    #[error(transparent)]
    Malformed(E),
    /// It said too little for too long.
    #[error("brought no whole PROXY protocol preamble in time")]
    Silent,
    /// It ended, or had to make room.
    #[error("ended before its PROXY protocol preamble did")]
    Gone,
}

impl Arriving {
    /// Reads the introduction and not a byte more: what follows is TLS or HTTP. `parse` is given everything that came so far,
    /// and says how long the introduction is once it is whole; `None` as long as more has to come.
    ///
    /// # Errors
    /// [`NotIntroduced`]; the connection is to be cut.
    pub async fn introduced<T, E: std::error::Error + 'static>(
        mut self,
        parse: impl Fn(&[u8]) -> Result<Option<(T, usize)>, E>,
    ) -> Result<(T, Self), NotIntroduced<E>> {
        let read = tokio::select! {
            read = timeout(PREAMBLE_TIMEOUT, read(&mut self.stream, parse)) => read.unwrap_or(Err(NotIntroduced::Silent)),
            () = self.ticket.expired() => Err(NotIntroduced::Gone),
        };
        read.map(|introduction| (introduction, self))
    }

    /// Counts the connection in the lobby by the client that was introduced: a crowd behind one proxy is many, and one client
    /// of it must not push the others out.
    #[must_use]
    pub fn counted_by(mut self, client: IpAddr, lobby: &Lobby) -> Self {
        self.ticket = lobby.enter_from(client);
        self
    }
}

async fn read<T, E: std::error::Error + 'static>(
    stream: &mut TcpStream,
    parse: impl Fn(&[u8]) -> Result<Option<(T, usize)>, E>,
) -> Result<T, NotIntroduced<E>> {
    let mut so_far = Vec::new();
    let mut ahead = [0; 1024];
    loop {
        let seen = stream.peek(&mut ahead).await.map_err(|_| NotIntroduced::Gone)?;
        if seen == 0 {
            return Err(NotIntroduced::Gone);
        }
        let taken = so_far.len();
        so_far.extend_from_slice(&ahead[..seen]);
        let parsed = parse(&so_far).map_err(NotIntroduced::Malformed)?;
        // All that was seen belongs to an introduction that is not whole yet.
        let belongs = parsed.as_ref().map_or(seen, |(_, length)| length.saturating_sub(taken).min(seen));
        stream.read_exact(&mut ahead[..belongs]).await.map_err(|_| NotIntroduced::Gone)?;
        if let Some((introduction, _)) = parsed {
            return Ok(introduction);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::AsyncWriteExt,
        net::{TcpListener, TcpStream},
    };

    use super::*;
    use crate::net::accept_tcp;

    #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
    #[error("not such a text")]
    struct Wrong;

    /// An introduction is a text of letters that ends with a full stop.
    fn sentence(bytes: &[u8]) -> Result<Option<(String, usize)>, Wrong> {
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'.' => return Ok(Some((String::from_utf8_lossy(&bytes[..at]).into_owned(), at + 1))),
                b'a'..=b'z' => {}
                _ => return Err(Wrong),
            }
        }
        Ok(None)
    }

    async fn pair(lobby: &Lobby) -> (TcpStream, Arriving) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("bound");
        let (client, arriving) = tokio::join!(TcpStream::connect(address), accept_tcp(&listener, lobby));
        (client.expect("connected"), arriving)
    }

    fn lobby() -> Lobby {
        Lobby::new(8, Duration::from_mins(1))
    }

    #[tokio::test]
    async fn an_introduction_is_read_and_not_a_byte_more() {
        let long = "x".repeat(5000) + ".rest";
        #[rustfmt::skip]
        let rows: [(&[&str], &str); 5] = [
            (&["abc.rest"],              "abc"),
            (&["a", "b", "c", ".", "rest"], "abc"),
            (&["abc.re", "st"],          "abc"),
            (&[".rest"],                 ""),
            (&[&long],                   &long[..5000]),
        ];
        for (pieces, expected) in rows {
            let lobby = lobby();
            let (mut client, arriving) = pair(&lobby).await;
            let pieces: Vec<String> = pieces.iter().map(|piece| (*piece).to_owned()).collect();
            let sender = tokio::spawn(async move {
                client.set_nodelay(true).expect("a TCP socket");
                for piece in pieces {
                    client.write_all(piece.as_bytes()).await.expect("sent");
                    tokio::task::yield_now().await;
                }
                client.shutdown().await.expect("closed");
                client
            });
            let (text, mut arriving) = arriving.introduced(sentence).await.expect("introduced");
            let mut rest = String::new();
            arriving.stream.read_to_string(&mut rest).await.expect("readable");
            assert_eq!((text.as_str(), rest.as_str()), (expected, "rest"));
            drop(sender.await);
        }
    }

    #[tokio::test]
    async fn what_is_no_introduction_is_told() {
        #[rustfmt::skip]
        let rows = [("GET / HTTP/1.1\r\n", NotIntroduced::Malformed(Wrong)), ("abc", NotIntroduced::Gone), ("", NotIntroduced::Gone)];
        for (sent, expected) in rows {
            let (mut client, arriving) = pair(&lobby()).await;
            client.write_all(sent.as_bytes()).await.expect("sent");
            drop(client);
            assert_eq!(arriving.introduced(sentence).await.expect_err("not introduced"), expected, "{sent:?}");
        }
    }

    #[tokio::test]
    async fn half_an_introduction_does_not_wait_for_ever() {
        let lobby = lobby();
        let (mut client, arriving) = pair(&lobby).await;
        client.write_all(b"abc").await.expect("sent");
        tokio::time::pause();
        let refused = arriving.introduced(sentence).await.expect_err("not introduced");
        assert_eq!(refused, NotIntroduced::Silent);
        assert!(lobby.is_empty());
    }

    #[tokio::test]
    async fn a_crowd_behind_one_proxy_is_many() {
        let lobby = lobby();
        let (_client, arriving) = pair(&lobby).await;
        let arriving = arriving.counted_by("203.0.113.7".parse().expect("an address"), &lobby);
        assert_eq!(lobby.len(), 1, "it is counted once");
        drop(arriving);
        assert!(lobby.is_empty());
    }
}
