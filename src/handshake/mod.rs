//! Stage 3: from an upgraded socket that proved nothing to an admitted session.
//!
//! Each step consumes the one before, so no method can be called on a socket that has proved nothing:
//! [`Unauthenticated`] has sent its challenge; [`Authenticated`] knows who the peer is, but the peer has not been told;
//! [`Session`] serves it. Whatever goes wrong is a [`Refusal`]: one value, from which the answer on the wire, the close
//! frame and the log line are made.

mod audience;
mod challenge;
mod judge;
mod log;
mod log_budget;
mod refusal;
mod steps;
#[cfg(test)]
mod tests;
mod visitor;

#[cfg(doc)]
use crate::session::Session;
pub use judge::{Doors, Entry};
pub use log_budget::LogBudget;
pub use refusal::{Refusal, Told};
pub use steps::{Authenticated, Turned, Unauthenticated, Welcome};
pub use visitor::Visitor;
