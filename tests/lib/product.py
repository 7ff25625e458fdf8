"""The product as its users and its neighbours see it, for tests inside a rig's network namespace: the launcher, a page session, its database, and the
KubeFATE behind an endpoint (read through the admin's way, never through the product)."""
import base64, html, http.cookiejar, json, os, re, signal, subprocess, threading, time, urllib.error, urllib.parse, urllib.request
from patience import PATIENCE, looks
from psql import Broken, Psql
from rig import ROOT, Kube

BIN = os.environ.get("STACK_BIN", os.path.join(ROOT, "build/release/bin"))


class Stack:
    """`fedlcm-run run` on a state directory; its output is in STATE.out."""

    def __init__(self, state, port=None, **env):
        port = port or int(os.environ.get("RIG_PRODUCT_PORT", 9080))
        self.state, self.url = state, "http://127.0.0.1:%d" % port
        # A key is half a second of a core: only what is needed is made.
        self.env = dict(os.environ, **dict({"FEDLCM_STATE": state, "FEDLCM_PORT": str(port), "FEDLCM_LOGIN_RATE": "60000", "FEDLCM_KEYS_AHEAD": "0"}, **env))
        self.kept = []  # connections to the database that nobody uses just now

    def __enter__(self):
        self.out = open(self.state + ".out", "w")
        self.proc = subprocess.Popen([os.path.join(BIN, "fedlcm-run"), "run"], env=self.env, stdout=self.out, stderr=subprocess.STDOUT)
        for _ in range(PATIENCE * 10):
            with open(self.state + ".out") as f:
                if "is ready" in f.read():
                    return self
            if self.proc.poll() is not None:
                break
            time.sleep(0.1)
        with open(self.state + ".out") as f:
            raise RuntimeError(f.read())

    def __exit__(self, *_):
        for one in self.kept:
            one.end()
        self.proc.send_signal(signal.SIGTERM)
        self.proc.wait()
        self.out.close()

    def parts(self):
        """{"poller": pid of its supervisor, ...}"""
        text = subprocess.run([os.path.join(BIN, "fedlcm-run"), "status"], env=self.env, capture_output=True, text=True).stdout
        return {k: int(v) for k, v in re.findall(r"^\s+(\w+)\s+(\d+)", text, re.M)}

    def log(self, part):
        try:
            with open(os.path.join(self.state, "log", part + ".log"), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def sql(self, text):
        """Rows of a statement, as the database's owner. A test beside this one may just have killed PostgreSQL: then again, for a while."""
        end = time.time() + 20
        while True:
            one = None
            try:
                one = self.connection()
                return one.rows(text)
            except (OSError, KeyError, ValueError, Broken):
                if one:
                    one.end()
                    one = None
                if time.time() > end:
                    raise
                time.sleep(0.2)
            finally:
                if one:
                    self.kept.append(one)

    def connection(self):
        try:
            return self.kept.pop()
        except IndexError:
            return Psql(*self.database())

    def database(self):
        """Socket folder and password of the database's owner."""
        with open("/proc/%d/cmdline" % self.parts()["postgres"]) as f:
            args = f.read().split("\0")
        with open(os.path.join(self.state, "pg.owner")) as f:
            return args[args.index("-k") + 1], f.read().strip()

    def operation(self, subject, kind=None):
        """The newest operation of a subject, as a dict; deadline_at: until when it waits at most."""
        names = "uuid kind state percent cause evidence_class evidence_args error_class error_args cancel_requested deadline".split()
        more = " and kind = '%s'" % kind if kind else ""
        rows = self.sql("select %s, extract(epoch from least(deadline, (select min(s.deadline) from operation_step s where s.operation_id = operation.id and s.state = 'running'))), extract(epoch from coalesce(ended_at, now()) - created_at) from operation where subject = '%s'%s order by id desc limit 1" % (", ".join(names), subject, more))
        return dict(zip(names + ["deadline_at", "seconds"], rows[0])) if rows else None


def descendants(pid):
    """The processes below one, nearest first."""
    below = {}
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % p) as f:
                below.setdefault(int(f.read().rsplit(")", 1)[1].split()[1]), []).append(int(p))
        except (FileNotFoundError, ProcessLookupError):
            continue
    out, todo = [], [pid]
    while todo:
        more = below.get(todo.pop(0), [])
        out += more
        todo += more
    return out


