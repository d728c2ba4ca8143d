"""Every file in ci/: helm finds nothing to say about it, and a real API server takes what it renders."""

import json
import os
import subprocess
import unittest

from support import CHART, NAMESPACE

FILES = sorted((CHART / "ci").glob("*.yaml"))


def helm(*arguments):
    done = subprocess.run(["helm", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"helm {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout


def rendered(file):
    return helm("template", "openclaw", str(CHART), "--namespace", NAMESPACE, "--values", str(file))


def apply(text, *options):
    return subprocess.run(
        ["kubectl", "apply", "--server-side", "--filename", "-", *options], input=text, capture_output=True, text=True, check=False)


class Examples(unittest.TestCase):
    def test_every_example_is_without_fault(self):
        self.assertGreater(len(FILES), 3)
        for file in FILES:
            with self.subTest(file=file.name):
                helm("lint", "--strict", str(CHART), "--values", str(file))
                self.assertIn("\nkind: ConfigMap\n", rendered(file))


@unittest.skipUnless(os.environ.get("KUBECONFIG"), "no cluster: scripts/test chart starts one")
class Api(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Pods that break the rules are refused, and what would make such pods is warned about.
        rules = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ["enforce", "warn"]}
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": rules}}
        made = apply(json.dumps(namespace))
        assert made.returncode == 0, made.stderr

    @classmethod
    def tearDownClass(cls):
        subprocess.run(["kubectl", "delete", "namespace", NAMESPACE], check=True, capture_output=True)

    def test_every_example_is_taken(self):
        for file in FILES:
            with self.subTest(file=file.name):
                taken = apply(rendered(file), "--dry-run=server")
                self.assertEqual(taken.returncode, 0, taken.stderr)
                # Pod Security and deprecations come as warnings.
                self.assertEqual(taken.stderr, "")
                self.assertIn("serverside-applied (server dry run)", taken.stdout)

    def test_it_would_be_said_that_a_pod_breaks_the_rules(self):
        privileged = helm(
            "template", "openclaw", str(CHART), "--namespace", NAMESPACE, "--set", "securityContext.allowPrivilegeEscalation=true")
        taken = apply(privileged, "--dry-run=server")
        self.assertIn('Warning: would violate PodSecurity "restricted:latest": allowPrivilegeEscalation', taken.stderr)
        self.assertIn('"openclaw-test-pairing" is forbidden', taken.stderr)
