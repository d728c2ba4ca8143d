"""A real API server takes what the chart renders, for every file in ci/."""

import os
import subprocess
import unittest

from support import CHART, NAMESPACE


@unittest.skipUnless(os.environ.get("KUBECONFIG"), "no cluster: scripts/test chart starts one")
class Api(unittest.TestCase):
    def test_every_example_is_taken(self):
        files = sorted((CHART / "ci").glob("*-values.yaml"))
        self.assertGreater(len(files), 3)
        for file in files:
            with self.subTest(file=file.name):
                subprocess.run(["helm", "lint", "--strict", str(CHART), "--values", str(file)], check=True, capture_output=True, text=True)
                rendered = subprocess.run(
                    ["helm", "template", "openclaw", str(CHART), "--namespace", NAMESPACE, "--values", str(file)],
                    check=True, capture_output=True, text=True)
                taken = subprocess.run(
                    ["kubectl", "apply", "--server-side", "--dry-run=server", "--filename", "-"],
                    input=rendered.stdout, capture_output=True, text=True, check=False)
                self.assertEqual(taken.returncode, 0, taken.stderr)
                # Pod Security and deprecations come as warnings.
                self.assertEqual(taken.stderr, "")
                self.assertIn("serverside-applied (server dry run)", taken.stdout)
