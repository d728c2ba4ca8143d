"""Who reaches the gateway: the table that a network plugin makes of the policy."""

import ipaddress
import unittest

from support import NAMESPACE, render

OWN, ELSEWHERE, EDGE, MONITORING = (
    {"namespace": NAMESPACE}, {"namespace": "elsewhere"}, {"namespace": "edge"}, {"namespace": "monitoring"})
CLIENT = ELSEWHERE | {"labels": {"openclaw-client": "true"}}
PROXY = EDGE | {"labels": {"app": "proxy"}}
NODE = {"address": "192.0.2.10"}
STRANGER = {"address": "198.51.100.1"}


def selects(selector, labels):
    """Whether a label selector selects; only matchLabels occur."""
    assert set(selector or {}) <= {"matchLabels"}, selector
    return (selector or {}).get("matchLabels", {}).items() <= labels.items()


def is_peer(rule, peer):
    """Whether `peer` is meant by one entry of `from`, as networking.k8s.io/v1 defines it."""
    if "ipBlock" in rule:
        return "address" in peer and ipaddress.ip_address(peer["address"]) in ipaddress.ip_network(rule["ipBlock"]["cidr"])
    if "address" in peer:
        return False
    if "namespaceSelector" in rule:
        in_namespace = selects(rule["namespaceSelector"], {"kubernetes.io/metadata.name": peer["namespace"]})
    else:
        in_namespace = peer["namespace"] == NAMESPACE
    return in_namespace and selects(rule.get("podSelector"), peer.get("labels", {}))


def lets_in(policy, peer, port):
    for rule in policy["spec"].get("ingress", []):
        ports = [each["port"] for each in rule.get("ports", [])]
        if (not ports or port in ports) and ("from" not in rule or any(is_peer(each, peer) for each in rule["from"])):
            return True
    return False


class NetworkPolicy(unittest.TestCase):
    def test_who_reaches_which_port(self):
        metrics = {"enabled": True}
        route = {"enabled": True, "parentRefs": [{"name": "g"}], "hostnames": ["a"]}
        monitoring = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
        rows = [
            # values                                                                 peer        gateway  metrics
            ({"metrics": metrics}, OWN, True, True),
            ({"metrics": metrics}, ELSEWHERE, False, True),
            ({"metrics": metrics}, CLIENT, True, True),
            ({"metrics": metrics}, PROXY, False, True),
            ({"metrics": metrics}, NODE, False, False),
            ({"metrics": metrics}, STRANGER, False, False),
            ({"metrics": metrics, "networkPolicy": {"metricsFrom": monitoring}}, OWN, True, False),
            ({"metrics": metrics, "networkPolicy": {"metricsFrom": monitoring}}, MONITORING, False, True),
            ({"networkPolicy": {"from": [{"ipBlock": {"cidr": "198.51.100.0/24"}}]}}, STRANGER, True, False),
            ({"httpRoute": route, "proxy": {"namespace": "edge", "podLabels": {"app": "proxy"}}}, PROXY, True, False),
            ({"httpRoute": route, "proxy": {"namespace": "edge", "podLabels": {"app": "proxy"}}}, EDGE, False, False),
            ({"httpRoute": route, "proxy": {"podLabels": {"app": "proxy"}}}, PROXY, False, False),
            ({"httpRoute": route, "proxy": {"trusted": ["192.0.2.10", "name.example.org"]}}, NODE, True, False),
            ({"httpRoute": route, "proxy": {"trusted": ["192.0.2.0/24", "2001:db8::1"]}}, NODE, True, False),
            ({"httpRoute": route, "proxy": {"trusted": ["192.0.2.0/24"]}}, STRANGER, False, False),
            ({"service": {"type": "NodePort"}, "metrics": metrics}, STRANGER, True, False),
            ({"service": {"type": "LoadBalancer"}}, STRANGER, True, False),
        ]
        for values, peer, gateway, metrics_port in rows:
            with self.subTest(values=values, peer=peer):
                policy = render(values).one("NetworkPolicy")
                self.assertEqual((lets_in(policy, peer, "gateway"), lets_in(policy, peer, "metrics")), (gateway, metrics_port))

    def test_nothing_goes_out_but_names(self):
        policy = render().one("NetworkPolicy")["spec"]
        self.assertEqual(policy["policyTypes"], ["Ingress", "Egress"])
        self.assertEqual(policy["egress"], [{"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}])

    def test_it_is_the_gateways_pod_that_is_meant(self):
        objects = render()
        labels = objects.one("StatefulSet")["spec"]["template"]["metadata"]["labels"]
        for kind, path in [("NetworkPolicy", "podSelector"), ("PodDisruptionBudget", "selector")]:
            self.assertTrue(selects(objects.one(kind)["spec"][path], labels), kind)

    def test_none_when_it_is_not_wanted(self):
        self.assertEqual(render({"networkPolicy": {"enabled": False}}).all("NetworkPolicy"), [])
