//! The protocol's client side, used by the CLI and the tests.
//!
//! [`Connection::open`] goes the whole way: name, address, TLS, upgrade, challenge, `connect`. Every step waits no longer
//! than the [`Deadline`] that it is given, and what goes wrong is told apart in [`Failure`]: a caller, and the user behind
//! it, can do different things about each.

mod connection;
mod deadline;
mod dial;
mod failure;
mod handshake;
mod hints;
mod login;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tls;
pub mod tokens;
mod upgrade;
mod url;

pub use connection::{CallId, Connection, Event};
pub use deadline::{Deadline, Elapsed};
pub use dial::Endpoint;
pub use failure::{CallFailure, Closed, Failure, Step};
pub use login::{Login, Presented};
pub use tls::{Fingerprint, InvalidFingerprint, Trust};
pub use upgrade::Answer;
pub use url::{GatewayUrl, InvalidUrl, Scheme};
