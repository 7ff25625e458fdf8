"""Who owns which field: server-side apply, and the ownership that plain writes leave behind.

A field is a path of steps: a key of a mapping, or ("k", JSON) for an entry of a list whose entries are told apart by some of their keys. Every other list
is one value. The set of paths of a manager is kept in metadata.managedFields in Kubernetes' own form (FieldsV1)."""
import copy, json
import faults

# Lists merged by the keys of their entries, by the name of the list (OpenAPI x-kubernetes-list-map-keys of the kinds served).
LIST_KEYS = {"containers": ("name",), "initContainers": ("name",), "volumes": ("name",), "env": ("name",), "volumeMounts": ("mountPath",), "imagePullSecrets": ("name",), "conditions": ("type",), "ownerReferences": ("uid",)}
# Set by the server or the key of the object itself: nobody's field.
NOBODYS = {("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace"), ("metadata", "uid"), ("metadata", "resourceVersion"), ("metadata", "creationTimestamp"), ("metadata", "generation"), ("metadata", "managedFields"),
           ("metadata", "deletionTimestamp"), ("metadata", "deletionGracePeriodSeconds"), ("metadata", "selfLink")}


def keys_of(name, entries):
    """The keys that tell a list's entries apart; () when the list is one value."""
    if not entries or not all(isinstance(e, dict) for e in entries):
        return ()
    if name == "ports":
        number = "containerPort" if all("containerPort" in e for e in entries) else "port"
        return (number, "protocol") if all(number in e for e in entries) else ()
    keys = LIST_KEYS.get(name, ())
    return keys if all(k in e for e in entries for k in keys) else ()


def entry_key(entry, keys):
    return "k", json.dumps({k: entry.get(k, "TCP") for k in keys}, sort_keys=True)


def leaves(value, path=(), out=None):
    """{path: value} of everything below that has no fields of its own."""
    out = {} if out is None else out
    if path in NOBODYS or path[:1] == ("status",):
        return out
    if isinstance(value, dict) and value:
        for k, v in value.items():
            leaves(v, path + (k,), out)
    elif isinstance(value, list) and keys_of(path[-1], value):
        keys = keys_of(path[-1], value)
        for e in value:
            leaves(e, path + (entry_key(e, keys),), out)
    elif value is not None and path:
        out[path] = value
    return out


# --- the stored form ---
def pack(paths):
    tree = {}
    for p in sorted(paths, key=repr):
        at = tree
        for step in p:
            at = at.setdefault("k:" + step[1] if isinstance(step, tuple) else "f:" + step, {})
    return tree


def unpack(tree, path=()):
    if not tree:
        return {path} if path else set()
    return set().union(*(unpack(v, path + ((("k", k[2:]) if k.startswith("k:") else k[2:]),)) for k, v in tree.items()))


def owners(obj):
    """{(manager, operation): set of paths}"""
    return {(m["manager"], m["operation"]): unpack(m.get("fieldsV1") or {}) for m in (obj["metadata"].get("managedFields") or []) if m.get("fieldsType") == "FieldsV1"}


def put_owners(obj, api_version, owned, when):
    before = {(m["manager"], m["operation"]): m for m in obj["metadata"].get("managedFields") or []}
    out = []
    for (manager, operation), paths in owned.items():
        if not paths:
            continue
        old, fresh = before.get((manager, operation)), pack(paths)
        same = old and old.get("fieldsV1") == fresh
        out.append({"manager": manager, "operation": operation, "apiVersion": api_version, "time": old["time"] if same else when, "fieldsType": "FieldsV1", "fieldsV1": fresh})
    obj["metadata"]["managedFields"] = out


def take(obj, old, manager, when):
    """After a create or update: what changed belongs to its writer alone."""
    before, after = leaves(old or {}), leaves(obj)
    changed = {p for p, v in after.items() if before.get(p, v is None) != v or p not in before}
    owned = owners(old) if old else {}
    owned = {who: {p for p in paths if p in after} - changed for who, paths in owned.items()}
    owned[manager, "Update"] = owned.get((manager, "Update"), set()) | changed
    put_owners(obj, obj["apiVersion"], owned, when)


