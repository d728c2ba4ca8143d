//! Which gateway a command talks to, by which way, with which secret. Pure: from what was typed and what is known to a plan.

mod args;
mod error;
mod plan;
mod secrets;
mod source;
#[cfg(test)]
mod tests;

pub use args::TargetArgs;
pub(super) use args::milliseconds;
pub use error::TargetError;
pub use plan::{Known, Plan, Remote, Way, elsewhere, local_url, plan};
pub use source::Source;
