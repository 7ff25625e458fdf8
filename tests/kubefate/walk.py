#!/usr/bin/env python3
"""The guide through the JSON API with any program in KubeFATE's place, and with every chart version that it has: the product on the real KubeFATE and its
real charts (FACTS.md). The layer flow does more, but only on the stand-in.

    walk.py [CHART_VERSION...]     KUBEFATE_PROGRAM and KUBEFATE_CHARTS as for run.sh; root. Last line: walk: N passed, N failed, N skipped
    KUBEFATE_STORE=1               no repository is there: the archives of KUBEFATE_CHARTS are put into the product's store"""
import base64, contextlib, os, sys, time, traceback
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "flow")]
import program
from api import Api
from product import Stack
from rig import Kube, Rig

VERSIONS = ["v1.10.0", "v1.11.1", "v1.11.2"] if program.is_real() else ["v1.11.1"]  # the stand-in's charts differ by their tag only
STORE = os.environ.get("KUBEFATE_STORE")
PASSED, FAILED = [], []


def timed(label, since):
    print("  %-40s %.1f s" % (label, time.time() - since), flush=True)


def check(what, good, seen=""):
    (PASSED if good else FAILED).append(what)
    if not good:
        print("FAILED %s: %s" % (what, seen), flush=True)


def same(what, seen, wanted):
    check(what, seen == wanted, "%r, wanted %r" % (seen, wanted))


