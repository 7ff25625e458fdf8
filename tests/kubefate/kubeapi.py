"""Kubernetes as the stand-in's service account sees it: plain REST with the token and CA that a pod finds under /run/secrets, or, where nothing can be
mounted there (tests/sim), in SERVICE_ACCOUNT_DIR.

Only the account's own rights are used, so a manifest of the product that grants too little fails here as it would with the real program."""
import json, os, ssl, urllib.parse
from kept import Kept

ACCOUNT = os.environ.get("SERVICE_ACCOUNT_DIR", "/run/secrets/kubernetes.io/serviceaccount")
KINDS = {
    "ConfigMap": ("/api/v1", "configmaps"),
    "Secret": ("/api/v1", "secrets"),
    "Service": ("/api/v1", "services"),
    "Pod": ("/api/v1", "pods"),
    "Node": ("/api/v1", "nodes"),
    "Deployment": ("/apis/apps/v1", "deployments"),
    "StatefulSet": ("/apis/apps/v1", "statefulsets"),
    "Ingress": ("/apis/networking.k8s.io/v1", "ingresses"),
}


class KubeError(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def path_of(kind, namespace=None, name=None):
    base, plural = KINDS[kind]
    parts = [base]
    if namespace:
        parts += ["namespaces", namespace]
    parts.append(plural)
    if name:
        parts.append(name)
    return "/".join(parts)


class Kube:
    def __init__(self, host=None, port=None, account=ACCOUNT):
        self.host = host or os.environ["KUBERNETES_SERVICE_HOST"]
        self.port = int(port or os.environ["KUBERNETES_SERVICE_PORT"])
        self.account = account
        self.kept = Kept(self.host, self.port, ssl.create_default_context(cafile=account + "/ca.crt"), 30)

    def token(self):
        """Read at every call: a kubelet renews this file."""
        with open(self.account + "/token") as f:
            return f.read().strip()

    def call(self, method, path, body=None, kind="application/json"):
        headers = {"Authorization": "Bearer " + self.token(), "Accept": "application/json", "User-Agent": "kubefate-stand-in"}
        if body is not None:
            headers["Content-Type"] = kind
        try:
            status, text = self.kept.request(method, path, json.dumps(body) if body is not None else None, headers)
        except OSError as e:
            raise KubeError(0, 'Kubernetes cluster unreachable: %s "https://%s:%d%s": %s' % (method, self.host, self.port, path, e)) from e
        value = json.loads(text) if text[:1] == b"{" else {}
        if status >= 400:
            raise KubeError(status, value.get("message") or text.decode(errors="replace"))
        return value

    def get(self, kind, namespace, name):
        """The object, or None if it is not there."""
        try:
            return self.call("GET", path_of(kind, namespace, name))
        except KubeError as e:
            if e.code == 404:
                return None
            raise

    def list(self, kind, namespace=None, labels=None):
        query = "?" + urllib.parse.urlencode({"labelSelector": labels}) if labels else ""
        return self.call("GET", path_of(kind, namespace) + query).get("items") or []

    def create(self, obj):
        return self.call("POST", path_of(obj["kind"], obj["metadata"]["namespace"]), obj)

    def patch(self, obj, change):
        """RFC 7386: null removes a key, a list replaces a list."""
        where = path_of(obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"])
        return self.call("PATCH", where, change, "application/merge-patch+json")

    def delete(self, kind, namespace, name):
        return self.call("DELETE", path_of(kind, namespace, name), {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"})
