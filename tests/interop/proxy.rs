//! A reverse proxy in front of a gateway.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpListener, TcpStream};
use std::thread;

use socket2::{Domain, Socket, Type};

/// The client that the proxy speaks of; an address for documentation.
pub const CLIENT: &str = "203.0.113.7";

/// Where a proxy connects from that a gateway can trust without trusting all of loopback.
pub const TRUSTABLE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Most bytes of a request head.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// A proxy on loopback that adds `X-Forwarded-For` to what it passes on. It takes connections as long as the test process lives.
pub struct ForwardingProxy {
    port: u16,
}

impl ForwardingProxy {
    /// In front of the gateway on port `gateway` of 127.0.0.1, connecting to it like any process of this machine.
    pub fn before(gateway: u16) -> Self {
        Self::from(Ipv4Addr::LOCALHOST, gateway)
    }

    /// In front of the gateway on port `gateway` of 127.0.0.1, connecting to it from the address `source`.
    pub fn from(source: Ipv4Addr, gateway: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                thread::spawn(move || forward(client, source, gateway));
            }
        });
        Self { port }
    }

    /// The URL of the gateway behind it.
    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }
}

/// Passes one connection on, with the header in its request head.
fn forward(mut client: TcpStream, source: Ipv4Addr, gateway: u16) -> io::Result<()> {
    let mut gateway = connect(source, SocketAddrV4::new(Ipv4Addr::LOCALHOST, gateway))?;
    let head = read_head(&mut client)?;
    let line_end = head.windows(2).position(|bytes| bytes == b"\r\n").map_or(head.len(), |at| at + 2);
    gateway.write_all(&head[..line_end])?;
    write!(gateway, "X-Forwarded-For: {CLIENT}\r\n")?;
    gateway.write_all(&head[line_end..])?;

    let (mut answers, mut back) = (gateway.try_clone()?, client.try_clone()?);
    let answering = thread::spawn(move || pump(&mut answers, &mut back));
    pump(&mut client, &mut gateway);
    let _ = answering.join();
    Ok(())
}

/// Connects from the address `source`.
fn connect(source: Ipv4Addr, target: SocketAddrV4) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddrV4::new(source, 0).into())?;
    socket.connect(&target.into())?;
    Ok(socket.into())
}

/// Reads up to and including the empty line, and whatever came with it.
fn read_head(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
    while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        let length = client.read(&mut buffer)?;
        if length == 0 || head.len() > MAX_HEAD_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.extend_from_slice(&buffer[..length]);
    }
    Ok(head)
}

/// Copies until one side ends, and tells the other.
fn pump(from: &mut TcpStream, to: &mut TcpStream) {
    let _ = io::copy(from, to);
    let _ = to.shutdown(Shutdown::Write);
}
