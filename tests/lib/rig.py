"""Kubernetes clusters for tests: real control planes (tests/realkube: root and Go), or the simulator (tests/sim), which needs neither.

    with Rig(["a", "b"], rules) as rig:
        rig.run_inside([...argv])          # where the clusters can be reached
RIG=real or RIG=sim chooses; otherwise real where it can be had. As root each rig has a network namespace of its own. Without root nothing separates it from
the machine: it takes free ports, and RIG_PRODUCT_PORT in the environment of what runs inside names one for the product.
Inside: Kube(directory, cluster) is a small admin client.
"""
import ctypes, json, os, random, re, shutil, signal, socket, ssl, subprocess, sys, tempfile, time, urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.append(os.path.join(ROOT, "tests/kubefate"))
from kept import Kept


def die_with_parent():
    os.setsid()
    ctypes.CDLL("libc.so.6").prctl(1, signal.SIGKILL)


REAL = os.path.join(ROOT, "build/realkube/realkube")


def kind():
    """real or sim."""
    return os.environ.get("RIG") or ("real" if os.getuid() == 0 and (os.access(REAL, os.X_OK) or shutil.which("go")) else "sim")


def free_ports(n, apart=10):
    """The first of n free ports of 127.0.0.1 that lie so far apart."""
    for first in range(random.randrange(20000, 28000), 32000, 7):
        held = []
        try:
            for i in range(n):
                held.append(socket.create_server(("127.0.0.1", first + apart * i)))
            return first
        except OSError:
            continue
        finally:
            for s in held:
                s.close()
    raise RuntimeError("no free ports")


class Rig:
    def __init__(self, clusters, rules, directory=None):
        self.clusters, self.rules, self.kind, self.alone = clusters, rules, kind(), os.getuid() == 0
        self.dir = directory or tempfile.mkdtemp(prefix="rig.", dir="/tmp")

    def __enter__(self):
        rules = os.path.join("/tmp", os.path.basename(self.dir) + ".rules.json")
        with open(rules, "w") as f:
            json.dump(self.rules, f)
        if self.kind == "real":
            subprocess.run(["bash", os.path.join(ROOT, "tests/realkube/build.sh")], check=True)
            argv = [REAL]
        else:
            argv = [sys.executable, "-B", os.path.join(ROOT, "tests/sim/sim.py")]
        argv += ["up", "-dir", self.dir, "-clusters", ",".join(self.clusters), "-programs", rules]
        if not self.alone:
            argv += ["-port", str(free_ports(len(self.clusters)))]
        self.log = open(self.dir + ".log", "w")
        self.proc = subprocess.Popen((["unshare", "--net"] if self.alone else []) + argv, stdout=self.log, stderr=self.log, preexec_fn=die_with_parent)
        end = time.time() + 180
        while not os.path.exists(os.path.join(self.dir, "ready")):
            if self.proc.poll() is not None or time.time() > end:
                raise RuntimeError("the rig did not start: " + open(self.dir + ".log").read()[-2000:])
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        try:
            os.killpg(self.proc.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.proc.wait()  # everything below it dies with it
        self.log.close()
        if os.environ.get("KEEP_RIG"):
            return
        for left in (self.dir, self.dir + ".state"):
            shutil.rmtree(left, ignore_errors=True)
        for left in (self.dir + ".log", self.dir + ".state.out", os.path.join("/tmp", os.path.basename(self.dir) + ".rules.json")):
            if os.path.exists(left):
                os.unlink(left)

    def inside(self, argv):
        return (["nsenter", "-t", str(self.proc.pid), "-n"] if self.alone else ["env", "RIG_PRODUCT_PORT=%d" % free_ports(1)]) + argv

    def run_inside(self, argv, **kw):
        return subprocess.run(self.inside(argv), **kw)


def set_rules(directory, cluster, rules):
    path = os.path.join(directory, cluster, "rules.json")
    with open(path + ".new", "w") as f:
        json.dump(rules, f)
    os.rename(path + ".new", path)


def audit(directory, cluster):
    """Requests that the API server answered: dicts with user, agent, verb, uri, code, time."""
    out = []
    with open(os.path.join(directory, cluster, "audit.log")) as f:
        for line in f:
            try:
                x = json.loads(line)
            except ValueError:
                continue
            if x.get("stage") == "ResponseComplete":
                out.append({"user": x["user"].get("username"), "agent": x.get("userAgent", ""), "verb": x["verb"], "uri": x["requestURI"], "code": x.get("responseStatus", {}).get("code"), "time": x["stageTimestamp"]})
    return out


class Kube:
    """Client of one cluster, as its administrator or with the token of an account; to be used inside the rig."""

    def __init__(self, directory, cluster, token=None):
        d = os.path.join(directory, cluster)
        with open(os.path.join(d, "admin.kubeconfig")) as f:
            self.base = re.search(r"server: (\S+)", f.read()).group(1)
        self.host, self.port = urllib.parse.urlsplit(self.base).hostname, int(self.base.rsplit(":", 1)[1])
        self.ca = os.path.join(d, "ca.crt")
        self.ctx = ssl.create_default_context(cafile=self.ca)
        self.headers = {"Accept": "application/json"}
        if token:
            self.headers["Authorization"] = "Bearer " + token
        else:
            self.ctx.load_cert_chain(os.path.join(d, "admin.crt"), os.path.join(d, "admin.key"))
        self.kept = Kept(self.host, self.port, self.ctx, 20)

    def request(self, method, path, data, headers):
        """(status, body)"""
        return self.kept.request(method, path, data, headers)

    def call(self, method, path, body=None, kind="application/json"):
        code, text = self.request(method, path, json.dumps(body).encode() if body is not None else None, dict(self.headers, **{"Content-Type": kind}))
        try:
            return code, json.loads(text or b"null")
        except ValueError:
            if code < 300:
                raise
            return code, {"message": text.decode(errors="replace")}

    def get(self, path):
        return self.call("GET", path)

    def items(self, path):
        code, v = self.get(path)
        return v.get("items", []) if code == 200 else []

    def inventory(self):
        """Every object of the kinds we touch, as strings, without what Kubernetes itself keeps."""
        out = set()
        for path, kind in (("/api/v1/namespaces", "Namespace"), ("/apis/rbac.authorization.k8s.io/v1/clusterroles", "ClusterRole"), ("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", "ClusterRoleBinding"), ("/api/v1/secrets", "Secret"),
                           ("/api/v1/configmaps", "ConfigMap"), ("/api/v1/services", "Service"), ("/api/v1/serviceaccounts", "ServiceAccount"), ("/apis/apps/v1/deployments", "Deployment"), ("/apis/apps/v1/statefulsets", "StatefulSet"),
                           ("/apis/networking.k8s.io/v1/ingresses", "Ingress"), ("/api/v1/persistentvolumeclaims", "PersistentVolumeClaim"), ("/api/v1/pods", "Pod")):
            for x in self.items(path):
                m = x["metadata"]
                if m.get("namespace", "").startswith("kube-") and m["namespace"] != "kube-fate" or m["name"] == "kube-root-ca.crt" or (kind, m["name"]) == ("ServiceAccount", "default"):
                    continue  # a fresh control plane still makes these while the guide runs
                out.add("%s %s/%s" % (kind, m.get("namespace", ""), m["name"]))
        return out
