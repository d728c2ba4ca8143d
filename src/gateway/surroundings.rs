//! From facts about the network to what connections are classified by.

use std::net::IpAddr;

use crate::{
    config::Environment,
    defaults::HOST_NAME_TIMEOUT,
    dns::{self, ResolveError},
    net::{LinkAddress, NetworkFacts, NoBridge, own_links},
    origin::{NameFacts, OwnNames},
    source::{Link, Surroundings},
};

/// The name under which container engines know their host.
const HOST_NAME: &str = "host.docker.internal";

/// What is known of the network at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Survey {
    /// What connections are classified by.
    pub(super) surroundings: Surroundings,
    /// The names that this machine has in its own network.
    pub(super) own_names: OwnNames,
    /// Whether Kubernetes runs us.
    pub(super) in_cluster: bool,
    /// Why no container hop is known.
    no_bridge: Option<NoBridge>,
    /// What the name of the host stood for when it was last answered.
    host_name: Vec<IpAddr>,
}

impl Survey {
    /// Looks around. `before` is what was known until now: a name server that is silent takes nothing of it away. The first
    /// look asks no name server, so that no start waits for one that is silent.
    pub(super) async fn take(environment: &Environment, before: Option<&Self>) -> Self {
        let in_pod = environment.variable("KUBERNETES_SERVICE_HOST").is_some();
        let looked = tokio::task::spawn_blocking(move || {
            let facts = NetworkFacts::of_system(in_pod);
            let addresses: Vec<_> = facts.interfaces.iter().map(ipnet::IpNet::addr).collect();
            let own_names = own_names(&addresses);
            (facts, own_names)
        });
        match (looked.await, before) {
            (Ok((facts, own_names)), _) => {
                let host_name = match before.map(|before| before.host_name.clone()) {
                    Some(known) if facts.hops(&[]).is_ok() => host_name(known).await,
                    known => known.unwrap_or_default(),
                };
                Self::of(&facts, own_names, host_name)
            }
            // Only a runtime that ends gives up on such work.
            (Err(_), Some(before)) => before.clone(),
            (Err(_), None) => Self::of(&NetworkFacts::of_system(in_pod), OwnNames::default(), Vec::new()),
        }
    }

    fn of(facts: &NetworkFacts, own_names: OwnNames, host_name: Vec<IpAddr>) -> Self {
        let link = |LinkAddress { zone, name, address }| Link { zone, name, address };
        let links = own_links().into_iter().map(link).collect();
        let (hops, no_bridge) = match facts.hops(&host_name) {
            Ok(hops) => (hops, None),
            Err(reason) => (Vec::new(), Some(reason)),
        };
        let surroundings =
            Surroundings { interfaces: facts.interfaces.clone(), in_container: facts.own_network(), hops, links };
        Self { surroundings, own_names, in_cluster: facts.marks.kubernetes, no_bridge, host_name }
    }

    /// What was found, in words.
    pub(super) fn describe(&self) -> String {
        let addresses = list(&self.surroundings.own_addresses());
        match &self.no_bridge {
            None => {
                format!("our addresses: {addresses}; the host of this container: {}", list(&self.surroundings.hops))
            }
            Some(reason) if self.surroundings.in_container => {
                format!("our addresses: {addresses}; no address is taken for the host of this container: {reason}")
            }
            Some(_) => format!("our addresses: {addresses}"),
        }
    }
}

/// What the name of the host stands for; what it stood for before, where nobody says.
async fn host_name(before: Vec<IpAddr>) -> Vec<IpAddr> {
    match dns::resolve(HOST_NAME, HOST_NAME_TIMEOUT).await {
        Ok(addresses) => addresses,
        Err(ResolveError::NoAddress { .. }) => Vec::new(),
        Err(_) => before,
    }
}

/// Addresses for a line of the log.
pub(super) fn list(addresses: &[IpAddr]) -> String {
    if addresses.is_empty() {
        return "none".to_owned();
    }
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What this machine calls itself.
pub(super) fn hostname() -> String {
    nix::unistd::gethostname().map_or_else(|_| "localhost".into(), |name| name.to_string_lossy().into_owned())
}

/// The names that this machine has in its own network, as they are now.
fn own_names(addresses: &[IpAddr]) -> OwnNames {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let namespace = read("/var/run/secrets/kubernetes.io/serviceaccount/namespace");
    OwnNames::of(NameFacts {
        hostname: &hostname(),
        hosts_file: &read("/etc/hosts"),
        addresses,
        namespace: Some(namespace.as_str()).filter(|namespace| !namespace.is_empty()),
        resolv_conf: &read("/etc/resolv.conf"),
    })
}
