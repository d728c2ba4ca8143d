//! From facts about the network to what connections are classified by.

use std::net::IpAddr;

use tracing::info;

use crate::{
    config::Environment,
    defaults::HOST_NAME_TIMEOUT,
    dns,
    net::{NetworkFacts, NoBridge},
    source::Surroundings,
};

/// The name under which container engines know their host.
const HOST_NAME: &str = "host.docker.internal";

/// What is known of the network at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Survey {
    /// What connections are classified by.
    pub(super) surroundings: Surroundings,
    /// Why no container hop is known.
    pub(super) no_bridge: Option<NoBridge>,
}

impl Survey {
    /// Looks around.
    pub(super) async fn take(environment: &Environment) -> Self {
        let in_pod = environment.variable("KUBERNETES_SERVICE_HOST").is_some();
        Self::of(&NetworkFacts::of_system(in_pod)).await
    }

    async fn of(facts: &NetworkFacts) -> Self {
        let mut hops = facts.hops(&[]);
        if hops.is_ok() {
            hops = facts.hops(&host_name().await);
        }
        let (hops, no_bridge) = match hops {
            Ok(hops) => (hops, None),
            Err(reason) => (Vec::new(), Some(reason)),
        };
        let surroundings = Surroundings {
            interfaces: facts.interfaces.clone(),
            in_container: facts.own_network(),
            hops,
            ..Surroundings::default()
        };
        Self { surroundings, no_bridge }
    }

    /// Tells the log what was found, where it means anything: in a container.
    pub(super) fn report(&self) {
        match &self.no_bridge {
            None => info!(target: "gateway", "the host of this container: {}", list(&self.surroundings.hops)),
            Some(reason) if self.surroundings.in_container => {
                info!(target: "gateway", "no address is taken for the host of this container: {reason}");
            }
            Some(_) => {}
        }
    }
}

/// What the name of the host stands for; nothing where nobody knows it.
async fn host_name() -> Vec<IpAddr> {
    dns::resolve(HOST_NAME, HOST_NAME_TIMEOUT).await.unwrap_or_default()
}

/// Addresses for a line of the log.
pub(super) fn list(addresses: &[IpAddr]) -> String {
    if addresses.is_empty() {
        return "none".to_owned();
    }
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
