"""Amounts as Kubernetes writes them: 500m, 4Gi, 0.5, 2."""
SUFFIX = {"": 1, "m": 0.001, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}


def number(text):
    s = str(text)
    digits = s.rstrip("mkMGTKi")
    try:
        return float(digits) * SUFFIX[s[len(digits):]]
    except (ValueError, KeyError):
        return None


def pod_requests(spec, what):
    """Sum over the containers; the greatest init container counts when it asks for more."""
    def one(c):
        r = c.get("resources") or {}
        given = (r.get("requests") or {}).get(what, (r.get("limits") or {}).get(what, 0))
        return number(given) or 0
    return max([sum(map(one, spec.get("containers") or []))] + [one(c) for c in spec.get("initContainers") or []])