class Page:
    """A browser's session without script."""

    def __init__(self, url, password="admin", language="en"):
        self.url = url
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        self.language = language
        self.post("/login", username="Admin", password=password)
        if language != "en":
            self.open("/language?lang=" + language)  # the menu at the top right

    def open(self, path, data=None):
        req = urllib.request.Request(self.url + path, data=data, headers={"Accept-Language": self.language, "Origin": self.url, "Sec-Fetch-Site": "same-origin"})
        try:
            with self.opener.open(req, timeout=30) as r:
                return r.status, r.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def get(self, path):
        code, text = self.open(path)
        assert code == 200, "%s: %d" % (path, code)
        return text

    def text(self, path):
        """What a person reads there."""
        body = re.sub(r"(?s)<(script|style).*?</\1>", " ", self.get(path))
        return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", body)))

    def post(self, path, form="/", **fields):
        if path != "/login":
            fields["_csrf"] = re.search(r'name="_csrf" value="([^"]+)"', self.get(form)).group(1)
        return self.open(path, urllib.parse.urlencode(fields).encode())

    def landed(self, path, form, **fields):
        """Where the answer to a form leads."""
        fields["_csrf"] = re.search(r'name="_csrf" value="([^"]+)"', self.get(form)).group(1)
        req = urllib.request.Request(self.url + path, data=urllib.parse.urlencode(fields).encode(), headers={"Accept-Language": self.language, "Origin": self.url, "Sec-Fetch-Site": "same-origin"})
        with self.opener.open(req, timeout=30) as r:
            return r.geturl()[len(self.url):]


class KubeFate:
    """What the KubeFATE of an endpoint knows: its jobs and clusters. Reads with the account in the cluster's own secret."""

    def __init__(self, kube, namespace="kube-fate", account=None):
        self.kube, self.ns, self.account, self.token = kube, namespace, account, None

    def raw(self, method, path, body=None):
        headers = {"Cookie": "jwt=" + self.token} if self.token else {}
        code, text = self.kube.request(method, "/api/v1/namespaces/%s/services/kubefate:8080/proxy%s" % (self.ns, path), json.dumps(body).encode() if body is not None else None,
                                       dict(headers, **{"Content-Type": "application/json"}))
        return code, json.loads(text) if code < 300 else text.decode(errors="replace")

    def login(self):
        user, password = self.account or (None, None)
        if not user:
            data = self.kube.get("/api/v1/namespaces/%s/secrets/kubefate-secret" % self.ns)[1]["data"]
            user, password = (base64.b64decode(data[k]).decode() for k in ("kubefateUsername", "kubefatePassword"))
        self.token = None
        code, v = self.raw("POST", "/v1/user/login", {"username": user, "password": password})
        assert code == 200, (code, v)
        self.token = v["token"]

    def call(self, method, path):
        for _ in range(2):
            if not self.token:
                self.login()
            code, v = self.raw(method, path)
            if code != 401:
                break
            self.token = None  # it was restarted
        assert code == 200, (code, v)
        return v["data"]

    def jobs(self, name=None, namespace=None, method=None):
        return [j for j in self.call("GET", "/v1/job/") if (not name or j["meta_data"]["name"] == name) and (not namespace or j["meta_data"]["namespace"] == namespace) and (not method or j["method"] == method)]

    def clusters(self):
        return self.call("GET", "/v1/cluster/")

    def charts(self, name, version):
        return [c for c in self.call("GET", "/v1/chart/") if (c["name"], c["version"]) == (name, version)]


REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
MAY_I_DO_ALL = {"spec": {"resourceAttributes": {"verb": "*", "group": "*", "resource": "*"}}}


def account_token(kube, account, secret):
    """The lasting token of a service account in namespace `default`, by a secret of that name."""
    meta = {"name": secret, "annotations": {"kubernetes.io/service-account.name": account}}
    kube.call("POST", "/api/v1/namespaces/default/secrets", {"metadata": meta, "type": "kubernetes.io/service-account-token"})
    token = wait(lambda: (kube.get("/api/v1/namespaces/default/secrets/" + secret)[1].get("data") or {}).get("token"))
    return base64.b64decode(token).decode()


def kubeconfig_with(kube, token):
    with open(kube.ca, "rb") as f:
        ca = base64.b64encode(f.read()).decode()
    return ("apiVersion: v1\nkind: Config\ncurrent-context: x\nclusters:\n- name: x\n  cluster:\n    server: %s\n    certificate-authority-data: %s\nusers:\n- name: x\n  user:\n    token: %s\ncontexts:\n- name: x\n"
            "  context:\n    cluster: x\n    user: x\n" % (kube.base, ca, token))


def account_kubeconfig(kube, directory, cluster, name="fedlcm-operator", role="cluster-admin"):
    """A kubeconfig with the lasting token of a new service account. The role allows everything, and the API server has learned that it is the account's."""
    kube.call("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": name}})
    kube.call("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {"metadata": {"name": name}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
                                                                                "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "default"}]})
    token = account_token(kube, name, name)
    account = Kube(directory, cluster, token)
    wait(lambda: (account.call("POST", REVIEWS, MAY_I_DO_ALL)[1].get("status") or {}).get("allowed"), say="the account %s may do everything" % name)
    return kubeconfig_with(kube, token)


class Wanted(Exception):
    """A test that another one was to prepare."""


class Tests:
    """Named tests that build on each other: a failure is told and counted, what needs it is told too, and the rest goes on."""

    def __init__(self, layer, only=()):
        self.layer, self.only, self.passed, self.failed, self.lock, self.values, self.start = layer, only, 0, 0, threading.Lock(), {}, time.time()

    def __getattr__(self, name):
        try:
            return self.__dict__["values"][name]
        except KeyError:
            raise Wanted("needs %s, which an earlier test did not make" % name) from None

    def put(self, **values):
        self.values.update(values)

    def later(self, name):
        """A value that a test in another lane makes."""
        return wait(lambda: self.values.get(name), say="needs %s, which a test beside it did not make" % name)

    def run(self, test):
        began = time.time()
        try:
            test(self)
            problem = None
        except Exception as e:
            import traceback
            where = [f for f in traceback.extract_tb(e.__traceback__) if "/tests/" in f.filename]
            problem = "%s: %s (%s)" % (type(e).__name__, e, ", ".join("%s:%d" % (os.path.basename(f.filename), f.lineno) for f in where[-3:]))
        with self.lock:
            name = test.__name__.removeprefix("test_").replace("_", " ")
            print("%s %-70s %5.1f s  at %5.1f s%s" % ("not ok" if problem else "ok    ", name, time.time() - began, time.time() - self.start, "\n       " + problem[:1500] if problem else ""), flush=True)
            self.passed, self.failed = self.passed + (not problem), self.failed + bool(problem)
        return not problem

    def lane(self, *tests):
        for t in tests:
            self.run(t)

    def lanes(self, *lanes):
        """Rows of tests side by side."""
        threads = [threading.Thread(target=self.lane, args=x) for x in lanes]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    def end(self):
        print("%s: %d passed, %d failed, 0 skipped" % (self.layer, self.passed, self.failed), flush=True)
        return 1 if self.failed else 0


def wait(what, pause=None, say=None):
    """Until what() is true; its value."""
    for _ in looks(pause):
        v = what()
        if v:
            return v
    raise AssertionError("not within %d s: %s" % (PATIENCE, say() if callable(say) else say or what))
