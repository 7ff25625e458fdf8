"""Puts KubeFATE, real or stand-in, into a cluster of the rig and tells where it listens. The rights are those that the product's own manifest grants."""
import os, sys, time
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from rig import Kube

NAMESPACE = "kube-fate"
PASSWORD = "a-password-of-the-tests"
ALL = ["get", "list", "create", "delete", "update", "patch"]
RULES = [
    {"apiGroups": [""], "resources": ["namespaces", "configmaps", "services", "secrets", "persistentvolumeclaims", "serviceaccounts"], "verbs": ALL},
    {"apiGroups": [""], "resources": ["pods", "pods/log", "nodes"], "verbs": ["get", "list"]},
    {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets", "deployments/status", "statefulsets/status"], "verbs": ALL},
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ALL},
    {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": ALL},
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ALL},
]


def meta(name, namespace=NAMESPACE):
    return {"name": name, "namespace": namespace} if namespace else {"name": name}


def deployment():
    env = [{"name": "FATECLOUD_USER_USERNAME", "value": "admin"}, {"name": "FATECLOUD_USER_PASSWORD", "value": PASSWORD}]
    container = {"name": "kubefate", "image": "federatedai/kubefate:v1.4.5", "ports": [{"containerPort": 8080}], "env": env}
    labels = {"fate": "kubefate"}
    pod = {"metadata": {"labels": labels}, "spec": {"serviceAccountName": "kubefate-admin", "containers": [container]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta("kubefate"), "spec": {"replicas": 1, "strategy": {"type": "Recreate"}, "selector": {"matchLabels": labels}, "template": pod}}


def must(answer):
    code, value = answer
    if code >= 300 and code != 409:
        raise RuntimeError("%d %s" % (code, value.get("message")))
    return value


def namespace(kube, name):
    must(kube.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}}))


def install(kube):
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    account = {"kind": "ServiceAccount", "name": "kubefate-admin", "namespace": NAMESPACE}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "kubefate-role"}
    namespace(kube, NAMESPACE)
    must(kube.call("POST", "/api/v1/namespaces/%s/serviceaccounts" % NAMESPACE, {"metadata": meta("kubefate-admin")}))
    must(kube.call("POST", rbac + "/clusterroles", {"metadata": meta("kubefate-role", None), "rules": RULES}))
    must(kube.call("POST", rbac + "/clusterrolebindings", {"metadata": meta("kubefate", None), "roleRef": role, "subjects": [account]}))
    must(kube.call("POST", "/api/v1/namespaces/%s/services" % NAMESPACE, {"metadata": meta("kubefate"), "spec": {"selector": {"fate": "kubefate"}, "ports": [{"name": "8080", "port": 8080}]}}))
    must(kube.call("POST", "/apis/apps/v1/namespaces/%s/deployments" % NAMESPACE, deployment()))


def address(kube, other_than=None, seconds=40):
    """The URL of the ready pod; other_than is the uid of one that is on its way out."""
    end = time.time() + seconds
    while time.time() < end:
        for p in kube.items("/api/v1/namespaces/%s/pods?labelSelector=fate=kubefate" % NAMESPACE):
            ready = {"type": "Ready", "status": "True"}.items()
            if p["metadata"]["uid"] != other_than and not p["metadata"].get("deletionTimestamp") and any(ready <= c.items() for c in p["status"].get("conditions") or []):
                return "http://%s:8080" % p["status"]["podIP"], p["metadata"]
        time.sleep(0.1)
    raise RuntimeError("KubeFATE's pod did not become ready within %d s" % seconds)


def admin(rig):
    return Kube(rig, "a")
