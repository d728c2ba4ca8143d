"""Values that are handed on as they are arrive where they belong."""

import unittest

from support import at, helm, render, CHART

POD = ("spec", "template", "spec")
METRICS = {"enabled": True, "serviceMonitor": {"enabled": True}, "dashboard": {"enabled": True}}
INGRESS = {"enabled": True, "hosts": [{"host": "a.example.org", "path": "/claw"}], "tls": [{"secretName": "certificate"}]}
ROUTE = {"enabled": True, "parentRefs": [{"name": "g", "sectionName": "https"}], "hostnames": ["a"], "annotations": {"a": "b"}}


class Values(unittest.TestCase):
    def test_they_arrive(self):
        toleration = {"key": "a", "operator": "Exists"}
        rule = {"ports": [{"port": 443}]}
        balancer = {"type": "LoadBalancer"}
        trust = {"proxy": {"trusted": ["192.0.2.1"]}}
        rows = [
            # values                                                         object                  path                               what is there
            ({"imagePullSecrets": [{"name": "a"}]}, "StatefulSet", (*POD, "imagePullSecrets"), [{"name": "a"}]),
            ({"nodeSelector": {"a": "b"}}, "StatefulSet", (*POD, "nodeSelector"), {"a": "b"}),
            ({"tolerations": [toleration]}, "StatefulSet", (*POD, "tolerations"), [toleration]),
            ({"affinity": {"podAntiAffinity": {}}}, "StatefulSet", (*POD, "affinity"), {"podAntiAffinity": {}}),
            ({"priorityClassName": "high"}, "StatefulSet", (*POD, "priorityClassName"), "high"),
            ({"runtimeClassName": "gvisor"}, "StatefulSet", (*POD, "runtimeClassName"), "gvisor"),
            ({"podSecurityContext": {"fsGroup": 7}}, "StatefulSet", (*POD, "securityContext", "fsGroup"), 7),
            ({"podAnnotations": {"a": "b"}}, "StatefulSet", ("spec", "template", "metadata", "annotations", "a"), "b"),
            ({"podLabels": {"a": "b"}}, "StatefulSet", ("spec", "template", "metadata", "labels", "a"), "b"),
            ({"persistence": {"storageClass": "fast"}}, "StatefulSet", ("spec", "volumeClaimTemplates", 0, "spec", "storageClassName"), "fast"),
            ({"persistence": {"accessModes": ["ReadWriteOncePod"]}}, "StatefulSet", ("spec", "volumeClaimTemplates", 0, "spec", "accessModes"), ["ReadWriteOncePod"]),
            ({"persistence": {"size": "5Gi"}}, "StatefulSet", ("spec", "volumeClaimTemplates", 0, "spec", "resources", "requests", "storage"), "5Gi"),
            ({"persistence": {"annotations": {"a": "b"}}}, "StatefulSet", ("spec", "volumeClaimTemplates", 0, "metadata", "annotations"), {"a": "b"}),
            ({"extraVolumes": [{"name": "x", "emptyDir": {}}]}, "StatefulSet", (*POD, "volumes", -1), {"name": "x", "emptyDir": {}}),
            ({"service": balancer | {"port": 443, "nodePort": 30443}}, "Service", ("spec", "ports", 0, "nodePort"), 30443),
            ({"service": {"port": 443}}, "Service", ("spec", "ports", 0, "port"), 443),
            ({"service": balancer | {"externalTrafficPolicy": "Local"}}, "Service", ("spec", "externalTrafficPolicy"), "Local"),
            ({"service": balancer | {"loadBalancerClass": "a.b/c"}}, "Service", ("spec", "loadBalancerClass"), "a.b/c"),
            ({"service": balancer | {"loadBalancerSourceRanges": ["192.0.2.0/24"]}}, "Service", ("spec", "loadBalancerSourceRanges"), ["192.0.2.0/24"]),
            ({"service": {"ipFamilyPolicy": "PreferDualStack"}}, "Service", ("spec", "ipFamilyPolicy"), "PreferDualStack"),
            ({"service": {"ipFamilies": ["IPv6"]}}, "Service", ("spec", "ipFamilies"), ["IPv6"]),
            ({"service": {"annotations": {"a": "b"}}}, "Service", ("metadata", "annotations"), {"a": "b"}),
            ({}, "Service", ("spec", "ports", 0, "appProtocol"), "kubernetes.io/ws"),
            ({"tls": {"existingSecret": "mine"}}, "Service", ("spec", "ports", 0, "appProtocol"), "kubernetes.io/wss"),
            ({"ingress": INGRESS, **trust}, "Ingress", ("spec", "rules", 0, "http", "paths", 0, "path"), "/claw"),
            ({"ingress": INGRESS, **trust}, "Ingress", ("spec", "tls"), [{"secretName": "certificate"}]),
            ({"httpRoute": ROUTE, **trust}, "HTTPRoute", ("spec", "parentRefs"), ROUTE["parentRefs"]),
            ({"httpRoute": ROUTE, **trust}, "HTTPRoute", ("metadata", "annotations"), {"a": "b"}),
            ({"httpRoute": ROUTE, "service": {"port": 80}, **trust}, "HTTPRoute", ("spec", "rules", 0, "backendRefs", 0), {"name": "openclaw", "port": 80}),
            ({"networkPolicy": {"egress": [rule]}}, "NetworkPolicy", ("spec", "egress", 1), rule),
            ({"podDisruptionBudget": {"maxUnavailable": "50%"}}, "PodDisruptionBudget", ("spec", "maxUnavailable"), "50%"),
            ({"metrics": METRICS | {"serviceMonitor": {"enabled": True, "interval": "5s"}}}, "ServiceMonitor", ("spec", "endpoints", 0, "interval"), "5s"),
            ({"metrics": METRICS | {"serviceMonitor": {"enabled": True, "labels": {"a": "b"}}}}, "ServiceMonitor", ("metadata", "labels", "a"), "b"),
            ({"metrics": METRICS}, "ConfigMap/openclaw-dashboard", ("metadata", "labels", "grafana_dashboard"), "1"),
            ({"metrics": METRICS | {"port": 9999}}, "Service/openclaw-metrics", ("spec", "ports", 0, "port"), 9999),
            ({"serviceAccount": {"annotations": {"a": "b"}}}, "ServiceAccount", ("metadata", "annotations"), {"a": "b"}),
            ({}, "ServiceAccount", ("automountServiceAccountToken",), False),
        ]
        for values, kind, path, there in rows:
            with self.subTest(values=values, path=path):
                kind, _, name = kind.partition("/")
                self.assertEqual(at(render(values).one(kind, name or "openclaw"), *path), there)

    def test_both_containers_are_given_what_is_further(self):
        further = {"extraEnv": [{"name": "A", "value": "b"}], "extraVolumeMounts": [{"name": "x", "mountPath": "/x"}]}
        objects = render(further | {"extraVolumes": [{"name": "x", "emptyDir": {}}]})
        for name in ["gateway", "cli"]:
            container = objects.container(name)
            self.assertEqual([container["env"][-1], container["volumeMounts"][-1]], [further["extraEnv"][0], further["extraVolumeMounts"][0]], name)

    def test_resources_are_each_containers_own(self):
        objects = render({"resources": {"limits": {"memory": "1Gi"}}, "cli": {"resources": {"limits": {"memory": "2Gi"}}}})
        self.assertEqual([objects.container(name)["resources"]["limits"]["memory"] for name in ["gateway", "cli"]], ["1Gi", "2Gi"])

    def test_names(self):
        rows = [
            # values                                       name               account
            ({}, "openclaw", "openclaw"),
            ({"nameOverride": "claw"}, "openclaw", "openclaw"),
            ({"nameOverride": "gate"}, "openclaw-gate", "openclaw-gate"),
            ({"fullnameOverride": "mine"}, "mine", "mine"),
            ({"fullnameOverride": "n" * 60}, "n" * 48, "n" * 48),
            ({"serviceAccount": {"name": "robot"}}, "openclaw", "robot"),
            ({"serviceAccount": {"create": False}}, "openclaw", "default"),
        ]
        for values, name, account in rows:
            with self.subTest(values=values):
                objects = render(values)
                self.assertEqual(at(objects.one("StatefulSet", name), *POD, "serviceAccountName"), account)
                self.assertEqual([each["metadata"]["name"] for each in objects.all("ServiceAccount")], [account] if account != "default" else [])

    def test_the_cluster_may_have_another_domain(self):
        values = {"clusterDomain": "example.net", "ingress": INGRESS, "proxy": {"podLabels": {"a": "b"}}}
        trusted = render(values).config("openclaw.json")["gateway"]["trustedProxies"]
        self.assertEqual(trusted, ["openclaw-proxies.gateways.svc.example.net"])

    def test_what_is_off_is_not_there(self):
        values = {"podDisruptionBudget": {"enabled": False}, "networkPolicy": {"enabled": False}, "serviceAccount": {"create": False}}
        self.assertEqual(render(values).kinds(), ["ConfigMap", "Service", "StatefulSet"])


