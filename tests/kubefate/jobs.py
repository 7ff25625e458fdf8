"""Clusters and jobs of the stand-in: the two tables, and what the background work of an install, an update and a delete writes into them and when.

The order of the writes is the contract. The real program keeps a copy of a row while it works and writes the whole copy back now and then; what a
client sees in between (a stop that is accepted and overwritten, Failed before Rollback) is copied here with the waits that make it visible."""
import base64, datetime, threading, time, uuid
import yamlish
from helm import HelmError, NoChart
from kubeapi import KubeError
from tables import ZERO_TIME, Tables, now

STARTING_SECONDS = 0.08  # a new install job reads Running for this long, then Pending again until Helm is done: a stop in here is lost
FAILED_SECONDS = 0.2  # a failed update reads Failed for this long, then the rollback is done and it reads Rollback
INSTALL_LOOK_SECONDS = 1.0
UPDATE_LOOK_SECONDS = 5.0


class Refusal(Exception):
    """Answered at once with status 500 and this text."""


class Crash(Exception):
    """The real program's handler panics here: status 500 without a body."""


def parse(data):
    """The cluster's YAML as a mapping; the reader's complaint is the job's last state."""
    try:
        spec = yamlish.load(data.decode())
    except (ValueError, IndexError, UnicodeDecodeError) as e:
        raise ValueError("error converting YAML to JSON: yaml: %s" % e) from e
    if spec is not None and not isinstance(spec, dict):
        raise ValueError("error unmarshaling JSON: while decoding JSON: json: cannot unmarshal into Go value of type modules.MapStringInterface")
    return spec or {}


def number_of(version):
    return [int(x) if x.isdigit() else 0 for x in version.lstrip("v").split("-")[0].split(".")]


