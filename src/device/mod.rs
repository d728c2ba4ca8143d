//! Device keys: identity and signatures.
//!
//! A device is an Ed25519 key. Its [`DeviceId`] is the hash of the public half, so an id cannot be claimed without the key;
//! the proof is a [`signature`] over what the device asks for and over the nonce of this very connection.

mod id;
mod identity;
mod key;
mod payload;
pub mod signature;

pub use id::{DeviceId, InvalidDeviceId};
pub use identity::{Identity, IdentityError};
pub use key::{DeviceKey, InvalidDeviceKey};
pub use signature::{DeviceProofError, PayloadVersion, ProofRules, ProvenDevice};
