"""What the controller manager does: workloads make pods, owners take their objects along, namespaces empty themselves, accounts get tokens."""
import base64
import copy, time
import rules, matching
from faults import Fault
from resources import BY_KIND
from registry import now, random_suffix

POD, PVC = BY_KIND["Pod"], BY_KIND["PersistentVolumeClaim"]
NAMESPACE_SECONDS = 1.0  # a real one takes four to six
UPDATE_SECONDS = 0.3  # a real one needs about as long until the old pods of a changed workload begin to go
PROGRESS_SECONDS = 600


def owner(obj):
    return next((o for o in obj["metadata"].get("ownerReferences") or [] if o.get("controller")), None)


def is_ready(pod):
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions") or [])


def is_going(obj):
    return bool(obj["metadata"].get("deletionTimestamp"))


def condition(status, kind, value, reason, message):
    """A condition that keeps its time while its value stays."""
    old = next((c for c in status.get("conditions") or [] if c["type"] == kind), None)
    out = {"type": kind, "status": value, "reason": reason, "message": message, "lastUpdateTime": now(), "lastTransitionTime": now()}
    if old and old["status"] == value:
        out["lastTransitionTime"] = old["lastTransitionTime"]
        if (old["reason"], old["message"]) == (reason, message):
            out["lastUpdateTime"] = old["lastUpdateTime"]
    return out


