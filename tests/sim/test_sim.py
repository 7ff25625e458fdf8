"""What the simulator has that no other test looks at: its ways to fail on request, the programs it runs, hostile clients, and field ownership in detail.
Objects, rights, lists and workloads as Kubernetes has them are the client test's (tests/client) and the flow's (tests/flow), on both rigs."""
import base64, http.client, json, os, shutil, signal, socket, ssl, subprocess, sys, tempfile, time, unittest
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "kubefate")]
import fields, matching, quantity, told
from faults import Fault
from product import wait
from resources import BY_KIND
from rig import Kube, free_ports, set_rules

SIM = os.path.join(HERE, "sim.py")
# Answers what it was told: the headers of the request and its environment; /away redirects.
ECHO = """
import http.server, json, os
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/away":
            self.send_response(301); self.send_header("Location", "/there"); self.send_header("Content-Length", "0"); self.end_headers(); return
        if self.path == "/die":
            os._exit(3)
        text = json.dumps({"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "env": dict(os.environ)}).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(text))); self.end_headers(); self.wfile.write(text)
    do_POST = do_GET
    def log_message(self, *a): print("seen", self.path, flush=True)
http.server.ThreadingHTTPServer((os.environ["POD_IP"], 8080), H).serve_forever()
"""
DIR = PROC = PORT = None


def start(*options):
    p = subprocess.Popen([sys.executable, "-B", SIM, "up", "-dir", DIR, "-clusters", "a", "-port", str(PORT)] + list(options), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    end = time.time() + 30
    while not os.path.exists(DIR + "/ready") and p.poll() is None and time.time() < end:
        time.sleep(0.02)
    return p


def setUpModule():
    global DIR, PROC, PORT
    DIR, PORT = tempfile.mkdtemp(prefix="sim."), free_ports(1)
    with open(DIR + ".rules", "w") as f:
        json.dump([{"image": "echo", "run": [sys.executable, "-c", ECHO]}], f)
    PROC = start("-programs", DIR + ".rules", "-notice", "fetch a new kubeconfig")


def tearDownModule():
    PROC.terminate()
    PROC.wait()
    shutil.rmtree(DIR)
    os.unlink(DIR + ".rules")


def until(what):
    return wait(what, pause=0.05)


def workload(kind, name, image, replicas=1, **more):
    labels = {"app": name}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [dict({"name": "c", "image": image, "ports": [{"containerPort": 8080}]}, **more.pop("container", {}))], **more.pop("pod", {})}}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": dict({"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod}, **more)}


class Case(unittest.TestCase):
    number = 0

    def setUp(self):
        Case.number += 1
        self.k, self.ns = Kube(DIR, "a"), "t%d" % Case.number
        self.assertEqual(self.k.call("POST", "/api/v1/namespaces", {"metadata": {"name": self.ns}})[0], 201)

    def path(self, plural, name="", group="/api/v1"):
        return "%s/namespaces/%s/%s%s" % (group, self.ns, plural, "/" + name if name else "")

    def make(self, plural, obj, group="/api/v1"):
        code, v = self.k.call("POST", self.path(plural, group=group), obj)
        self.assertEqual(code, 201, v)
        return v

    def apps(self, obj):
        return self.make(obj["kind"].lower() + "s", obj, "/apis/apps/v1")

    def pods(self, name):
        return self.k.items(self.path("pods") + "?labelSelector=app=" + name)

    def waiting(self, name):
        """Reasons of the waiting containers."""
        return [c["state"]["waiting"]["reason"] for p in self.pods(name) for c in p["status"].get("containerStatuses") or [] if "waiting" in c["state"]]

    def ready(self, name, n=1):
        pods = [p for p in self.pods(name) if not p["metadata"].get("deletionTimestamp") and any(c["type"] == "Ready" and c["status"] == "True" for c in p["status"].get("conditions") or [])]
        return pods if len(pods) == n else None

    def events(self):
        return {e["reason"]: e["message"] for e in self.k.items(self.path("events"))}


