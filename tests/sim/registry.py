"""Writing objects: create, update, patch, apply, delete, with the checks that stand before each. Used by the API and by the controllers."""
import copy, datetime, secrets, string, uuid
import faults, fields, rules
from faults import Fault
from resources import BY_KIND

# Set by the server only; whatever a client sends for them is passed over.
SERVERS = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields")
# Their deletion is finished by a controller, not by the call.
GRACEFUL = ("Pod", "Namespace")


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def random_suffix(n=5):
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(n))


class Registry:
    def __init__(self, store):
        self.store = store

    # --- what must be there ---
    def namespace_open(self, kind, namespace, name):
        if not kind.namespaced:
            return
        ns = self.store.of("Namespace", "", namespace)
        if not ns:
            raise faults.not_found(BY_KIND["Namespace"], namespace)
        if ns["metadata"].get("deletionTimestamp"):
            raise faults.terminating(kind, name, namespace)

    @staticmethod
    def shaped(kind, namespace, obj):
        """A copy with its kind, name and namespace in place; 400 when they are not what the path says."""
        if not isinstance(obj, dict) or not isinstance(obj.get("metadata") or {}, dict):
            raise Fault(400, "the body is no object of kind %s" % kind.kind)
        if obj.get("kind", kind.kind) != kind.kind or obj.get("apiVersion", kind.gv) != kind.gv:
            raise Fault(400, '%s in version "%s" cannot be handled as a %s' % (obj.get("kind"), obj.get("apiVersion"), kind.kind))
        out = copy.deepcopy(obj)
        out.update(apiVersion=kind.gv, kind=kind.kind)
        m = out["metadata"] = dict(out.get("metadata") or {})
        if kind.namespaced:
            if m.get("namespace", namespace) != namespace:
                raise Fault(400, "the namespace of the provided object does not match the namespace sent on the request")
            m["namespace"] = namespace
        else:
            m.pop("namespace", None)
        return out

    # --- create ---
    def create(self, kind, namespace, obj, manager="sim", dry=False):
        out = self.shaped(kind, namespace, obj)
        m = out["metadata"]
        if not m.get("name") and m.get("generateName"):
            m["name"] = m["generateName"] + random_suffix()
        if not m.get("name"):
            raise faults.invalid(kind, "", ("metadata.name", "Required value: name or generateName is required"))
        self.absent(kind, namespace, m["name"])
        return self.insert(kind, namespace, out, dry, lambda o: fields.take(o, None, manager, now()))

    def absent(self, kind, namespace, name):
        there = self.store.get(kind, namespace, name)
        if there:
            raise faults.exists(kind, name, bool(there["metadata"].get("deletionTimestamp")))

    def insert(self, kind, namespace, out, dry, own):
        m = out["metadata"]
        self.namespace_open(kind, namespace, m["name"])
        kept = m.get("managedFields")
        for k in SERVERS + ("resourceVersion",):
            m.pop(k, None)
        if kept:
            m["managedFields"] = kept
        m.update(uid=str(uuid.uuid4()), creationTimestamp=now())
        out.pop("status", None)
        rules.fill(kind, out, None, self.store)
        rules.check(kind, out, None)
        rules.allow(self.store, kind, out)
        if "spec" in out:
            m["generation"] = 1
        if kind.kind == "Namespace":
            out.setdefault("spec", {})["finalizers"] = ["kubernetes"]
            out["status"] = {"phase": "Active"}
            m["labels"] = dict(m.get("labels") or {}, **{"kubernetes.io/metadata.name": m["name"]})
        elif kind.kind == "Pod":
            out["status"] = {"phase": "Pending"}
        elif "status" in kind.subs:
            out["status"] = {}
        own(out)
        if dry:
            return dict(out, metadata=dict(m, resourceVersion=""))
        return self.store.put(kind, out)

    # --- change ---
    def found(self, kind, namespace, name):
        obj = self.store.get(kind, namespace, name)
        if not obj:
            raise faults.not_found(kind, name)
        return obj

    def replace(self, kind, namespace, name, obj, manager, dry=False, sub=None):
        out = self.shaped(kind, namespace, obj)
        old = self.found(kind, namespace, name)
        if out["metadata"].get("name", name) != name:
            raise Fault(400, "the name of the object (%s) does not match the name on the URL (%s)" % (out["metadata"].get("name"), name))
        return self.change(kind, old, out, dry, sub, lambda o: fields.take(o, old, manager, now()))

    def merge(self, kind, namespace, name, patch, manager, dry=False, sub=None):
        old = self.found(kind, namespace, name)
        if not isinstance(patch, dict):
            raise Fault(400, "the patch is no object")
        out = self.shaped(kind, namespace, fields.merge_patch(old, patch))
        return self.change(kind, old, out, dry, sub, lambda o: fields.take(o, old, manager, now()))

    def apply(self, kind, namespace, name, config, manager, force, dry=False):
        """(object, was it created)"""
        config = self.shaped(kind, namespace, config)
        if config["metadata"].get("name", name) != name:
            raise Fault(400, "name in the object does not match the name on the URL")
        if config["metadata"].pop("managedFields", None):
            raise Fault(400, "metadata.managedFields must be nil")
        config["metadata"]["name"] = name
        config.pop("status", None)
        if kind.kind == "Secret":
            rules.fill_secret(config, None) if "stringData" in config else None
        old = self.store.get(kind, namespace, name)
        out = fields.apply(kind, old, config, manager, force, now())
        if old:
            return self.change(kind, old, out, dry, None, None), False
        return self.insert(kind, namespace, out, dry, lambda o: None), True

    def change(self, kind, old, out, dry, sub, own):
        m, before = out["metadata"], old["metadata"]
        given = m.get("resourceVersion")
        if m.get("uid", before["uid"]) != before["uid"]:
            raise Fault(409, "Precondition failed: UID in precondition: %s, UID in object meta: %s" % (m["uid"], before["uid"]), **faults.about(kind, before["name"]))
        if given and given != before["resourceVersion"]:
            raise faults.modified(kind, before["name"])
        managed = m.get("managedFields") if own is None else None
        for k in SERVERS:
            m.pop(k, None)
            if k in before:
                m[k] = before[k]
        if managed is not None:
            m["managedFields"] = managed
        m["resourceVersion"] = before["resourceVersion"]
        if sub == "status":
            status = out.get("status")
            out = dict(old, status=status or {}, metadata=dict(before, managedFields=before.get("managedFields", [])))
        else:
            if "status" in old:
                out["status"] = old["status"]
            rules.fill(kind, out, old, self.store)
            rules.check(kind, out, old)
            if own:
                own(out)
            if out.get("spec") != old.get("spec") and "generation" in before:
                out["metadata"]["generation"] = before["generation"] + 1
        if out == old or dry:
            return out
        out["metadata"] = dict(out["metadata"])
        if before.get("deletionTimestamp") and not out["metadata"].get("finalizers") and kind.kind not in GRACEFUL:
            self.store.drop(kind, old)
            return out
        return self.store.put(kind, out)

    def status(self, kind, old, status):
        """By a controller: only the status, only when it differs."""
        now_there = self.store.get(kind, old["metadata"].get("namespace"), old["metadata"]["name"])
        if now_there and now_there["metadata"]["uid"] == old["metadata"]["uid"] and now_there.get("status") != status:
            self.store.put(kind, dict(now_there, status=status, metadata=dict(now_there["metadata"])))

    def edit(self, kind, old, **changes):
        """By a controller: other top-level fields or, as metadata, some of it."""
        out = dict(old, **changes)
        out["metadata"] = dict(old["metadata"], **changes.get("metadata", {}))
        return self.store.put(kind, out)

    # --- delete ---
    def delete(self, kind, namespace, name, options=None, dry=False):
        """The object while it goes, or None when it is gone."""
        obj = self.found(kind, namespace, name)
        m, want = obj["metadata"], (options or {}).get("preconditions") or {}
        for key, said in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
            if want.get(key) and want[key] != m[key]:
                raise Fault(409, "Operation cannot be fulfilled on %s \"%s\": Precondition failed: %s in precondition: %s, %s in object meta: %s" % (faults.label(kind), name, said, want[key], said, m[key]), **faults.about(kind, name))
        if dry:
            return obj
        if (options or {}).get("propagationPolicy") == "Orphan":
            self.orphan(m["uid"])
        graceful = kind.kind == "Namespace" or kind.kind == "Pod" and (obj.get("spec") or {}).get("nodeName") and (options or {}).get("gracePeriodSeconds") != 0
        if not m.get("finalizers") and not graceful:
            self.store.drop(kind, obj)
            return None
        if m.get("deletionTimestamp"):
            return obj
        out = dict(obj, metadata=dict(m, deletionTimestamp=now(), deletionGracePeriodSeconds=30 if kind.kind == "Pod" else 0))
        if kind.kind == "Namespace":
            out["status"] = {"phase": "Terminating"}
        return self.store.put(kind, out)

    def orphan(self, uid):
        for kind, obj in self.store.dependents(uid):
            left = [o for o in obj["metadata"]["ownerReferences"] if o["uid"] != uid]
            self.edit(kind, obj, metadata={"ownerReferences": left})
