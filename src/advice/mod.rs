//! What to type next: from what was seen, and the place where the user stands, to a setting and a command. Pure.
//!
//! Advice is output too. A suggested command holds only values that the gateway made, or parsed and printed anew (an
//! address, a network): never a Host, a header's value or a name that a peer chose. It is quoted for a shell. And a
//! stranger's own words must not lead an operator to trust him: for a peer on a public address, or on one of our own
//! subnets, the setting is named, but no command that trusts it is made.

mod grant;
mod peer_kind;
mod place;
mod remedy;
mod setting;
#[cfg(test)]
mod tests;

pub use grant::seen_as;
pub use peer_kind::PeerKind;
pub use place::{Marks, Name, Place};
pub use remedy::{Reader, Situation};
pub use setting::{Setting, quoted};
