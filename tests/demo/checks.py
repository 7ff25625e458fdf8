"""Parts of run.sh that are easier in Python: checks.py ports | port | version KUBECONFIG | raw PORT | left PLACE... | breaks STATE"""
import base64, json, os, re, socket, ssl, subprocess, sys, tempfile, time, urllib.error, urllib.request
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from clusters import Cluster, Unreachable

NS = "demo-check"


def free(port=0):
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
            return s.getsockname()[1]
        except OSError:
            return 0


def ports():
    while True:
        a, b, c = free(), free(), free()
        if len({a, b, c, c + 10}) == 4 and c < 65000 and free(c + 10):
            return print(a, b, c)


def version(path):
    """What a client gets that knows nothing but the kubeconfig."""
    with open(path) as f:
        text = f.read()
    with tempfile.TemporaryDirectory() as d:
        for name, key in (("ca", "certificate-authority-data"), ("crt", "client-certificate-data"), ("key", "client-key-data")):
            with open(os.path.join(d, name), "wb") as f:
                f.write(base64.b64decode(re.search(key + r": (\S+)", text).group(1)))
        context = ssl.create_default_context(cafile=os.path.join(d, "ca"))
        context.load_cert_chain(os.path.join(d, "crt"), os.path.join(d, "key"))
    try:
        with urllib.request.urlopen(re.search(r"server: (\S+)", text).group(1) + "/version", context=context, timeout=10) as r:
            print(r.status, json.load(r)["gitVersion"])
    except urllib.error.HTTPError as e:
        print(e.code, json.load(e)["message"])


def raw(port):
    with socket.create_connection(("127.0.0.1", int(port)), 5) as s:
        s.sendall(sys.stdin.buffer.read())
        while True:
            data = s.recv(4096)
            if not data:
                return
            sys.stdout.write(data.decode())


def left(*places):
    """Status 1 and the processes that name one of these places."""
    found = 0
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            said = b""
            for f in ("cmdline", "environ"):
                with open("/proc/%s/%s" % (p, f), "rb") as x:
                    said += x.read()
        except OSError:
            continue
        if int(p) != os.getpid() and any(os.fsencode(x) in said for x in places):
            print("left: %s %s" % (p, said[:160].replace(b"\0", b" ").decode(errors="replace")))
            found = 1
    return found


# --- break and mend, as Kubernetes shows it ---
def check(what, good, seen=""):
    print("%s - %s%s" % ("ok" if good else "not ok", what, "" if good else ": %s" % (seen,)), flush=True)


def command(*args):
    p = subprocess.run([sys.executable, "-B", os.path.join(HERE, "demo.py")] + list(args), capture_output=True, text=True, check=False)
    return p.returncode, p.stdout + p.stderr


def until(what, seconds=180):
    """The last value of what(), which should be true."""
    end = time.time() + seconds
    while True:
        v = what()
        if v or time.time() > end:
            return v
        time.sleep(0.1)


class Watched:
    """A deployment that runs the image mysql in one cluster."""

    def __init__(self, cluster):
        self.c, self.k = cluster, cluster.kube()
        labels = {"app": "db"}
        pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "db", "image": "mysql:8.0.28"}]}}
        self.k.call("POST", "/api/v1/namespaces", {"metadata": {"name": NS}}, "application/json")
        self.k.call("POST", "/apis/apps/v1/namespaces/%s/deployments" % NS, {"metadata": {"name": "db"}, "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": pod}}, "application/json")

    def pod(self):
        pods = [p for p in self.k.items("/api/v1/namespaces/%s/pods" % NS) if not p["metadata"].get("deletionTimestamp")]
        return pods[0] if len(pods) == 1 else None

    def ready(self):
        p = self.pod()
        return p and any(c["type"] == "Ready" and c["status"] == "True" for c in p["status"].get("conditions") or []) and p["metadata"]["name"]

    def waits(self):
        """Why its container does not run, or why it has no node."""
        p = self.pod() or {"status": {}}
        for s in p["status"].get("containerStatuses") or []:
            w = s["state"].get("waiting")
            if w and w["reason"] != "ContainerCreating":
                return "%s %s" % (w["reason"], w.get("message"))
        for c in p["status"].get("conditions") or []:
            if c["type"] == "PodScheduled" and c["status"] == "False":
                return "%s %s" % (c["reason"], c["message"])
        return None

    def remove(self):
        self.k.call("DELETE", "/api/v1/namespaces/" + NS)


def breaks(state):
    a, b = Cluster(state, "lab-a"), Cluster(state, "lab-b")
    first, w, other = a.read_rules(), Watched(a), Watched(b)
    was = until(w.ready)
    check("a pod of a chart's image runs after its delay", was, w.pod())
    until(other.ready)
    code, says = command("break", "IMAGE=mysql", "CLUSTER=lab-a")
    check("IMAGE= says what it did, where to look, how to undo it", code == 0 and all(x in says for x in ("mysql cannot be pulled", "%s/%s" % (NS, was), "Look at http", "make demo-mend")), (code, says))
    why = until(w.waits)
    check("... the pod was replaced, and the new one cannot pull its image", why and why.startswith("ImagePullBackOff") and "mysql:8.0.28" in why and "toomanyrequests" in why and not w.ready(), why)
    check("... as the rules say, and only in that cluster", a.broken_images() == ["mysql"] and b.read_rules() == first and other.ready(), (a.read_rules(), other.pod()))
    code, says = command("mend")
    check("mend says so", code == 0 and "mysql can be pulled again" in says and "Everything is mended" in says, (code, says))
    check("... the rules are the first ones", a.read_rules() == first, a.read_rules())
    check("... and the pod runs", until(w.ready), w.pod())
    was = other.ready()
    code, says = command("break", "NODE=lab-b")
    check("NODE= says what it did", code == 0 and "lab-b: node-1 takes no new pods" in says and "%s/%s" % (NS, was) in says, (code, says))
    why = until(other.waits)
    check("... the node is closed, and the new pod finds none", b.closed_nodes() == ["node-1"] and why and why.startswith("Unschedulable"), (b.closed_nodes(), why))
    check("... the other cluster goes on", a.closed_nodes() == [] and w.ready(), w.pod())
    code, says = command("break", "API=down", "CLUSTER=lab-b")
    check("API=down says what it did", code == 0 and "lab-b: the API server refuses connections" in says, (code, says))

    def refused():
        try:
            b.kube(5).items("/api/v1/nodes")
        except Unreachable as e:
            return "refused" in str(e) and str(e)  # a connection that was just open is reset
        return None
    why = until(refused)
    check("... and it refuses connections", why, why)
    code, says = command("break", "IMAGE=mysql")
    check("what cannot be changed while it is down is not begun", code == 1 and "is down, so nothing was changed" in says and a.read_rules() == first, (code, says))
    code, says = command("mend")
    check("mend brings back API server and node", code == 0 and "lab-b: the API server answers again" in says and "lab-b: node-1 takes pods again" in says and b.closed_nodes() == [], (code, says))
    check("... and the pod runs", until(other.ready), other.pod())
    w.remove(), other.remove()


if __name__ == "__main__":
    sys.exit({"ports": ports, "port": lambda: print(free()), "version": version, "raw": raw, "left": left, "breaks": breaks}[sys.argv[1]](*sys.argv[2:]))
