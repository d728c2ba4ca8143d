//! Stage 1: listeners, peers, TLS, the Unix socket.
//!
//! What leaves this stage is an [`Accepted`] connection: TLS taken off, the peer's address as the kernel names it, and a
//! place in the [`Lobby`] that bounds how many peers have proved nothing.

mod accept;
mod budget;
mod container_id;
mod facts;
mod farewell;
mod held;
mod interfaces;
mod listen;
mod lobby;
mod lock;
mod notices;
mod peer;
mod port_owner;
mod preamble;
mod proc_text;
mod stream;
mod tls;
mod unix;
mod watch;
mod wrong_scheme;

pub use accept::{Accepted, Arriving, accept_local, accept_tcp};
pub use budget::{BudgetHandle, ByteBudget, budget_exhausted};
pub use container_id::container_id;
pub use facts::{DefaultRoute, NetworkFacts, NoBridge};
pub use farewell::close_gently;
pub use held::{Held, Hold};
pub use interfaces::{ContainerMarks, LinkAddress, own_interfaces, own_links};
pub use listen::{BindMode, ListenError, addresses, listen};
pub use lobby::{Lobby, Ticket};
pub use lock::{
    Announcement, GatewayLock, LastGateway, LockError, LockHolder, LockState, Restart, SecretInForce,
    check_state_directory, is_not_coming, last_gateway, lock_process, probe_lock,
};
pub use notices::Notices;
pub use peer::{PeerAddr, customer};
pub use port_owner::{Forward, Listener, PortOwner, Process, port_owner};
pub use preamble::NotIntroduced;
pub use stream::{Stream, Transport, Wire};
pub use tls::{Certificate, CertificateFiles, TlsError, certificate_remark};
pub use unix::{LocalSocket, SocketError, connect_socket, socket_candidates};
pub use watch::NetworkWatch;