class Workloads(Case):
    def test_a_changed_deployment_replaces_its_pods(self):
        d = self.apps(workload("Deployment", "web", "web:1", 2))
        first = {p["metadata"]["name"] for p in until(lambda: self.ready("web", 2))}
        d = self.k.get(self.path("deployments", "web", "/apis/apps/v1"))[1]
        d["spec"]["template"]["spec"]["containers"][0]["image"] = "web:2"
        self.assertEqual(self.k.call("PUT", self.path("deployments", "web", "/apis/apps/v1"), d)[0], 200)
        until(lambda: (lambda p: p and not first & {x["metadata"]["name"] for x in p})(self.ready("web", 2)))
        until(lambda: len(self.pods("web")) == 2)
        self.assertEqual({p["spec"]["containers"][0]["image"] for p in self.pods("web")}, {"web:2"})

    def test_a_stateful_set_goes_one_by_one_and_keeps_its_claims(self):
        claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
        set_rules(DIR, "a", [{"image": "echo", "run": [sys.executable, "-c", ECHO]}, {"image": "db", "delay_ms": 400}])
        self.apps(workload("StatefulSet", "db", "db:1", 2, serviceName="db", volumeClaimTemplates=[claim]))
        until(lambda: [p["metadata"]["name"] for p in self.pods("db")] == ["db-0"])
        self.assertFalse(self.ready("db"))
        until(lambda: self.ready("db", 2))
        self.assertEqual({c["metadata"]["name"]: c["status"]["phase"] for c in self.k.items(self.path("persistentvolumeclaims"))}, {"data-db-0": "Bound", "data-db-1": "Bound"})
        self.k.call("DELETE", self.path("statefulsets", "db", "/apis/apps/v1"))
        until(lambda: not self.pods("db"))
        self.assertEqual(len(self.k.items(self.path("persistentvolumeclaims"))), 2)

    def test_a_job_ends(self):
        self.make("jobs", {"metadata": {"name": "once"}, "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "once"}]}}}}, "/apis/batch/v1")
        until(lambda: self.k.get(self.path("jobs", "once", "/apis/batch/v1"))[1]["status"].get("succeeded") == 1)

    def test_images_fail_as_the_rules_say(self):
        run = {"image": "echo", "run": [sys.executable, "-c", ECHO]}
        set_rules(DIR, "a", [run, {"image": "bad", "fail": "ImagePullBackOff", "message": "no such image"}, {"image": "bad/but-good", "delay_ms": 0}, {"image": "ill", "crash": True}])
        for name, image in (("pull", "bad/x:1"), ("fine", "bad/but-good:1"), ("crash", "ill:1")):
            self.apps(workload("Deployment", name, image))
        until(lambda: self.waiting("pull") == ["ImagePullBackOff"] and self.waiting("crash") == ["CrashLoopBackOff"])
        until(lambda: self.ready("fine"))
        self.assertIn("ImagePullBackOff", self.events()["Failed"])
        set_rules(DIR, "a", [run])
        until(lambda: self.ready("pull") and self.ready("crash"))

    def test_no_node_takes_it(self):
        self.k.call("PATCH", "/api/v1/nodes/node-1", {"spec": {"unschedulable": True}}, "application/merge-patch+json")
        try:
            self.apps(workload("Deployment", "late", "late:1"))
            until(lambda: "1 node(s) were unschedulable" in self.events().get("FailedScheduling", ""))
        finally:
            self.k.call("PATCH", "/api/v1/nodes/node-1", {"spec": {"unschedulable": None}}, "application/merge-patch+json")
        until(lambda: self.ready("late"))
        self.apps(workload("Deployment", "huge", "huge:1", container={"resources": {"requests": {"cpu": "65"}}}))
        until(lambda: "Insufficient cpu" in self.events().get("FailedScheduling", "") or any("Insufficient cpu" in e["message"] for e in self.k.items(self.path("events"))))

    def test_an_ingress_has_an_address_where_there_is_a_controller(self):
        spec = {"rules": [{"host": "a.example.com"}]}
        self.k.call("POST", "/apis/networking.k8s.io/v1/ingressclasses", {"metadata": {"name": "known"}, "spec": {"controller": "example.com/x"}})
        for name in ("known", "unknown"):
            self.make("ingresses", {"metadata": {"name": name}, "spec": dict(spec, ingressClassName=name)}, "/apis/networking.k8s.io/v1")
        at = lambda n: self.k.get(self.path("ingresses", n, "/apis/networking.k8s.io/v1"))[1]["status"]
        until(lambda: at("known").get("loadBalancer"))
        self.assertEqual(at("unknown"), {})

    def test_dependents_go_with_their_owner_or_stay_as_orphans(self):
        for name in ("takes", "leaves"):
            self.apps(workload("Deployment", name, "x:1"))
            until(lambda n=name: self.ready(n))
        self.k.call("DELETE", self.path("deployments", "leaves", "/apis/apps/v1"), {"propagationPolicy": "Orphan"})
        self.k.call("DELETE", self.path("deployments", "takes", "/apis/apps/v1"))
        until(lambda: not self.pods("takes"))
        self.assertEqual(len(self.pods("leaves")), 1)


class Programs(Case):
    def setUp(self):
        super().setUp()
        set_rules(DIR, "a", [{"image": "echo", "run": [sys.executable, "-c", ECHO]}])
        env = [{"name": "FATECLOUD_X", "value": "1"}, {"name": "LD_PRELOAD", "value": "/tmp/evil.so"}, {"name": "PYTHONPATH", "value": "/tmp"}]
        self.apps(workload("Deployment", "echo", "echo:1", container={"env": env}))
        self.make("services", {"metadata": {"name": "echo"}, "spec": {"selector": {"app": "echo"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}})
        until(lambda: self.ready("echo"))

    def proxy(self, path, port=":80", headers=()):
        c = http.client.HTTPSConnection("127.0.0.1", PORT, context=self.k.ctx)
        c.request("GET", self.path("services", "echo%s/proxy%s" % (port, path)), headers=dict(headers))
        r = c.getresponse()
        text = r.read()
        c.close()
        return r, text

    def test_service_proxy(self):
        r, text = self.proxy("/v1/x?y=1", headers={"Authorization": "Bearer secret", "Cookie": "jwt=abc"})
        seen = json.loads(text)
        self.assertEqual((r.status, seen["path"], seen["headers"].get("cookie")), (200, "/v1/x?y=1", "jwt=abc"))
        self.assertNotIn("authorization", seen["headers"])
        self.assertEqual(self.proxy("/", ":http")[0].status, 200)
        for port, said in (("", "no endpoints available"), (":81", 'no service port "81" found')):
            r, text = self.proxy("/", port)
            self.assertEqual(r.status, 503)
            self.assertIn(said, json.loads(text)["message"])
        self.assertEqual(self.proxy("/away")[0].getheader("Location"), self.path("services", "echo:80/proxy/there"))

    def test_a_program_is_told_no_more_than_it_may_know(self):
        env = json.loads(self.proxy("/")[1])["env"]
        self.assertEqual(env["FATECLOUD_X"], "1")
        self.assertFalse({"LD_PRELOAD", "PYTHONPATH"} & set(env))
        for name in ("token", "ca.crt", "namespace"):
            self.assertTrue(os.path.exists(os.path.join(env["SERVICE_ACCOUNT_DIR"], name)), name)

    def test_logs_and_a_program_that_dies(self):
        self.proxy("/one"), self.proxy("/two")
        pod = self.pods("echo")[0]["metadata"]["name"]
        c = http.client.HTTPSConnection("127.0.0.1", PORT, context=self.k.ctx)
        c.request("GET", self.path("pods", pod + "/log?container=c&tailLines=1"))
        self.assertEqual(c.getresponse().read(), b"seen /two\n")
        self.assertEqual(self.proxy("/die")[0].status, 503)
        until(lambda: (self.ready("echo") or [{}])[0].get("status", {}).get("containerStatuses", [{}])[0].get("restartCount") == 1)
        self.assertEqual(self.proxy("/back")[0].status, 200)


class Failing(Case):
    def test_down_and_up(self):
        down = DIR + "/a/down"
        open(down, "w").close()

        def refused():
            try:
                socket.create_connection(("127.0.0.1", PORT), 1).close()
                return False
            except ConnectionResetError:
                return False  # it is being closed just now
            except ConnectionRefusedError:
                return True
        try:
            until(refused)
        finally:
            os.unlink(down)
        until(lambda: not refused())
        self.assertEqual(self.k.get("/version")[0], 200)

    def test_hostile_clients(self):
        def raw(text):
            s = self.k.ctx.wrap_socket(socket.create_connection(("127.0.0.1", PORT), 5), server_hostname="localhost")
            s.sendall(text)
            data = s.recv(65536)
            s.close()
            return data
        silent = socket.create_connection(("127.0.0.1", PORT))  # never begins its handshake
        cm = self.path("configmaps").encode()
        self.assertIn(b" 413 ", raw(b"POST " + cm + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"))
        self.assertIn(b" 400 ", raw(b"POST " + cm + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"))
        silent.close()
        for body in (b"{", b"[]", b'{"metadata":[1]}', b'{"metadata":{"name":"x"},"data":{"k":1}}', b'{"metadata":{"name":"x","namespace":"elsewhere"}}', b'{"kind":"Secret","metadata":{"name":"x"}}'):
            self.assertIn(b" 400 ", raw(b"POST " + cm + b" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body), body)
        for path, code in (("/apis/nothing/v1/x", 404), ("/api/v1/nothing", 404), ("/api/v1/namespaces/%s/pods/x/y" % self.ns, 404), ("/api/v1/pods?limit=x", 400), ("/api/v1/pods?fieldSelector=spec.x=1", 400), ("/api/v1/pods?labelSelector=a%20b", 400),
                           ("/api/v1/pods?watch=true", 405), ("/api/v1/pods?continue=bm9uc2Vuc2U", 400)):
            self.assertEqual(self.k.get(path)[0], code, path)
        old = base64.urlsafe_b64encode(json.dumps({"at": ["a", "b"], "until": 1}).encode()).decode()
        self.assertEqual(self.k.get("/api/v1/pods?continue=" + old)[0], 410)
        with self.assertRaises((ssl.SSLError, ConnectionError)):  # a certificate of nobody's
            d = tempfile.mkdtemp()
            try:
                subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", d + "/k", "-out", d + "/c", "-subj", "/O=system:masters/CN=evil"], check=True, capture_output=True)
                ctx = ssl.create_default_context(cafile=DIR + "/a/ca.crt")
                ctx.load_cert_chain(d + "/c", d + "/k")
                c = http.client.HTTPSConnection("127.0.0.1", PORT, context=ctx)
                c.request("GET", "/api/v1/secrets")
                c.getresponse().read()
            finally:
                shutil.rmtree(d)

    def test_audit_tells_who_did_what(self):
        self.k.get(self.path("configmaps", "no-such"))
        with open(DIR + "/a/audit.log") as f:
            last = json.loads(f.readlines()[-1])
        self.assertEqual((last["verb"], last["user"]["username"], last["responseStatus"]["code"], last["requestURI"]), ("get", "admin", 404, self.path("configmaps", "no-such")))


class Ends(unittest.TestCase):
    """Last, because they end the simulator."""

    def test_a_taken_port_is_said(self):
        p = subprocess.run([sys.executable, "-B", SIM, "up", "-dir", DIR + ".other", "-port", str(PORT)], capture_output=True, text=True)
        self.assertEqual(p.returncode, 1)
        self.assertIn("port %d of 127.0.0.1 is taken" % PORT, p.stderr)

    def test_everything_dies_with_it_and_its_certificates_with_the_run(self):
        global PROC
        old = Kube(DIR, "a")
        with open(DIR + "/a/admin.kubeconfig") as f:
            before = f.read()
        PROC.send_signal(signal.SIGKILL)
        PROC.wait()
        until(lambda: not subprocess.run(["pgrep", "-f", DIR], capture_output=True).stdout)
        os.unlink(DIR + "/ready")
        PROC = start("-notice", "fetch a new kubeconfig")
        code, v = old.get("/version")
        self.assertEqual((code, v["message"]), (401, "fetch a new kubeconfig"))
        self.assertEqual(Kube(DIR, "a").get("/version")[0], 200)
        with open(DIR + "/a/admin.kubeconfig") as f:
            self.assertNotEqual(f.read(), before)


class Fields(unittest.TestCase):
    KIND = BY_KIND["Deployment"]

    def apply(self, live, config, manager="m", force=False):
        base = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}}
        return fields.apply(self.KIND, live, dict(base, **config), manager, force, "2026-01-01T00:00:00Z")

    @staticmethod
    def containers(*cs):
        return {"spec": {"template": {"spec": {"containers": list(cs)}}}}

    def names(self, obj):
        return [c["name"] for c in obj["spec"]["template"]["spec"]["containers"]]

    def test_entries_of_a_keyed_list_belong_to_their_managers(self):
        one = self.apply(None, self.containers({"name": "a", "image": "a:1"}))
        two = self.apply(one, self.containers({"name": "b", "image": "b:1"}), "n")
        self.assertEqual(self.names(two), ["a", "b"])
        three = self.apply(two, self.containers({"name": "c", "image": "c:1"}))
        self.assertEqual(self.names(three), ["b", "c"])
        with self.assertRaises(Fault) as f:
            self.apply(three, self.containers({"name": "b", "image": "b:2"}))
        self.assertIn('conflict with "n": .spec.template.spec.containers[name="b"].image', f.exception.message)
        forced = self.apply(three, self.containers({"name": "b", "image": "b:2"}), force=True)
        self.assertEqual([c["image"] for c in forced["spec"]["template"]["spec"]["containers"]], ["b:2"])

    def test_the_same_value_is_shared(self):
        one = self.apply(None, {"spec": {"replicas": 2}})
        both = self.apply(one, {"spec": {"replicas": 2}}, "n")
        left = self.apply(both, {"spec": {"paused": True}})
        self.assertEqual(left["spec"], {"replicas": 2, "paused": True})
        gone = self.apply(left, {"spec": {"paused": True}}, "n")
        self.assertEqual(gone["spec"], {"paused": True})

    def test_lists_without_keys_are_one_value(self):
        one = self.apply(None, {"spec": {"args": [1, 2]}})
        self.assertEqual(self.apply(one, {"spec": {"args": [3]}})["spec"]["args"], [3])

    def test_stored_form_comes_back(self):
        paths = {("data", "a"), ("spec", "containers", ("k", '{"name": "c"}'), "image"), ("metadata", "labels", "x.y/z")}
        self.assertEqual(fields.unpack(fields.pack(paths)), paths)

    def test_selectors_and_amounts(self):
        for text, yes in (("a=1", True), ("a==1,b", True), ("a!=2", True), ("!c", True), ("a in (0,1)", True), ("a notin (1)", False), ("b in (1, 2),!c", True), ("c", False), ("", True)):
            self.assertEqual(matching.labels(text)({"a": "1", "b": "2"}), yes, text)
        self.assertEqual([quantity.number(x) for x in ("500m", "2", "1Gi", "0.5", "1k", "x")], [0.5, 2, 1 << 30, 0.5, 1000, None])


if __name__ == "__main__":
    load = unittest.defaultTestLoader.loadTestsFromTestCase
    sys.exit(told.run("sim", unittest.TestSuite(map(load, (Fields, Workloads, Programs, Failing, Ends)))))