class Guide:
    """Two organisations, one federation; every method is a chapter of it."""

    def __init__(self, stack, rig, version):
        self.api, self.rig, self.version = Api(stack.url), rig, version
        self.a, self.b = Kube(rig, "a"), Kube(rig, "b")

    def path(self, kind, uuid):
        return "/federation/fate/%s/%s/%s" % (self.fed, kind, uuid)

    # --- chapters ---
    def fill_store(self):
        for kind, name in ((1, "fate-exchange"), (2, "fate")):
            with open(os.path.join(os.environ["KUBEFATE_CHARTS"], "%s-%s.tgz" % (name, self.version)), "rb") as f:
                self.api.store_chart(self.api.chart(kind, self.version), f.read())

    def add_clusters(self):
        self.before = self.a.inventory(), self.b.inventory()
        t = time.time()
        self.infras = []
        for name in "ab":
            with open(os.path.join(self.rig, name, "admin.kubeconfig")) as f:
                self.infras.append(self.api.add_infra("lab-" + name, f.read()))
        timed("two infrastructures", t)

    def install_kubefate(self):
        t = time.time()
        self.endpoints = [self.api.add_endpoint("kf-%d" % i, infra) for i, infra in enumerate(self.infras)]
        for e in self.endpoints:
            d = self.api.until("/endpoint/" + e, [2], [4])
            same("KubeFATE's version", d["kubefate_version"], "v1.4.5")
        timed("both endpoints Ready", t)

    def deploy_exchange(self, **how):
        self.fed = self.api.call("POST", "/federation/fate/", {"name": "fed", "description": "", "domain": "example.com"})
        t = time.time()
        self.exchange = self.api.add_exchange(self.fed, self.endpoints[0], version=self.version, **how)
        d = self.api.until(self.path("exchange", self.exchange), [1], [5])
        timed("exchange Active", t)
        access = d["access_info"]
        same("addresses of the exchange", sorted(access), ["nginx", "traffic-server"])
        same("name of the traffic server", access["traffic-server"]["fqdn"], "proxy.example.com")
        same("ports of the traffic server", access["traffic-server"]["port"], self.port(self.a, "fate-exchange", "traffic-server", "443"))
        self.secret(self.a, "fate-exchange", "traffic-server-cert", ["ca.cert.pem", "proxy.cert.pem", "proxy.key.pem"])

    def deploy_cluster(self, endpoint, party, kube, **how):
        t = time.time()
        c = self.api.add_cluster(self.fed, endpoint, party, "party-%d" % party, version=self.version, **how)
        d = self.api.until(self.path("cluster", c), [1], [5])
        timed("cluster %d Active" % party, t)
        ns, access = "fate-%d" % party, d["access_info"]
        same("party %d's name" % party, access["pulsar-public-tls"]["fqdn"], "%d.example.com" % party)
        same("party %d's port of nginx" % party, access["nginx"]["port"], self.port(kube, ns, "nginx", "http"))
        same("party %d's ingresses" % party, {k: v["hosts"] for k, v in d["ingress_info"].items()},
             {k: ["party-%d.%s.example.com" % (party, label)] for k, label in (("fateboard", "fateboard"), ("client", "notebook"), ("spark", "spark"), ("pulsar", "pulsar"))})
        self.secret(kube, ns, "pulsar-cert", ["broker.cert.pem", "broker.key-pk8.pem", "ca.cert.pem"])
        self.routed(party, access)
        return c

    def remove(self, kind, uuid, label):
        t = time.time()
        self.api.call("DELETE", self.path(kind, uuid) + "?force=false")
        self.api.until(self.path(kind, uuid), [404])
        timed(label + " removed", t)

    def remove_endpoints(self):
        t = time.time()
        for e in self.endpoints:
            self.api.call("DELETE", "/endpoint/%s?uninstall=true" % e)
        for e in self.endpoints:
            self.api.until("/endpoint/" + e, [404])
        timed("endpoints removed", t)
        for i in self.infras:
            self.api.call("DELETE", "/infra/" + i)

    # --- what Kubernetes shows ---
    @staticmethod
    def port(kube, ns, service, port):
        s = kube.get("/api/v1/namespaces/%s/services/%s" % (ns, service))[1]["spec"]
        p = [x for x in s["ports"] if x["name"] == port][0]
        return p["nodePort"] if s["type"] == "NodePort" else p["port"]

    @staticmethod
    def secret(kube, ns, name, keys):
        code, s = kube.get("/api/v1/namespaces/%s/secrets/%s" % (ns, name))
        same("keys of secret " + name, (code, sorted(s.get("data", {}))), (200, keys))
        check("PEM in secret " + name, all(base64.b64decode(v).startswith(b"-----BEGIN") for v in s.get("data", {}).values()))

    def table(self, config, key):
        return self.a.get("/api/v1/namespaces/fate-exchange/configmaps/" + config)[1]["data"][key]

    def routed(self, party, access):
        """The party's lines in the exchange's two tables name exactly its addresses."""
        lines = [x.strip(" -") for x in self.table("traffic-server-sni", "sni.yaml").splitlines()]
        at = lines.index("fqdn: %d.example.com" % party) if "fqdn: %d.example.com" % party in lines else -1
        wanted = "tunnel_route: %(host)s:%(port)d" % access["pulsar-public-tls"]
        check("party %d among the names" % party, at >= 0 and lines[at + 1] == wanted, lines)
        nginx = self.table("nginx-config", "route_table.yaml")
        own = nginx.split("\n%d:" % party)[1] if "\n%d:" % party in nginx else ""
        check("party %d in nginx's table" % party, "host: %(host)s" % access["nginx"] in own and "http_port: %(port)d" % access["nginx"] in own, nginx)

    def unrouted(self, party):
        check("party %d out of the tables" % party, "%d" % party not in self.table("traffic-server-sni", "sni.yaml") + self.table("nginx-config", "route_table.yaml"))

    def refused(self, what, method, path):
        code, v = self.api.raw(method, path)
        check(what, code == 409 and v.get("message"), (code, v))

    # --- the whole ---
    def walk(self):
        if STORE:
            self.fill_store()
        self.add_clusters()
        self.install_kubefate()
        self.deploy_exchange()
        first = self.deploy_cluster(self.endpoints[0], 9999, self.a)
        second = self.deploy_cluster(self.endpoints[1], 10000, self.b)
        self.routed(9999, self.api.call("GET", self.path("cluster", first))["access_info"])
        self.refused("an exchange with parties stays", "DELETE", self.path("exchange", self.exchange) + "?force=true")
        self.refused("an endpoint in use stays", "DELETE", "/endpoint/%s?uninstall=true" % self.endpoints[0])
        self.refused("an infrastructure in use stays", "DELETE", "/infra/" + self.infras[0])
        self.remove("cluster", second, "cluster 10000")
        self.unrouted(10000)
        self.remove("cluster", first, "cluster 9999")
        self.unrouted(9999)
        self.remove("exchange", self.exchange, "exchange")
        self.api.call("DELETE", "/federation/fate/" + self.fed)
        self.remove_endpoints()
        for name, kube, before in (("a", self.a, self.before[0]), ("b", self.b, self.before[1])):
            same("objects left in cluster " + name, sorted(kube.inventory() - before), [])


def inside(rig, versions):
    with Stack(rig + ".state") as stack:
        for version in versions:
            print("guide with charts " + version, flush=True)
            try:
                Guide(stack, rig, version).walk()
            except Exception as e:
                traceback.print_exc(file=sys.stdout)
                check("the guide with charts " + version, False, e)
                break
        if FAILED:
            print("\n".join(stack.log("poller").splitlines()[-25:]))
    print("walk: %d passed, %d failed, 0 skipped" % (len(PASSED), len(FAILED)))
    return bool(FAILED)


def main():
    if sys.argv[1:2] == ["--inside"]:
        return inside(sys.argv[2], sys.argv[3:])
    with Rig(["a", "b"], [program.rule()]) as rig, contextlib.nullcontext() if STORE else program.Charts(rig):
        code = rig.run_inside([sys.executable, "-B", os.path.abspath(__file__), "--inside", rig.dir] + (sys.argv[1:] or VERSIONS)).returncode
        if code:
            program.print_logs(rig, "ab")
    return code


if __name__ == "__main__":
    sys.exit(main())
