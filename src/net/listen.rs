//! From a bind mode and a port to listening sockets.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use ipnet::IpNet;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tracing::{info, warn};

use super::{
    interfaces::{ContainerMarks, is_tailnet},
    port_owner::{self, PortOwner},
};
use crate::{
    defaults::{LISTEN_BACKLOG, MAX_PORT_ATTEMPTS},
    hint::Hint,
};

/// On which addresses the gateway listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindMode {
    /// 127.0.0.1 and ::1.
    Loopback,
    /// Every address of both families.
    Lan,
    /// The address of the Tailscale network, and loopback.
    Tailnet,
    /// One chosen address, and loopback.
    Custom(IpAddr),
    /// Every address in a container with a network of its own, else loopback.
    Auto,
}

/// Why the gateway cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else listens there.
    #[error("{}", describe(*address, owner))]
    Taken {
        /// Where.
        address: SocketAddr,
        /// Who.
        owner: Box<PortOwner>,
    },
    /// The kernel refused.
    #[error("cannot listen on {address}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

fn describe(address: SocketAddr, owner: &PortOwner) -> String {
    if owner.is_openclaw() {
        format!("another gateway instance is already listening on ws://{address}: {owner}")
    } else {
        format!("port {} is already in use by {owner}", address.port())
    }
}

impl Hint for ListenError {
    fn hint(&self) -> String {
        match self {
            Self::Taken { address, owner } if owner.forward().is_some() => format!(
                "`docker ps --filter publish={port}` shows the container; stop it, or choose another port with --port",
                port = address.port()
            ),
            // The one of this state directory holds its lock, which is taken before any port: this one is another's.
            Self::Taken { address, owner } if owner.is_openclaw() => {
                let stop = owner.process.as_ref().map_or_else(
                    || "stop it where it runs".to_owned(),
                    |process| format!("`kill {}` stops it", process.pid),
                );
                format!(
                    "it is the gateway of another state directory: run this one beside it with another --port (or \
                     gateway.port) than {}; {stop}",
                    address.port()
                )
            }
            Self::Taken { .. } => "stop that process, or choose another port with --port or gateway.port".to_owned(),
            Self::Bind { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => {
                    "ports below 1024 need a privilege: choose a higher one with --port".to_owned()
                }
                io::ErrorKind::AddrNotAvailable => {
                    "this machine has no such address: `ip addr` lists what it has; see gateway.bind and gateway.customBindHost"
                        .to_owned()
                }
                _ => "choose another address with gateway.bind, or another port with --port".to_owned(),
            },
        }
    }
}

/// The addresses that `mode` stands for on a machine with these interfaces.
pub fn addresses(mode: BindMode, interfaces: &[IpNet], marks: ContainerMarks) -> Vec<IpAddr> {
    let loopback = || vec![IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    match mode {
        BindMode::Lan => vec![Ipv6Addr::UNSPECIFIED.into()],
        BindMode::Custom(address) if address.is_unspecified() => vec![address],
        BindMode::Custom(address) if address.is_loopback() => vec![address],
        BindMode::Custom(address) => vec![Ipv4Addr::LOCALHOST.into(), address],
        BindMode::Tailnet => {
            let Some(address) = interfaces.iter().map(IpNet::addr).find(|address| is_tailnet(*address)) else {
                warn!(target: "gateway", "no address of a Tailscale network here: listening on loopback only");
                return loopback();
            };
            vec![Ipv4Addr::LOCALHOST.into(), address]
        }
        BindMode::Auto if marks.is_container() && marks.hardware_interface => {
            warn!(
                target: "gateway",
                "this container shares its host's network: listening on loopback only; set gateway.bind to lan to be reachable from elsewhere"
            );
            loopback()
        }
        BindMode::Auto if marks.is_container() => vec![Ipv6Addr::UNSPECIFIED.into()],
        BindMode::Loopback | BindMode::Auto => loopback(),
    }
}

/// Listens on every one of `addresses` with one port. With port 0 the kernel chooses for the first, and the others take
/// the same. Without IPv6, ::1 is left out and every address means every IPv4 address.
///
/// # Errors
/// [`ListenError`] names the address, and for a taken port who has it.
pub async fn listen(addresses: &[IpAddr], port: u16) -> Result<Vec<TcpListener>, ListenError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        match listen_once(addresses, port) {
            // The port that the kernel chose for one address may be taken on another.
            Err(error) if port == 0 && attempt < MAX_PORT_ATTEMPTS && error.1.kind() == io::ErrorKind::AddrInUse => {}
            Ok(listeners) => return Ok(listeners),
            Err((address, source)) if source.kind() == io::ErrorKind::AddrInUse => {
                return Err(ListenError::Taken { address, owner: Box::new(port_owner::find(address).await) });
            }
            Err((address, source)) => return Err(ListenError::Bind { address, source }),
        }
    }
}

