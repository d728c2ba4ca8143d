//! What the gateway goes by at a moment: one immutable value.
//!
//! Made from the configuration by one task, published through a watch channel, taken once at accept and carried through
//! the whole handshake: a change applies to new connections, and no handshake sees half of one.

use std::net::IpAddr;

use crate::{
    auth::AuthPolicy,
    config::{Auth, AuthMode, Secret, TrustedProxyAuth},
    origin::{Hosts, OwnNames},
    source::{Surroundings, Trust},
};

/// What the gateway goes by.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Counts policies; sessions remember the one under which they were let in.
    pub epoch: u64,
    /// Which credentials count.
    pub auth: AuthPolicy,
    /// The settings behind it, to tell whether a later policy has another secret.
    pub auth_settings: Auth,
    /// Whom the configuration trusts.
    pub trust: Trust,
    /// The network that we stand in.
    pub surroundings: Surroundings,
    /// Origins from which pages may connect, besides those on this machine.
    pub allowed_origins: Vec<String>,
    /// The names that this machine has in its own network.
    pub own_names: OwnNames,
}

#[cfg(test)]
impl Policy {
    /// Everybody is let in, and nobody is trusted.
    pub(crate) fn open() -> Self {
        Self {
            epoch: 1,
            auth: AuthPolicy::None,
            auth_settings: Auth::default(),
            trust: Trust::default(),
            surroundings: Surroundings::default(),
            allowed_origins: Vec::new(),
            own_names: OwnNames::default(),
        }
    }
}

impl Policy {
    /// What the Host of a request is compared with. `addresses` are our own.
    pub fn hosts<'a>(&'a self, addresses: &'a [IpAddr]) -> Hosts<'a> {
        Hosts { addresses, names: &self.own_names, origins: &self.allowed_origins }
    }

    /// Whether `later` lets others in, by another mode, secret or list of users: sessions that were let in by the earlier one
    /// end.
    pub fn is_rotated_by(&self, later: &Self) -> bool {
        fn rule(auth: &Auth) -> (AuthMode, Option<&Secret>, Option<&TrustedProxyAuth>) {
            let proxy = auth.trusted_proxy.as_ref().filter(|_| auth.mode == AuthMode::TrustedProxy);
            (auth.mode, auth.shared_secret().map(|credential| &credential.secret), proxy)
        }
        rule(&self.auth_settings) != rule(&later.auth_settings)
    }
}
