#!/usr/bin/env python3
"""The guide through the JSON API on a running demonstration: guide.py STATE URL. Prints the seconds of each chapter. Last line: guide: N passed, N failed"""
import os, subprocess, sys, threading, time, traceback
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "flow")]
from api import Api
from clusters import CLUSTERS, Cluster
from rig import Kube


class Guide:
    def __init__(self, state, url):
        self.api, self.state = Api(url.rstrip("/")), state
        self.kube = {name: Kube(os.path.join(state, "clusters"), name) for name in CLUSTERS}
        self.failed = self.passed = 0
        self.began = time.time()

    def check(self, what, good, seen=""):
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        print("%s - %s%s" % ("ok" if good else "not ok", what, "" if good else ": %s" % (seen,)), flush=True)

    def chapter(self, name):
        """What fails in it ends the guide; how long it took is told, not judged."""
        t = time.time()
        name()
        self.check("%s: %.1f s" % (name.__name__.replace("_", " "), time.time() - t), True)

    def path(self, kind, uuid):
        return "/federation/fate/%s/%s/%s" % (self.fed, kind, uuid)

    def ready_pods(self, cluster, namespace):
        """Names of the pods that are Ready."""
        pods = self.kube[cluster].items("/api/v1/namespaces/%s/pods" % namespace)
        return {p["metadata"]["name"] for p in pods if any(c["type"] == "Ready" and c["status"] == "True" for c in p["status"].get("conditions") or [])}

    # --- chapters ---
    def infrastructures(self):
        self.before = {c: k.inventory() for c, k in self.kube.items()}
        self.infra = {}
        for name in CLUSTERS:
            with open(Cluster(self.state, name).kubeconfig) as f:
                text = f.read()
            self.api.call("POST", "/infra/kubernetes/connect", self.api.kubeconfig_body(text))
            self.infra[name] = self.api.add_infra(name, text)

    def endpoints(self):
        self.endpoint = {name: self.api.add_endpoint("kubefate-" + name, infra) for name, infra in self.infra.items()}
        for e in self.endpoint.values():
            self.api.until("/endpoint/" + e, [2], [4])

    def exchange_by_load_balancer(self):
        self.fed = self.api.add_federation("demo")
        self.exchange = self.api.add_exchange(self.fed, self.endpoint["lab-a"], service=1)
        d = self.api.until(self.path("exchange", self.exchange), [1], [5])
        self.check("the exchange has the load balancer's address", {x["service_type"] for x in d["access_info"].values()} == {"LoadBalancer"} and all(x["host"] for x in d["access_info"].values()), d["access_info"])

    def two_clusters_at_once(self):
        """What the page shows: components that come one by one."""
        self.party = {}
        for name, number in (("lab-a", 9999), ("lab-b", 10000)):
            self.party[number] = self.api.add_cluster(self.fed, self.endpoint[name], number, "party-%d" % number)
        seen, done = set(), threading.Event()

        def watch():
            while not done.wait(0.2):
                seen.add(len(self.ready_pods("lab-b", "fate-10000")))
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        for number, uuid in self.party.items():
            d = self.api.until(self.path("cluster", uuid), [1], [5])
            self.check("party %d has its addresses" % number, d["access_info"]["nginx"]["host"] and d["access_info"]["pulsar-public-tls"]["fqdn"] == "%d.example.com" % number, d["access_info"])
        done.set()
        watcher.join()
        self.check("components came one by one: %s" % sorted(seen), len(seen) >= 8)

    def statuses(self):
        return {n: self.api.call("GET", self.path("cluster", uuid))["status"] for n, uuid in self.party.items()}

    def until_statuses(self, wanted, seconds=180):
        end, seen = time.time() + seconds, None
        while seen != wanted and time.time() < end:
            time.sleep(0.2)
            seen = self.statuses()
        return seen

    def product_sees_an_image_that_fails_and_its_mending(self):
        """1 is Active, 5 is Failed."""
        subprocess.run([sys.executable, "-B", os.path.join(HERE, "demo.py"), "break", "IMAGE=mysql", "CLUSTER=lab-b"], stdout=subprocess.DEVNULL, check=True)
        seen = self.until_statuses({9999: 1, 10000: 5})
        self.check("party 10000 is shown as failed, the other one is not", seen == {9999: 1, 10000: 5}, seen)
        subprocess.run([sys.executable, "-B", os.path.join(HERE, "demo.py"), "mend"], stdout=subprocess.DEVNULL, check=True)
        seen = self.until_statuses({9999: 1, 10000: 1})
        self.check("... and as active again", seen == {9999: 1, 10000: 1}, seen)

    def removal_of_clusters(self):
        for uuid in self.party.values():
            self.api.call("DELETE", self.path("cluster", uuid) + "?force=false")
        for uuid in self.party.values():
            self.api.until(self.path("cluster", uuid), [404])

    def removal_of_exchange_and_federation(self):
        self.api.call("DELETE", self.path("exchange", self.exchange) + "?force=false")
        self.api.until(self.path("exchange", self.exchange), [404])
        self.api.call("DELETE", "/federation/fate/" + self.fed)

    def removal_of_endpoints_and_infrastructures(self):
        for e in self.endpoint.values():
            self.api.call("DELETE", "/endpoint/%s?uninstall=true" % e)
        for e in self.endpoint.values():
            self.api.until("/endpoint/" + e, [404])
        for i in self.infra.values():
            self.api.call("DELETE", "/infra/" + i)

    def run(self):
        try:
            self.chapter(self.infrastructures)
            self.chapter(self.endpoints)
            self.chapter(self.exchange_by_load_balancer)
            self.chapter(self.two_clusters_at_once)
            self.chapter(self.product_sees_an_image_that_fails_and_its_mending)
            self.chapter(self.removal_of_clusters)
            self.chapter(self.removal_of_exchange_and_federation)
            self.chapter(self.removal_of_endpoints_and_infrastructures)
            left = {c: sorted(k.inventory() - self.before[c]) for c, k in self.kube.items()}
            self.check("nothing is left in the clusters", not any(left.values()), left)
        except Exception:
            traceback.print_exc(file=sys.stdout)
            self.check("the guide", False)
        print("# the whole guide: %.0f s" % (time.time() - self.began))
        print("guide: %d passed, %d failed" % (self.passed, self.failed), flush=True)
        return 1 if self.failed else 0


if __name__ == "__main__":
    sys.exit(Guide(*sys.argv[1:3]).run())
