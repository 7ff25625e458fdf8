"""What proves that each effect happened exactly once: the API server's audit log, KubeFATE's own job list, the release secrets, and the product's records."""
import base64, http.client, json, urllib.parse
from rig import audit


class KubeFate:
    """KubeFATE's REST API, asked directly at its pod with the account that the product generated."""

    def __init__(self, kube):
        secret = kube.get("/api/v1/namespaces/kube-fate/secrets/kubefate-secret")[1]["data"]
        self.account = {"username": base64.b64decode(secret["kubefateUsername"]).decode(), "password": base64.b64decode(secret["kubefatePassword"]).decode()}
        pods = kube.items("/api/v1/namespaces/kube-fate/pods?labelSelector=fate=kubefate")
        self.ip = [p["status"]["podIP"] for p in pods if not p["metadata"].get("deletionTimestamp")][0]
        self.token = self.call("POST", "/v1/user/login", self.account)["token"]

    def call(self, method, path, body=None):
        c = http.client.HTTPConnection(self.ip, 8080, timeout=20)
        head = {"Cookie": "jwt=" + self.token} if hasattr(self, "token") else {}
        c.request(method, path, json.dumps(body) if body else None, head)
        r = c.getresponse()
        text = r.read()
        c.close()
        assert r.status == 200, (path, r.status, text[:300])
        return json.loads(text)

    def jobs(self):
        return self.call("GET", "/v1/job/")["data"] or []

    def clusters(self):
        return self.call("GET", "/v1/cluster/")["data"] or []


class Proof:
    def __init__(self, rig, kube, db):
        self.rig, self.kube, self.db, self.kf = rig, kube, db, KubeFate(kube)

    # --- Kubernetes ---
    def since(self):
        """A point in the audit log."""
        return len(audit(self.rig, "a"))

    def changes(self, since):
        """Requests of the product itself (not through the proxy, where KubeFATE's answer decides) that changed something, as (verb, path, code)."""
        out = []
        for x in audit(self.rig, "a")[since:]:
            path = urllib.parse.urlsplit(x["uri"]).path
            if x["agent"].startswith("fedlcm/") and x["verb"] not in ("get", "list") and "/proxy/" not in path:
                out.append((x["verb"], path, x["code"]))
        return out

    def made_once(self, changes, path):
        """Whether exactly one request made the object (201; a repeated apply answers 200) and none deleted it; and the requests."""
        mine = [c for c in changes if c[1] == path]
        return sum(1 for c in mine if c[2] == 201) == 1 and not any(c[0] == "delete" for c in mine), mine

    def releases(self, namespace):
        items = self.kube.items("/api/v1/namespaces/%s/secrets?labelSelector=owner=helm" % namespace)
        return sorted((x["metadata"]["name"], x["metadata"]["labels"]["status"]) for x in items)

    # --- KubeFATE ---
    def installs(self, name, namespace):
        return [j for j in self.kf.jobs() if j["method"] == "ClusterInstall" and (j["meta_data"] or {}).get("name") == name and j["meta_data"]["namespace"] == namespace]

    def deletes(self, cluster):
        return [j for j in self.kf.jobs() if j["method"] == "ClusterDelete" and j["cluster_id"] == cluster]

    def updates(self, name):
        return [j for j in self.kf.jobs() if j["method"] == "ClusterUpdate" and (j["meta_data"] or {}).get("name") == name]

    @staticmethod
    def overlapping(jobs):
        """Pairs of jobs that ran at the same time."""
        spans = sorted((j["start_time"], j["end_time"], j["uuid"]) for j in jobs)
        return [(a[2], b[2]) for a, b in zip(spans, spans[1:]) if b[0] < a[1] or a[1].startswith("0001")]

    # --- the product ---
    def events(self, uuid):
        return {r[0]: int(r[1]) for r in self.db.rows("select class, count(*) from event where entity_uuid = '%s' group by 1" % uuid)}

    def certificates(self, uuid):
        return int(self.db.one("select count(*) from certificate c where subject_cn in (select subject_cn from certificate x join certificate_binding b on b.certificate_uuid = x.uuid where b.participant_uuid = '%s') "
                               "and c.created_at >= (select created_at from participant where uuid = '%s')" % (uuid, uuid)))

    def unsettled(self):
        """Operations that live or ended badly, leases and holds that nobody needs any more."""
        return (self.db.rows("select kind, subject_name, state, error_class from operation where state in ('queued', 'running', 'failed')") + self.db.rows("select 'hold', object from hold") +
                self.db.rows("select 'work', workflow from work where class = 'operation' and not ended"))

    def half_steps(self):
        return self.db.rows("select o.kind, s.key, s.state from operation o join operation_step s on s.operation_id = o.id where o.state = 'succeeded' and s.state not in ('done', 'skipped')")


