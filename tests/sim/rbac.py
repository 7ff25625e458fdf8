"""Who asks, and what he may do: client certificates, service-account tokens, roles and bindings."""
import base64, hashlib, hmac, json, time
from faults import Fault

EVERY = ["*"]
WRITE = ["create", "delete", "deletecollection", "patch", "update"]
# What the built-in roles admin, edit and view hold of the kinds served here.
CORE = ["configmaps", "endpoints", "persistentvolumeclaims", "pods", "services", "serviceaccounts"]
NAMED = [("apps", ["daemonsets", "deployments", "replicasets", "statefulsets"]), ("batch", ["cronjobs", "jobs"]), ("networking.k8s.io", ["ingresses", "networkpolicies"]), ("policy", ["poddisruptionbudgets"])]
SERVICE_ACCOUNT = "system:serviceaccount:"


def rule(groups, resources, verbs):
    return {"apiGroups": groups, "resources": resources, "verbs": verbs}


def view_rules():
    return [rule([""], CORE + ["events", "limitranges", "resourcequotas", "namespaces", "pods/log", "pods/status"], ["get", "list", "watch"])] + [rule([g], r, ["get", "list", "watch"]) for g, r in NAMED]


def edit_rules():
    return view_rules() + [rule([""], CORE + ["secrets", "pods/proxy", "services/proxy"], WRITE), rule([""], ["secrets", "pods/proxy", "services/proxy"], ["get", "list", "watch"])] + [rule([g], r, WRITE) for g, r in NAMED]


def admin_rules():
    return edit_rules() + [rule([""], ["serviceaccounts/token"], ["create"]), rule(["rbac.authorization.k8s.io"], ["roles", "rolebindings"], WRITE + ["get", "list", "watch"])]


BUILT_IN = {"cluster-admin": [rule(EVERY, EVERY, EVERY), {"nonResourceURLs": EVERY, "verbs": EVERY}], "admin": admin_rules(), "edit": edit_rules(), "view": view_rules()}
# Everybody who is known may ask what he may do, and read what the server is.
BASIC = [rule(["authorization.k8s.io"], ["selfsubjectaccessreviews", "selfsubjectrulesreviews"], ["create"]), rule(["authentication.k8s.io"], ["selfsubjectreviews"], ["create"])]
OPEN_PATHS = ("/version", "/healthz", "/livez", "/readyz", "/api", "/apis")


class User:
    def __init__(self, name, groups=(), uid=""):
        self.name, self.uid = name, uid
        self.groups = list(groups) + (["system:unauthenticated"] if name == "system:anonymous" else ["system:authenticated"])

    def is_subject(self, s):
        if s.get("kind") == "ServiceAccount":
            return self.name == "%s%s:%s" % (SERVICE_ACCOUNT, s.get("namespace"), s.get("name"))
        return s.get("name") in ([self.name] if s.get("kind") == "User" else self.groups)


ANONYMOUS = User("system:anonymous")


class Tokens:
    """JWTs of service accounts, signed with a key of this run; worthless when the account, or the Secret that holds one, is gone."""

    def __init__(self, store, key):
        self.store, self.key = store, key

    def sign(self, text):
        return base64.urlsafe_b64encode(hmac.new(self.key, text.encode(), hashlib.sha256).digest()).rstrip(b"=").decode()

    def issue(self, account, seconds=None, secret=None):
        m = account["metadata"]
        claims = {"iss": "https://kubernetes.default.svc", "sub": "%s%s:%s" % (SERVICE_ACCOUNT, m["namespace"], m["name"]), "uid": m["uid"]}
        if secret:
            claims["secret"] = secret
        if seconds:
            claims["exp"] = int(time.time() + seconds)
        text = ".".join(base64.urlsafe_b64encode(json.dumps(x, separators=(",", ":")).encode()).rstrip(b"=").decode() for x in ({"alg": "HS256", "typ": "JWT"}, claims))
        return "%s.%s" % (text, self.sign(text))

    def user(self, token):
        head, _, signature = token.rpartition(".")
        try:
            if not hmac.compare_digest(self.sign(head), signature):
                raise ValueError
            claims = json.loads(base64.urlsafe_b64decode(head.split(".")[1] + "=="))
            namespace, name = claims["sub"][len(SERVICE_ACCOUNT):].split(":")
        except (ValueError, KeyError, IndexError, TypeError) as e:
            raise Fault(401, "Unauthorized") from e
        with self.store.lock:
            account = self.store.of("ServiceAccount", namespace, name)
            kept = "secret" not in claims or self.store.of("Secret", namespace, claims["secret"])
        if not account or not kept or account["metadata"]["uid"] != claims.get("uid") or claims.get("exp", time.time() + 1) < time.time():
            raise Fault(401, "Unauthorized")
        return User(claims["sub"], ["system:serviceaccounts", "system:serviceaccounts:" + namespace], account["metadata"]["uid"])