class Work:
    def __init__(self, kube, helm, time_limit=3600, tables=None):
        self.kube, self.helm, self.limit = kube, helm, time_limit
        self.t = tables or Tables()

    # --- what the cluster shows ---
    @staticmethod
    def deployment_status(d):
        conditions = {c["type"]: c["status"] for c in (d.get("status") or {}).get("conditions") or []}
        return next((k for k in ("Available", "Progressing", "ReplicaFailure") if conditions.get(k) == "True"), "Undefined")

    @staticmethod
    def statefulset_status(s):
        status = s.get("status") or {}
        return "Available" if status.get("readyReplicas", 0) >= status.get("replicas", 0) else "Progressing"

    def deployments(self, name, namespace):
        return {d["metadata"]["name"]: self.deployment_status(d) for d in self.kube.list("Deployment", namespace, "name=" + name)}

    def statefulsets(self, name, namespace):
        return {s["metadata"]["name"]: self.statefulset_status(s) for s in self.kube.list("StatefulSet", namespace, "name=" + name)}

    def all_up(self, job, name, namespace):
        """Writes the job's parts; true when there are some and all of them are Available."""
        try:
            seen = {**self.deployments(name, namespace), **self.statefulsets(name, namespace)}
        except KubeError:
            return False
        parts = dict(job["sub_jobs"] or {})
        for k, v in seen.items():
            old = parts.get(k) or {"ModuleName": k, "StartTime": job["start_time"], "EndTime": ZERO_TIME}
            up = v == "Available"
            end = now() if up and old["EndTime"] == ZERO_TIME else old["EndTime"]
            parts[k] = dict(old, Status="Success" if up else "Running", ModulesStatus=v, EndTime=end)
        self.t.set(job, sub_jobs=parts)
        return bool(seen) and all(v == "Available" for v in seen.values())

    def info(self, c):
        name, ns = c["name"], c["namespaces"]
        try:
            node = self.kube.list("Node")[-1]
            ip = next((a["address"] for a in node["status"]["addresses"]), "")
        except KubeError as e:
            ip = str(e)
        pods = self.kube.list("Pod", ns, "name=" + name)
        hosts = [r.get("host") for i in self.kube.list("Ingress", ns, "name=" + name) for r in i["spec"].get("rules") or []]
        containers = {k["name"]: p["status"].get("phase") for p in pods for k in p["spec"]["containers"]}
        return {"ip": ip, "status": {"containers": containers, "deployments": self.deployments(name, ns), "statefulSets": self.statefulsets(name, ns)}, "dashboard": hosts or None}

    def look_at(self, c):
        """A cluster with what Kubernetes shows of it now. Only this changes Running into Unavailable and back, and only Deployments count."""
        try:
            info = self.info(c)
        except KubeError as e:
            raise Refusal(str(e)) from e
        if c["status"] in ("Running", "Unavailable"):
            up = info["status"]["deployments"]
            ok = bool(up) and all(v == "Available" for v in up.values())
            self.t.set(c, status="Running" if ok else "Unavailable")
        return dict(c, Info=info)

    # --- jobs ---
    def new_job(self, method, user, args, cluster_id):
        job = {"uuid": str(uuid.uuid4()), "start_time": now(), "end_time": ZERO_TIME, "method": method, "cluster_id": cluster_id, "creator": user, "sub_jobs": None, "status": "Pending",
               "time_limit": int(self.limit * 1e9), "meta_data": args, "states": None}
        self.t.add(self.t.jobs, job)
        return job

    def start(self, target, job, *args):
        answer = dict(job)  # what the caller is told: the row as it was made
        threading.Thread(target=self.guarded, args=(target, job) + args, daemon=True).start()
        return answer

    def guarded(self, target, job, *args):
        try:
            target(job, *args)
        except Exception as e:  # the real program catches its panics the same way
            print("job %s: %r" % (job["uuid"], e), flush=True)
            self.t.set(job, status="Failed")

    def too_late(self, job):
        started = datetime.datetime.fromisoformat(job["start_time"].replace("Z", "+00:00")).timestamp()
        return time.time() > started + self.limit

    def stop(self, job_id):
        job = self.t.job(job_id)
        if not job:
            raise Refusal("get job by jobID error, please check job ID, record not found")
        with self.t.lock:
            if job["method"] != "ClusterInstall":
                raise Refusal("%s type jobs do not support stop" % job["method"])
            if job["status"] != "Running":
                raise Refusal("job status is %s, not support stop" % job["status"])
            self.t.set(job, status="Stopping")

    # --- install ---
    def install(self, args, user):
        if not args["chart_version"] or not args["chart_name"]:
            raise Refusal("chartVersion cannot be empty")
        if self.t.named(args["name"], args["namespace"]):
            raise Refusal("name=%s & namespace=%s Cluster already existed" % (args["name"], args["namespace"]))
        return self.start(self.run_install, self.new_job("ClusterInstall", user, args, ""), args)

    def run_install(self, job, args):
        t = self.t
        t.set(job, status="Running", states=["update job status to Running"])
        time.sleep(STARTING_SECONDS)
        try:
            cluster = self.insert_cluster(args)
        except ValueError as e:  # the job stays Running for ever
            t.say(job, "create Cluster error, %s" % e)
            return
        t.set(job, cluster_id=cluster["uuid"], status="Pending")  # also over a Stopping that was accepted meanwhile
        t.say(job, "create Cluster in DB Success")
        if args["cover"]:
            self.clean_helm(cluster)
            t.say(job, "overwrite current installation")
        try:
            self.helm.install(args["name"], args["namespace"], args["chart_name"], args["chart_version"], cluster["Spec"])
        except (HelmError, KubeError) as e:
            t.set(job, status="Failed")
            self.clean(cluster)
            t.say(job, "helm install error, %s" % e)
            return
        t.set(job, status="Running")
        t.say(job, "helm install Success")
        t.say(job, "checkout Cluster status [0]")
        self.watch_install(job, cluster)

    def insert_cluster(self, args):
        data = base64.b64decode(args["data"])
        spec = parse(data)
        with self.t.lock:
            if self.t.named(args["name"], args["namespace"]):
                raise ValueError("Cluster already exists in database, name = %s, namespace=%s" % (args["name"], args["namespace"]))
            c = {"uuid": str(uuid.uuid4()), "name": args["name"], "namespaces": args["namespace"], "chart_name": args["chart_name"], "chart_version": args["chart_version"], "values": data.decode(), "Spec": spec,
                 "revision": 0, "helm_revision": 0, "chart_values": None, "status": "Creating"}
            self.t.add(self.t.clusters, c)
        return c

    def watch_install(self, job, cluster):
        t, looks = self.t, 0
        while job["status"] in ("Running", "Stopping"):
            looks += 1
            t.say(job, "checkout Cluster status [%d]" % looks, replace_last=True)
            end = None
            if self.too_late(job):
                end = "Failed", "checkout Cluster status timeOut!"
            elif job["status"] == "Stopping":
                end = "Canceled", "job stopped"
            elif not t.named(cluster["name"], cluster["namespaces"]):
                end = "Failed", "Cluster delete"
            if end:
                self.clean(cluster)
                t.say(job, end[1])
                t.set(job, status=end[0])
                return
            if self.all_up(job, cluster["name"], cluster["namespaces"]):
                t.set(job, status="Success")
                t.say(job, "job run Success")
                t.set(cluster, status="Running", revision=cluster["revision"] + 1)
                t.set(job, end_time=now())
                return
            time.sleep(INSTALL_LOOK_SECONDS)

    def clean_helm(self, cluster):
        try:
            self.helm.uninstall(cluster["name"], cluster["namespaces"])
        except (HelmError, KubeError) as e:
            print("uninstall %s: %s" % (cluster["name"], e), flush=True)

    def clean(self, cluster):
        self.t.forget(cluster)
        self.clean_helm(cluster)

    # --- update ---
    @staticmethod
    def check_update(old, new):
        """Only for chart fate; a missing key is a panic of the handler."""
        if any(not isinstance(x.get(k), str) for x in (old, new) for k in ("chartName", "chartVersion")):
            raise Crash()
        if old["chartName"] != new["chartName"]:
            raise Refusal("doesn't support upgrade between different charts")
        if old == new:
            raise Refusal("the configuration file did not change")
        a, b = number_of(old["chartVersion"]), number_of(new["chartVersion"])
        if b < a:
            raise Refusal("using kubefate to downgrade a cluster is not supported yet")
        if b != a and a <= [1, 7, 1]:
            raise Refusal("upgrade from FATE version <= 1.7.1 is not supported by KubeFATE")

    def update(self, args, user):
        cluster = self.t.named(args["name"], args["namespace"])
        if not cluster:
            raise Refusal("name=%s Cluster is not existed" % args["name"])
        text = base64.b64decode(args["data"])
        try:
            spec = parse(text)
        except ValueError as e:
            raise Refusal(str(e)) from e
        if cluster["chart_name"] == "fate":
            self.check_update(cluster["Spec"], spec)
        return self.start(self.run_update, self.new_job("ClusterUpdate", user, args, cluster["uuid"]), cluster, args, text.decode(), spec)

    def run_update(self, job, cluster, args, text, spec):
        t, name, ns = self.t, args["name"], args["namespace"]
        # Its own view of the row: two updates at once each know only their own counts and their own "before".
        mine = dict(cluster)
        t.set(job, status="Running")
        t.set(cluster, status="Updating", values=text, Spec=spec)
        try:
            self.helm.upgrade(name, ns, args["chart_name"], args["chart_version"], spec)
            problem = None
        except NoChart as e:
            problem = str(e)
        except (HelmError, KubeError) as e:
            problem = "UPGRADE FAILED: %s" % e
        counted = mine["helm_revision"] + 1
        t.set(cluster, chart_name=args["chart_name"], chart_version=args["chart_version"], helm_revision=counted, values=text, Spec=spec, status="Updating")
        t.say(job, problem or "Cluster update Success")
        if problem:
            t.set(job, status="Failed")
        else:
            self.watch_update(job, name, ns)
        if job["status"] == "Success":
            t.set(cluster, status="Running", revision=mine["revision"] + 1, helm_revision=counted, values=text, Spec=spec)
        else:
            self.roll_back(job, cluster, mine, counted)
        t.set(job, end_time=now())

    def watch_update(self, job, name, ns):
        """The first look is at once: the old pods still make everything Available, so Success does not speak of the new ones."""
        while job["status"] == "Running":
            if not self.t.named(name, ns):
                time.sleep(0.1)  # the real program spins here for ever
                continue
            if self.too_late(job):
                self.t.say(job, "Checkout Cluster status timeOut!")
                self.t.set(job, status="Failed")
            elif self.all_up(job, name, ns):
                self.t.set(job, status="Success")
            else:
                time.sleep(UPDATE_LOOK_SECONDS)

    def roll_back(self, job, cluster, mine, counted):
        """Goes back to revision (count of updates - 1); 0 is "the one before the newest", which after a collision is before the other update's."""
        time.sleep(FAILED_SECONDS)
        old = {"status": "Rollback", "values": mine["values"], "Spec": mine["Spec"]}
        self.t.set(cluster, **old)
        try:
            self.helm.rollback(cluster["name"], cluster["namespaces"], counted - 1)
            self.t.say(job, "Cluster run rollback Success")
            self.t.set(job, status="Rollback")
        except (HelmError, KubeError) as e:
            self.t.say(job, "UPGRADE FAILED: %s" % e)
        # The whole copy goes back, over what another update wrote; but no zeroes, and the chart version stays the one that failed.
        counts = {"revision": mine["revision"], "helm_revision": counted - 1}
        self.t.set(cluster, **old, **{k: v for k, v in counts.items() if v})

    # --- delete ---
    def delete(self, cluster_id, user):
        cluster = self.t.cluster(cluster_id)
        if not cluster:
            raise Refusal("record not found")
        args = {"name": "", "namespace": "", "chart_name": "", "chart_version": "", "cover": False, "data": None, "Keep_upgrade_job": False}
        job = self.new_job("ClusterDelete", user, args, cluster_id)
        return dict(self.start(self.run_delete, job, cluster), meta_data=None)  # null only in this answer

    def run_delete(self, job, cluster):
        t = self.t
        t.set(job, status="Running")
        t.set(cluster, status="Deleting")
        try:
            self.helm.uninstall(cluster["name"], cluster["namespaces"])
            result = "Success", "uninstall Success"
        except (HelmError, KubeError) as e:
            result = "Failed", str(e)
        t.say(job, result[1])
        t.forget(cluster)
        t.set(job, status=result[0], end_time=now())