class Controllers:
    def __init__(self, store, registry, loop, tokens, events, ca_pem):
        self.store, self.registry, self.loop, self.tokens, self.events, self.ca = store, registry, loop, tokens, events, ca_pem
        store.listeners.append(self.changed)

    def changed(self, kind, old, new):
        obj = new or old
        m = obj["metadata"]
        at = m.get("namespace", ""), m["name"]
        act = {"Deployment": self.deployment, "StatefulSet": self.statefulset, "Job": self.job, "ServiceAccount": self.account, "Secret": self.token_secret, "PersistentVolumeClaim": self.claim}.get(kind.kind)
        # Their own status is theirs: looking again at every word they say of it would never end.
        if act and new and (not old or {**old, "status": 0, "metadata": 0} != {**new, "status": 0, "metadata": 0} or is_going(new) != is_going(old)):
            self.loop.at(UPDATE_SECONDS if old and kind.group == "apps" else 0, act, *at)
        if kind.kind == "Namespace" and new:
            self.loop.at(NAMESPACE_SECONDS if is_going(new) else 0, self.namespace, m["name"])
        if kind.kind == "StorageClass" and new and not old:
            for c in self.store.list(PVC):
                self.loop.at(0, self.claim, c["metadata"]["namespace"], c["metadata"]["name"])
        if kind.kind == "ResourceQuota" and new and not old:
            self.loop.at(0, self.quota, *at)
        o = owner(obj)
        if kind.kind == "Pod" and o and o["kind"] in ("Deployment", "StatefulSet", "Job"):
            self.loop.at(0, {"Deployment": self.deployment, "StatefulSet": self.statefulset, "Job": self.job}[o["kind"]], m["namespace"], o["name"])
        if not new:
            if self.store.owned.get(m["uid"]):
                self.loop.at(0, self.collect, m["uid"])
            ns = self.store.of("Namespace", "", at[0]) if at[0] else None
            if ns and is_going(ns):
                self.loop.at(0.05, self.namespace, at[0])
            if kind.kind == "ServiceAccount" and at[1] == "default":
                self.loop.at(0, self.namespace, at[0])

    # --- ownership ---
    def collect(self, uid):
        for kind, obj in self.store.dependents(uid):
            left = [o for o in obj["metadata"]["ownerReferences"] if o["uid"] != uid]
            if not left:
                self.registry.delete(kind, obj["metadata"].get("namespace"), obj["metadata"]["name"])

    def pods_of(self, obj):
        return [p for k, p in self.store.dependents(obj["metadata"]["uid"]) if k is POD and (owner(p) or {}).get("uid") == obj["metadata"]["uid"]]

    def make_pod(self, obj, name, template, labels, volumes=()):
        """None, or why there is no pod."""
        m = obj["metadata"]
        meta = copy.deepcopy(template.get("metadata") or {})
        meta.update(name=name, labels=dict(meta.get("labels") or {}, **labels), ownerReferences=[{"apiVersion": obj["apiVersion"], "kind": obj["kind"], "name": m["name"], "uid": m["uid"], "controller": True, "blockOwnerDeletion": True}])
        spec = copy.deepcopy(template.get("spec") or {})
        if volumes:
            spec["volumes"] = list(volumes) + [v for v in spec.get("volumes") or [] if v["name"] not in {x["name"] for x in volumes}]
        try:
            self.registry.create(POD, m["namespace"], {"metadata": meta, "spec": spec})
            self.events.add(obj, "Normal", "SuccessfulCreate", "Created pod: " + name)
        except Fault as e:
            self.events.add(obj, "Warning", "FailedCreate", "Error creating: " + e.message)
            return e.message
        return None

    def remove_pod(self, p):
        if not is_going(p):
            self.registry.delete(POD, p["metadata"]["namespace"], p["metadata"]["name"])

    # --- deployments ---
    def deployment(self, namespace, name):
        d = self.store.of("Deployment", namespace, name)
        if not d or is_going(d):
            return
        spec, wanted = d["spec"], d["spec"]["replicas"]
        mark = rules.template_hash(spec["template"])
        pods = self.pods_of(d)
        fresh = [p for p in pods if p["metadata"]["labels"].get("pod-template-hash") == mark and not is_going(p)]
        stale = [p for p in pods if p["metadata"]["labels"].get("pod-template-hash") != mark]
        recreate, problem = (spec.get("strategy") or {}).get("type") == "Recreate", None
        for p in fresh[wanted:]:
            self.remove_pod(p)
        if recreate and stale:
            for p in stale:
                self.remove_pod(p)
        else:
            for _ in range(wanted - len(fresh)):
                problem = problem or self.make_pod(d, "%s-%s-%s" % (name, mark, random_suffix()), spec["template"], {"pod-template-hash": mark})
            # Old ones go as new ones get ready.
            ready = sum(map(is_ready, fresh[:wanted]))
            for p in [p for p in stale if not is_going(p)][:max(0, ready + len(stale) - wanted)]:
                self.remove_pod(p)
        if problem:
            self.loop.at(2, self.deployment, namespace, name)
        self.deployment_status(d, mark, problem)

    def deployment_status(self, d, mark, problem):
        old, wanted = d.get("status") or {}, d["spec"]["replicas"]
        pods = [p for p in self.pods_of(d) if not is_going(p)]
        updated = [p for p in pods if p["metadata"]["labels"].get("pod-template-hash") == mark]
        ready = sum(map(is_ready, pods))
        surge = wanted // 4 if (d["spec"].get("strategy") or {}).get("type") != "Recreate" else 0
        counts = {"replicas": len(pods), "updatedReplicas": len(updated), "readyReplicas": ready, "availableReplicas": ready, "unavailableReplicas": max(0, wanted - ready)}
        status = {"observedGeneration": d["metadata"]["generation"], **{k: n for k, n in counts.items() if n}}
        good = ready >= wanted - surge
        complete = len(updated) == wanted == ready
        available = condition(old, "Available", "True" if good else "False", "MinimumReplicasAvailable" if good else "MinimumReplicasUnavailable", "Deployment has minimum availability." if good else "Deployment does not have minimum availability.")
        progress = condition(old, "Progressing", "True", "NewReplicaSetAvailable" if complete else "ReplicaSetUpdated", 'ReplicaSet "%s-%s" %s' % (d["metadata"]["name"], mark, "has successfully progressed." if complete else "is progressing."))
        since = self.loop_since(d, old, complete)
        if since and time.time() - since > PROGRESS_SECONDS:
            progress = condition(old, "Progressing", "False", "ProgressDeadlineExceeded", 'ReplicaSet "%s-%s" has timed out progressing.' % (d["metadata"]["name"], mark))
        status["conditions"] = [available, progress] + ([condition(old, "ReplicaFailure", "True", "FailedCreate", problem)] if problem else [])
        self.registry.status(BY_KIND["Deployment"], d, status)

    def loop_since(self, d, old, complete):
        """Since when it has not been complete; kept by the time of the condition Available's last change to False."""
        if complete:
            return None
        self.loop.at(30, self.deployment, d["metadata"]["namespace"], d["metadata"]["name"])
        at = next((c["lastTransitionTime"] for c in old.get("conditions") or [] if c["type"] == "Available" and c["status"] == "False"), None)
        return time.mktime(time.strptime(at, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone if at else None

    # --- stateful sets ---
    def statefulset(self, namespace, name):
        s = self.store.of("StatefulSet", namespace, name)
        if not s or is_going(s):
            return
        spec, wanted, template = s["spec"], s["spec"]["replicas"], s["spec"]["template"]
        mark = rules.template_hash(template)
        pods = {p["metadata"]["name"]: p for p in self.pods_of(s)}
        names = ["%s-%d" % (name, i) for i in range(wanted)]
        for extra in sorted(set(pods) - set(names), reverse=True):
            self.remove_pod(pods[extra])
        side_by_side = spec.get("podManagementPolicy") == "Parallel"
        for i, n in enumerate(names):
            if n not in pods:
                if self.make_pod(s, n, template, {"statefulset.kubernetes.io/pod-name": n, "controller-revision-hash": mark, "apps.kubernetes.io/pod-index": str(i)}, self.claims_of(s, i)):
                    self.loop.at(2, self.statefulset, namespace, name)
            if (n not in pods or not is_ready(pods[n])) and not side_by_side:
                break  # the next one waits for this one
        else:
            old = [n for n in reversed(names) if pods.get(n) and pods[n]["metadata"]["labels"].get("controller-revision-hash") != mark]
            if old and all(n in pods and is_ready(pods[n]) for n in names):
                self.remove_pod(pods[old[0]])
        self.statefulset_status(s, mark)

    def claims_of(self, s, ordinal):
        out = []
        for t in s["spec"].get("volumeClaimTemplates") or []:
            m = t["metadata"]
            claim = "%s-%s-%d" % (m["name"], s["metadata"]["name"], ordinal)
            if not self.store.get(PVC, s["metadata"]["namespace"], claim):
                try:
                    self.registry.create(PVC, s["metadata"]["namespace"], {"metadata": {"name": claim, "labels": m.get("labels") or {}}, "spec": t["spec"]})
                except Fault as e:
                    self.events.add(s, "Warning", "FailedCreate", "create Claim %s failed: %s" % (claim, e.message))
            out.append({"name": m["name"], "persistentVolumeClaim": {"claimName": claim}})
        return out

    def statefulset_status(self, s, mark):
        pods = [p for p in self.pods_of(s) if not is_going(p)]
        new = [p for p in pods if p["metadata"]["labels"].get("controller-revision-hash") == mark]
        ready, revision = sum(map(is_ready, pods)), "%s-%s" % (s["metadata"]["name"], mark)
        counts = {"readyReplicas": ready, "currentReplicas": len(new), "updatedReplicas": len(new)}
        self.registry.status(BY_KIND["StatefulSet"], s, {"observedGeneration": s["metadata"]["generation"], "replicas": len(pods), "availableReplicas": ready, "collisionCount": 0, "currentRevision": revision, "updateRevision": revision, **{k: n for k, n in counts.items() if n}})

    # --- jobs ---
    def job(self, namespace, name):
        j = self.store.of("Job", namespace, name)
        if not j or is_going(j) or any(c["type"] == "Complete" for c in (j.get("status") or {}).get("conditions") or []):
            return
        pods, wanted = self.pods_of(j), j["spec"].get("completions") or 1
        done = sum(p["status"].get("phase") == "Succeeded" for p in pods)
        for _ in range(wanted - len(pods)):
            self.make_pod(j, "%s-%s" % (name, random_suffix()), j["spec"].get("template") or {}, {"job-name": name, "batch.kubernetes.io/job-name": name})
        status = {"startTime": j["metadata"]["creationTimestamp"]}
        status.update({"succeeded": done} if done else {}, **({"active": wanted - done} if done < wanted else {"completionTime": now(), "conditions": [condition(j.get("status") or {}, "Complete", "True", "CompletionsReached", "Reached expected number of succeeded pods")]}))
        self.registry.status(BY_KIND["Job"], j, status)

    # --- namespaces ---
    def namespace(self, name):
        ns = self.store.of("Namespace", "", name)
        if ns and is_going(ns):
            self.empty(ns)
        elif ns:
            ca = self.ca
            for kind, body in (("ServiceAccount", {"metadata": {"name": "default"}}), ("ConfigMap", {"metadata": {"name": "kube-root-ca.crt"}, "data": {"ca.crt": ca}})):
                if not self.store.of(kind, name, body["metadata"]["name"]):
                    self.registry.create(BY_KIND[kind], name, body)

    def empty(self, ns):
        name = ns["metadata"]["name"]
        for kind, obj in self.store.in_namespace(name):
            if not is_going(obj):
                self.registry.delete(kind, name, obj["metadata"]["name"])
        left = self.store.in_namespace(name)
        if not left and not ns["metadata"].get("finalizers"):
            self.store.drop(BY_KIND["Namespace"], ns)
            return
        held = [f for _, o in left for f in o["metadata"].get("finalizers") or []]
        kinds = ", ".join(sorted({"%s has %d resource instances" % (k.plural + ".", sum(x is k for x, _ in left)) for k, _ in left}))
        status, old = {"phase": "Terminating"}, ns["status"]
        status["conditions"] = [condition(old, "NamespaceContentRemaining", "True" if left else "False", "SomeResourcesRemain" if left else "ContentRemoved", "Some resources are remaining: " + kinds if left else "All content successfully removed"),
                                condition(old, "NamespaceFinalizersRemaining", "True" if held else "False", "SomeFinalizersRemain" if held else "ContentHasNoFinalizers",
                                          "Some content in the namespace has finalizers remaining: " + ", ".join("%s in %d resource instances" % (f, held.count(f)) for f in sorted(set(held))) if held else "All content-preserving finalizers finished")]
        self.registry.status(BY_KIND["Namespace"], ns, status)
        self.loop.at(1, self.namespace, name)

    # --- accounts ---
    def account(self, namespace, name):
        for s in self.store.all("Secret", namespace):
            if s.get("type") == "kubernetes.io/service-account-token":
                self.token_secret(namespace, s["metadata"]["name"])

    def token_secret(self, namespace, name):
        s = self.store.of("Secret", namespace, name)
        if not s or s.get("type") != "kubernetes.io/service-account-token" or "token" in (s.get("data") or {}):
            return
        a = self.store.of("ServiceAccount", namespace, (s["metadata"].get("annotations") or {}).get("kubernetes.io/service-account.name", ""))
        if not a:
            return
        data = {k: base64.b64encode(v.encode()).decode() for k, v in (("token", self.tokens.issue(a, secret=name)), ("ca.crt", self.ca), ("namespace", namespace))}
        note = dict(s["metadata"]["annotations"], **{"kubernetes.io/service-account.uid": a["metadata"]["uid"]})
        self.registry.edit(BY_KIND["Secret"], s, data=dict(s.get("data") or {}, **data), metadata={"annotations": note})

    # --- storage, quotas ---
    def claim(self, namespace, name):
        c = self.store.get(PVC, namespace, name)
        if not c or is_going(c) or c["spec"].get("volumeName"):
            return
        if not self.store.of("StorageClass", "", c["spec"].get("storageClassName") or ""):
            self.registry.status(PVC, c, {"phase": "Pending"})
            return
        volume, m = "pvc-" + c["metadata"]["uid"], c["metadata"]
        ref = {"kind": "PersistentVolumeClaim", "namespace": namespace, "name": name, "uid": m["uid"]}
        capacity = {"storage": matching.at(c, "spec.resources.requests.storage")}
        pv = self.registry.create(BY_KIND["PersistentVolume"], "", {"metadata": {"name": volume}, "spec": {"capacity": capacity, "accessModes": c["spec"]["accessModes"], "claimRef": ref, "storageClassName": c["spec"]["storageClassName"],
                                                                   "persistentVolumeReclaimPolicy": "Delete", "hostPath": {"path": "/nowhere"}}})
        self.registry.edit(BY_KIND["PersistentVolume"], pv, status={"phase": "Bound"}, metadata={"ownerReferences": [dict(ref, apiVersion="v1")]})
        self.registry.edit(PVC, c, spec=dict(c["spec"], volumeName=volume), status={"phase": "Bound", "accessModes": c["spec"]["accessModes"], "capacity": capacity})

    def quota(self, namespace, name):
        q = self.store.of("ResourceQuota", namespace, name)
        if not q:
            return
        hard = (q.get("spec") or {}).get("hard") or {}
        self.registry.status(BY_KIND["ResourceQuota"], q, {"hard": hard, "used": {k: rules.plain(n) for k, n in rules.used(self.store, q).items()}})
        self.loop.at(2, self.quota, namespace, name)


class Events:
    """Event objects: the same thing said again is counted, old ones are dropped."""

    MOST = 2000

    def __init__(self, store, registry):
        self.store, self.registry, self.names = store, registry, {}

    def add(self, obj, kind, reason, message):
        m = obj["metadata"]
        namespace, key = m.get("namespace") or "default", (m["uid"], reason, message)
        ns = self.store.of("Namespace", "", namespace)
        if not ns or is_going(ns):
            return
        known = self.store.of("Event", namespace, self.names.get(key, ""))
        if known:
            self.registry.edit(BY_KIND["Event"], known, count=known["count"] + 1, lastTimestamp=now())
            return
        if len(self.names) > self.MOST:
            self.names.clear()
            for e in self.store.all("Event"):
                self.store.drop(BY_KIND["Event"], e)
        name = self.names[key] = "%s.%s" % (m["name"], random_suffix(12))
        about = {"kind": obj["kind"], "namespace": m.get("namespace", ""), "name": m["name"], "uid": m["uid"], "apiVersion": obj["apiVersion"]}
        self.registry.create(BY_KIND["Event"], namespace, {"metadata": {"name": name}, "involvedObject": about, "reason": reason, "message": message, "type": kind, "count": 1, "firstTimestamp": now(), "lastTimestamp": now(),
                                                         "source": {"component": "sim"}})
