"""The kinds that are served, and what discovery says of them."""

READ = ["get", "list"]
ALL = ["create", "delete", "deletecollection", "get", "list", "patch", "update"]


class Kind:
    """One resource of one group-version. subs: subresources besides the object itself, with their verbs."""

    def __init__(self, gv, kind, plural, namespaced=True, short=(), subs=None, verbs=ALL):
        self.gv, self.kind, self.plural, self.namespaced, self.short, self.subs, self.verbs = gv, kind, plural, namespaced, list(short), subs or {}, verbs
        self.group = gv.split("/")[0] if "/" in gv else ""
        self.key = "%s/%s" % (self.group, plural)

    def path(self, namespace=None, name=None):
        parts = ["/apis/" + self.gv if self.group else "/api/" + self.gv]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        return "/".join(parts + [self.plural] + ([name] if name else []))

    def entries(self):
        """This kind and its subresources in an APIResourceList."""
        out = {"name": self.plural, "singularName": self.kind.lower(), "namespaced": self.namespaced, "kind": self.kind, "verbs": self.verbs}
        if self.short:
            out["shortNames"] = self.short
        return [out] + [{"name": "%s/%s" % (self.plural, s), "singularName": "", "namespaced": self.namespaced, "kind": self.kind, "verbs": v} for s, v in self.subs.items()]


STATUS = {"status": ["get", "patch", "update"]}
KINDS = [
    Kind("v1", "Namespace", "namespaces", False, ["ns"], STATUS),
    Kind("v1", "Node", "nodes", False, ["no"], STATUS),
    Kind("v1", "PersistentVolume", "persistentvolumes", False, ["pv"], STATUS),
    Kind("v1", "Pod", "pods", True, ["po"], dict(STATUS, log=["get"], proxy=["create", "delete", "get", "patch", "update"])),
    Kind("v1", "Service", "services", True, ["svc"], dict(STATUS, proxy=["create", "delete", "get", "patch", "update"])),
    Kind("v1", "Secret", "secrets"),
    Kind("v1", "ConfigMap", "configmaps", True, ["cm"]),
    Kind("v1", "ServiceAccount", "serviceaccounts", True, ["sa"], {"token": ["create"]}),
    Kind("v1", "PersistentVolumeClaim", "persistentvolumeclaims", True, ["pvc"], STATUS),
    Kind("v1", "Event", "events", True, ["ev"]),
    Kind("v1", "Endpoints", "endpoints", True, ["ep"]),
    Kind("v1", "ResourceQuota", "resourcequotas", True, ["quota"], STATUS),
    Kind("v1", "LimitRange", "limitranges", True, ["limits"]),
    Kind("apps/v1", "Deployment", "deployments", True, ["deploy"], STATUS),
    Kind("apps/v1", "StatefulSet", "statefulsets", True, ["sts"], STATUS),
    Kind("apps/v1", "DaemonSet", "daemonsets", True, ["ds"], STATUS),
    Kind("apps/v1", "ReplicaSet", "replicasets", True, ["rs"], STATUS),
    Kind("batch/v1", "Job", "jobs", True, (), STATUS),
    Kind("batch/v1", "CronJob", "cronjobs", True, ["cj"], STATUS),
    Kind("networking.k8s.io/v1", "Ingress", "ingresses", True, ["ing"], STATUS),
    Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", True, ["netpol"]),
    Kind("networking.k8s.io/v1", "IngressClass", "ingressclasses", False),
    Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", True, ["pdb"], STATUS),
    Kind("rbac.authorization.k8s.io/v1", "Role", "roles"),
    Kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
    Kind("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", False),
    Kind("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", False),
    Kind("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", False),
    Kind("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", False),
    Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", False, ["crd"]),
    Kind("storage.k8s.io/v1", "StorageClass", "storageclasses", False, ["sc"]),
    # Questions: posted, answered, never stored.
    Kind("authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", False, verbs=["create"]),
    Kind("authorization.k8s.io/v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", False, verbs=["create"]),
    Kind("authentication.k8s.io/v1", "SelfSubjectReview", "selfsubjectreviews", False, verbs=["create"]),
]
BY_PATH = {(k.gv, k.plural): k for k in KINDS}
BY_KIND = {k.kind: k for k in KINDS}
VERSIONS = list(dict.fromkeys(k.gv for k in KINDS))
STORED = [k for k in KINDS if k.verbs is ALL]


def version_document():
    return {"major": "1", "minor": "34", "gitVersion": "v1.34.0+sim", "gitCommit": "", "gitTreeState": "clean", "buildDate": "2025-08-27T10:19:22Z", "goVersion": "", "compiler": "", "platform": "linux/amd64"}


def resource_list(gv):
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": gv, "resources": [e for k in KINDS if k.gv == gv for e in k.entries()]}


def group(gv):
    entry = {"groupVersion": gv, "version": gv.split("/")[1]}
    return {"name": gv.split("/")[0], "versions": [entry], "preferredVersion": entry}


def discovery(path):
    """The document at a path of discovery, or None."""
    if path == "/version":
        return version_document()
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    if path == "/apis":
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group(v) for v in VERSIONS if "/" in v]}
    for v in VERSIONS:
        if path == ("/apis/" if "/" in v else "/api/") + v:
            return resource_list(v)
        if "/" in v and path == "/apis/" + v.split("/")[0]:
            return dict(group(v), kind="APIGroup", apiVersion="v1")
    return None
