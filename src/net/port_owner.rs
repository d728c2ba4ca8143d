//! Who listens on a port, read from /proc, and whether it is an OpenClaw gateway.

use std::{
    fmt, fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::defaults::PORT_PROBE_TIMEOUT;

/// The process that listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortOwner {
    /// Its process id; 0 where /proc does not tell.
    pub pid: u32,
    /// Its command line.
    pub command: String,
    /// What answers on the port.
    pub kind: Listener,
}

/// What answers on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// A gateway of this product.
    OurGateway,
    /// OpenClaw's own gateway.
    OpenClawGateway,
    /// Something else, or nothing that answers in time.
    Other,
}

impl PortOwner {
    /// Whether it is an OpenClaw gateway of either kind.
    pub fn is_openclaw(&self) -> bool {
        self.kind != Listener::Other
    }
}

impl fmt::Display for PortOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Listener::OurGateway => f.write_str("an openclaw gateway")?,
            Listener::OpenClawGateway => f.write_str("an OpenClaw Node.js gateway")?,
            Listener::Other => f.write_str("another process")?,
        }
        if self.pid != 0 {
            write!(f, " (pid {}: {})", self.pid, self.command.replace(char::is_control, " "))?;
        }
        Ok(())
    }
}

/// Finds who listens at `address`.
pub(super) async fn find(address: SocketAddr) -> Option<PortOwner> {
    let port = address.port();
    let process = tokio::task::spawn_blocking(move || find_process(Path::new("/proc"), port)).await.ok().flatten();
    let kind = probe(address).await;
    match process {
        Some((pid, command)) => Some(PortOwner { pid, command, kind }),
        None if kind == Listener::Other => None,
        None => Some(PortOwner { pid: 0, command: String::new(), kind }),
    }
}

/// Asks the health page, which tells the two kinds of gateway apart.
async fn probe(address: SocketAddr) -> Listener {
    let ip = if address.ip().is_unspecified() { IpAddr::from(Ipv4Addr::LOCALHOST) } else { address.ip() };
    let ask = async {
        let mut stream = TcpStream::connect((ip, address.port())).await?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut answer = Vec::new();
        stream.take(64 * 1024).read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&answer).into_owned())
    };
    let Ok(Ok(answer)) = timeout(PORT_PROBE_TIMEOUT, ask).await else { return Listener::Other };
    let lower = answer.to_ascii_lowercase();
    if lower.contains("server: openclaw/") {
        Listener::OurGateway
    } else if lower.contains(r#""status":"live""#) || lower.contains("openclaw") {
        Listener::OpenClawGateway
    } else {
        Listener::Other
    }
}

/// The process that holds a listening socket on `port`, below `proc`.
fn find_process(proc: &Path, port: u16) -> Option<(u32, String)> {
    let inodes: Vec<String> =
        ["net/tcp", "net/tcp6"].iter().flat_map(|table| listening_inodes(&proc.join(table), port)).collect();
    let wanted: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    if wanted.is_empty() {
        return None;
    }
    fs::read_dir(proc).ok()?.flatten().find_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        let holds = fs::read_dir(process.path().join("fd")).ok()?.flatten().any(|descriptor| {
            fs::read_link(descriptor.path())
                .is_ok_and(|target| wanted.iter().any(|want| target.as_os_str() == want.as_str()))
        });
        holds.then(|| {
            let command = fs::read(process.path().join("cmdline")).unwrap_or_default();
            (pid, String::from_utf8_lossy(&command).replace('\0', " ").trim().to_owned())
        })
    })
}

/// The inodes of sockets that listen on `port`, from a table in the format of /proc/net/tcp.
fn listening_inodes(table: &Path, port: u16) -> Vec<String> {
    /// The kernel's number for a socket that listens.
    const LISTEN: &str = "0A";
    let text = fs::read_to_string(table).unwrap_or_default();
    text.lines()
        .skip(1)
        .filter_map(|line| {
            let mut columns = line.split_whitespace().skip(1);
            let local = columns.next()?;
            let state = columns.nth(1)?;
            let inode = columns.nth(5)?;
            let (_, hex) = local.rsplit_once(':')?;
            (state == LISTEN && u16::from_str_radix(hex, 16).ok()? == port).then(|| inode.to_owned())
        })
        .collect()
}
