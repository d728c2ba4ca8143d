//! Stage 2: where a connection comes from, and what that grants.
//!
//! [`classify()`] is a pure function from the other end of the socket, the request's headers and what is known of our own
//! network to a [`Source`]: a class, the client it is attributed to, and the rule that decided. The class is computed once,
//! at the HTTP upgrade, and travels with the connection. Nothing that a peer writes ever changes its address or earns a
//! grant: headers can only take a grant away.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `classify` | the decision, its rules in their order |
//! | `class` | the classes and what each grants |
//! | `evidence` | the rule that decided, and what else bears on the grant |
//! | `trust`, `surroundings` | what it decides by: the policy, and the facts |
//! | `peer` | the other end of a socket, and the client that a proxy names: two types |
//! | `header` | headers that only proxies send |
//! | `chain` | the chain of hops that forwarding headers tell |
//! | `preamble` | the PROXY protocol, versions 1 and 2 |

mod chain;
mod class;
mod classify;
mod evidence;
mod header;
mod peer;
pub mod preamble;
mod surroundings;
#[cfg(test)]
mod tests;
mod trust;

pub use class::{Silence, SourceClass};
pub use classify::classify;
pub use evidence::{Caveat, ChainDefect, ForwardingHeader, Rule};
pub use header::ProxyHeader;
pub use peer::{ForwardedClient, Peer};
pub use preamble::Preamble;
pub use surroundings::{Link, Surroundings};
pub use trust::{
    LinkNetwork, PreambleListener, PublishedOn, Trust, TrustedBridges, TrustedEntry, TrustedName, TrustedProxies,
};

use std::net::IpAddr;

use hyper::HeaderMap;

/// How a connection arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Through the Unix socket, with credentials that were checked.
    UnixSocket,
    /// Over TCP.
    Tcp(Peer),
    /// Over TCP, on a listener that requires a PROXY preamble, from a proxy that is listed there.
    Preamble {
        /// The proxy.
        peer: Peer,
        /// What its preamble said.
        preamble: Preamble,
    },
}

/// Where a client is, and what makes us think so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The class that grants are given to.
    pub class: SourceClass,
    /// The other end of the socket; `None` for the Unix socket.
    pub peer: Option<Peer>,
    /// The address that throttling and limits count by; `None` where many clients stand behind one address, and the class
    /// has to do.
    pub client: Option<IpAddr>,
    /// The client that a trusted proxy names.
    pub forwarded: Option<ForwardedClient>,
    /// The trusted proxies between the peer and that client, nearest to us first.
    pub hops: Vec<IpAddr>,
    /// The rule that decided.
    pub rule: Rule,
    /// The entry of the configuration that the peer matched, where the rule goes by one.
    pub entry: Option<TrustedEntry>,
    /// What the class grants here, with all that the configuration says of it.
    pub silence: Silence,
    /// What of the configuration bears on that, where the address stands for more than one party.
    pub caveat: Option<Caveat>,
}

impl Source {
    /// A source that is attributed to its peer, with what its class grants.
    pub fn of(class: SourceClass, peer: Option<Peer>, rule: Rule) -> Self {
        Self {
            class,
            peer,
            client: peer.map(Peer::ip),
            forwarded: None,
            hops: Vec::new(),
            rule,
            entry: None,
            silence: class.silence(),
            caveat: None,
        }
    }

    /// The client's address as records and logs show it: nothing for clients on this machine.
    pub fn remote_address(&self) -> Option<IpAddr> {
        match self.class {
            SourceClass::UnixSocket | SourceClass::Loopback | SourceClass::OwnAddress => None,
            _ => self.forwarded.map(ForwardedClient::ip).or(self.peer.map(Peer::ip)),
        }
    }

    /// One line of evidence for refusals and logs, without anything that a peer wrote except a header's name from our own
    /// list and addresses that were parsed.
    pub fn explain(&self) -> String {
        use std::fmt::Write as _;
        let Self { class, rule, .. } = self;
        let mut line = match self.peer {
            Some(peer) => format!("seen as {class} from {peer}: {rule}"),
            None => format!("seen as {class}: {rule}"),
        };
        if let Some(entry) = &self.entry {
            let _ = write!(line, " (as {entry})");
        }
        if let Some(client) = self.forwarded {
            let _ = write!(line, ", client {client}");
        }
        for (place, hop) in self.hops.iter().enumerate() {
            let _ = write!(line, "{}{hop}", if place == 0 { " through " } else { ", " });
        }
        if let Some(caveat) = self.caveat {
            let _ = write!(line, "; {caveat}");
        }
        line
    }
}

/// Whether the request brings a header whose chain could be walked if the peer were a trusted proxy.
pub fn tells_a_chain(headers: &HeaderMap) -> bool {
    chain::is_told(headers)
}
