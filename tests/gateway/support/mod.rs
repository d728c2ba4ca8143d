//! Drives a real gateway from outside.
//!
//! Nothing here uses the product's own client: a test has to be able to misbehave, and a mistake that both ends share has to
//! show. Every wait has the same generous deadline and names what it waited for.

mod builder;
mod connect;
mod device;
mod gateway;
mod http;
mod session;
mod socket;
mod tls;

use std::{fmt::Debug, time::Duration};

pub(crate) use builder::{Builder, Exit};
pub(crate) use connect::{Connect, Nonce, Payload};
pub(crate) use device::Device;
pub(crate) use gateway::{TestGateway, refused};
pub(crate) use http::{Answer, exchange};
pub(crate) use session::{Refused, Session};
pub(crate) use socket::{Close, Dial, Frame, Socket, Stream};
pub(crate) use tls::connect as tls_connect;

/// For everything that should happen soon; far above what a loaded machine needs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// An address that no machine has; in `X-Forwarded-For` it is evidence of a proxy.
pub(crate) const AFAR: &str = "203.0.113.7";

/// The scopes that a command line of either generation asks for.
pub(crate) const CLI_SCOPES: [&str; 3] = ["operator.admin", "operator.approvals", "operator.pairing"];

/// Waits for `future`, and panics with `what` when it takes longer than [`DEADLINE`].
pub(crate) async fn within<T>(what: impl Debug, future: impl Future<Output = T>) -> T {
    let Ok(done) = tokio::time::timeout(DEADLINE, future).await else { panic!("waited {DEADLINE:?} for {what:?}") };
    done
}

/// Asks again and again until `holds` answers with something.
pub(crate) async fn eventually<T>(what: impl Debug, mut holds: impl AsyncFnMut() -> Option<T>) -> T {
    within(what, async {
        loop {
            if let Some(found) = holds().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}
