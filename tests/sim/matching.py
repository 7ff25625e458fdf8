"""Label and field selectors."""
import re
from faults import Fault


def labels(text):
    """A test of a mapping of labels."""
    checks = []
    for part in re.findall(r"[^,(]+(?:\([^)]*\))?", text or ""):
        part = part.strip()
        found = re.fullmatch(r"(\S+)\s+(in|notin)\s+\(([^)]*)\)", part)
        if found:
            key, how, values = found.group(1), found.group(2), {v.strip() for v in found.group(3).split(",")}
            checks.append((lambda l, k=key, v=values: l.get(k) in v) if how == "in" else (lambda l, k=key, v=values: l.get(k) not in v))
        elif "!=" in part:
            key, value = (x.strip() for x in part.split("!=", 1))
            checks.append(lambda l, k=key, v=value: l.get(k) != v)
        elif "=" in part:
            key, value = (x.strip() for x in re.split("==?", part, maxsplit=1))
            checks.append(lambda l, k=key, v=value: l.get(k) == v)
        elif part.startswith("!"):
            checks.append(lambda l, k=part[1:].strip(): k not in l)
        elif re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/-]*", part):
            checks.append(lambda l, k=part: k in l)
        else:
            raise Fault(400, 'unable to parse requirement: found "%s", expected: identifier' % part)
    return lambda l: all(c(l or {}) for c in checks)


def selector_object(sel):
    """matchLabels and matchExpressions of a workload."""
    sel = sel or {}

    def test(l):
        for k, v in (sel.get("matchLabels") or {}).items():
            if l.get(k) != v:
                return False
        for e in sel.get("matchExpressions") or []:
            has, values = l.get(e["key"]), e.get("values") or []
            if {"In": has not in values, "NotIn": has in values, "Exists": has is None, "DoesNotExist": has is not None}.get(e["operator"], True):
                return False
        return True
    return test


# What Kubernetes lets one select by, besides name and namespace.
FIELDS = {"Pod": ("spec.nodeName", "spec.restartPolicy", "spec.serviceAccountName", "status.phase", "status.podIP"), "Secret": ("type",), "Namespace": ("status.phase",), "Job": ("status.successful",), "Node": ("spec.unschedulable",),
          "Event": ("involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid", "reason", "type", "source")}


def at(obj, path):
    for k in path.split("."):
        obj = obj.get(k) if isinstance(obj, dict) else None
    return obj


def fields(kind, text):
    checks = []
    for part in filter(None, (p.strip() for p in (text or "").split(","))):
        found = re.fullmatch(r"([A-Za-z.]+)\s*(==|!=|=)\s*(.*)", part)
        if not found:
            raise Fault(400, "invalid selector: '%s'; can't understand '%s'" % (text, part))
        key, how, value = found.groups()
        if key not in ("metadata.name", "metadata.namespace") + FIELDS.get(kind.kind, ()):
            raise Fault(400, '"%s" is not a known field selector: only "metadata.name", "metadata.namespace"' % key)
        checks.append(lambda o, k=key, v=value, no=how == "!=": (str(at(o, k) or "") == v) != no)
    return lambda o: all(c(o) for c in checks)
