//! Under which absolute names a name is asked for.

use trust_dns_resolver::proto::rr::Name;

/// The search domains of a cluster among those of `resolv.conf`: a namespace's (`apps.svc.cluster.local`), and what it is
/// below of. Any other search domain is somebody else's, who could answer for a name that is meant to be near.
pub(super) fn cluster_domains(search: &[Name]) -> Vec<Name> {
    let search: Vec<Name> = search.iter().cloned().map(absolute).collect();
    let Some(namespace) = search.iter().find(|domain| is_namespace(domain)) else { return Vec::new() };
    let ends = [namespace.clone(), absolute(namespace.base_name()), absolute(namespace.base_name().base_name())];
    search.iter().filter(|domain| ends.contains(domain)).cloned().collect()
}

fn absolute(mut name: Name) -> Name {
    name.set_fqdn(true);
    name
}

/// Whether a domain is `NAMESPACE.svc.ZONE`.
fn is_namespace(domain: &Name) -> bool {
    domain.num_labels() > 2 && domain.iter().nth(1).is_some_and(|label| label.eq_ignore_ascii_case(b"svc"))
}

/// The absolute names to ask for, in order. A single label means a neighbour: in a cluster it is a service there and nothing
/// else, elsewhere it is asked for as it is. A name with dots is asked for as it is first: what somebody makes in a cluster
/// must not stand in for a host outside.
pub(super) fn candidates(name: &Name, cluster: &[Name]) -> Vec<Name> {
    let as_it_is = absolute(name.clone());
    if name.is_fqdn() || cluster.is_empty() {
        return vec![as_it_is];
    }
    let below = cluster.iter().filter_map(|domain| name.clone().append_domain(domain).ok().map(absolute));
    if name.num_labels() == 1 { below.collect() } else { std::iter::once(as_it_is).chain(below).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<Name> {
        text.split_ascii_whitespace().map(|name| Name::from_str_relaxed(name).expect("a name")).collect()
    }

    fn shown(names: &[Name]) -> String {
        names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn which_names_are_asked_for() {
        let pod = "apps.svc.cluster.local svc.cluster.local cluster.local lan.example.com";
        #[rustfmt::skip]
        let rows = [
            // name                  search domains         asked for
            ("traefik",              "",                    "traefik."),
            ("traefik",              "lan.example.com",     "traefik."),
            ("traefik.",             pod,                   "traefik."),
            ("traefik",              pod,                   "traefik.apps.svc.cluster.local. traefik.svc.cluster.local. traefik.cluster.local."),
            ("traefik.kube-system",  pod,                   "traefik.kube-system. traefik.kube-system.apps.svc.cluster.local. traefik.kube-system.svc.cluster.local. traefik.kube-system.cluster.local."),
            ("proxy.example.com",    "lan.example.com",     "proxy.example.com."),
            ("traefik",              "apps.SVC.k8s.corp svc.k8s.corp corp", "traefik.apps.svc.k8s.corp. traefik.svc.k8s.corp."),
            ("traefik",              "svc.example.com",     "traefik."), // svc is the first label: no namespace
            ("traefik",              "cluster.local",       "traefik."), // says nothing by itself
        ];
        for (name, search, expected) in rows {
            let cluster = cluster_domains(&names(search));
            let name = Name::from_str_relaxed(name).expect("a name");
            assert_eq!(shown(&candidates(&name, &cluster)), expected, "{name} {search}");
        }
    }
}
