"""A release behind Traefik, as an Ingress and as an HTTPRoute: the client's own address is found, and nobody else can claim one."""

import os
import unittest

from support import PATIENCE, Release, apply, delete, eventually, kubectl, namespace, objects, on_neighbour, run, seen, visitor

NODE_ADDRESS, NEIGHBOUR = "10.20.0.1", "10.20.0.50"
EDGE, HOST = "edge", "openclaw.example.org"
LABELS = {"app.kubernetes.io/name": "traefik"}
FORGED = "X-Forwarded-For: 127.0.0.1"


def meta(name, **more):
    return {"name": name, "namespace": EDGE, **more}


def traefik():
    """Traefik as a cluster's entrance: its Service keeps the addresses of clients."""
    read = ["get", "list", "watch"]
    rules = [
        {"apiGroups": [""], "resources": ["services", "secrets", "nodes", "namespaces", "configmaps"], "verbs": read},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": read},
        {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses", "ingressclasses"], "verbs": read},
        {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses/status"], "verbs": ["update"]},
        {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["*"], "verbs": [*read, "update", "patch"]},
    ]
    arguments = [
        "--entrypoints.web.address=:8000", "--providers.kubernetesingress", "--providers.kubernetesgateway",
        "--ping", "--ping.entrypoint=web", "--log.level=INFO", "--global.checknewversion=false", "--global.sendanonymoususage=false"]
    container = {
        "name": "traefik", "image": "docker.io/local/traefik:1", "imagePullPolicy": "Never", "args": arguments,
        "readinessProbe": {"httpGet": {"path": "/ping", "port": 8000}, "periodSeconds": 1}}
    return [
        namespace(EDGE),
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta("traefik")},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "traefik"}, "rules": rules},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "traefik"},
         "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "traefik"},
         "subjects": [{"kind": "ServiceAccount", "name": "traefik", "namespace": EDGE}]},
        {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "traefik"},
         "spec": {"controller": "traefik.io/ingress-controller"}},
        {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "traefik"},
         "spec": {"controllerName": "traefik.io/gateway-controller"}},
        {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": meta("public"),
         "spec": {"gatewayClassName": "traefik", "listeners": [
             {"name": "web", "port": 8000, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}]}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta("traefik"),
         "spec": {"selector": {"matchLabels": LABELS}, "template": {
             "metadata": {"labels": LABELS},
             "spec": {"serviceAccountName": "traefik", "terminationGracePeriodSeconds": 1, "containers": [container]}}}},
        {"apiVersion": "v1", "kind": "Service", "metadata": meta("traefik"),
         "spec": {"type": "NodePort", "externalTrafficPolicy": "Local", "selector": LABELS, "ports": [{"port": 80, "targetPort": 8000}]}},
    ]


@unittest.skipUnless("OPENCLAW_KUBE_LAN" in os.environ, "the caller's cluster has no other machine that is known")
class TestProxy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        apply(*traefik())
        kubectl("--namespace", EDGE, "rollout", "status", "deployment/traefik", f"--timeout={PATIENCE}s")
        cls.port = objects("service", "traefik", "--namespace", EDGE)["spec"]["ports"][0]["nodePort"]
        cls.release = Release("behind")

    @classmethod
    def tearDownClass(cls):
        run("helm", "uninstall", "openclaw", "--namespace", "behind", "--wait", check=None)
        delete(namespace("behind"), *traefik())

    def upgrade(self, values):
        self.release.upgrade({"proxy": {"namespace": EDGE, "podLabels": LABELS}, **values})

    def visit(self, headers=()):
        """How the gateway sees a client on another machine, that comes by Traefik."""
        token = self.release.token()

        def connect():
            with visitor(NODE_ADDRESS, self.port, token, HOST, by=on_neighbour, headers=headers) as client:
                try:
                    return seen(client)["source"]
                except AssertionError as failed:
                    # Traefik takes a moment to know the route, and answers 404 meanwhile.
                    if " 404 " in str(failed):
                        return None
                    raise

        return eventually("Traefik knows the route", connect)

    def check(self):
        source = self.visit()
        self.assertEqual((source["class"], source["client"]), ("proxied", NEIGHBOUR), source)
        # A client that says that it is another one is still found.
        source = self.visit([FORGED])
        self.assertEqual((source["class"], source["client"]), ("proxied", NEIGHBOUR), source)
        # Who comes without the proxy is not believed.
        address = objects("service", "openclaw", "--namespace", "behind")["spec"]["clusterIP"]
        with visitor(address, 18789, self.release.token(), headers=[FORGED]) as client:
            source = seen(client)["source"]
        self.assertEqual((source["class"], source["client"]), ("unattributable", source["peer"]), source)

    def test_ingress(self):
        self.upgrade({"ingress": {"enabled": True, "className": "traefik", "hosts": [{"host": HOST}]}})
        self.check()

    def test_route(self):
        route = {"enabled": True, "scheme": "http", "parentRefs": [{"name": "public", "namespace": EDGE}], "hostnames": [HOST]}
        self.upgrade({"httpRoute": route})
        self.check()
