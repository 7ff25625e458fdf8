"""What an object must be before it is stored: defaults, checks, and what quotas allow."""
import base64, binascii, json, re
import faults, quantity, matching
from faults import Fault, invalid

DNS = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
# Names of these may hold colons (system:...).
FREE_NAMES = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
NODE_PORTS = range(30000, 32768)


def hashed(text):
    n = 2166136261
    for c in text.encode():
        n = (n ^ c) * 16777619 & 0xffffffff
    return n


def template_hash(template):
    return "%x" % hashed(json.dumps(template, sort_keys=True))


def name_problem(kind, name):
    if kind.kind in FREE_NAMES:
        return None if name not in (".", "..") and not set(name) & set("/%") else "name may not contain '/' or '%'"
    pattern = LABEL if kind.kind in ("Namespace", "Service") else DNS
    if pattern.fullmatch(name):
        return None
    return "Invalid value: \"%s\": a lowercase RFC 1123 %s must consist of lower case alphanumeric characters, '-'%s, and must start and end with an alphanumeric character" % (name, "label" if pattern is LABEL else "subdomain", "" if pattern is LABEL else " or '.'")


def template_problems(template, selector, field):
    out, spec = [], template.get("spec") or {}
    containers = spec.get("containers") or []
    if not containers:
        out.append((field + ".spec.containers", "Required value"))
    seen = set()
    for i, c in enumerate(containers):
        if not c.get("image"):
            out.append(("%s.spec.containers[%d].image" % (field, i), "Required value"))
        if not LABEL.fullmatch(c.get("name") or ""):
            out.append(("%s.spec.containers[%d].name" % (field, i), "Required value"))
        if c.get("name") in seen:
            out.append(("%s.spec.containers[%d].name" % (field, i), 'Duplicate value: "%s"' % c["name"]))
        seen.add(c.get("name"))
    volumes = {v.get("name") for v in spec.get("volumes") or []}
    for i, c in enumerate(containers):
        for k, m in enumerate(c.get("volumeMounts") or []):
            if m.get("name") not in volumes and selector is not None:
                out.append(("%s.spec.containers[%d].volumeMounts[%d].name" % (field, i, k), 'Not found: "%s"' % m.get("name")))
    labels = (template.get("metadata") or {}).get("labels") or {}
    if selector is not None and not matching.selector_object(selector)(labels):
        out.append((field + ".metadata.labels", "Invalid value: %s: `selector` does not match template `labels`" % json.dumps(labels)))
    return out


def check(kind, obj, old):
    """Raises 422 with every problem."""
    m, spec, out = obj["metadata"], obj.get("spec") or {}, []
    name = name_problem(kind, m["name"])
    if name:
        out.append(("metadata.name", name))
    for k, v in (m.get("labels") or {}).items():
        if not isinstance(v, str) or not LABEL_VALUE.fullmatch(v):
            out.append(("metadata.labels", 'Invalid value: "%s": a valid label must be an empty string or consist of alphanumeric characters' % v))
    if kind.kind in ("Deployment", "StatefulSet"):
        replicas = spec.get("replicas")
        if not isinstance(replicas, int) or replicas < 0:
            out.append(("spec.replicas", "Invalid value: %s: must be greater than or equal to 0" % json.dumps(replicas)))
        selector = spec.get("selector") or {}
        if not selector.get("matchLabels") and not selector.get("matchExpressions"):
            out.append(("spec.selector", "Required value"))
        mounted = spec.get("template") or {}
        claims = [{"name": c["metadata"]["name"]} for c in spec.get("volumeClaimTemplates") or []]
        if claims:
            mounted = dict(mounted, spec=dict(mounted.get("spec") or {}, volumes=claims + ((mounted.get("spec") or {}).get("volumes") or [])))
        out += template_problems(mounted, selector, "spec.template")
        if old and old["spec"].get("selector") != selector:
            out.append(("spec.selector", "Invalid value: field is immutable"))
    elif kind.kind == "Pod":
        out += template_problems({"spec": spec}, None, "")
    elif kind.kind == "Service":
        if spec.get("type") not in ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"):
            out.append(("spec.type", 'Unsupported value: "%s": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"' % spec.get("type")))
        if not spec.get("ports") and spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None":
            out.append(("spec.ports", "Required value"))
        for i, p in enumerate(spec.get("ports") or []):
            if not isinstance(p.get("port"), int) or not 1 <= p["port"] <= 65535:
                out.append(("spec.ports[%d].port" % i, "Invalid value: %s: must be between 1 and 65535, inclusive" % json.dumps(p.get("port"))))
            if len(spec["ports"]) > 1 and not p.get("name"):
                out.append(("spec.ports[%d].name" % i, "Required value"))
    elif kind.kind in ("Secret", "ConfigMap"):
        for k, v in (obj.get("data") or {}).items():
            if not isinstance(v, str):
                raise Fault(400, '%s in version "%s" cannot be handled as a %s: json: cannot unmarshal into Go struct field .data of type string' % (kind.kind, kind.gv, kind.kind))
            if not re.fullmatch(r"[-._a-zA-Z0-9]+", k):
                out.append(("data[%s]" % k, 'Invalid value: "%s": a valid config key must consist of alphanumeric characters' % k))
    elif kind.kind in ("RoleBinding", "ClusterRoleBinding"):
        if old and old.get("roleRef") != obj.get("roleRef"):
            out.append(("roleRef", "Invalid value: cannot change roleRef"))
        if not (obj.get("roleRef") or {}).get("name"):
            out.append(("roleRef.name", "Required value"))
    elif kind.kind == "PersistentVolumeClaim":
        if not matching.at(spec, "resources.requests.storage"):
            out.append(("spec.resources[storage]", "Required value"))
        if not spec.get("accessModes"):
            out.append(("spec.accessModes", "Required value: at least 1 access mode is required"))
    if out:
        raise invalid(kind, m["name"], *out)


