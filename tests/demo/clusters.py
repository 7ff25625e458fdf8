"""The two simulated clusters: how long their images take, what is broken in them, breaking and mending. Runs as their account, never as root.

    clusters.py prepare STATE            what only lab-b is like
    clusters.py break STATE NAME=VALUE...
    clusters.py mend STATE"""
import http.client, json, os, re, ssl, sys, time
from texts import Refused, say

CLUSTERS = ("lab-a", "lab-b")
ONLY_NODEPORT = "lab-b"
KUBEFATE = "federatedai/kubefate"
UNDO_S = 15

# Seconds until a container of the image runs: its pull and its start. An exchange takes about 8 s, a FATE cluster about 30, KubeFATE 6.
SECONDS = (
    ("federatedai/trafficserver", 8), ("federatedai/nginx", 4), ("mysql:", 6), ("federatedai/hadoop-namenode", 8), ("federatedai/hadoop-datanode", 5),
    ("federatedai/spark-master", 10), ("federatedai/spark-worker", 13), ("federatedai/client", 15), ("federatedai/fateboard", 18), ("federatedai/pulsar", 21),
    ("federatedai/fateflow", 26), ("mariadb:", 3), ("", 5),
)


def rules(python, standin):
    out = [{"image": image, "delay_ms": 1000 * s} for image, s in SECONDS]
    return out + [{"image": KUBEFATE, "run": [python, "-B", standin], "delay_ms": 5000}]


class Unreachable(Exception):
    pass


class Kube:
    """The admin of one cluster, with the kubeconfig that people download."""

    def __init__(self, folder, timeout=20):
        with open(os.path.join(folder, "admin.kubeconfig")) as f:
            server = re.search(r"server: https://([^:\s]+):(\d+)", f.read())
        self.host, self.port, self.timeout = server.group(1), int(server.group(2)), timeout
        self.context = ssl.create_default_context(cafile=os.path.join(folder, "ca.crt"))
        self.context.load_cert_chain(os.path.join(folder, "admin.crt"), os.path.join(folder, "admin.key"))

    def call(self, method, path, body=None, kind="application/merge-patch+json"):
        c = http.client.HTTPSConnection(self.host, self.port, timeout=self.timeout, context=self.context)
        try:
            c.request(method, path, json.dumps(body) if body else None, dict({"Content-Type": kind} if body else {}, **{"User-Agent": "fedlcm-demo"}))
            r = c.getresponse()
            v = json.loads(r.read() or b"null")
        except (OSError, ValueError, http.client.HTTPException) as e:
            raise Unreachable(str(e)) from e
        finally:
            c.close()
        if r.status >= 400 and r.status != 404:
            raise Unreachable("%d %s" % (r.status, (v or {}).get("message")))
        return v

    def items(self, path):
        return self.call("GET", path).get("items") or []


class Cluster:
    def __init__(self, state, name):
        self.state, self.name, self.folder = state, name, os.path.join(state, "clusters", name)
        self.kubeconfig, self.down = os.path.join(self.folder, "admin.kubeconfig"), os.path.join(self.folder, "down")

    def kube(self, timeout=20):
        return Kube(self.folder, timeout)

    def server(self):
        k = self.kube()
        return "https://%s:%d" % (k.host, k.port)

    def has_loadbalancer(self):
        return not os.path.exists(os.path.join(self.folder, "no-loadbalancer"))

    def is_down(self):
        return os.path.exists(self.down)

    # --- rules ---
    def read_rules(self):
        with open(os.path.join(self.folder, "rules.json")) as f:
            return json.load(f)

    def write_rules(self, value):
        path = os.path.join(self.folder, "rules.json")
        with open(path + ".new", "w") as f:
            json.dump(value, f, indent=1)
        os.rename(path + ".new", path)

    def first_rules(self):
        with open(os.path.join(self.state, "rules.json")) as f:
            return json.load(f)

    def broken_images(self):
        return sorted(plain(r["image"]) for r in self.read_rules() if r.get("fail"))

    # --- pods and nodes ---
    def pods(self):
        return [p for p in self.kube().items("/api/v1/pods") if not p["metadata"].get("deletionTimestamp")]

    def nodes(self, timeout=20):
        return self.kube(timeout).items("/api/v1/nodes")

    def closed_nodes(self, timeout=20):
        return sorted(n["metadata"]["name"] for n in self.nodes(timeout) if n["spec"].get("unschedulable"))

    def delete(self, pods):
        k = self.kube()
        for p in pods:
            k.call("DELETE", "/api/v1/namespaces/%(namespace)s/pods/%(name)s" % p["metadata"])
        return ", ".join(sorted("%(namespace)s/%(name)s" % p["metadata"] for p in pods))


def images(pod):
    return [c["image"] for c in pod["spec"]["containers"]]


# --- breaking ---
def plain(prefix):
    return prefix.rstrip(":")


def targets(c, word, pods):
    """{image prefix: an image as it is told about}: the rules whose images have the word in their name, and images from other registries that run."""
    out = {r["image"]: plain(r["image"]) for r in c.read_rules() if word in r["image"]}
    for image in (i for p in pods for i in images(p) if word in i):
        known = next((x for x in out if image.startswith(x)), image)
        out[known] = image
    return out


