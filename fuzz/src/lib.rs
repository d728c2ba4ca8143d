//! The stage that is fuzzed, compiled by itself: it knows nothing of the rest of the product, so that a build takes seconds.

#[path = "../../src/defaults.rs"]
pub mod defaults;
#[path = "../../src/net/peer.rs"]
mod peer;
#[path = "../../src/source/mod.rs"]
pub mod source;

/// What the stage takes from the one before it.
pub mod net {
    pub use crate::peer::PeerAddr;
}