# --- defaults: fresh objects, changed in place ---
def container_defaults(spec):
    for c in (spec.get("containers") or []) + (spec.get("initContainers") or []):
        if not isinstance(c, dict):
            raise Fault(400, "a container is no object")
        for p in c.get("ports") or []:
            p.setdefault("protocol", "TCP")
    spec.setdefault("restartPolicy", "Always")


def fill(kind, obj, old, store):
    if not isinstance(obj.get("spec") or {}, dict):
        raise Fault(400, "%s in version %s cannot be handled as a %s: the spec is no object" % (kind.kind, kind.gv, kind.kind))
    spec = obj.get("spec")
    if kind.kind in ("Deployment", "StatefulSet"):
        spec = obj.setdefault("spec", {})
        spec.setdefault("replicas", 1)
        if kind.kind == "Deployment":
            spec.setdefault("strategy", {"type": "RollingUpdate"})
        container_defaults(spec.setdefault("template", {}).setdefault("spec", {}))
    elif kind.kind == "Job":
        spec.setdefault("completions", 1)
    elif kind.kind == "Pod":
        container_defaults(spec)
        spec.setdefault("serviceAccountName", "default")
    elif kind.kind == "Secret":
        fill_secret(obj, old)
    elif kind.kind == "Service":
        fill_service(obj, old, store)
    elif kind.kind == "PersistentVolumeClaim" and spec is not None and "storageClassName" not in spec:
        default = [c["metadata"]["name"] for c in store.all("StorageClass") if (c["metadata"].get("annotations") or {}).get("storageclass.kubernetes.io/is-default-class") == "true"]
        if default:
            spec["storageClassName"] = default[0]


def fill_secret(obj, old):
    obj.setdefault("type", "Opaque")
    if old and old.get("type") != obj["type"]:
        raise invalid_type(obj)
    text = obj.pop("stringData", None) or {}
    if text:
        obj["data"] = dict(obj.get("data") or {}, **{k: base64.b64encode(str(v).encode()).decode() for k, v in text.items()})
    for k, v in (obj.get("data") or {}).items():
        try:
            base64.b64decode(v or "", validate=True)
        except (binascii.Error, TypeError, ValueError) as e:
            raise Fault(400, 'Secret in version "v1" cannot be handled as a Secret: illegal base64 data in data.%s' % k) from e


def invalid_type(obj):
    from resources import BY_KIND
    return invalid(BY_KIND["Secret"], obj["metadata"]["name"], ("type", "Invalid value: \"%s\": field is immutable" % obj["type"]))


