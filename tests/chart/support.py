"""Renders the chart, and finds objects in what comes out."""

import json
import pathlib
import subprocess
import tempfile

import yaml

ROOT = pathlib.Path(__file__).parents[2]
CHART = ROOT / "helm" / "openclaw"
RELEASE = "openclaw"
NAMESPACE = "gateways"


class Rejected(Exception):
    """The chart refused its values; the text is what the user reads."""


def helm(*arguments, values=None):
    """Runs helm with `values`, and returns what it prints."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(values or {}, file)
        file.flush()
        command = ["helm", *arguments, "--namespace", NAMESPACE, "--values", file.name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise Rejected(done.stderr)
    return done.stdout


def render(values=None):
    """The objects that come out of `values`."""
    text = helm("template", RELEASE, str(CHART), "--skip-tests", values=values)
    return Objects(document for document in yaml.safe_load_all(text) if document)


def notes(values=None):
    """What is printed after an installation."""
    text = helm("install", RELEASE, str(CHART), "--dry-run=client", values=values)
    return text.partition("\nNOTES:\n")[2]


class Objects(list):
    """Rendered objects."""

    def all(self, kind):
        return [each for each in self if each["kind"] == kind]

    def one(self, kind, name=RELEASE):
        found = [each for each in self.all(kind) if each["metadata"]["name"] == name]
        assert len(found) == 1, f"{len(found)} of {kind} {name} among {[(each['kind'], each['metadata']['name']) for each in self]}"
        return found[0]

    def kinds(self):
        return sorted(each["kind"] for each in self)

    def pod(self):
        """The pod of the workload."""
        workloads = self.all("StatefulSet") + self.all("Deployment")
        assert len(workloads) == 1, f"workloads: {workloads}"
        return workloads[0]["spec"]["template"]["spec"]

    def container(self, name):
        found = [each for each in self.pod()["containers"] if each["name"] == name]
        assert len(found) == 1, f"{len(found)} containers are called {name}"
        return found[0]

    def config(self, name):
        """The file `name` of the configuration."""
        return json.loads(self.one("ConfigMap")["data"][name])


def at(value, *path):
    """What is at `path` in `value`; None where there is nothing."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value
