"""The pod and what runs it."""

import unittest

from support import NAMESPACE, at, render


class Workload(unittest.TestCase):
    def test_the_store_decides_what_runs_the_pod(self):
        rows = [
            # values                                                            kind           where the state is
            ({}, "StatefulSet", "volumeClaimTemplates"),
            ({"persistence": {"existingClaim": "mine"}}, "StatefulSet", "persistentVolumeClaim"),
            ({"persistence": {"enabled": False}}, "Deployment", "emptyDir"),
        ]
        for values, kind, where in rows:
            with self.subTest(values=values):
                objects = render(values)
                workload = objects.one(kind)
                state = [volume for volume in objects.pod()["volumes"] if volume["name"] == "state"]
                if where == "volumeClaimTemplates":
                    self.assertEqual(at(workload, "spec", "volumeClaimTemplates", 0, "metadata", "name"), "state")
                    self.assertEqual(state, [])
                else:
                    self.assertIn(where, state[0])
                    self.assertIsNone(at(workload, "spec", "volumeClaimTemplates"))

    def test_a_deployment_never_has_two_pods(self):
        self.assertEqual(at(render({"persistence": {"enabled": False}}).one("Deployment"), "spec", "strategy"), {"type": "Recreate"})

    def test_the_claim_outlives_the_release(self):
        policy = at(render().one("StatefulSet"), "spec", "persistentVolumeClaimRetentionPolicy")
        self.assertEqual(policy, {"whenDeleted": "Retain", "whenScaled": "Retain"})

    def test_the_grace_is_above_the_drain(self):
        rows = [
            # drain, before it, grace
            (20, 0, 30),
            (60, 5, 75),
            (0, 0, 10),
        ]
        for drain, before, grace in rows:
            with self.subTest(drain=drain, before=before):
                objects = render({"drainSeconds": drain, "preStopSeconds": before})
                self.assertEqual(objects.pod()["terminationGracePeriodSeconds"], grace)
                self.assertEqual(at(objects.config("gateway.json"), "gateway", "limits", "drainSeconds"), drain)
                sleep = at(objects.container("gateway"), "lifecycle", "preStop", "sleep", "seconds")
                self.assertEqual(sleep, before or None)

    def test_both_containers_see_the_same(self):
        objects = render({"auth": {"existingSecret": "mine"}, "tls": {"existingSecret": "certificate"}})
        gateway, cli = objects.container("gateway"), objects.container("cli")
        for key in ["env", "volumeMounts", "securityContext"]:
            self.assertEqual(gateway[key], cli[key], key)
        self.assertEqual((gateway["args"], cli["args"]), (["gateway", "run"], ["idle"]))

    def test_the_pod_is_restricted(self):
        pod = render().pod()
        context = pod["securityContext"]
        self.assertEqual((context["runAsNonRoot"], context["seccompProfile"]["type"]), (True, "RuntimeDefault"))
        self.assertFalse(pod["automountServiceAccountToken"])
        # A Service called openclaw-gateway would otherwise set OPENCLAW_GATEWAY_PORT.
        self.assertFalse(pod["enableServiceLinks"])
        for container in pod["containers"]:
            expected = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
            self.assertEqual(container["securityContext"], expected, container["name"])
            self.assertNotIn("runAsUser", container["securityContext"], "one user for the whole pod")

    def test_three_probes(self):
        rows = [("startupProbe", "/startupz"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")]
        for tls, scheme in [("", "HTTP"), ("certificate", "HTTPS")]:
            gateway = render({"tls": {"existingSecret": tls}, "livenessProbe": {"timeoutSeconds": 9}}).container("gateway")
            for probe, path in rows:
                with self.subTest(probe=probe, tls=tls):
                    self.assertEqual(gateway[probe]["httpGet"], {"path": path, "port": "gateway", "scheme": scheme})
            self.assertEqual(gateway["livenessProbe"]["timeoutSeconds"], 9)

    def test_images(self):
        digest = "sha256:" + "0" * 64
        rows = [
            ({}, "openclaw-gateway:0.1.0"),
            ({"tag": "1.2.3"}, "openclaw-gateway:1.2.3"),
            ({"registry": "example.org", "repository": "a/b"}, "example.org/a/b:0.1.0"),
            ({"tag": "1.2.3", "digest": digest}, f"openclaw-gateway@{digest}"),
        ]
        for image, expected in rows:
            with self.subTest(image=image):
                self.assertEqual(render({"image": image}).container("gateway")["image"], expected)
        objects = render({"cli": {"image": {"tag": "9", "pullPolicy": "Never"}}})
        self.assertEqual((objects.container("cli")["image"], objects.container("cli")["imagePullPolicy"]), ("openclaw-cli:9", "Never"))

    def test_without_the_command_line_there_is_one_container(self):
        objects = render({"cli": {"enabled": False}})
        self.assertEqual([container["name"] for container in objects.pod()["containers"]], ["gateway"])

    def test_secrets_come_as_files(self):
        rows = [
            # auth                                                         variable                          path
            ({"existingSecret": "mine"}, "OPENCLAW_GATEWAY_TOKEN_FILE", "/etc/openclaw-secret/token"),
            ({"existingSecret": "mine", "secretKey": "a.b"}, "OPENCLAW_GATEWAY_TOKEN_FILE", "/etc/openclaw-secret/a.b"),
            ({"existingSecret": "mine", "mode": "password"}, "OPENCLAW_GATEWAY_PASSWORD_FILE", "/etc/openclaw-secret/password"),
            ({}, None, None),
        ]
        for auth, variable, path in rows:
            with self.subTest(auth=auth):
                objects = render({"auth": auth})
                files = [(each["name"], each["value"]) for each in objects.container("gateway")["env"] if each["name"].endswith("_FILE")]
                self.assertEqual(files, [(variable, path)] if variable else [])
                self.assertEqual(objects.all("Secret"), [], "a generated Secret would change whenever the chart is rendered")

    def test_pods_are_spread_by_the_release(self):
        constraint = render().pod()["topologySpreadConstraints"][0]
        self.assertEqual(constraint["labelSelector"]["matchLabels"], {"app.kubernetes.io/name": "openclaw", "app.kubernetes.io/instance": "openclaw"})

    def test_every_object_is_in_the_namespace_with_the_labels(self):
        values = {
            "commonLabels": {"team": "a"},
            "ingress": {"enabled": True, "hosts": [{"host": "a.example.org"}]},
            "proxy": {"podLabels": {"app": "proxy"}},
            "metrics": {"enabled": True, "serviceMonitor": {"enabled": True}, "dashboard": {"enabled": True}},
        }
        for each in render(values):
            with self.subTest(kind=each["kind"], name=each["metadata"]["name"]):
                self.assertEqual(each["metadata"]["namespace"], NAMESPACE)
                self.assertEqual(each["metadata"]["labels"]["team"], "a")
                self.assertEqual(each["metadata"]["labels"]["app.kubernetes.io/managed-by"], "Helm")

    def test_the_metrics_have_a_service_of_their_own(self):
        objects = render({"metrics": {"enabled": True, "serviceMonitor": {"enabled": True}}, "service": {"type": "LoadBalancer"}})
        self.assertEqual([port["name"] for port in objects.one("Service")["spec"]["ports"]], ["gateway"])
        metrics, monitor = objects.one("Service", "openclaw-metrics"), objects.one("ServiceMonitor")
        self.assertEqual(objects.config("gateway.json")["gateway"]["metrics"], {"enabled": True, "port": 9464})
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        self.assertLessEqual(wanted, metrics["metadata"]["labels"].items())
        self.assertFalse(wanted <= objects.one("Service")["metadata"]["labels"].items(), "only one Service is scraped")
