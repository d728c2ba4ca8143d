//! Name resolution without the C library's name service switch, for a static binary.
//!
//! The hosts file comes first, then the name servers of `resolv.conf` with its search domains. Nothing is read before the
//! first name is asked for: most commands never ask for one.
//!
//! [`resolve`] is for whoever dials a host once; [`Names`] follows names whose addresses change.

mod names;
mod resolver;

pub use names::{Answer, NameServers, NameState, Names, Reply};
pub use resolver::{ResolveError, Resolver};

use std::{net::IpAddr, time::Duration};

/// Every address of `host`, IPv4 before IPv6, with the system's settings read anew.
///
/// A literal address is returned as it is; `localhost` and names below it are this machine (RFC 6761, section 6.3).
///
/// # Errors
/// [`ResolveError`], at the latest after `within`.
pub async fn resolve(host: &str, within: Duration) -> Result<Vec<IpAddr>, ResolveError> {
    match resolver::without_asking(host) {
        Some(addresses) => Ok(addresses),
        None => Resolver::from_system().lookup(host, within).await,
    }
}
