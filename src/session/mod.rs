//! Stage 4: one authenticated connection.
//!
//! A [`Session`] exists only after the handshake admitted its peer. It reads requests and hands them to a [`Dispatch`]
//! (the method table implements it, so sessions know no method), writes answers and events, keeps the connection alive,
//! and closes itself when its device or secret no longer counts.

mod actor;
mod approach;
mod caller;
mod outbound;
#[cfg(test)]
mod tests;

pub use actor::{Ended, Session};
pub use approach::Approach;
pub use caller::{Answer, Caller, ConnectionId, Dispatch, Reply};
