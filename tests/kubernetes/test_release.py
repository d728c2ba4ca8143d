"""One release in a real cluster, from its installation to the next one. The tests build on each other, in this order."""

import json
import os
import re
import unittest

from support import (
    REAL_VERSIONS, Background, Pod, RealCli, Release, delete, eventually, namespace, objects, on_neighbour, on_node, request_id, run, seen, visitor)

NODE_ADDRESS = "10.20.0.1"


def ids(devices):
    return sorted(device["deviceId"] for device in devices["paired"])


class TestRelease(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.release = Release("gateways")
        cls.release.upgrade()

    @classmethod
    def tearDownClass(cls):
        # A caller's cluster stays as it was; the claim goes with its namespace.
        run("helm", "uninstall", "openclaw", "--namespace", "gateways", "--wait", check=None)
        delete(namespace("gateways"), namespace("elsewhere"))

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            print(f"the gateway's log after {self.id()}:\n{self.release.log()}")

    def test_01_the_first_command_works_in_both_containers(self):
        breaking = self.release.kubectl("run", "breaking", "--image=any", "--dry-run=server", check=False)
        self.assertIn('violates PodSecurity "restricted:latest"', breaking.stderr, "the namespace does not enforce anything")
        for container in ["cli", "gateway"]:
            with self.subTest(container=container):
                self.assertEqual(json.loads(self.release.cli("devices", "list", "--json", container=container).stdout)["paired"], [])

    def test_02_real_command_lines_through_port_forward(self):
        token = self.release.token()
        with self.release.port_forward() as forward:
            port = forward.line(r"127\.0\.0\.1:(\d+) ->")[1]
            for version in REAL_VERSIONS:
                with self.subTest(version=version), RealCli(version) as real:
                    there = ["--json", "--url", f"ws://127.0.0.1:{port}", "--token", token]
                    listed = json.loads(real.run("devices", "list", *there).stdout)
                    self.assertIn("paired", listed)
                    wrong = real.run("devices", "list", "--json", "--url", f"ws://127.0.0.1:{port}", "--token", "wrong", check=False)
                    self.assertIn("unauthorized", wrong.stdout + wrong.stderr)

    def test_03_a_pod_elsewhere_asks_and_is_approved(self):
        pod = Pod("elsewhere", {"openclaw-client": "true"})
        there = ["--url", "ws://openclaw.gateways:18789", "--token", self.release.token()]
        refused = pod.openclaw("devices", "list", *there, check=False)
        self.assertIn("pairing required", refused.stderr)
        request = request_id(refused.stderr)
        waiting = [each for each in self.release.devices()["pending"] if each["requestId"] == request]
        self.assertEqual([each["remoteIp"] for each in waiting], [pod.address()])
        self.release.cli("devices", "approve", request)
        pod.openclaw("devices", "list", *there)

    def test_04_a_client_by_the_nodes_port_gains_nothing_by_its_address(self):
        if "OPENCLAW_KUBE_LAN" not in os.environ:
            self.skipTest("the caller's cluster has no other machine that is known")
        self.release.upgrade({"service": {"type": "NodePort"}})
        url = f"ws://{NODE_ADDRESS}:{self.release.node_port()}"
        home = os.environ["TMPDIR"] + "/neighbour"
        environment = {"PATH": os.environ["PATH"], "HOME": home, "OPENCLAW_ALLOW_INSECURE_PRIVATE_WS": "1"}
        command = on_neighbour(os.environ["OPENCLAW_BINARY"], "devices", "list", "--url", url, "--token", self.release.token())
        try:
            refused = run(*command, check=False, env=environment)
        finally:
            run("rm", "-rf", home)
        request = request_id(refused.stderr)
        waiting = [each for each in self.release.devices()["pending"] if each["requestId"] == request]
        # The address of the pod's own default router: everybody who comes by a node has it.
        self.assertEqual([each["remoteIp"] for each in waiting], ["10.244.0.1"])
        with visitor(NODE_ADDRESS, self.release.node_port(), self.release.token(), by=on_neighbour) as client:
            self.assertEqual(seen(client)["source"]["class"], "neighbour")
        self.release.cli("devices", "reject", request)

    def test_05_an_upgrade_with_a_client_connected(self):
        before, pod = ids(self.release.devices()), self.release.uid()
        token = self.release.token()
        address = json.loads(self.release.kubectl("get", "service", "openclaw", "-o", "json").stdout)["spec"]["clusterIP"]
        follower = Pod("elsewhere", {"openclaw-client": "true"}).command(
            "logs", "--follow", "--url", "ws://openclaw.gateways:18789", "--token", token)
        with visitor(address, 18789, token) as connected, Background(*follower) as following:
            connected.line('"hello-ok"')
            following.line("listening|gateway")
            self.release.upgrade({"podAnnotations": {"example.org/changed": "1"}})
            closed = json.loads(connected.line('"closed"').string)
            following.line("gateway disconnected")
            following.line("gateway reconnected")
        self.assertEqual(closed["closed"], 1012, closed)
        self.assertNotEqual(self.release.uid(), pod)
        self.assertEqual((ids(self.release.devices()), self.release.token()), (before, token))

    def test_06_a_pod_that_is_deleted_comes_back_with_its_claim(self):
        before, pod, token = ids(self.release.devices()), self.release.uid(), self.release.token()
        self.assertTrue(before)
        self.release.kubectl("delete", "pod", self.release.pod)
        eventually("another pod", lambda: self.release.uid() != pod)
        self.release.kubectl("wait", "--for=condition=Ready", f"pod/{self.release.pod}", "--timeout=120s")
        self.assertEqual((ids(self.release.devices()), self.release.token()), (before, token))

    def test_07_a_changed_configuration_is_taken_over_without_a_restart(self):
        def state():
            pod = json.loads(self.release.kubectl("get", "pod", self.release.pod, "-o", "json").stdout)
            return pod["metadata"]["uid"], [each["restartCount"] for each in pod["status"]["containerStatuses"]]

        self.release.upgrade()
        before = state()
        name = "https://allowed.example.org"
        self.release.upgrade({"config": {"gateway": {"controlUi": {"allowedOrigins": [name]}}}})
        eventually("the gateway says that it has taken it over", lambda: re.search(r"configuration reloaded; applied: \S*allowedOrigins", self.release.log()))
        self.assertEqual(state(), before)

    def test_08_the_metrics_are_there(self):
        self.release.upgrade({"metrics": {"enabled": True}})
        pod = json.loads(self.release.kubectl("get", "pod", self.release.pod, "-o", "json").stdout)["status"]["podIP"]
        text = run(*on_node("curl", "--silent", "--fail", "--max-time", "10", f"http://{pod}:9464/metrics")).stdout
        self.assertRegex(text, r"(?m)^openclaw_build_info\{")

    def test_09_helm_test(self):
        before = ids(self.release.devices())
        # Without --logs: a pod that has succeeded is gone by then.
        ran = run("helm", "test", "openclaw", "--namespace", "gateways", "--timeout", "120s", timeout=180)
        self.assertRegex(ran.stdout, r"openclaw-test-pairing\n(.*\n){2}Phase: +Succeeded")
        self.assertRegex(self.release.log(), "(?s)device pairing requested.*device pairing approved.*device pairing removed")
        self.assertEqual(ids(self.release.devices()), before, "the test's device is removed")

    def test_10_the_next_installation_has_the_devices_and_the_token(self):
        before, token = ids(self.release.devices()), self.release.token()
        self.assertTrue(before)
        self.release.uninstall()
        self.assertEqual(len(objects("persistentvolumeclaims", "--namespace", "gateways")["items"]), 1)
        self.release.upgrade()
        self.assertEqual((ids(self.release.devices()), self.release.token()), (before, token))
