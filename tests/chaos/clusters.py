"""What must be true in the clusters: effects happened once, nothing is left without a record, tables hold the wanted parties, what is Active is whole."""
import urllib.parse
import yamlish
from helm import documents, unpack
from invariants import EVENTS, ONCE, ORPHANS, ROUTES, TRUE, UNIQUE
from rig import audit

PARTY, ENDPOINT = "fedlcm.io/participant", "fedlcm.io/endpoint"
CREATIONS = ("select o.id, o.uuid, o.kind, o.state, o.retries, extract(epoch from o.created_at) as began, extract(epoch from coalesce(case when o.state <> 'failed' then o.ended_at end, now())) as ended, p.uuid as party, p.namespace, "
             "p.deployment_name as name from operation o join participant p on p.uuid = o.subject where o.kind in ('exchange_create', 'cluster_create') order by o.id")
# Removals by force may leave something behind, and say what.
GIVEN_UP = "select distinct subject from operation where input->>'force' = 'true' and leftovers <> '[]'"
LIVING = "select uuid from participant where deleted_at is null union all select uuid from endpoint"
PARTIES = ("select uuid, federation_uuid, endpoint_uuid, infra_uuid, name, type, party_id, status, namespace, deployment_name, access_info, routes_seen from participant where deleted_at is null and is_managed")
PUSH_STUCK = "select subject from operation where subject_type = 'exchange_routes' and state = 'failed' and error_class = 'routes.forgotten'"
FORGOTTEN = "select distinct entity_uuid from event where class = 'routes.forgotten'"
# One start and one end for each operation. A start is written with the request, so it bears the subject only.
STARTS = ("select o.subject, o.subject_name, count(*) filter (where o.kind in ('exchange_create', 'cluster_create')) made, count(*) filter (where o.kind in ('exchange_remove', 'cluster_remove')) removed, "
          "(select count(*) from event e where e.entity_uuid = o.subject and e.class = 'event.party-start') made_events, (select count(*) from event e where e.entity_uuid = o.subject and e.class = 'event.party-remove') removed_events "
          "from operation o where o.subject_type = 'participant' and o.kind in ('exchange_create', 'cluster_create', 'exchange_remove', 'cluster_remove') group by o.subject, o.subject_name")
ENDS = ("select o.id, o.uuid, o.kind, o.state, o.subject_name, (select count(*) from event e where e.operation_id = o.id and e.class = x.class) n, x.class from operation o join (values ('exchange_create', 'succeeded', 'event.active'), "
        "('cluster_create', 'succeeded', 'event.active'), ('exchange_remove', 'succeeded', 'event.removed'), ('cluster_remove', 'succeeded', 'event.removed'), ('endpoint_install', 'succeeded', 'event.endpoint-ready'), "
        "('endpoint_remove', 'succeeded', 'event.endpoint-gone'), ('exchange_create', 'cancelled', 'event.stopped'), ('cluster_create', 'cancelled', 'event.stopped')) x(kind, state, class) on x.kind = o.kind and x.state = o.state "
        "where (select count(*) from event e where e.operation_id = o.id and e.class = x.class) <> 1")
FAILURES = "select id, uuid, kind, state, subject_name from operation o where state = 'failed' and not exists (select from event e where e.operation_id = o.id and e.level = 'Error')"