class Rights:
    def __init__(self, store):
        self.store = store

    def role(self, ref, namespace):
        role = self.store.of(ref.get("kind") if ref.get("kind") in ("Role", "ClusterRole") else "ClusterRole", namespace if ref.get("kind") == "Role" else "", ref.get("name"))
        return (role or {}).get("rules") or []

    def rules(self, user, namespace):
        """Everything granted to the user in the namespace, or in the whole cluster when that is empty."""
        if user is ANONYMOUS:
            return []
        out = list(BASIC)
        if "system:masters" in user.groups:
            out += BUILT_IN["cluster-admin"]
        bindings = self.store.all("ClusterRoleBinding") + (self.store.all("RoleBinding", namespace) if namespace else [])
        for b in bindings:
            if any(user.is_subject(s) for s in b.get("subjects") or []):
                out += self.role(b["roleRef"], b["metadata"].get("namespace"))
        return out

    @staticmethod
    def covers(r, verb, group, resource, name):
        def has(key, *values):
            given = r.get(key) or []
            return "*" in given or any(v in given for v in values)
        wide = "*/" + resource.split("/")[1] if "/" in resource else "*"
        return has("verbs", verb) and has("apiGroups", group) and has("resources", resource, wide) and (not r.get("resourceNames") or name in r["resourceNames"])

    def may(self, user, verb, group, resource, namespace, name=""):
        if "system:masters" in user.groups:
            return True
        return any(self.covers(r, verb, group, resource, name) for r in self.rules(user, namespace) if r.get("resources"))

    def demand(self, user, verb, kind, namespace, name="", sub=None):
        resource = kind.plural + ("/" + sub if sub else "")
        if self.may(user, verb, kind.group, resource, namespace if kind.namespaced else (name if kind.kind == "Namespace" else ""), name or ""):
            return
        where = ' in the namespace "%s"' % namespace if kind.namespaced and namespace else " at the cluster scope"
        subject = kind.plural + ("." + kind.group if kind.group else "") + (' "%s"' % name if name else "")
        raise Fault(403, '%s is forbidden: User "%s" cannot %s resource "%s" in API group "%s"%s' % (subject, user.name, verb, resource, kind.group, where), name=name, group=kind.group, kind=kind.plural)

    # --- questions about oneself ---
    def access(self, user, spec):
        a = spec.get("resourceAttributes")
        if not isinstance(a, dict):
            path = (spec.get("nonResourceAttributes") or {}).get("path", "")
            return "system:masters" in user.groups or path in OPEN_PATHS
        resource = a.get("resource") or ""
        if a.get("subresource"):
            resource += "/" + a["subresource"]
        return self.may(user, a.get("verb") or "", a.get("group") or "", resource, a.get("namespace") or "", a.get("name") or "")

    def listed(self, user, namespace):
        rules = self.rules(user, namespace)
        return {"resourceRules": [r for r in rules if r.get("resources")], "nonResourceRules": [r for r in rules if r.get("nonResourceURLs")] + [{"nonResourceURLs": list(OPEN_PATHS), "verbs": ["get"]}], "incomplete": False}
