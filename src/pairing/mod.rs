//! Which devices may connect, as what: the decision and the service that applies it.
//!
//! The decision is a pure function of what the device claims, what is known of it, and what its source grants. The
//! service reads, decides, writes and tells the hub. The offline CLI uses the same service over the same files.
//!
//! Three rules hold everywhere: a request for more never takes away what was granted; whoever approves never grants more
//! than it holds; and what an operator turned down is never approved silently afterwards.

mod admin;
mod approval;
mod audit;
mod claim;
mod clock;
mod decision;
mod error;
mod events;
mod follow;
mod judge;
mod offline;
mod request;
mod rotation;
mod service;
mod sightings;
#[cfg(test)]
mod tests;
mod token;

pub use claim::{
    Admission, Approver, Asked, Claim, Connecting, Grant, IssuedToken, PairingReason, PairingRefusal, Verdict, Waiting,
};
pub use clock::Clock;
pub use decision::{Decision, decide};
pub use error::{Denial, InvalidLabel, PairingError};
pub use events::PairingEvents;
pub use offline::{DeviceAdmin, open_offline};
pub use service::Pairing;
