"""The configuration that the gateway reads."""

import re
import unittest

from support import CHART, ROOT, at, render


class Config(unittest.TestCase):
    def test_each_key_is_in_the_file_where_it_belongs(self):
        values = {"config": {"gateway": {"unattributed": "refuse", "reload": {"mode": "off"}}, "agents": {"defaults": {"x": 1}}, "logging": {"level": "debug"}}}
        objects = render(values)
        openclaw, own = objects.config("openclaw.json"), objects.config("gateway.json")
        self.assertEqual(at(own, "gateway", "unattributed"), "refuse")
        self.assertIsNone(at(openclaw, "gateway", "unattributed"))
        self.assertEqual(at(openclaw, "gateway", "reload", "mode"), "off")
        self.assertEqual((openclaw["agents"], openclaw["logging"]), ({"defaults": {"x": 1}}, {"level": "debug"}))
        self.assertEqual(list(own), ["gateway"])

    def test_the_chart_knows_every_key_of_our_own(self):
        snapshot = next((ROOT / "src" / "config" / "snapshots").glob("*the_known_keys_are_these.snap")).read_text()
        known = set(re.findall(r"^gateway\.(\w+)\S* \(gateway\.json\)$", snapshot, re.MULTILINE))
        template = (CHART / "templates" / "_config.tpl").read_text()
        listed = re.search(r'define "openclaw.ownKeys" -}}\n(.*)\n', template).group(1).split()
        self.assertGreater(len(known), 5)
        self.assertEqual(set(listed), known)

    def test_what_the_gateway_always_needs_in_a_pod(self):
        objects = render()
        gateway = objects.config("openclaw.json")["gateway"]
        self.assertEqual((gateway["bind"], gateway["port"], gateway["auth"]), ("lan", 18789, {"mode": "token"}))
        environment = {each["name"]: each.get("value") for each in objects.container("gateway")["env"]}
        self.assertEqual(environment["OPENCLAW_GATEWAY_TRUSTED_BRIDGES"], "off")

    def test_it_is_mounted_as_a_directory_so_that_changes_arrive(self):
        mounts = {each["name"]: each for each in render().container("gateway")["volumeMounts"]}
        self.assertEqual(mounts["config"], {"name": "config", "mountPath": "/etc/openclaw", "readOnly": True})

    def test_a_change_of_it_restarts_no_pod(self):
        pods = [render({"config": {"logging": {"level": level}}}).one("StatefulSet")["spec"]["template"] for level in ["info", "debug"]]
        self.assertEqual(*pods)


class Proxy(unittest.TestCase):
    INGRESS = {"enabled": True, "className": "nginx", "hosts": [{"host": "a.example.org"}]}

    def test_trust_comes_with_the_proxy(self):
        name = "openclaw-proxies.{}.svc.cluster.local"
        rows = [
            # proxy                                                          configured     trusted
            ({"podLabels": {"a": "b"}}, [], [name.format("gateways")]),
            ({"podLabels": {"a": "b"}, "namespace": "edge"}, [], [name.format("edge")]),
            ({"trusted": ["192.0.2.1"]}, ["192.0.2.2"], ["192.0.2.2", "192.0.2.1"]),
            ({}, ["192.0.2.2"], ["192.0.2.2"]),
        ]
        for proxy, configured, trusted in rows:
            with self.subTest(proxy=proxy):
                objects = render({"ingress": self.INGRESS, "proxy": proxy, "config": {"gateway": {"trustedProxies": configured}}})
                self.assertEqual(at(objects.config("openclaw.json"), "gateway", "trustedProxies"), trusted)
        self.assertIsNone(at(render().config("openclaw.json"), "gateway", "trustedProxies"), "nobody without a proxy")

    def test_the_name_stands_for_the_proxys_pods(self):
        objects = render({"ingress": self.INGRESS, "proxy": {"namespace": "edge", "podLabels": {"app": "proxy"}}})
        found = [each for each in objects.all("Service") if each["metadata"]["namespace"] == "edge"]
        self.assertEqual([each["spec"]["clusterIP"] for each in found], ["None"])
        self.assertEqual(found[0]["spec"]["selector"], {"app": "proxy"})

    def test_the_pages_that_are_served_may_connect(self):
        rows = [
            ({"ingress": self.INGRESS}, ["http://a.example.org"]),
            ({"ingress": self.INGRESS | {"tls": [{"hosts": ["a.example.org"]}]}}, ["https://a.example.org"]),
            ({"httpRoute": {"enabled": True, "parentRefs": [{"name": "g"}], "hostnames": ["b.example.org"]}}, ["https://b.example.org"]),
        ]
        for values, origins in rows:
            with self.subTest(values=values):
                extra = {"config": {"gateway": {"controlUi": {"allowedOrigins": ["https://mine"], "enabled": True}}}, "proxy": {"trusted": ["192.0.2.1"]}}
                control = render(values | extra).config("openclaw.json")["gateway"]["controlUi"]
                self.assertEqual(control, {"allowedOrigins": ["https://mine", *origins], "enabled": True})

    def test_websockets_stay_open(self):
        rows = [
            # class        annotation                                                 value
            ("nginx", "nginx.ingress.kubernetes.io/proxy-read-timeout", "3600"),
            ("nginx-internal", "nginx.ingress.kubernetes.io/proxy-send-timeout", "3600"),
            ("haproxy", "haproxy-ingress.github.io/timeout-tunnel", "3600s"),
            ("alb", "alb.ingress.kubernetes.io/load-balancer-attributes", "idle_timeout.timeout_seconds=3600"),
        ]
        for name, annotation, value in rows:
            with self.subTest(name=name):
                ingress = render({"ingress": self.INGRESS | {"className": name}, "proxy": {"trusted": ["192.0.2.1"]}}).one("Ingress")
                self.assertEqual(ingress["metadata"]["annotations"][annotation], value)
                self.assertEqual(ingress["spec"]["ingressClassName"], name)
        mine = self.INGRESS | {"annotations": {"nginx.ingress.kubernetes.io/proxy-read-timeout": "9"}}
        ingress = render({"ingress": mine, "proxy": {"trusted": ["192.0.2.1"]}}).one("Ingress")
        self.assertEqual(ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-read-timeout"], "9", "what is set by hand wins")
        route = render({"httpRoute": {"enabled": True, "parentRefs": [{"name": "g"}], "hostnames": ["b"]}, "proxy": {"trusted": ["192.0.2.1"]}})
        self.assertEqual(route.one("HTTPRoute")["spec"]["rules"][0]["timeouts"], {"request": "0s", "backendRequest": "0s"})
