#!/usr/bin/env python3
"""The contract of the KubeFATE service v1.4.5 as far as the product uses it. Runs the same against the real program and the stand-in, and must pass on
both: that is what makes tests with the stand-in worth something.

    contract_test.py [URL] [TEST...]     URL also from KUBEFATE_URL; KUBEFATE_RIG is the directory of a rig (tests/realkube), inside whose namespace this
                                         runs; without URL the program is placed there. Started by run.sh."""
import base64, json, os, socket, sys, time, unittest, urllib.parse
sys.dont_write_bytecode = True
import place
import chart
import told
from client import Target, arguments, exchange, exchange_text, fate

T = None  # the program under test
LIMIT = int(os.environ.get("KUBEFATE_TIME_LIMIT", 3600))  # seconds that a job may take; only a small one can be waited for
ZERO = "0001-01-01T00:00:00Z"
EXCHANGE = {"ConfigMap/nginx-config", "ConfigMap/traffic-server-config", "ConfigMap/traffic-server-sni", "Deployment/nginx", "Deployment/traffic-server", "Service/nginx", "Service/traffic-server"}
GUARDED = [("GET", "/v1/version/"), ("GET", "/v1/cluster/"), ("POST", "/v1/cluster"), ("PUT", "/v1/cluster"), ("GET", "/v1/cluster/x"), ("DELETE", "/v1/cluster/x"), ("GET", "/v1/job/"), ("GET", "/v1/job/x"),
           ("PUT", "/v1/job/x?jobStatus=stop"), ("POST", "/v1/chart"), ("GET", "/v1/chart/"), ("GET", "/v1/chart/x"), ("DELETE", "/v1/chart/x")]


def b64url(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def claims(part):
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


class Case(unittest.TestCase):
    maxDiff = 4000

    def refused(self, answer, status, text):
        self.assertEqual((answer.status, answer.body), (status, {"error": text}))

    def denied(self, answer, message):
        self.assertEqual((answer.status, answer.body), (401, {"code": 401, "message": message}))
        self.assertEqual(answer.headers["WWW-Authenticate"], "JWT realm=gin jwt")

    def accepted(self, answer, what):
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.body["msg"], what + " Success")
        return answer.data


class Web(Case):
    """Paths, tokens and refusals; needs nothing but the URL."""

    def test_hello(self):
        a = T.raw("GET", "/")
        self.assertEqual((a.status, a.body), (200, {"msg": "kubefate run Success"}))
        self.refused(T.raw("GET", "/v1/"), 400, "error path")

    def test_unknown_path(self):
        for method, path in (("GET", "/nope"), ("POST", "/v1/version/"), ("PUT", "/v1/job/"), ("HEAD", "/")):
            a = T.raw(method, path)
            self.assertEqual((a.status, a.headers["Content-Type"]), (404, "text/plain"), (method, path))
        self.assertEqual(T.raw("GET", "/nope").text, "404 page not found")

    def test_slashes_matter_even_without_a_token(self):
        for path in ("/v1/version", "/v1/cluster", "/v1/job", "/v1/chart"):
            a = T.raw("GET", path)
            self.assertEqual((a.status, a.headers["Location"]), (301, path + "/"))
        a = T.raw("PUT", "/v1/cluster/", {})
        self.assertEqual((a.status, a.headers["Location"]), (307, "/v1/cluster"))

    def test_login(self):
        a = T.raw("POST", "/v1/user/login", {"username": "admin", "password": T.password})
        self.assertEqual((a.status, sorted(a.body), a.body["code"]), (200, ["code", "expire", "token"], 200))
        self.assertIsNone(a.headers["Set-Cookie"])
        head, body, _ = a.body["token"].split(".")
        self.assertEqual(claims(head), {"alg": "HS256", "typ": "JWT"})
        c = claims(body)
        self.assertEqual((c["id"], c["exp"] - c["orig_iat"]), ("admin", 30 * 60))
        self.assertLess(abs(time.time() - c["orig_iat"]), 5)

    def test_wrong_login(self):
        for body in ({"username": "admin", "password": "wrong"}, {"username": "nobody", "password": T.password}, {"username": "admin"}, {}):
            self.denied(T.raw("POST", "/v1/user/login", body), "incorrect Username or Password")
        for body in (b"", b"nonsense", {"username": 5}, []):
            self.denied(T.raw("POST", "/v1/user/login", body), "missing Username or Password")

    def test_every_route_wants_a_token(self):
        for method, path in GUARDED:
            self.denied(T.raw(method, path, b""), "cookie token is empty")

    def test_where_a_token_is_looked_for(self):
        t = T.login()
        for path, headers in (("", {"Cookie": "jwt=" + t}), ("", {"Cookie": "other=1; jwt=" + t}), ("", {"Authorization": "Bearer " + t}), ("?token=" + t, {}), ("", {"Authorization": "Basic abc", "Cookie": "jwt=" + t})):
            a = T.raw("GET", "/v1/version/" + path, headers=headers)
            self.assertEqual((a.status, a.body), (200, {"msg": "getVersion Success", "version": "v1.4.5"}))
        self.denied(T.raw("GET", "/v1/version/", headers={"Authorization": t}), "cookie token is empty")
        # the header wins, even with a worthless token
        self.denied(T.raw("GET", "/v1/version/", headers={"Authorization": "Bearer x", "Cookie": "jwt=" + t}), "token contains an invalid number of segments")

    def test_worthless_tokens(self):
        head, body, sign = T.login().split(".")
        unsigned = b64url({"alg": "none", "typ": "JWT"})
        other = b64url(dict(claims(body), id="somebody"))
        for token, message in (("x", "token contains an invalid number of segments"), ("a.b.c", "illegal base64 data at input byte 0"), ("%s.%s.%s" % (head, other, sign), "signature is invalid"),
                               ("%s.%s." % (unsigned, body), "invalid signing algorithm")):
            self.denied(T.raw("GET", "/v1/version/", headers={"Cookie": "jwt=" + token}), message)

    def test_bodies_that_are_no_arguments(self):
        for method in ("POST", "PUT"):
            self.refused(T.call(method, "/v1/cluster", b""), 400, "EOF")
            self.refused(T.call(method, "/v1/cluster", {"data": "@@"}), 400, "illegal base64 data at input byte 0")
            self.refused(T.call(method, "/v1/cluster", {"name": 5}), 400, "json: cannot unmarshal number into Go struct field ClusterArgs.name of type string")
            a = T.call(method, "/v1/cluster", b"nonsense")
            self.assertEqual((a.status, list(a.body)), (400, ["error"]))

    def test_refusals(self):
        self.refused(T.call("POST", "/v1/cluster", exchange("x", "x", version="")), 500, "chartVersion cannot be empty")
        self.refused(T.call("POST", "/v1/cluster", exchange("x", "x", chart="")), 500, "chartVersion cannot be empty")
        self.refused(T.call("PUT", "/v1/cluster", exchange("x", "x")), 500, "name=x Cluster is not existed")
        for method, path in (("GET", "/v1/cluster/nope"), ("DELETE", "/v1/cluster/nope"), ("GET", "/v1/job/nope")):
            self.refused(T.call(method, path), 500, "record not found")
        self.refused(T.call("PUT", "/v1/job/nope?jobStatus=stop"), 500, "get job by jobID error, please check job ID, record not found")
        for query in ("", "?jobStatus=start"):
            self.refused(T.call("PUT", "/v1/job/nope" + query), 400, "jobStatus error")