def known_images(parts):
    return sorted({plain(r["image"]) for c in parts for r in c.first_rules() if r["image"]})


def break_image(parts, word):
    hit = {c: [p for p in c.pods() if any(word in i for i in images(p))] for c in parts}
    wanted = {c: targets(c, word, hit[c]) for c in parts}
    if not any(wanted.values()):
        raise Refused("image-value", word, ", ".join(known_images(parts)))
    for c in parts:
        kept = [r for r in c.read_rules() if r["image"] not in wanted[c]]
        c.write_rules(kept + [{"image": x, "fail": "ImagePullBackOff", "message": pull_error(image)} for x, image in sorted(wanted[c].items())])
        if wanted[c]:
            say("image-broken", c.name, ", ".join(sorted(plain(x) for x in wanted[c])))
            gone = c.delete(hit[c])
            say("pods-gone" if gone else "no-pods", c.name, gone)
    return "look-image", ()


def pull_error(image):
    return ('Back-off pulling image "%s": ErrImagePull: failed to pull and unpack image "docker.io/%s": 429 Too Many Requests - Server message: toomanyrequests: '
            'You have reached your unauthenticated pull rate limit.' % (image, image))


def break_node(c, node):
    names = [n["metadata"]["name"] for n in c.nodes()]
    if node and node not in names:
        raise Refused("node-value", c.name, node, ", ".join(names))
    wanted = [node] if node else names
    for n in wanted:
        c.kube().call("PATCH", "/api/v1/nodes/" + n, {"spec": {"unschedulable": True}})
        say("node-broken", c.name, n)
    pods = c.pods()
    keep = {p["metadata"]["namespace"] for p in pods if any(KUBEFATE in i for i in images(p))} | {"kube-system"}
    gone = c.delete([p for p in pods if p["spec"].get("nodeName") in wanted and p["metadata"]["namespace"] not in keep])
    say("pods-gone" if gone else "node-empty", c.name, gone)
    return "look-node", (c.name,)


def break_api(c):
    with open(c.down, "w"):
        pass
    say("api-broken", c.name)
    return "look-api", (c.name,)


def chosen(state, name):
    if name not in CLUSTERS:
        raise Refused("cluster-value", name, ", ".join(CLUSTERS))
    return Cluster(state, name)


def break_it(state, given):
    what = [k for k in ("IMAGE", "NODE", "API") if k in given]
    if len(what) != 1 or not all(given.values()) or set(given) - {"IMAGE", "NODE", "API", "CLUSTER"}:
        raise Refused("usage")
    if "NODE" in given and "CLUSTER" in given:
        raise Refused("node-cluster", given["NODE"])
    if "API" in given and given["API"] != "down":
        raise Refused("api-value", given["API"])
    node = ""
    if "NODE" in given:
        name, _, node = given["NODE"].partition("/")
        parts = [chosen(state, name)]
    else:
        parts = [chosen(state, x) for x in ([given["CLUSTER"]] if "CLUSTER" in given else ["lab-b"] if "API" in given else CLUSTERS)]
    for c in parts:
        if c.is_down():
            raise Refused("is-down", c.name)
    if "IMAGE" in given:
        return break_image(parts, given["IMAGE"])
    return break_node(parts[0], node) if "NODE" in given else break_api(parts[0])


# --- mending ---
def answers(c):
    """Waits for an API server that comes back."""
    end = time.time() + UNDO_S
    while True:
        try:
            return c.nodes(5)
        except Unreachable as e:
            if time.time() > end:
                raise Refused("no-answer", c.name, e) from e
            time.sleep(0.2)


def mend(state):
    count = 0
    for c in (Cluster(state, x) for x in CLUSTERS):
        done = []
        if c.is_down():
            os.unlink(c.down)
            answers(c)
            done.append(("mended-api", c.name))
        if c.broken_images():
            done.append(("mended-image", c.name, ", ".join(c.broken_images())))
            c.write_rules(c.first_rules())
        for n in c.closed_nodes():
            c.kube().call("PATCH", "/api/v1/nodes/" + n, {"spec": {"unschedulable": False}})
            done.append(("mended-node", c.name, n))
        for x in done:
            say(*x)
        count += len(done)
    return count


def prepare(state):
    with open(os.path.join(state, "clusters", ONLY_NODEPORT, "no-loadbalancer"), "w"):
        pass
    # One cluster has an ingress controller, the other has none: both are met in real life, and the product says what follows.
    Cluster(state, CLUSTERS[0]).kube().call("POST", "/apis/networking.k8s.io/v1/ingressclasses", {"metadata": {"name": "nginx"}, "spec": {"controller": "example.com/simulated"}}, "application/json")


def main():
    command, state, url, hint = sys.argv[1:5]
    if command == "prepare":
        return prepare(state)
    try:
        if command == "mend":
            return say("mended", url) if mend(state) else say("nothing-broken")
        look, args = break_it(state, dict(x.partition("=")[::2] for x in sys.argv[5:]))
        say(look, url, *args)
        return say("undo", hint)
    except Refused as e:
        print(e, file=sys.stderr)
    except (Unreachable, OSError) as e:
        print(Refused("no-answer", ", ".join(CLUSTERS), e), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
