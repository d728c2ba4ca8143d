"""What is printed after an installation: the next command, for these values."""

import os
import unittest

from support import notes


@unittest.skipUnless(os.environ.get("KUBECONFIG"), "helm prints them with a cluster only: scripts/test chart starts one")
class Notes(unittest.TestCase):
    def test_the_next_commands(self):
        host = {"enabled": True, "hosts": [{"host": "a.example.org"}]}
        rows = [
            # values                                       must be there                                                          must not
            ({}, "kubectl exec --namespace gateways statefulset/openclaw -c cli -- openclaw devices list", "LoadBalancer"),
            ({}, "kubectl port-forward --namespace gateways statefulset/openclaw 18789", "Devices and the token are kept in the pod"),
            ({}, "-- openclaw config get gateway.auth.token", "kubectl get secret"),
            ({}, 'openclaw-client: "true"', "wss://"),
            ({"cli": {"enabled": False}}, "statefulset/openclaw -c gateway -- openclaw devices list", "-c cli"),
            ({"persistence": {"enabled": False}}, "deployment/openclaw -c cli -- openclaw devices list", "statefulset"),
            ({"persistence": {"enabled": False}}, "lost with it", "statefulset"),
            ({"auth": {"existingSecret": "mine", "secretKey": "a.b"}}, r"kubectl get secret --namespace gateways mine -o jsonpath='{.data.a\.b}'", "config get"),
            ({"auth": {"existingSecret": "mine", "mode": "password"}}, "--password PASSWORD", "--token TOKEN"),
            ({"tls": {"existingSecret": "mine"}}, "--url wss://127.0.0.1:18789", "--url ws://127"),
            ({"ingress": host, "proxy": {"trusted": ["192.0.2.1"]}}, "--url ws://a.example.org", "wss://"),
            ({"ingress": host | {"tls": [{"hosts": ["a.example.org"]}]}, "proxy": {"trusted": ["192.0.2.1"]}}, "--url wss://a.example.org", "ws://a"),
            ({"service": {"type": "NodePort"}}, "jsonpath='{.spec.ports[0].nodePort}'", "openclaw-client"),
            ({"service": {"type": "LoadBalancer"}}, "jsonpath='{.status.loadBalancer.ingress[0]}'", "openclaw-client"),
        ]
        for values, there, absent in rows:
            with self.subTest(values=values, there=there):
                text = notes(values)
                self.assertIn(there, text)
                self.assertNotIn(absent, text)