class Clustered(Case):
    @classmethod
    def setUpClass(cls):
        if not T.kube:
            raise unittest.SkipTest("needs a rig")

    def space(self, *secrets):
        name = self.id().rsplit(".", 1)[1].replace("test_", "").replace("_", "-")[:50]
        T.namespace(name)
        for s in secrets:
            T.secret(name, s)
        return name

    def install(self, args):
        return self.accepted(T.call("POST", "/v1/cluster", args), "createCluster")["uuid"]

    def update(self, args):
        return self.accepted(T.call("PUT", "/v1/cluster", args), "setCluster")["uuid"]

    def running_exchange(self):
        """An installed exchange named ex: (namespace, cluster uuid)."""
        ns = self.space("traffic-server-cert")
        job = T.until(self.install(exchange("ex", ns)))
        self.assertEqual(job["status"], "Success", job["states"])
        return ns, job["cluster_id"]


class Charts(Case):
    """The chart table; needs nothing but the URL."""

    def upload(self, data, **how):
        headers, body = chart.form(data, **how)
        return T.raw("POST", "/v1/chart", body, dict(T.cookie(), **headers))

    def stored(self, *args, **files):
        data = self.accepted(self.upload(chart.archive(*args, **files)), "CreateChart")
        self.assertEqual(list(data), ["helmUUID"])
        return data["helmUUID"]

    @staticmethod
    def listed(name):
        return [(c["uuid"], c["version"]) for c in T.call("GET", "/v1/chart/").data if c["name"] == name]

    def test_an_upload_is_read_back(self):
        uuid = self.stored("one", "v1", templates_b_yaml="\ufeff# marked\n")
        c = self.accepted(T.call("GET", "/v1/chart/" + uuid), "getChart")
        for k, v in {"uuid": uuid, "name": "one", "version": "v1", "app_version": "v1", "chart": "apiVersion: v2\nname: one\nversion: v1\nappVersion: v1\n", "values": chart.FILES["values.yaml"],
                     "values_template": chart.FILES["values-template.yaml"], "values_template_example": "", "DeletedAt": None}.items():
            self.assertEqual(c[k], v, k)
        kept = {x["name"]: base64.b64decode(x["data"]).decode() for x in c["templates"]}
        self.assertEqual(kept, {"templates/a.yaml": chart.FILES["templates/a.yaml"], "templates/b.yaml": "# marked\n"})  # a byte order mark goes
        self.assertIn(c, self.accepted(T.call("GET", "/v1/chart/"), "getChartList"))

    def test_an_upload_replaces(self):
        other, first = self.stored("two", "v2"), self.stored("two", "v1")
        second = self.stored("two", "v1", values_yaml="a: 2\n")
        self.assertEqual(sorted(self.listed("two")), sorted([(other, "v2"), (second, "v1")]))
        self.refused(T.call("GET", "/v1/chart/" + first), 500, "record not found")
        self.assertEqual(T.call("GET", "/v1/chart/" + second).data["values"], "a: 2\n")

    def test_delete(self):
        uuid = self.stored("three", "v1")
        for u in (uuid, "no-such-chart"):
            a = T.call("DELETE", "/v1/chart/" + u)
            self.assertEqual((a.status, a.body), (200, {"msg": "deleteChart Success"}))
        self.refused(T.call("GET", "/v1/chart/" + uuid), 500, "record not found")
        self.assertEqual(self.listed("three"), [])

    def test_what_is_no_chart(self):
        good = chart.archive("four", "v1")
        self.refused(T.call("POST", "/v1/chart", {}), 500, "request Content-Type isn't multipart/form-data")
        self.refused(self.upload(good, name="chart"), 500, "http: no such file")
        self.refused(self.upload(b"no gzip at all"), 500, "gzip: invalid header")
        self.refused(self.upload(good[:len(good) // 2]), 500, "unexpected EOF")
        self.refused(self.upload(chart.archive("four", "v1", Chart_yaml=None)), 500, "Chart.yaml file is missing")
        self.assertEqual(self.listed("four"), [])

    def test_a_form_that_is_cut_leaves_nothing(self):
        """As a gateway passes it on, with a length that fits; and as the network does, in the middle of what was announced."""
        headers, body = chart.form(chart.archive("five", "v1"))
        self.refused(T.raw("POST", "/v1/chart", body[:-20], dict(T.cookie(), **headers)), 500, "unexpected EOF")
        to = urllib.parse.urlsplit(T.url)
        with socket.create_connection((to.hostname, to.port), 10) as s:
            s.sendall(("POST /v1/chart HTTP/1.1\r\nHost: x\r\nCookie: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (T.cookie()["Cookie"], headers["Content-Type"], len(body))).encode() + body[:len(body) // 2])
            time.sleep(0.3)
        time.sleep(0.5)
        self.assertEqual(self.listed("five"), [])


class Install(Clustered):
    def test_missing_secret_keeps_the_job_running(self):
        ns = self.space()
        first = self.accepted(T.call("POST", "/v1/cluster", exchange("ex", ns)), "createCluster")
        self.assertEqual((first["status"], first["method"], first["creator"], first["cluster_id"], first["states"], first["sub_jobs"], first["end_time"]), ("Pending", "ClusterInstall", "admin", "", None, None, ZERO))
        self.assertEqual(first["time_limit"], LIMIT * 10**9)
        self.assertEqual(first["meta_data"], dict(exchange("ex", ns), Keep_upgrade_job=False))
        time.sleep(4)
        j = T.job(first["uuid"])
        self.refused(T.call("POST", "/v1/cluster", exchange("ex", ns)), 500, "name=ex & namespace=%s Cluster already existed" % ns)
        self.assertEqual(j["status"], "Running")
        self.assertEqual(j["states"][:3], ["update job status to Running", "create Cluster in DB Success", "helm install Success"])
        self.assertRegex(j["states"][3], r"^checkout Cluster status \[[2-5]\]$")
        self.assertEqual({k: (x["ModuleName"], x["Status"], x["ModulesStatus"]) for k, x in j["sub_jobs"].items()}, {"nginx": ("nginx", "Success", "Available"), "traffic-server": ("traffic-server", "Running", "Progressing")})
        waiting = [p["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] for p in T.pods(ns, "ex") if p["status"]["phase"] == "Pending"]
        self.assertEqual(waiting, ["CreateContainerConfigError"])
        c = T.row(j["cluster_id"]).data
        self.assertEqual((c["status"], c["revision"], c["helm_revision"], c["namespaces"]), ("Creating", 0, 0, ns))
        T.secret(ns, "traffic-server-cert")
        j = T.until(j["uuid"])
        self.assertEqual((j["status"], j["states"][-1]), ("Success", "job run Success"))
        self.assertNotEqual(j["end_time"], ZERO)
        self.assertEqual(T.row(j["cluster_id"]).data["status"], "Running")

    def test_exchange(self):
        ns, cluster = self.running_exchange()
        c = T.row(cluster).data
        self.assertEqual((c["name"], c["namespaces"], c["chart_name"], c["chart_version"], c["status"], c["revision"], c["helm_revision"], c["chart_values"]), ("ex", ns, "fate-exchange", "v1.11.1", "Running", 1, 0, None))
        self.assertEqual((c["values"], c["Spec"]["modules"]), (exchange_text("ex", ns), ["trafficServer", "nginx"]))
        up = {"nginx": "Available", "traffic-server": "Available"}
        self.assertEqual(c["Info"], {"ip": "10.250.1.2", "dashboard": None, "status": {"containers": {"nginx": "Running", "traffic-server": "Running"}, "deployments": up, "statefulSets": {}}})
        listed = [x for x in T.call("GET", "/v1/cluster/").data if x["uuid"] == cluster]
        self.assertEqual([sorted(x) for x in listed], [sorted(set(c) - {"Info"})])
        self.assertEqual(T.owned(ns), EXCHANGE)
        o = T.objects(ns)
        self.assertEqual({s: [(p["name"], p["port"]) for p in o["Service"][s]["spec"]["ports"]] for s in o["Service"]}, {"nginx": [("http", 9300), ("grpc", 9310)], "traffic-server": [("443", 443)]})
        for kind in o:
            for x in o[kind].values():
                labels = x["metadata"]["labels"]
                self.assertEqual((labels["name"], labels["owner"], labels["partyId"], labels["app.kubernetes.io/managed-by"]), ("ex", "kubefate", "1", "Helm"))
                self.assertEqual(x["metadata"]["annotations"]["meta.helm.sh/release-name"], "ex")
        (name, release), = T.releases(ns).items()
        self.assertEqual((name, release["type"], list(release["data"])), ("sh.helm.release.v1.ex.v1", "helm.sh/release.v1", ["release"]))
        self.assertEqual({k: release["metadata"]["labels"][k] for k in ("name", "owner", "status", "version")}, {"name": "ex", "owner": "helm", "status": "deployed", "version": "1"})

    def test_fate_cluster(self):
        ns = self.space("pulsar-cert")
        j = T.until(self.install(fate("fc", ns)))
        self.assertEqual(j["status"], "Success", j["states"])
        o = T.objects(ns)
        self.assertEqual(sorted(o["Deployment"]), ["fateboard", "nginx", "spark-master", "spark-worker"])
        self.assertEqual(sorted(o["StatefulSet"]), ["client", "datanode", "mysql", "namenode", "pulsar", "python"])
        self.assertEqual(sorted(j["sub_jobs"]), sorted(list(o["Deployment"]) + list(o["StatefulSet"])))
        self.assertEqual(sorted(o["Ingress"]), ["client", "fateboard", "pulsar", "spark"])
        self.assertEqual(o["Ingress"]["fateboard"]["spec"]["rules"][0]["host"], "board.example.com")
        ports = {s: [(p["name"], p["port"]) for p in x["spec"]["ports"]] for s, x in o["Service"].items()}
        self.assertEqual(len(ports), 13)
        self.assertEqual((ports["nginx"], ports["pulsar-public-tls"], ports["fateflow"]), ([("http", 9300), ("grpc", 9310)], [("tls-port", 6651)], [("tcp-grpc", 9360), ("tcp-http", 9380)]))
        self.assertEqual(o["Service"]["pulsar-public-tls"]["spec"]["type"], "LoadBalancer")
        self.assertEqual(len(o["ConfigMap"]), 11)
        self.assertIn("192.0.2.1", T.file(ns, "nginx-config", "route_table.yaml"))
        self.assertIn("board.example.com", T.row(j["cluster_id"]).data["Info"]["dashboard"])
        self.check_update_rules(ns)

    def check_update_rules(self, ns):
        """Only this chart looks at what an update changes."""
        put = lambda *change, **more: T.call("PUT", "/v1/cluster", fate("fc", ns, change or ("", ""), **more))
        self.refused(put(), 500, "the configuration file did not change")
        self.refused(put("v1.11.1", "v1.10.0", version="v1.10.0"), 500, "using kubefate to downgrade a cluster is not supported yet")
        self.refused(put("chartName: fate", "chartName: other"), 500, "doesn't support upgrade between different charts")
        a = put("chartVersion: v1.11.1\n", "")
        self.assertEqual((a.status, a.text), (500, ""))  # its handler panics
        j = T.settled(self.accepted(put("192.0.2.1", "192.0.2.9"), "setCluster")["uuid"])
        self.assertEqual(j["status"], "Success", j["states"])
        self.assertIn("192.0.2.9", T.file(ns, "nginx-config", "route_table.yaml"))

    def check_failed(self, args, state):
        j = T.until(self.install(args))
        end = time.time() + 5
        while not (j["states"] or [""])[-1].startswith("helm install error") and time.time() < end:  # it comes after the clean-up
            time.sleep(0.1)
            j = T.job(j["uuid"])
        self.assertEqual((j["status"], j["end_time"]), ("Failed", ZERO))
        self.assertRegex(j["states"][-1], "^helm install error, " + state)
        self.assertNotEqual(j["cluster_id"], "")
        self.refused(T.row(j["cluster_id"]), 500, "record not found")

    def test_installs_that_fail(self):
        ns = self.space()
        self.check_failed(exchange("x", ns, version="v9"), 'failed to download "kubefate/fate-exchange" at version "v9"$')
        self.check_failed(exchange("x", "no-such-space"), 'create: failed to create: namespaces "no-such-space" not found$')
        place.must(T.kube.call("POST", "/api/v1/namespaces/%s/configmaps" % ns, {"metadata": {"name": "nginx-config"}}))
        self.check_failed(exchange("x", ns), "rendered manifests contain a resource that already exists.*nginx-config")
        self.assertEqual(T.owned(ns), {"ConfigMap/nginx-config"})  # the stranger's object stays
        self.assertEqual(T.releases(ns), {})
        policy = arguments("x", ns, exchange_text("x", ns, extra="podSecurityPolicy:\n  enabled: true\n"))
        self.check_failed(policy, "unable to build kubernetes objects from release manifest")

    def test_broken_text_leaves_a_job_running_for_ever(self):
        ns = self.space()
        uuid = self.install(arguments("x", ns, "a: [b"))
        time.sleep(1)
        j = T.job(uuid)
        self.assertEqual((j["status"], j["cluster_id"]), ("Running", ""))
        self.assertRegex(j["states"][-1], "^create Cluster error, error converting YAML to JSON: yaml: ")

    def test_two_installs_at_once(self):
        ns = self.space("traffic-server-cert")
        a = T.at_once(*[("POST", "/v1/cluster", exchange("ex", ns))] * 2)
        jobs = [x.data["uuid"] for x in a if x.status == 200]
        time.sleep(3)
        ends = sorted((T.job(j)["status"], T.job(j)["states"][-1]) for j in jobs)
        if ends[0][0] == "Failed":
            # Both came into the database, and the clean-up of the one that Helm refused takes the other's release away.
            self.assertRegex(ends[0][1], "^helm install error, (release: already exists|cannot re-use a name that is still in use|.*already exists.*)$")
            return
        self.assertIn(("Success", "job run Success"), ends)
        if len(ends) == 2:  # or the other one came so late that it was refused
            self.assertEqual(ends[0], ("Running", "create Cluster error, Cluster already exists in database, name = ex, namespace=" + ns))
        self.assertEqual(T.owned(ns), EXCHANGE)


class Stop(Clustered):
    def early_stop(self, name, ns):
        """A stop in the first instants of a hopeless install: what the job read after it was accepted, or nothing if it was refused."""
        c = T.connection()
        uuid = T.call("POST", "/v1/cluster", exchange(name, ns, version="v9"), connection=c).data["uuid"]
        seen = []
        for _ in range(20):
            a = T.call("PUT", "/v1/job/%s?jobStatus=stop" % uuid, connection=c)
            if a.status == 200:
                self.assertEqual((a.body["msg"], a.data), ("stop Job Success", "Stop Job Success"))
                seen = T.trace(uuid)
                break
            # With SQLite under it the real program may also say this.
            self.assertRegex(a.body["error"], "^job status is (Pending|Failed), not support stop$|^database is locked$")
            if "Failed" in a.text:
                break
        c.close()
        self.assertNotIn("Canceled", seen)
        return seen

    def test_stop_in_the_first_instants_is_accepted_and_lost(self):
        ns = self.space()
        for i in range(80):  # the real program has it open for a few milliseconds only
            seen = self.early_stop("w%d" % i, ns)
            if "Pending" in seen:  # Stopping was written over, and the work went on
                self.assertEqual(seen[-2:], ["Pending", "Failed"])
                return
        self.fail("no stop was accepted and lost")

    def test_stop(self):
        ns = self.space()
        uuid = self.install(exchange("ex", ns))
        j = T.until(uuid, ("Running",))
        while len(T.job(uuid)["states"]) < 4:  # past the instants in which it is lost
            time.sleep(0.05)
        a = T.call("PUT", "/v1/job/%s?jobStatus=stop" % uuid)
        self.assertEqual((a.status, a.body), (200, {"msg": "stop Job Success", "data": "Stop Job Success"}))
        self.assertIn(T.job(uuid)["status"], ("Stopping", "Canceled"))
        j = T.until(uuid, ("Canceled",))
        end = time.time() + 3
        while T.owned(ns) and time.time() < end:
            time.sleep(0.1)
        self.assertEqual((j["states"][-1], j["end_time"]), ("job stopped", ZERO))
        self.refused(T.row(j["cluster_id"]), 500, "record not found")
        self.assertEqual((T.owned(ns), T.releases(ns)), (set(), {}))
        self.refused(T.call("PUT", "/v1/job/%s?jobStatus=stop" % uuid), 500, "job status is Canceled, not support stop")


class Update(Clustered):
    def test_update(self):
        ns, cluster = self.running_exchange()
        a = self.accepted(T.call("PUT", "/v1/cluster", exchange("ex", ns, "192.0.2.1")), "setCluster")
        self.assertIn(a["status"], ("Pending", "Running"))
        self.assertEqual((a["method"], a["cluster_id"], a["states"]), ("ClusterUpdate", cluster, None))
        began = time.time()
        j = T.settled(a["uuid"])
        self.assertLess(time.time() - began, 4)  # the first look is at once
        self.assertEqual((j["status"], j["states"]), ("Success", ["Cluster update Success"]))
        self.assertIn("192.0.2.1:6651", T.sni(ns))
        self.assertIn("192.0.2.1", T.file(ns, "nginx-config", "route_table.yaml"))
        self.assertEqual(T.release_states(ns), {"v1": "superseded", "v2": "deployed"})
        c = T.row(cluster).data
        while c["revision"] == 1 and time.time() < began + 6:  # written after the job's end
            c = T.row(cluster).data
        self.assertEqual((c["revision"], c["helm_revision"], c["values"]), (2, 1, exchange_text("ex", ns, "192.0.2.1")))
        self.refused(T.call("PUT", "/v1/job/%s?jobStatus=stop" % j["uuid"]), 500, "ClusterUpdate type jobs do not support stop")
        # the same once more is accepted and counts
        self.assertEqual(T.settled(self.update(exchange("ex", ns, "192.0.2.1")))["status"], "Success")
        self.assertEqual((T.release_states(ns)["v3"], T.row(cluster).data["helm_revision"]), ("deployed", 2))

    def broken_update(self, ns):
        """The job of an update whose new pods cannot start. The first look comes at once: mostly the old pods still satisfy it, sometimes they are just gone and the job waits."""
        uuid = self.update(exchange("ex", ns, extra="registry: bad.example.com\n"))
        end = time.time() + 4
        while T.job(uuid)["status"] != "Success" and time.time() < end:
            time.sleep(0.1)
        return T.job(uuid)

    def test_success_does_not_mean_that_new_pods_run(self):
        T.rules({"image": "bad.example.com/nginx", "fail": "ImagePullBackOff", "message": "no such image"})
        ns = self.space()
        try:
            for i in range(6):
                space = T.namespace("%s-%d" % (ns, i))
                T.secret(space, "traffic-server-cert")
                cluster = T.until(self.install(exchange("ex", space)))["cluster_id"]
                j = self.broken_update(space)
                if j["status"] == "Success":
                    break
                self.assertEqual(j["status"], "Running", j["states"])
            self.assertEqual(j["status"], "Success", j["states"])
            end = time.time() + 10
            while T.row(cluster).data["status"] != "Unavailable" and time.time() < end:
                time.sleep(0.2)
            c = T.row(cluster).data
            self.assertEqual((c["status"], c["Info"]["status"]["containers"]["nginx"]), ("Unavailable", "Pending"))
            self.assertEqual(T.job(j["uuid"])["status"], "Success")
        finally:
            T.rules()

    def collide(self, ns, hosts):
        answers = T.at_once(*[("PUT", "/v1/cluster", exchange("ex", ns, h)) for h in hosts])
        self.assertEqual([a.status for a in answers], [200, 200])
        return sorted((j["status"], j["states"][0]) for j in (T.settled(a.data["uuid"]) for a in answers))

    def test_two_updates_at_once_wipe_the_routes(self):
        ns, cluster = self.running_exchange()
        self.assertEqual(T.settled(self.update(exchange("ex", ns, "192.0.2.1")))["status"], "Success")
        for _ in range(5):  # the real program's two sometimes miss each other
            ends = self.collide(ns, ("192.0.2.2", "192.0.2.3"))
            wiped = "192.0.2.2" not in T.sni(ns) and "192.0.2.3" not in T.sni(ns)
            if wiped and len({e[0] for e in ends}) == 2:
                break
            T.settled(self.update(exchange("ex", ns, "192.0.2.1")))
        self.assertEqual(ends, [("Rollback", "UPGRADE FAILED: release: already exists"), ("Success", "Cluster update Success")])
        self.assertTrue(wiped, T.sni(ns))
        self.assertIn(T.row(cluster).data["status"], ("Rollback", "Running"))  # whoever wrote the row last
        # one alone repairs it
        self.assertEqual(T.settled(self.update(exchange("ex", ns, "192.0.2.2")))["status"], "Success")
        self.assertIn("192.0.2.2:6651", T.sni(ns))
        self.assertEqual(T.row(cluster).data["status"], "Running")

    def test_failed_update_reads_failed_before_rollback(self):
        ns, cluster = self.running_exchange()
        self.assertEqual(T.settled(self.update(exchange("ex", ns, "192.0.2.1")))["status"], "Success")
        self.assertEqual(T.settled(self.update(exchange("ex", ns, "192.0.2.2")))["status"], "Success")
        uuid = self.update(exchange("ex", ns, "192.0.2.3", version="v9"))
        self.assertEqual(T.trace(uuid)[-2:], ["Failed", "Rollback"])
        j = T.job(uuid)
        self.assertEqual(j["states"], ['failed to download "kubefate/fate-exchange" at version "v9"', "Cluster run rollback Success"])
        self.assertNotEqual(j["end_time"], ZERO)
        c = T.row(cluster).data
        self.assertEqual((c["status"], c["values"], c["helm_revision"], c["chart_version"]), ("Rollback", exchange_text("ex", ns, "192.0.2.2"), 2, "v9"))
        # back to revision (count of updates - 1): the second, although the third was the good one
        self.assertIn("192.0.2.1:6651", T.sni(ns))
        self.assertEqual(T.release_states(ns)["v4"], "deployed")

    def test_what_helm_calls_pending_is_rolled_back_before_it_can_be_updated(self):
        ns, cluster = self.running_exchange()
        self.assertEqual(T.settled(self.update(exchange("ex", ns, "192.0.2.1")))["status"], "Success")
        T.interrupted(ns)
        uuid = self.update(exchange("ex", ns, "192.0.2.2"))
        self.assertEqual(T.trace(uuid)[-1], "Rollback")
        self.assertEqual(T.job(uuid)["states"], ["UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress", "Cluster run rollback Success"])
        self.assertEqual(T.release_states(ns)["v3"], "deployed")
        self.assertNotIn("192.0.2.2:6651", T.sni(ns))
        self.assertEqual(T.settled(self.update(exchange("ex", ns, "192.0.2.2")))["status"], "Success")
        self.assertEqual((T.release_states(ns)["v4"], T.row(cluster).data["status"]), ("deployed", "Running"))
        self.assertIn("192.0.2.2:6651", T.sni(ns))

    def test_first_update_that_fails_has_nothing_to_go_back_to(self):
        ns, cluster = self.running_exchange()
        j = T.settled(self.update(exchange("ex", ns, "192.0.2.1", version="v9")))
        self.assertEqual((j["status"], j["states"][-1]), ("Failed", "UPGRADE FAILED: release: not found"))
        self.assertNotEqual(j["end_time"], ZERO)
        c = T.row(cluster).data
        self.assertEqual((c["status"], c["helm_revision"], c["values"]), ("Rollback", 1, exchange_text("ex", ns)))

    def test_broken_text(self):
        ns, _ = self.running_exchange()
        a = T.call("PUT", "/v1/cluster", arguments("ex", ns, "a: [b"))
        self.assertEqual(a.status, 500)
        self.assertRegex(a.body["error"], "^error converting YAML to JSON: yaml: ")


class Delete(Clustered):
    def test_second_delete_is_accepted(self):
        for _ in range(8):
            ns, cluster = self.running_exchange()
            c = T.connection()
            first, second = (T.call("DELETE", "/v1/cluster/" + cluster, connection=c) for _ in range(2))
            row = T.call("GET", "/v1/cluster/" + cluster, connection=c)
            c.close()
            d = self.accepted(first, "deleteCluster")
            if second.status == 200:
                break
            # Whoever came so late found nothing any more: once more.
            self.assertEqual((second.status, second.body["error"]), (500, "record not found"))
        self.accepted(second, "deleteCluster")
        self.assertEqual((d["status"], d["method"], d["cluster_id"], d["meta_data"]), ("Pending", "ClusterDelete", cluster, None))
        # The second answer may take longer than Helm: then the row is read at its very end, or no more.
        self.assertIn((row.status, row.data["status"]) if row.status == 200 else row.body["error"], ((200, "Deleting"), (200, "Deleted"), "record not found"))
        ends = sorted(((j["status"], j["states"][-1]) for j in (T.until(a.data["uuid"]) for a in (first, second))), reverse=True)
        self.assertEqual(ends[0], ("Success", "uninstall Success"))
        self.assertEqual(ends[1][0], "Failed")
        self.assertRegex(ends[1][1], "Failed to purge the release|Release not loaded")
        for method in ("DELETE", "GET"):
            self.refused(T.call(method, "/v1/cluster/" + cluster), 500, "record not found")
        self.assertEqual((T.owned(ns), T.releases(ns)), (set(), {}))
        self.assertEqual(T.kube.get("/api/v1/namespaces/%s/secrets/traffic-server-cert" % ns)[0], 200)
        self.assertNotIn(cluster, [x["uuid"] for x in T.call("GET", "/v1/cluster/").data])
        self.assertEqual([x["status"] for x in T.call("GET", "/v1/cluster/?all=true").data if x["uuid"] == cluster], ["Deleted"])
        j = T.job(d["uuid"])
        self.assertNotEqual(j["end_time"], ZERO)
        self.assertEqual((j["meta_data"]["name"], j["meta_data"]["data"]), ("", None))
        self.refused(T.call("PUT", "/v1/job/%s?jobStatus=stop" % d["uuid"]), 500, "ClusterDelete type jobs do not support stop")

    def test_failed_delete_forgets_all_the_same(self):
        ns, cluster = self.running_exchange()
        for name in T.releases(ns):
            T.kube.call("DELETE", "/api/v1/namespaces/%s/secrets/%s" % (ns, name))
        j = T.until(T.call("DELETE", "/v1/cluster/" + cluster).data["uuid"])
        self.assertEqual((j["status"], j["states"]), ("Failed", ["uninstall: Release not loaded: ex: release: not found"]))
        self.refused(T.row(cluster), 500, "record not found")
        self.assertEqual(T.owned(ns), EXCHANGE)

    def test_delete_ends_an_unfinished_install(self):
        ns = self.space()
        j = T.until(self.install(exchange("ex", ns)), ("Running",))
        while len(T.job(j["uuid"])["states"]) < 4:
            time.sleep(0.05)
        cluster = T.job(j["uuid"])["cluster_id"]
        self.assertEqual(T.until(T.call("DELETE", "/v1/cluster/" + cluster).data["uuid"])["status"], "Success")
        j = T.until(j["uuid"])
        self.assertEqual((j["status"], j["states"][-1]), ("Failed", "Cluster delete"))


class Timeout(Clustered):
    """The real program's hour is too long to wait for: run.sh gives the stand-in a small limit, and FACTS.md says how the real one got one."""
    doomed = None

    @classmethod
    def begin(cls):
        """Before all other tests, which then pass the time."""
        if not T.kube or LIMIT > 60 or cls.doomed:
            return
        T.namespace("doomed")
        cls.doomed = T.call("POST", "/v1/cluster", exchange("ex", "doomed")).data["uuid"]

    def test_a_job_that_never_gets_ready_ends_after_the_limit(self):
        if LIMIT > 60:
            self.skipTest("jobs may take %d s" % LIMIT)
        self.begin()
        j = T.until(self.doomed, seconds=LIMIT + 10)
        end = time.time() + 5
        while (T.owned("doomed") or T.releases("doomed")) and time.time() < end:
            time.sleep(0.1)
        self.assertEqual((j["status"], j["states"][-1], j["end_time"]), ("Failed", "checkout Cluster status timeOut!", ZERO))
        self.refused(T.row(j["cluster_id"]), 500, "record not found")
        self.assertEqual((T.owned("doomed"), T.releases("doomed")), (set(), {}))


class Restart(Clustered):
    """Last: everything before is forgotten."""

    def test_restart_with_an_empty_database(self):
        if not T.pod:
            self.skipTest("the program was not placed by this test")
        ns, cluster = self.running_exchange()
        old = T.cookie()
        T.kube.call("DELETE", "/api/v1/namespaces/%s/pods/%s" % (place.NAMESPACE, T.pod["name"]))
        T.url, T.pod = place.address(T.kube, T.pod["uid"])
        self.denied(T.raw("GET", "/v1/cluster/", headers=old), "signature is invalid")
        T.login()
        self.assertEqual((T.call("GET", "/v1/cluster/?all=true").data, T.call("GET", "/v1/job/").data), ([], []))
        self.refused(T.row(cluster), 500, "record not found")
        self.assertEqual((T.owned(ns), T.release_states(ns)), (EXCHANGE, {"v1": "deployed"}))
        # An install over what it forgot fails, and its clean-up removes the release that was there.
        j = T.until(self.install(exchange("ex", ns)))
        end = time.time() + 5
        while T.owned(ns) and time.time() < end:
            time.sleep(0.1)
        self.assertEqual((j["status"], T.owned(ns)), ("Failed", set()))
        end = time.time() + 3
        while "helm install" not in T.job(j["uuid"])["states"][-1] and time.time() < end:
            time.sleep(0.1)
        self.assertEqual(T.job(j["uuid"])["states"][-1], "helm install error, cannot re-use a name that is still in use")


def main():
    global T
    words = sys.argv[1:]
    url = words.pop(0) if words and "://" in words[0] else os.environ.get("KUBEFATE_URL")
    rig = os.environ.get("KUBEFATE_RIG")
    if not url and not rig:
        sys.exit("contract_test.py: neither a URL nor KUBEFATE_RIG is given")
    T = Target(url, rig, os.environ.get("KUBEFATE_PASSWORD", place.PASSWORD))
    load = unittest.defaultTestLoader
    here = sys.modules[__name__]
    order = (Web, Charts, Install, Stop, Update, Delete, Timeout, Restart)
    if not words:
        Timeout.begin()
    suite = unittest.TestSuite([load.loadTestsFromName(w, here) for w in words] or [load.loadTestsFromTestCase(c) for c in order])
    sys.exit(told.run("kubefate", suite))


if __name__ == "__main__":
    main()
