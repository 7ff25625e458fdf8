"""The product, the two clusters behind a faulty proxy each, and what is asked of both by whom."""
import glob, json, os, sys, threading, time
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", x) for x in ("lib", "flow", "faults", "kubefate")]
import proxy as P
from api import Api
from product import KubeFate, Page, Stack
from psql import Psql
from rig import Kube

# Defaults otherwise: what PostgreSQL has committed must be on the disk when it is killed.
SETTINGS = {"FEDLCM_RUNNERS": "4", "FEDLCM_WEB_WORKERS": "4", "FEDLCM_WAIT_WORKERS": "2", "FEDLCM_KEYS_AHEAD": "0"}
PATIENCE = 30  # seconds for which somebody repeats a read while the database or the web workers are being started again
AWAY = (0, 429, 502, 503, 504)  # the answers of a product of which a part is just being started again


class Person(Api):
    """Somebody who uses the API and comes back when it is away for a moment. Counts what was answered."""

    def __init__(self, url):
        self.codes, self.wrong, self.lock = {}, [], threading.Lock()
        super().__init__(url)

    def raw(self, method, path, body=None, timeout=20):
        code, v = super().raw(method, path, body, timeout)
        with self.lock:
            self.codes[code] = self.codes.get(code, 0) + 1
            if code == 500:
                self.wrong.append({"at": time.time(), "request": "%s %s" % (method, path), "answer": v})
        return code, v

    def ask(self, method, path, body=None, seconds=90):
        """The first answer that is one. Of a request that changes something the first try may have been carried out."""
        end = time.time() + seconds
        while True:
            code, v = self.raw(method, path, body)
            if code not in AWAY or time.time() > end:
                return code, v
            time.sleep(0.3)

    def call(self, method, path, body=None):
        code, v = self.ask(method, path, body)
        if code != 200:
            raise AssertionError("%s %s: %d %s" % (method, path, code, v.get("message")))
        return v.get("data")


class Kubefates:
    """The KubeFATE programs that run in the rig, and what they wrote into their journals (tests/kubefate/tables.py)."""

    def __init__(self, rig):
        self.rig, self.ends, self.lines = rig, {}, []

    def folders(self):
        """(cluster, namespace, folder) of every pod that ever was."""
        return [(f.split("/")[-5], f.split("/")[-3], f) for f in sorted(glob.glob(os.path.join(self.rig, "?", "pods", "*", "*", "kubefate")))]

    def alive(self):
        out = []
        for cluster, namespace, folder in self.folders():
            try:
                with open(os.path.join(folder, "pid")) as f:
                    pid = int(f.read())
                with open("/proc/%d/cmdline" % pid) as f:
                    if "kubefate.py" in f.read():
                        out.append((cluster, namespace, folder, pid))
            except (OSError, ValueError):
                continue
        return out

    def read(self):
        """All that was journaled so far, with cluster and pod."""
        for cluster, namespace, folder in self.folders():
            path = os.path.join(folder, "state.journal")
            if not os.path.exists(path):
                continue
            with open(path) as f:
                f.seek(self.ends.get(path, 0))
                text = f.read()
            whole = text[:text.rfind("\n") + 1]
            self.ends[path] = self.ends.get(path, 0) + len(whole.encode())
            self.lines += [dict(json.loads(x), on=cluster, pod=folder) for x in whole.splitlines()]
        return self.lines


class World:
    """Made while all is well: infrastructures and endpoints are there when the faults begin."""

    def __init__(self, rig, stack):
        self.rig, self.stack = rig, stack
        self.kube = {c: Kube(rig, c) for c in "ab"}
        self.before = {c: k.inventory() for c, k in self.kube.items()}
        tls = P.Tls(rig + "/tls")
        self.proxy = {c: P.Proxy(os.path.join(rig, c), k.port, tls, "lab-" + c, remember=2000) for c, k in self.kube.items()}
        self.api, self.page, self.dsn = Person(stack.url), Page(stack.url), stack.database()
        self.db, self.kubefates = self.psql(), Kubefates(rig)
        self.infra, self.endpoint = {}, {}
        for c in "ab":
            self.infra[c] = self.api.add_infra("lab-" + c, self.proxy[c].kubeconfig)
            self.endpoint[c] = self.api.add_endpoint("kubefate-" + c, self.infra[c])
        for c in "ab":
            self.api.until("/endpoint/" + self.endpoint[c], [2], [4])
        self.kubefate = {c: KubeFate(k) for c, k in self.kube.items()}

    def psql(self):
        """A connection of one's own: each thread needs one."""
        return Psql(*self.dsn, PATIENCE)

    def press(self, operation, button):
        """A button of an operation's page: cancel or retry. The status of the answer; 0 when nobody answered."""
        try:
            return self.page.post("/operations/%s/%s" % (operation, button), "/operations/" + operation)[0]
        except (OSError, AssertionError, AttributeError):
            return 0


def stack(rig):
    return Stack(rig + ".state", **SETTINGS)