class HelmTest(unittest.TestCase):
    """`helm test` runs a pod that pairs a device over the Service."""

    def pod(self, values=None):
        """The rendered text: with the tests, which the other renderings leave out."""
        return helm("template", "openclaw", str(CHART), "--show-only", "templates/tests/pairing.yaml", values=values)

    def test_it_connects_to_the_service(self):
        rows = [
            ({}, "ws://openclaw.gateways.svc.cluster.local:18789"),
            ({"service": {"port": 80}}, "ws://openclaw.gateways.svc.cluster.local:80"),
            ({"tls": {"existingSecret": "mine"}}, "wss://openclaw.gateways.svc.cluster.local:18789"),
            ({"clusterDomain": "example.net"}, "ws://openclaw.gateways.svc.example.net:18789"),
        ]
        for values, url in rows:
            with self.subTest(values=values):
                self.assertIn(f"- {url}\n", self.pod(values))

    def test_it_reads_the_gateways_volume_and_the_policy_lets_it_in(self):
        for values, claim in [({}, "state-openclaw-0"), ({"persistence": {"existingClaim": "mine"}}, "mine")]:
            with self.subTest(values=values):
                text = self.pod(values)
                self.assertIn(f"claimName: {claim} ", text)
                self.assertIn('openclaw-client: "true"', text)

    def test_there_is_none_where_it_cannot_run_or_is_not_wanted(self):
        for values in [{"tests": {"enabled": False}}, {"persistence": {"enabled": False}}]:
            with self.subTest(values=values):
                self.assertNotIn("helm.sh/hook: test", helm("template", "openclaw", str(CHART), values=values))
