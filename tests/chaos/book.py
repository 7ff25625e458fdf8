"""What was found, with all the evidence there is at that moment, and the report."""
import json, os, statistics, threading, time
from invariants import CLASSES

RESUMPTION_LIMIT = 60  # seconds until killed work moves again (DESIGN section 3)


def percentile(values, share):
    v = sorted(values)
    return v[min(len(v) - 1, int(share * len(v)))] if v else 0.0


class Book:
    def __init__(self, world, seed, minutes, out):
        self.w, self.db, self.seed, self.minutes, self.out, self.began = world, world.psql(), seed, minutes, out, time.time()
        self.lock, self.violations, self.leftovers, self.faults, self.points, self.keys = threading.Lock(), [], {}, [], [], set()

    # --- findings ---
    def violation(self, name, key, what, detail, operation=None, subject=None):
        """Each finding once."""
        with self.lock:
            if (name, key) in self.keys:
                return
            self.keys.add((name, key))
        v = {"class": name, "what": what, "at": time.time(), "detail": detail, "last_faults": [f.told() for f in self.faults[-6:]], "evidence": self.evidence(operation, subject)}
        with self.lock:
            self.violations.append(v)
        print("VIOLATION %s: %s: %s" % (name, what, json.dumps(detail, default=str)[:600]), flush=True)

    def leftover(self, cluster, path, owner):
        with self.lock:
            self.leftovers[(cluster, path)] = owner

    def evidence(self, operation, subject):
        """The operation's or subject's rows, events, log lines, and what KubeFATE was asked for the same name."""
        if not operation and not subject:
            return {}
        where = "uuid = '%s'" % operation if operation else "subject = '%s'" % subject
        ops = self.db.dicts("select * from operation where %s order by id" % where)
        ids = ", ".join(str(o["id"]) for o in ops) or "0"
        subjects = ", ".join("'%s'" % s for s in {o["subject"] for o in ops} | ({subject} if subject else set()))
        parties = self.db.dicts("select uuid, name, namespace, deployment_name, status, job_uuid, cluster_uuid, error_class, error_args, deleted_at from participant where uuid in (%s)" % subjects)
        places = {(p["deployment_name"], p["namespace"]) for p in parties}
        words = [o["uuid"] for o in ops]
        return {"operations": ops, "participants": parties, "steps": self.db.dicts("select * from operation_step where operation_id in (%s) and started_at is not null order by operation_id, ord" % ids),
                "work": self.db.dicts("select * from work where class = 'operation' and ref in (%s)" % ids),
                "events": self.db.dicts("select created_at, operation_id, level, class, args, actor from event where operation_id in (%s) or entity_uuid in (%s) order by id" % (ids, subjects)),
                "kubefate": [x for x in self.w.kubefates.read() if (x.get("name"), x.get("namespace")) in places or x.get("cluster") and x.get("cluster") in {p["cluster_uuid"] for p in parties}],
                "log": [x for x in self.w.stack.log("poller").splitlines() if any(u in x for u in words)][-80:]}

    # --- liveness points ---
    def point(self, name, seconds, waiting):
        """One test for each class: nothing of it was found since the last point."""
        since = self.points[-1]["at"] if self.points else self.began
        found = {c: [v for v in self.violations if v["class"] == c and v["at"] > since] for c in CLASSES}
        self.points.append({"name": name, "at": time.time(), "settled_after": seconds, "still_waiting": waiting})
        for c in CLASSES:
            print("%s %s: %s" % ("not ok" if found[c] else "ok    ", name, c), flush=True)
        return sum(1 for c in CLASSES if not found[c]), sum(1 for c in CLASSES if found[c])

    # --- the report ---
    def summary(self, watch, injector):
        def times(word):
            v = [h.seconds for h in watch.hits if h.what.startswith(word)]
            return {"hits": len(v), "median": round(statistics.median(v), 2) if v else 0, "p99": round(percentile(v, 0.99), 2), "max": round(max(v), 2) if v else 0}
        kinds = {}
        for f in self.faults:
            kinds[f.kind] = kinds.get(f.kind, 0) + 1
        ended = {}
        for x in self.db.dicts("select kind, state, count(*) n from operation group by 1, 2 order by 1, 2"):
            ended.setdefault(x["kind"], {})[x["state"]] = x["n"]
        slow = [{"what": h.what, "at": h.at, "seconds": round(h.seconds, 2), "kinds": sorted(h.kinds)} for h in sorted(watch.hits, key=lambda h: -h.seconds)[:10]]
        return {"seed": self.seed, "minutes": self.minutes, "clusters": os.environ["RIG"], "seconds": round(time.time() - self.began), "faults": len(self.faults), "faults_by_kind": kinds,
                "operations": ended, "resumption": times("kill"), "resumption_after_stop": times("stop"), "slowest": slow, "slept_over_the_lease": injector.slept,
                "leases_lost": sum(1 for x in self.w.stack.log("poller").splitlines() if "lease lost" in x), "answers_of_the_api": {str(k): v for k, v in sorted(self.w.api.codes.items())},
                "leftovers_of_forced_removals": [{"cluster": c, "object": p, "owner": o} for (c, p), o in sorted(self.leftovers.items())], "points": self.points, "violations": self.violations}

    def write(self, watch, injector):
        s = self.summary(watch, injector)
        os.makedirs(self.out, exist_ok=True)
        with open(os.path.join(self.out, "report.json"), "w") as f:
            json.dump(dict(s, schedule=[f.told() for f in self.faults]), f, indent=1, default=str)
        with open(os.path.join(self.out, "report.txt"), "w") as f:
            f.write(self.text(s))
        return s

    def text(self, s):
        r, z = s["resumption"], s["resumption_after_stop"]
        lines = ["chaos SEED=%s MINUTES=%s: %d faults, %d violations" % (s["seed"], s["minutes"], s["faults"], len(s["violations"])), "",
                 "work hit by a kill moved again after %.2f s (median), %.2f s (99th percentile), %.2f s (longest of %d)" % (r["median"], r["p99"], r["max"], r["hits"]),
                 "work whose runner was stopped moved again after %.2f s (median), %.2f s (longest of %d); %d runners slept over their lease, %d results were dropped" % (z["median"], z["max"], z["hits"], len(s["slept_over_the_lease"]), s["leases_lost"]),
                 "", "faults"] + ["  %4d %s" % (n, k) for k, n in sorted(s["faults_by_kind"].items(), key=lambda x: -x[1])] + ["", "operations"]
        lines += ["  %-18s %s" % (k, ", ".join("%d %s" % (n, state) for state, n in v.items())) for k, v in s["operations"].items()]
        lines += ["", "answers of the API: " + ", ".join("%d times %s" % (n, c) for c, n in s["answers_of_the_api"].items())]
        lines += ["objects that forced removals said they left: %d" % len(s["leftovers_of_forced_removals"]), "", "liveness points"]
        for p in s["points"]:
            lines.append("  %s: settled after %.0f s, %d operations still waiting" % (p["name"], p["settled_after"], len(p["still_waiting"])))
            lines += ["      %(kind)s %(subject_name)s, %(age)s s old, in %(step)s: %(cause)s %(evidence_class)s" % x for x in p["still_waiting"]]
        for i, v in enumerate(s["violations"]):
            lines += ["", "violation %d: %s: %s" % (i + 1, v["class"], v["what"]), json.dumps(v, indent=1, default=str)]
        return "\n".join(lines) + "\n"