fn listen_once(addresses: &[IpAddr], port: u16) -> Result<Vec<TcpListener>, (SocketAddr, io::Error)> {
    let mut listeners = Vec::<TcpListener>::new();
    let mut port = port;
    for &ip in addresses {
        let mut address = SocketAddr::new(ip, port);
        let mut bound = bind(address);
        if ip == IpAddr::from(Ipv6Addr::UNSPECIFIED) && bound.as_ref().is_err_and(lacks_family) {
            info!(target: "gateway", "no IPv6 on this machine: listening on every IPv4 address");
            address.set_ip(Ipv4Addr::UNSPECIFIED.into());
            bound = bind(address);
        }
        match bound {
            Ok(listener) => {
                port = listener.local_addr().map_err(|error| (address, error))?.port();
                listeners.push(listener);
            }
            // Whoever asks for a certain address needs to hear that it is not there; the second loopback is our own wish.
            Err(error) if lacks_family(&error) && ip == IpAddr::from(Ipv6Addr::LOCALHOST) && !listeners.is_empty() => {
                info!(target: "gateway", "no IPv6 on this machine: not listening on ::1");
            }
            Err(error) => return Err((address, error)),
        }
    }
    Ok(listeners)
}

fn lacks_family(error: &io::Error) -> bool {
    use nix::errno::Errno;
    let code = error.raw_os_error();
    error.kind() == io::ErrorKind::AddrNotAvailable || code == Some(Errno::EAFNOSUPPORT as i32)
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // Said in so many words: the system's default differs from machine to machine.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(LISTEN_BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_mode_stands_for() {
        let net = |text: &str| text.parse::<IpNet>().expect("a network");
        let lan = [net("192.0.2.1/24")];
        let tailnet = [net("192.0.2.1/24"), net("100.100.1.2/32")];
        let host = ContainerMarks { runtime: false, kubernetes: false, hardware_interface: true };
        let own = ContainerMarks { runtime: true, kubernetes: false, hardware_interface: false };
        let shared = ContainerMarks { runtime: true, kubernetes: false, hardware_interface: true };
        #[rustfmt::skip]
        let rows: &[(BindMode, &[IpNet], ContainerMarks, &str)] = &[
            (BindMode::Loopback,                                  &lan,     own,    "127.0.0.1 ::1"),
            (BindMode::Lan,                                       &lan,     host,   "::"),
            (BindMode::Auto,                                      &lan,     host,   "127.0.0.1 ::1"),
            (BindMode::Auto,                                      &lan,     own,    "::"),
            (BindMode::Auto,                                      &lan,     shared, "127.0.0.1 ::1"),
            (BindMode::Tailnet,                                   &tailnet, host,   "127.0.0.1 100.100.1.2"),
            (BindMode::Tailnet,                                   &lan,     host,   "127.0.0.1 ::1"),
            (BindMode::Custom(IpAddr::from([192, 0, 2, 1])),      &lan,     host,   "127.0.0.1 192.0.2.1"),
            (BindMode::Custom(IpAddr::from([127, 0, 0, 1])),      &lan,     host,   "127.0.0.1"),
            (BindMode::Custom(IpAddr::from([0, 0, 0, 0])),        &lan,     host,   "0.0.0.0"),
        ];
        for (mode, interfaces, marks, expected) in rows {
            let found: Vec<_> = addresses(*mode, interfaces, *marks).iter().map(ToString::to_string).collect();
            assert_eq!(found.join(" "), *expected, "{mode:?} {marks:?}");
        }
    }

    #[tokio::test]
    async fn both_loopbacks_share_the_port_that_the_kernel_chose() {
        let addresses = addresses(
            BindMode::Loopback,
            &[],
            ContainerMarks { runtime: false, kubernetes: false, hardware_interface: false },
        );
        let listeners = listen(&addresses, 0).await.expect("loopback");
        let ports: Vec<_> = listeners.iter().map(|listener| listener.local_addr().expect("bound").port()).collect();
        assert!(ports.iter().all(|port| *port == ports[0] && *port != 0), "{ports:?}");
    }

    #[tokio::test]
    async fn a_taken_port_names_its_process() {
        let holder = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
        let port = holder.local_addr().expect("bound").port();
        let error = listen(&[Ipv4Addr::LOCALHOST.into()], port).await.expect_err("taken");
        let ListenError::Taken { owner, .. } = &error else { panic!("{error:?}") };
        assert_eq!(owner.process.as_ref().expect("told").pid, std::process::id());
        assert!(error.to_string().contains(&format!("pid {}", std::process::id())), "{error}");
        assert!(!error.hint().is_empty());
    }

    #[tokio::test]
    async fn every_address_means_both_families() {
        let listeners = listen(&[Ipv6Addr::UNSPECIFIED.into()], 0).await.expect("every address");
        let port = listeners[0].local_addr().expect("bound").port();
        for address in ["127.0.0.1", "::1"] {
            let address = SocketAddr::new(address.parse().expect("an address"), port);
            let connected = tokio::net::TcpStream::connect(address).await;
            if address.is_ipv6()
                && connected.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AddrNotAvailable)
            {
                continue; // a machine without IPv6
            }
            let (_, peer) = listeners[0].accept().await.expect("connected");
            assert_eq!(super::super::PeerAddr::new(peer).ip(), address.ip());
        }
    }

    #[tokio::test]
    async fn an_address_that_is_not_ours_is_an_error_and_not_less_than_was_asked() {
        let elsewhere = IpAddr::from([192, 0, 2, 77]);
        let error = listen(&[Ipv4Addr::LOCALHOST.into(), elsewhere], 0).await.expect_err("not here");
        assert!(error.to_string().contains("192.0.2.77"), "{error}");
        assert!(error.hint().contains("customBindHost"));
    }
}
