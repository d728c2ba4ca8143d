"""The whole case that this project began with, in a pod: the rows are those of tests/play, which all places share."""

import os
import pathlib
import tempfile
import unittest

from support import ROOT, Release, kubectl, run

# Building the rows included, in seconds.
PATIENCE = 900


class TestPlay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.release = Release("plays")
        cls.release.upgrade()

    @classmethod
    def tearDownClass(cls):
        # A caller's cluster stays as it was.
        run("helm", "uninstall", "openclaw", "--namespace", "plays", "--wait", check=None)
        kubectl("delete", "namespace", "plays", "--ignore-not-found", "--wait=false")

    def test_every_row_ends_in_a_working_devices_list(self):
        if "OPENCLAW_KUBE_HOST" not in os.environ:
            self.skipTest("the rows' visitor stands on the node, and that of the caller's cluster is not known")
        with tempfile.TemporaryDirectory() as directory:
            # As an operator has it: what a refusal says to type names no namespace.
            config = pathlib.Path(directory) / "config"
            config.write_text(pathlib.Path(os.environ["KUBECONFIG"]).read_text())
            environment = {**os.environ, "KUBECONFIG": str(config)}
            run("kubectl", "config", "set-context", "--current", "--namespace", "plays", env=environment)
            environment |= {"OPENCLAW_PLAY": "required", "OPENCLAW_PLAY_RELEASE": self.release.name}
            played = run(
                "cargo", "test", "--locked", "--offline", "--manifest-path", ROOT / "Cargo.toml", "--test", "play", "in_a_pod",
                check=None, timeout=PATIENCE, env=environment)
        self.assertEqual(played.returncode, 0, played.stdout + played.stderr)
        self.assertIn("1 passed", played.stdout)
