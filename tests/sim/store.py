"""All objects of one cluster, in memory. An object that was put in is never changed again: a write replaces it, so readers may keep what they got.

Everything here is called with `lock` held, except reads of an object already in hand."""
import itertools, threading
from resources import BY_KIND, STORED


class Store:
    def __init__(self):
        self.lock = threading.RLock()
        self.tables = {k.key: {} for k in STORED}
        self.owned = {}  # uid of an owner -> {(kind, namespace, name)}
        self.counter = itertools.count(1000)
        self.version = 1000
        self.listeners = []  # called with (kind, old, new); one of the two may be None

    def get(self, kind, namespace, name):
        return self.tables[kind.key].get((namespace or "", name))

    def of(self, kind_name, namespace, name):
        return self.get(BY_KIND[kind_name], namespace, name)

    def list(self, kind, namespace=None):
        """In the order of their keys."""
        table = self.tables[kind.key]
        return [table[k] for k in sorted(table) if not namespace or k[0] == namespace]

    def all(self, kind_name, namespace=None):
        return self.list(BY_KIND[kind_name], namespace)

    def in_namespace(self, namespace):
        return [(k, o) for k in STORED if k.namespaced for o in self.list(k, namespace)]

    def put(self, kind, obj):
        m = obj["metadata"]
        at = m.get("namespace", ""), m["name"]
        old = self.tables[kind.key].get(at)
        self.version = next(self.counter)
        m["resourceVersion"] = str(self.version)
        self.tables[kind.key][at] = obj
        self.index(kind, old, obj)
        self.tell(kind, old, obj)
        return obj

    def drop(self, kind, obj):
        m = obj["metadata"]
        self.version = next(self.counter)
        old = self.tables[kind.key].pop((m.get("namespace", ""), m["name"]), None)
        self.index(kind, old, None)
        self.tell(kind, old, None)

    def index(self, kind, old, new):
        for obj, add in ((old, False), (new, True)):
            for o in (obj or {}).get("metadata", {}).get("ownerReferences") or []:
                at = kind.kind, obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
                if add:
                    self.owned.setdefault(o["uid"], set()).add(at)
                else:
                    self.owned.get(o["uid"], set()).discard(at)

    def dependents(self, uid):
        return [(BY_KIND[k], self.of(k, ns, name)) for k, ns, name in sorted(self.owned.get(uid, ()))]

    def tell(self, kind, old, new):
        for f in self.listeners:
            f(kind, old, new)
