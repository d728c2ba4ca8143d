//! Credentials: one mechanism a file, and the throttle.
//!
//! [`judge()`] is pure: what the gateway goes by ([`AuthPolicy`]) and what a client brought ([`Attempt`]) make an [`Accepted`]
//! or an [`AuthFailure`]. The shared secret comes first, then the device token. The caller proves the device's key before,
//! fetches what is stored of its tokens, and runs the judgement behind [`Throttle::judge`].

mod device_token;
mod failure;
mod judge;
mod policy;
mod presented;
mod principal;
mod shared_secret;
pub mod throttle;
mod trusted_proxy;

pub use device_token::{TokenKey, TokenKeyError};
pub use failure::AuthFailure;
pub use judge::{Accepted, Attempt, DeviceStanding, judge};
pub use policy::{AuthPolicy, Mode};
pub use presented::Presented;
pub use principal::{Mechanism, Principal};
pub use shared_secret::SharedSecret;
pub use throttle::{Throttle, ThrottleKey, ThrottleRules};
pub use trusted_proxy::{Hop, ProxyUser, TrustedProxy, TrustedProxyFailure};