class Clusters:
    def __init__(self, world, book, injector):
        self.w, self.db, self.book, self.injector = world, world.psql(), book, injector
        self.on = {v: k for k, v in world.infra.items()}

    def cluster(self, infra):
        if infra not in self.on:  # the guests' infrastructures are those of the same clusters
            self.on[infra] = self.db.one("select name from infra where uuid = '%s'" % infra)[-1]
        return self.on[infra]

    # --- safety ---
    def look(self):
        self.installs()
        for c, kube in self.w.kube.items():
            self.releases(c, kube)
            self.orphans(c, kube)

    def dead_between(self, pod, since, until):
        return any(x["pod"] == pod and since <= x["at"] <= until for x in self.injector.kubefate_deaths)

    def installs(self):
        """A second install of one creation is only right when the first one has failed or died with its KubeFATE."""
        creations = self.db.dicts(CREATIONS)
        jobs = {}
        for x in self.w.kubefates.read():
            if x.get("method") == "ClusterInstall":
                job = jobs.setdefault(x["job"], {"at": x["at"], "name": x["name"], "namespace": x["namespace"], "pod": x["pod"], "ended": None, "statuses": []})
                job["statuses"].append(x["status"])
                if x["status"] in ("Failed", "Canceled"):
                    job["ended"] = x["at"]
        for o in creations:  # a namespace is one deployment's at a time, on whichever cluster
            later = min((x["began"] for x in creations if x["namespace"] == o["namespace"] and x["began"] > o["began"]), default=o["ended"] + 15)
            mine = sorted((j for j in jobs.values() if (j["name"], j["namespace"]) == (o["name"], o["namespace"]) and o["began"] <= j["at"] < later), key=lambda j: j["at"])
            for first, second in zip(mine, mine[1:]):
                over = first["ended"] and first["ended"] < second["at"]
                if not over and not self.dead_between(first["pod"], first["at"] - 1, second["at"]) and first["pod"] == second["pod"]:
                    self.book.violation(ONCE, o["uuid"], "installed twice", {"creation": o, "jobs": mine}, operation=o["uuid"])

    def releases(self, c, kube):
        names = {}
        for s in kube.items("/api/v1/secrets?labelSelector=owner=helm"):
            names.setdefault(s["metadata"]["namespace"], set()).add(s["metadata"]["labels"].get("name"))
        for ns, found in names.items():
            if len(found) > 1:
                self.book.violation(UNIQUE, "release %s %s" % (c, ns), "two releases in one namespace", {"cluster": c, "namespace": ns, "releases": sorted(found)})
        for kind, path in (("Namespace", "/api/v1/namespaces"), ("Secret", "/api/v1/secrets")):
            owners = {}
            for x in kube.items(path + "?labelSelector=" + PARTY):
                m = x["metadata"]
                owners.setdefault((m["labels"][PARTY], m["name"] if kind == "Secret" else ""), []).append("%s/%s" % (m.get("namespace", ""), m["name"]))
            for (owner, _), v in owners.items():
                if len(v) > 1:
                    self.book.violation(UNIQUE, "%s %s %s" % (kind, c, owner), "two of one deployment", {"cluster": c, "kind": kind, "participant": owner, "objects": v})

    def ours(self, kube):
        """What bears a label of ours: path, owner, uid."""
        out = []
        for label, paths in ((PARTY, ("/api/v1/namespaces", "/api/v1/secrets")), (ENDPOINT, ("/apis/apps/v1/deployments", "/api/v1/secrets", "/api/v1/services", "/api/v1/namespaces"))):
            for path in paths:
                for x in kube.items("%s?labelSelector=%s" % (path, label)):
                    m = x["metadata"]
                    base, _, plural = path.rpartition("/")
                    where = "%s/namespaces/%s/%s/%s" % (base, m["namespace"], plural, m["name"]) if m.get("namespace") else "%s/%s" % (path, m["name"])
                    out.append((where, m["labels"][label], m["uid"]))
        return out

    def orphans(self, c, kube):
        """Read before the records; who has none then is looked at again."""
        found = self.ours(kube)
        living = {x["uuid"] for x in self.db.dicts(LIVING)}
        lost = [x for x in found if x[1] not in living]
        given_up = {x["subject"] for x in self.db.dicts(GIVEN_UP)} if lost else set()
        for path, owner, uid in lost:
            code, v = kube.get(path)
            if code != 200 or v["metadata"]["uid"] != uid or v["metadata"].get("deletionTimestamp"):
                continue
            if owner in given_up:
                self.book.leftover(c, path, owner)
            else:
                self.book.violation(ORPHANS, "%s %s" % (c, path), "its record is gone", {"cluster": c, "object": path, "owner": owner, "creation": v["metadata"].get("creationTimestamp")}, subject=owner)

    # --- liveness ---
    def settled(self):
        """What is not yet as it has to be, now that nothing disturbs: [(class, key, what, evidence, subject)]."""
        parties = self.db.dicts(PARTIES)
        return self.tables(parties) + self.whole(parties) + self.shelves()

    def shelves(self):
        """KubeFATE keeps a chart once."""
        out, there = [], {x["uuid"] for x in self.db.dicts("select uuid from endpoint")}
        for c, kubefate in self.w.kubefate.items():
            if self.w.endpoint[c] not in there:
                continue
            for name in ("fate-exchange", "fate"):
                try:
                    n = len(kubefate.charts(name, "v1.11.1"))
                except (OSError, AssertionError, ValueError) as e:
                    out.append((UNIQUE, "charts %s" % c, "KubeFATE does not tell its charts", {"cluster": c, "why": repr(e)}, None))
                    continue
                if n > 1:
                    out.append((UNIQUE, "chart %s %s" % (c, name), "KubeFATE has the chart more than once", {"cluster": c, "chart": name, "rows": n}, None))
        return out

    def release(self, p):
        """Helm's newest revision, or None."""
        kube = self.w.kube[self.cluster(p["infra_uuid"])]
        items = kube.items("/api/v1/namespaces/%s/secrets?labelSelector=owner=helm,name=%s" % (p["namespace"], p["deployment_name"]))
        return max((unpack(s) for s in items), key=lambda r: r["version"], default=None)

    def tables(self, parties):
        stuck = {x["subject"] for x in self.db.dicts(PUSH_STUCK)}
        out = []
        for x in parties:
            if x["type"] != 1 or x["status"] not in (1, 4) or x["uuid"] in stuck:
                continue
            kube = self.w.kube[self.cluster(x["infra_uuid"])]
            wanted = {p["party_id"] for p in parties if p["federation_uuid"] == x["federation_uuid"] and p["type"] == 2 and p["status"] != 3 and "pulsar-public-tls" in p["access_info"] and "nginx" in p["access_info"]}
            seen = {}
            for name, key in (("nginx-config", "route_table.yaml"), ("traffic-server-sni", "sni.yaml")):
                code, cm = kube.get("/api/v1/namespaces/%s/configmaps/%s" % (x["namespace"], name))
                seen[key] = cm.get("data", {}).get(key, "") if code == 200 else ""
            http = {int(k) for k in yamlish.load(seen["route_table.yaml"]) or {} if str(k).isdigit() and int(k)}
            sni = {int(str(e["fqdn"]).split(".")[0]) for e in (yamlish.load(seen["sni.yaml"]) or {}).get("sni") or []}
            if not http == sni == wanted:
                out.append((ROUTES, x["uuid"], "the tables differ from the wanted parties", {"exchange": x["name"], "namespace": x["namespace"], "wanted": sorted(wanted), "nginx": sorted(http), "sni": sorted(sni)}, x["uuid"]))
        return out

    def whole(self, parties):
        """What is shown as Active has every object of its release, and Helm calls it deployed, but where an event says that KubeFATE forgot it: nobody is there to finish it."""
        out, forgotten = [], {x["entity_uuid"] for x in self.db.dicts(FORGOTTEN)}
        for p in parties:
            if p["status"] != 1:
                continue
            kube, r = self.w.kube[self.cluster(p["infra_uuid"])], self.release(p)
            missing = [] if not r else [d["kind"] + "/" + d["metadata"]["name"] for d in documents(r) if not self.there(kube, d)]
            if not r or missing or (r["info"]["status"] != "deployed" and p["uuid"] not in forgotten):
                out.append((TRUE, "whole %s" % p["uuid"], "Active, but its release is not whole", {"party": p["name"], "namespace": p["namespace"], "release": r and r["info"], "revision": r and r["version"], "missing": missing}, p["uuid"]))
        return out

    @staticmethod
    def there(kube, d):
        base = {"v1": "/api/v1"}.get(d["apiVersion"], "/apis/" + d["apiVersion"])
        plural = {"Ingress": "ingresses"}.get(d["kind"], d["kind"].lower() + "s")
        return kube.get("%s/namespaces/%s/%s/%s" % (base, d["metadata"]["namespace"], plural, d["metadata"]["name"]))[0] == 200

    def complete(self):
        """Events of what has ended, and the API servers' own records."""
        for x in self.db.dicts(STARTS):
            if (x["made"], x["removed"]) != (x["made_events"], x["removed_events"]):
                self.book.violation(EVENTS, "starts %s" % x["subject"], "operations and their start events differ in number", x, subject=x["subject"])
        for x in self.db.dicts(ENDS):
            self.book.violation(EVENTS, "end %s" % x["uuid"], "%d events %s" % (x["n"], x["class"]), x, operation=x["uuid"])
        for x in self.db.dicts(FAILURES):
            self.book.violation(EVENTS, "failure %s" % x["uuid"], "failed without an event", x, operation=x["uuid"])
        made, asked = {}, {}
        for c in self.w.kube:
            self.audit(c, made)
        for o in self.db.dicts(CREATIONS):
            asked[o["namespace"]] = asked.get(o["namespace"], 0) + 1
        for ns, n in made.items():
            if n > asked.get(ns, 0) and ns != "kube-fate":
                self.book.violation(UNIQUE, "made %s %d" % (ns, n), "the namespace was made more often than asked for", {"namespace": ns, "made": n, "creations": asked.get(ns, 0)})

    def audit(self, c, made):
        """A namespace is made once for one creation (201; a repeated apply answers 200), and KubeFATE never had to refuse an install as a second one."""
        for x in audit(self.w.rig, c):
            path = urllib.parse.urlsplit(x["uri"]).path
            parts = path.split("/")
            if x["agent"].startswith("fedlcm/") and x["verb"] == "patch" and x["code"] == 201 and len(parts) == 5 and parts[3] == "namespaces":
                made[parts[4]] = made.get(parts[4], 0) + 1
            if x["verb"] == "create" and path.endswith("/proxy/v1/cluster") and x["code"] == 500:
                self.book.violation(ONCE, "refused %s %s" % (c, x["time"]), "KubeFATE refused an install", dict(x, cluster=c))