# --- merging ---
def merge(live, new, name=""):
    """new laid over live; lists by their keys where they have some."""
    if isinstance(new, dict) and isinstance(live, dict):
        out = dict(live)
        for k, v in new.items():
            if v is not None:
                out[k] = merge(out[k], v, k) if k in out else copy.deepcopy(v)
        return out
    keys = keys_of(name, new) if isinstance(new, list) else ()
    if keys and isinstance(live, list) and keys_of(name, live) == keys:
        given = {entry_key(e, keys): e for e in new}
        out = [merge(e, given.pop(entry_key(e, keys)), name) if entry_key(e, keys) in given else e for e in live]
        return out + [copy.deepcopy(e) for e in new if entry_key(e, keys) in given]
    return copy.deepcopy(new)


def remove(value, path):
    """value without the field, and without mappings that this leaves empty."""
    step, rest = path[0], path[1:]
    if isinstance(step, tuple) and isinstance(value, list):
        keys = tuple(json.loads(step[1]))
        out = []
        for e in value:
            if isinstance(e, dict) and entry_key(e, keys) == step:
                # A key goes only with its entry, and an entry of which nothing but keys is left is wanted by nobody.
                e = remove(e, rest) if rest and rest[0] not in keys else e
                if set(e) <= set(keys):
                    continue
            out.append(e)
        return out
    if not isinstance(value, dict) or step not in value:
        return value
    out = dict(value)
    below = remove(out[step], rest) if rest else None
    if below in (None, {}, []):
        del out[step]
    else:
        out[step] = below
    return out


def drop_nulls(value):
    if isinstance(value, dict):
        return {k: drop_nulls(v) for k, v in value.items() if v is not None}
    return [drop_nulls(v) for v in value] if isinstance(value, list) else value


def apply(kind, live, config, manager, force, when):
    """The object after a server-side apply; live None: a new one. Raises a conflict that names the fields and their owners."""
    config = drop_nulls(config)
    wanted = leaves(config)
    owned = owners(live) if live else {}
    mine = manager, "Apply"
    if live:
        have, clashes = leaves(live), []
        for who, paths in owned.items():
            if who == mine:
                continue
            clashes += [(who[0], p) for p in sorted(paths & set(wanted), key=repr) if have.get(p) != wanted[p]]
        if clashes and not force:
            raise conflict(kind, live["metadata"]["name"], clashes)
        lost = {p for _, p in clashes}
        owned = {who: paths - lost if who != mine else paths for who, paths in owned.items()}
        others = set().union(*[paths for who, paths in owned.items() if who != mine]) if owned else set()
        out = copy.deepcopy(live)
        for p in sorted(owned.get(mine, set()) - set(wanted) - others, key=len, reverse=True):
            out = remove(out, p)
        out = merge(out, config)
    else:
        out = copy.deepcopy(config)
    out["metadata"] = dict(out["metadata"])
    owned[mine] = set(wanted)
    put_owners(out, kind.gv, owned, when)
    return out


def text(path):
    """.spec.template.spec.containers[name="c"].image"""
    out = ""
    for step in path:
        out += "[%s]" % ",".join("%s=%s" % (k, json.dumps(v)) for k, v in json.loads(step[1]).items()) if isinstance(step, tuple) else "." + step
    return out


def conflict(kind, name, clashes):
    said = ", ".join('conflict with "%s": %s' % (who, text(p)) for who, p in clashes)
    causes = [{"reason": "FieldManagerConflict", "message": 'conflict with "%s"' % who, "field": text(p)} for who, p in clashes]
    return faults.Fault(409, "Apply failed with %d conflict%s: %s" % (len(clashes), "" if len(clashes) == 1 else "s", said), causes=causes, **faults.about(kind, name))


def merge_patch(value, patch):
    """RFC 7386"""
    if not isinstance(patch, dict):
        return patch
    out = dict(value) if isinstance(value, dict) else {}
    for k, v in patch.items():
        if v is None:
            out.pop(k, None)
        else:
            out[k] = merge_patch(out.get(k), v)
    return out