def fill_service(obj, old, store):
    spec, before = obj.setdefault("spec", {}), (old or {}).get("spec") or {}
    spec.setdefault("type", "ClusterIP")
    for p in spec.get("ports") or []:
        p.setdefault("protocol", "TCP")
        p.setdefault("targetPort", p.get("port"))
    if before.get("clusterIP") and not spec.get("clusterIP"):
        spec["clusterIP"] = before["clusterIP"]
    if not spec.get("clusterIP") and spec["type"] != "ExternalName":
        taken = {s["spec"].get("clusterIP") for s in store.all("Service")}
        spec["clusterIP"] = next(a for a in ("10.96.%d.%d" % (n // 250, n % 250 + 2) for n in range(20000)) if a not in taken)
    if spec["type"] not in ("NodePort", "LoadBalancer"):
        for p in spec.get("ports") or []:
            p.pop("nodePort", None)
        return
    taken = {p.get("nodePort") for s in store.all("Service") if s["metadata"].get("uid") != obj["metadata"].get("uid") for p in s["spec"].get("ports") or []}
    known = {(p.get("name"), p["port"]): p.get("nodePort") for p in before.get("ports") or []}
    start = hashed("%s/%s" % (obj["metadata"].get("namespace"), obj["metadata"]["name"])) % len(NODE_PORTS)
    for p in spec.get("ports") or []:
        port = p.get("nodePort") or known.get((p.get("name"), p.get("port")))
        if p.get("nodePort") and p["nodePort"] in taken:
            raise invalid_port(obj, p["nodePort"])
        if not port:
            port = next(NODE_PORTS[(start + i) % len(NODE_PORTS)] for i in range(len(NODE_PORTS)) if NODE_PORTS[(start + i) % len(NODE_PORTS)] not in taken)
        p["nodePort"] = port
        taken.add(port)


def invalid_port(obj, port):
    from resources import BY_KIND
    return invalid(BY_KIND["Service"], obj["metadata"]["name"], ("spec.ports[0].nodePort", "Invalid value: %d: provided port is already allocated" % port))


# --- quotas ---
def counts(kind, obj):
    """What an object takes of each amount that a quota may limit."""
    spec = obj.get("spec") or {}
    out = {"count/" + faults.label(kind): 1}
    if kind.kind in ("Pod", "Service", "Secret", "ConfigMap", "PersistentVolumeClaim", "ResourceQuota"):
        out[kind.plural] = 1
    if kind.kind == "Service":
        out["services.nodeports"] = len(spec.get("ports") or []) if spec.get("type") in ("NodePort", "LoadBalancer") else 0
        out["services.loadbalancers"] = int(spec.get("type") == "LoadBalancer")
    if kind.kind == "Pod":
        for what in ("cpu", "memory"):
            out["requests." + what] = out[what] = quantity.pod_requests(spec, what)
    if kind.kind == "PersistentVolumeClaim":
        out["requests.storage"] = quantity.number(matching.at(spec, "resources.requests.storage") or 0) or 0
    return out


def used(store, quota):
    hard = (quota.get("spec") or {}).get("hard") or {}
    total = dict.fromkeys(hard, 0)
    for kind, obj in store.in_namespace(quota["metadata"]["namespace"]):
        if kind.kind == "Pod" and matching.at(obj, "status.phase") in ("Succeeded", "Failed"):
            continue
        for what, n in counts(kind, obj).items():
            if what in total:
                total[what] += n
    return total


def plain(n):
    return str(int(n)) if n == int(n) else "%dm" % round(n * 1000)


def allow(store, kind, obj):
    """Raises 403 when a quota of the namespace is used up by this object."""
    for quota in store.all("ResourceQuota", obj["metadata"].get("namespace")) if kind.namespaced else ():
        hard, wants = quota["spec"].get("hard") or {}, counts(kind, obj)
        asked = {k: wants[k] for k in hard if wants.get(k)}
        if not asked:
            continue
        have = used(store, quota)
        over = [k for k in asked if have[k] + asked[k] > (quantity.number(hard[k]) or 0)]
        if over:
            said = [", ".join("%s=%s" % (k, f(k)) for k in over) for f in (lambda k: plain(asked[k]), lambda k: plain(have[k]), lambda k: str(hard[k]))]
            raise faults.forbidden(kind, obj["metadata"]["name"], "exceeded quota: %s, requested: %s, used: %s, limited: %s" % (quota["metadata"]["name"], *said))
