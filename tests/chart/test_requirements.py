"""Values that contradict each other are refused, with what to do about it."""

import re
import unittest

import yaml

from support import CHART, Rejected, render

INGRESS = {"enabled": True, "hosts": [{"host": "a.example.org"}]}
ROUTE = {"enabled": True, "parentRefs": [{"name": "g"}], "hostnames": ["a.example.org"]}
TRUST = {"trusted": ["192.0.2.1"]}


class Requirements(unittest.TestCase):
    def test_contradictions(self):
        rows = [
            # values                                                                        part of what is said
            ({"replicaCount": 2}, "replicaCount: the store is files"),
            ({"ingress": INGRESS}, "every client would look like the proxy"),
            ({"httpRoute": ROUTE}, "every client would look like the proxy"),
            ({"proxy": TRUST}, "no proxy is in front"),
            ({"proxy": {"podLabels": {"a": "b"}}}, "no proxy is in front"),
            ({"ingress": INGRESS, "proxy": {"trusted": ["0.0.0.0/0"]}}, "0.0.0.0/0 is everybody"),
            ({"ingress": INGRESS, "proxy": {"trusted": ["::/0"]}}, "::/0 is everybody"),
            ({"config": {"gateway": {"trustedProxies": ["0.0.0.0/0"]}}}, "is everybody"),
            ({"ingress": INGRESS, "proxy": {"trusted": ["0.0.0.0/0"]}, "config": {"gateway": {"dangerouslyTrustAllProxies": True}}}, "is everybody"),
            ({"ingress": {"enabled": True}, "proxy": TRUST}, "ingress.hosts: name at least one host"),
            ({"httpRoute": ROUTE | {"parentRefs": []}, "proxy": TRUST}, "httpRoute.parentRefs: name the Gateway"),
            ({"httpRoute": ROUTE | {"hostnames": []}, "proxy": TRUST}, "httpRoute.hostnames: name at least one host"),
            ({"auth": {"mode": "password"}}, "the mode password needs a Secret"),
            ({"auth": {"mode": "none", "existingSecret": "mine"}}, "the mode none reads no secret"),
            ({"auth": {"mode": "trusted-proxy"}}, "trusted-proxy needs the proxy"),
            ({"config": {"gateway": {"auth": {"token": "t"}}}}, "a ConfigMap is no place for a secret"),
            ({"config": {"gateway": {"auth": {"password": "t"}}}}, "a ConfigMap is no place for a secret"),
            ({"config": {"gateway": {"auth": {"mode": "none"}}}}, "use auth.mode"),
            ({"config": {"gateway": {"port": 1}}}, "use service.port"),
            ({"config": {"gateway": {"bind": "loopback"}}}, "in a pod the gateway listens on every interface"),
            ({"config": {"gateway": {"trustedBridges": "auto"}}}, "no bridge"),
            ({"config": {"gateway": {"publishedOn": "127.0.0.1"}}}, "a pod publishes no port"),
            ({"config": {"gateway": {"metrics": {}}}}, "use metrics"),
            ({"config": {"gateway": {"tls": {}}}}, "use tls.existingSecret"),
            ({"config": {"gateway": {"limits": {"drainSeconds": 1}}}}, "use drainSeconds"),
            ({"service": {"nodePort": 30000}}, "set service.type to NodePort"),
            ({"service": {"externalTrafficPolicy": "Local"}}, "a Service of type ClusterIP has none"),
            ({"metrics": {"serviceMonitor": {"enabled": True}}}, "the ServiceMonitor and the dashboard need the metrics"),
            ({"metrics": {"dashboard": {"enabled": True}}}, "the ServiceMonitor and the dashboard need the metrics"),
            ({"metrics": {"enabled": True, "port": 18789}}, "18789 is the gateway's own port"),
            ({"persistence": {"enabled": False, "existingClaim": "mine"}}, "the claim would not be used"),
        ]
        for values, said in rows:
            with self.subTest(values=values):
                with self.assertRaises(Rejected) as refused:
                    render(values)
                self.assertIn(said, str(refused.exception))

    def test_everybody_is_a_proxy_where_that_is_said(self):
        gateway = {"trustedProxies": ["0.0.0.0/0"], "dangerouslyTrustAllProxies": True}
        objects = render({"config": {"gateway": gateway}})
        self.assertEqual(objects.config("openclaw.json")["gateway"]["trustedProxies"], ["0.0.0.0/0"])
        self.assertIs(objects.config("gateway.json")["gateway"]["dangerouslyTrustAllProxies"], True)

    def test_what_the_schema_refuses(self):
        rows = [
            ({"replicas": 1}, "replicas"),
            ({"image": {"name": "x"}}, "name"),
            ({"auth": {"token": "secret"}}, "token"),
            ({"auth": {"mode": "open"}}, "mode"),
            ({"service": {"port": 0}}, "port"),
            ({"service": {"type": "ExternalName"}}, "type"),
            ({"persistence": {"size": "much"}}, "size"),
            ({"ingress": {"hosts": ["a.example.org"]}}, "hosts"),
            ({"drainSeconds": -1}, "drainSeconds"),
            ({"image": {"digest": "sha256:1"}}, "digest"),
        ]
        for values, said in rows:
            with self.subTest(values=values):
                with self.assertRaises(Rejected) as refused:
                    render(values)
                self.assertIn("values don't meet the specifications of the schema", str(refused.exception))
                self.assertIn(said, str(refused.exception))

    def test_every_value_is_documented(self):
        lines = (CHART / "values.yaml").read_text().splitlines()
        values = yaml.safe_load((CHART / "values.yaml").read_text())
        documented = 0
        for number, line in enumerate(lines):
            value = re.match(r"( *)(\w+): \S", line)
            if not value:
                continue
            above = number
            while above > 0 and lines[above - 1].lstrip().startswith("#"):
                above -= 1
            inside = any(lines[above:number]) and "# -- " in "\n".join(lines[above:number])
            # The fields of a documented object need no words of their own.
            parent = next((each for each in reversed(lines[:number]) if re.match(rf" {{0,{max(len(value[1]) - 2, 0)}}}\w+:$", each)), "")
            covered = bool(value[1]) and "# -- " in (lines[lines.index(parent) - 1] if parent else "")
            self.assertTrue(inside or covered, f"line {number + 1} of values.yaml: {line}")
            documented += inside
        self.assertGreater(documented, len(values))
