"""Runs inside the rig's network namespace: main.py RIG_DIR [controllers | PART OF A TEST'S NAME...]. See run.sh and README.md."""
import concurrent.futures, os, sys, threading
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "flow"), os.path.join(HERE, "..", "faults"), os.path.join(HERE, "..", "lib")]
import feds, heal, hops, pods, says
from api import Api
from product import KubeFate, Page, Stack, Tests, account_kubeconfig
from proxy import Tls
from rig import Kube, kind
from ways import Way


class Hosts:
    """Names that this test gives and takes: a /etc/hosts of its own in a mount namespace of its own, in which product and test run."""

    def __init__(self, path):
        self.path, self.names, self.lock = path, {}, threading.Lock()
        with open(path) as f:
            self.own = f.read()

    def __call__(self, name, address):
        with self.lock:
            self.names[name] = address
            with open(self.path, "w") as f:  # in place: it is mounted
                f.write(self.own + "".join("%s %s\n" % (a, n) for n, a in self.names.items() if a))


def enter(rig):
    """Once more, with that file in the place of /etc/hosts."""
    path = rig + "/hosts"
    with open("/etc/hosts") as f, open(path, "w") as out:
        out.write(f.read())
    os.environ["WAITS_HOSTS"] = path
    os.execvp("unshare", ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', path, sys.executable, "-B"] + sys.argv)


def test_clusters_and_endpoints(t):
    with open(t.rig + "/a/admin.kubeconfig") as f:
        ia = t.api.add_infra("lab-a", f.read())
    ib = t.api.add_infra("lab-b", account_kubeconfig(t.b, t.rig, "b"))
    t.put(ia=ia, ib=ib, ea=t.api.add_endpoint("kf-a", ia), eb=t.api.add_endpoint("kf-b", ib))
    for e in (t.ea, t.eb):
        t.api.until("/endpoint/" + e, [2], [4])


WAYS = ("hopname", "hoptcp", "hoptls", "hopserver", "hopslow", "otherkf", "routes", "chart", "whole", "forced", "circuit")


def test_ways_to_cluster_a(t):
    """Before the cases begin: a test of an infrastructure must end within ten seconds."""
    t.put(ways={})
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for w in pool.map(lambda name: Way(t, name, hops.NAME if name == "hopname" and t.hosts else "127.0.0.1"), () if t.controllers else WAYS):
            t.ways[w.name] = w
    classes = "/apis/networking.k8s.io/v1/ingressclasses"
    t.a.call("POST", classes, {"metadata": {"name": "nginx"}, "spec": {"controller": "nobody.example/here"}})
    t.ways["ingress"] = Way(t, "ingress")
    t.a.call("DELETE", classes + "/nginx")  # no other infrastructure shall know it


def test_every_class_was_read(t):
    missing = [c for c in says.CLASSES if c not in t.said and not t.partial]
    if kind() == "sim":
        missing = [c for c in missing if c not in ("admission", "ingress", "hop-name" if os.getuid() else "")]
    assert not missing, missing
    says.report(t)


def chosen(lanes, words, left_out):
    """Lanes without what this rig cannot do; with words on the command line, those tests only."""
    out = []
    for lane in lanes:
        lane = [x for x in lane if x not in left_out and (not words or any(w in x.__name__ for w in words))]
        if lane:
            out.append(lane)
    return out


def main():
    rig, words = sys.argv[1], sys.argv[2:]
    controllers = words == ["controllers"]
    words = [] if controllers else words
    if os.getuid() == 0 and "WAITS_HOSTS" not in os.environ:
        enter(rig)
    t = Tests("waits")
    left_out = dict(pods.ONLY_REAL) if kind() == "sim" else {}
    if os.getuid():
        left_out[hops.test_server_name_that_is_not_found_any_more] = "only root may give a process an /etc/hosts of its own"
    for x, why in left_out.items():
        print("skipped %s: %s" % (x.__name__.removeprefix("test_").replace("_", " "), why))
    with Stack(rig + ".state", FEDLCM_CHECK_SECONDS="4") as stack:
        a, b = Kube(rig, "a"), Kube(rig, "b")
        t.put(rig=rig, stack=stack, api=Api(stack.url), en=Page(stack.url), zh=Page(stack.url, language="zh-CN"), a=a, b=b, ka=KubeFate(a), kb=KubeFate(b), rules_lock=threading.Lock(), said={}, said_lock=threading.Lock(),
              tls=Tls(rig + "/tls", "DNS:" + hops.NAME), other_tls=Tls(rig + "/other-tls"), partial=bool(words) or controllers, controllers=controllers, hosts=Hosts(os.environ["WAITS_HOSTS"]) if "WAITS_HOSTS" in os.environ else None)
        if t.hosts:
            t.hosts(hops.NAME, "127.0.0.1")
        t.lane(test_clusters_and_endpoints, test_ways_to_cluster_a)
        t.lanes(*chosen(pods.LANES + (feds.CONTROLLERS if controllers else hops.LANES + feds.LANES + heal.LANES), words, left_out))
        t.lane(test_every_class_was_read)
        if t.failed:
            print("--- poller\n%s" % "\n".join(stack.log("poller").splitlines()[-40:]))
    return t.end()


if __name__ == "__main__":
    sys.exit(main())
