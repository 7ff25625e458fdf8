#!/usr/bin/env python3
"""How long the product's work takes on a rig whose pods are Ready in 0.3 s, so that nearly all of it is the product's own waiting, KubeFATE's and that of
Kubernetes' controllers. Numbers with what is demanded of them (issue 3); they hold for the real KubeFATE, the stand-in is about as fast.

    times.py [CHART_VERSION]      KUBEFATE_PROGRAM and KUBEFATE_CHARTS as for tests/kubefate/run.sh; root
    TIMES_CPU_RIG, TIMES_CPU_PRODUCT: cores (default: the first and the last); TIMES_STEPS=yes also prints every step's share"""
import os, sys, time
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", d) for d in ("lib", "kubefate", "flow")]
import program
import walk
from product import Stack
from rig import Rig

DEMANDED = {"endpoint Ready": 3.0, "exchange Active": 4.0, "cluster Active, routed": 6.0, "cluster removed with its namespace": 12.0}


# --- inside the rig ---
class Watch:
    def __init__(self, stack, guide, kube):
        self.stack, self.guide, self.api, self.kube, self.seen = stack, guide, guide.api, kube, {}

    def took(self, what, since):
        self.seen.setdefault(what, []).append(time.time() - since)

    def until(self, path, wanted):
        self.api.until(path, [wanted], [4 if path.startswith("/endpoint") else 5], pause=0.05)

    def steps(self):
        """Every operation so far with the time of each of its steps."""
        rows = self.stack.sql("select o.id, o.kind, o.subject_name, to_char(extract(epoch from o.started_at - o.created_at), 'FM990.00'), s.key, to_char(extract(epoch from s.ended_at - s.started_at), 'FM990.00') "
                        "from operation o join operation_step s on s.operation_id = o.id where s.started_at is not null order by o.id, s.ord")
        last = None
        for op, kind, subject, queued, key, seconds in rows:
            if op != last:
                print("\n    %s %s: queued %s" % (kind, subject, queued), end="")
            print(", %s %s" % (key, seconds), end="")
            last = op
        print(flush=True)

    def routed(self, party):
        return "%d.example.com" % party in self.guide.table("traffic-server-sni", "sni.yaml") and "\n%d:" % party in self.guide.table("nginx-config", "route_table.yaml")

    def gone(self, namespace):
        return self.kube.get("/api/v1/namespaces/" + namespace)[0] == 404


def measure(rig, version):
    with Stack(rig + ".state") as stack:
        g = walk.Guide(stack, rig, version)
        w = Watch(stack, g, g.a)
        g.add_clusters()
        g.endpoints = []
        for last in (False, False, True):  # the first one also waits for controllers that were only just started
            for i, infra in enumerate(g.infras):
                t = time.time()
                e = g.api.add_endpoint("kf-%d" % i, infra)
                w.until("/endpoint/" + e, 2)
                w.took("endpoint Ready", t)
                if last:
                    g.endpoints.append(e)
                    continue
                g.api.call("DELETE", "/endpoint/%s?uninstall=true" % e)
                g.api.until("/endpoint/" + e, [404])
        g.fed = g.api.call("POST", "/federation/fate/", {"name": "fed", "description": "", "domain": "example.com"})
        for _ in range(3):
            t = time.time()
            g.exchange = g.api.add_exchange(g.fed, g.endpoints[0], version=version)
            w.until(g.path("exchange", g.exchange), 1)
            w.took("exchange Active", t)
            clusters = []
            for party in (9999, 10000):
                t = time.time()
                c = g.api.add_cluster(g.fed, g.endpoints[0], party, "party-%d" % party, version=version)
                w.until(g.path("cluster", c), 1)
                assert w.routed(party), "Active, but not in the exchange's tables"
                w.took("cluster Active, routed", t)
                clusters.append((party, c))
            for party, c in clusters:
                t = time.time()
                g.api.call("DELETE", g.path("cluster", c) + "?force=false")
                g.api.until(g.path("cluster", c), [404], pause=0.05)
                assert w.gone("fate-%d" % party) and not w.routed(party), "removed, but not its namespace or routes"
                w.took("cluster removed with its namespace", t)
            g.remove("exchange", g.exchange, "exchange")
        if os.environ.get("TIMES_STEPS"):
            w.steps()
    print("times: KubeFATE is %s, charts %s, pods Ready in 0.3 s" % ("the real one" if program.is_real() else "the stand-in", version))
    for what, limit in DEMANDED.items():
        v = sorted(w.seen[what])
        middle = v[len(v) // 2]
        print("times: %-36s median %4.1f s of %d (%.1f to %.1f), demanded <= %4.1f s: %s" % (what, middle, len(v), v[0], v[-1], limit, "holds" if middle <= limit else "MISSED"), flush=True)


# --- outside ---
def core(last):
    cores = sorted(os.sched_getaffinity(0))
    return str(cores[-1 if last else 0])


def main():
    if os.geteuid():
        print("times: only root may make the network namespace of the rig")
        return 0
    if sys.argv[1:2] == ["--inside"]:
        measure(sys.argv[2], sys.argv[3])
        return 0
    os.chdir(os.path.join(HERE, "..", ".."))
    version = (sys.argv[1:] + ["v1.11.1"])[0]
    product = os.environ.get("TIMES_CPU_PRODUCT", core(True))
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {int(os.environ.get("TIMES_CPU_RIG", core(False)))})
    with Rig(["a", "b"], [program.rule()]) as rig, program.Charts(rig):
        os.sched_setaffinity(0, mine)
        return rig.run_inside(["taskset", "-c", product, sys.executable, "-B", os.path.abspath(__file__), "--inside", rig.dir, version]).returncode


if __name__ == "__main__":
    sys.exit(main())
