//! The chain of hops that forwarding headers tell, walked from the right.
//!
//! The rightmost member was written by the peer itself, the one before it by the hop that the rightmost names, and so on: each
//! is worth as much as the hop to its right. So the walk goes left over trusted proxies, and the first address that is none is
//! the client; what is further left is the client's own claim. A chain with a member that is no address fails as a whole:
//! leaving the member out would let its left neighbour slide into a trusted position.

mod forwarded;
mod node;

use std::net::IpAddr;

use hyper::{HeaderMap, header::FORWARDED};

use self::node::NodeError;
use super::{ChainDefect, ForwardedClient, ForwardingHeader, TrustedProxies};
use crate::defaults::{MAX_FORWARDING_BYTES, MAX_FORWARDING_HOPS};

/// What the headers of a trusted proxy say of its client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Walk {
    /// Nothing.
    NoHeader,
    /// A client.
    Client {
        client: ForwardedClient,
        /// Where it was named.
        header: ForwardingHeader,
        /// The trusted proxies between the peer and the client, nearest to us first.
        hops: Vec<IpAddr>,
    },
    /// A client, but it cannot be told which.
    Defective { header: ForwardingHeader, defect: ChainDefect },
}

/// Walks the chain that a trusted proxy sent. `real_ip` says whether `X-Real-IP` counts where there is no other header.
pub(super) fn walk(headers: &HeaderMap, proxies: &TrustedProxies, real_ip: bool) -> Walk {
    let told = [ForwardingHeader::XForwardedFor, ForwardingHeader::Forwarded]
        .map(|header| (header, follow(headers, header, proxies)));
    match told {
        [(header, Some(Err(defect))), _] | [_, (header, Some(Err(defect)))] => Walk::Defective { header, defect },
        [(header, Some(Ok((client, hops)))), (other, Some(Ok((same, _))))] => {
            // A proxy that writes one of them passes on what its client wrote into the other.
            if client == same {
                Walk::Client { client, header, hops }
            } else {
                Walk::Defective { header: other, defect: ChainDefect::Contradictory }
            }
        }
        [(header, Some(Ok((client, hops)))), (_, None)] | [(_, None), (header, Some(Ok((client, hops))))] => {
            Walk::Client { client, header, hops }
        }
        [(_, None), (_, None)] if real_ip => {
            let header = ForwardingHeader::XRealIp;
            match follow(headers, header, proxies) {
                None => Walk::NoHeader,
                Some(Ok((client, hops))) => Walk::Client { client, header, hops },
                Some(Err(defect)) => Walk::Defective { header, defect },
            }
        }
        [(_, None), (_, None)] => Walk::NoHeader,
    }
}

type Followed = Result<(ForwardedClient, Vec<IpAddr>), ChainDefect>;

/// `None` where the header is not there.
fn follow(headers: &HeaderMap, header: ForwardingHeader, proxies: &TrustedProxies) -> Option<Followed> {
    headers.contains_key(header.name()).then(|| client_of(read(headers, header)?, proxies))
}

/// The first address from the right that is no trusted proxy, and the trusted ones that were passed.
fn client_of(mut chain: Vec<IpAddr>, proxies: &TrustedProxies) -> Followed {
    let client = chain.iter().rposition(|hop| !proxies.contains(*hop)).ok_or(ChainDefect::Exhausted)?;
    let found = ForwardedClient::new(chain[client]);
    chain.drain(..=client);
    chain.reverse();
    Ok((found, chain))
}

/// Reads the chain of a header, all its field lines joined in their order, left to right.
///
/// # Errors
/// The defect that makes the whole chain worthless.
pub(super) fn read(headers: &HeaderMap, header: ForwardingHeader) -> Result<Vec<IpAddr>, ChainDefect> {
    let lines = || headers.get_all(header.name()).iter();
    let total: usize = lines().map(|line| line.as_bytes().len() + 1).sum();
    if total > MAX_FORWARDING_BYTES {
        return Err(ChainDefect::TooLong);
    }
    let mut members = Members::default();
    for line in lines() {
        // Visible ASCII, spaces and tabs: anything else is read differently by different programs.
        let line = line.to_str().map_err(|_| ChainDefect::Malformed { member: 0 })?;
        match header {
            ForwardingHeader::Forwarded => forwarded::read_line(line, &mut members)?,
            ForwardingHeader::XForwardedFor => {
                for member in line.split(',') {
                    members.push(node::lenient(member.trim_matches([' ', '\t'])))?;
                }
            }
            // One address, from one proxy; a second line is somebody else's.
            ForwardingHeader::XRealIp => {
                members.push(node::lenient(line.trim_matches([' ', '\t'])))?;
                if members.count > 1 {
                    return Err(ChainDefect::Malformed { member: 0 });
                }
            }
        }
    }
    members.finish()
}

/// The members read so far, never more than the limit.
#[derive(Default)]
struct Members {
    addresses: Vec<IpAddr>,
    count: usize,
    /// The rightmost member that is no address, counted from the left; the first is 1.
    defective: Option<(usize, NodeError)>,
}

impl Members {
    fn push(&mut self, hop: Result<IpAddr, NodeError>) -> Result<(), ChainDefect> {
        if self.count == MAX_FORWARDING_HOPS {
            return Err(ChainDefect::TooManyHops);
        }
        self.count += 1;
        match hop {
            Ok(address) => self.addresses.push(address),
            Err(error) => self.defective = Some((self.count, error)),
        }
        Ok(())
    }

    fn finish(self) -> Result<Vec<IpAddr>, ChainDefect> {
        match self.defective {
            None => Ok(self.addresses),
            Some((place, error)) => {
                let member = self.count - place + 1;
                Err(match error {
                    NodeError::Malformed => ChainDefect::Malformed { member },
                    NodeError::Hidden => ChainDefect::Hidden { member },
                })
            }
        }
    }
}

/// Whether the request brings a header whose chain could be walked.
pub(super) fn is_told(headers: &HeaderMap) -> bool {
    headers.contains_key(ForwardingHeader::XForwardedFor.name()) || headers.contains_key(FORWARDED)
}
