#!/usr/bin/env python3
"""Runs inside the rig's network namespace: starts the product, walks the guide through the JSON API, removes everything in order.

    inside.py RIG_DIR [TEST...]"""
import os, subprocess, sys, time, signal
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rig import ROOT, Kube, audit, set_rules
from api import Api

RIG = sys.argv[1]
STATE = RIG + ".state"


class Stack:
    def __init__(self, port=9080, **env):
        self.url, self.env = "http://127.0.0.1:%d" % port, dict(os.environ, FEDLCM_STATE=STATE, FEDLCM_PORT=str(port), **env)

    def __enter__(self):
        self.out = open(STATE + ".out", "w")
        self.proc = subprocess.Popen([os.path.join(ROOT, os.environ.get("STACK_BIN", "build/release/bin"), "fedlcm-run"), "run"], env=self.env, stdout=self.out, stderr=subprocess.STDOUT)
        for _ in range(300):
            if "is ready" in open(STATE + ".out").read():
                return self
            if self.proc.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(open(STATE + ".out").read())

    def __exit__(self, *_):
        self.proc.send_signal(signal.SIGTERM)
        self.proc.wait()


def timed(label, since):
    print("  %-40s %.1f s" % (label, time.time() - since), flush=True)


def guide(stack, version="v1.11.1"):
    api, a, b = Api(stack.url), Kube(RIG, "a", 1), Kube(RIG, "b", 2)
    before = a.inventory(), b.inventory()
    t = time.time()
    ia = api.add_infra("lab-a", open(RIG + "/a/admin.kubeconfig").read())
    ib = api.add_infra("lab-b", open(RIG + "/b/admin.kubeconfig").read())
    timed("two infrastructures", t)
    t = time.time()
    ea, eb = api.add_endpoint("kf-a", ia), api.add_endpoint("kf-b", ib)
    api.until("/endpoint/" + ea, [2], [4], seconds=60)
    timed("endpoint Ready", t)
    api.until("/endpoint/" + eb, [2], [4], seconds=120)
    timed("both endpoints Ready", t)
    fed = api.call("POST", "/federation/fate/", {"name": "fed", "description": "", "domain": "example.com"})
    f = "/federation/fate/%s" % fed
    t = time.time()
    ex = api.add_exchange(fed, ea, version=version)
    api.until(f + "/exchange/" + ex, [1], [5], seconds=120)
    timed("exchange Active", t)
    t = time.time()
    c1 = api.add_cluster(fed, ea, 9999, "cluster-01", version)
    api.until(f + "/cluster/" + c1, [1], [5], seconds=120)
    timed("cluster 9999 Active", t)
    t = time.time()
    c2 = api.add_cluster(fed, eb, 10000, "cluster-02", version)
    d = api.until(f + "/cluster/" + c2, [1], [5], seconds=120)
    timed("cluster 10000 Active", t)
    assert d["access_info"]["nginx"]["port"] and d["access_info"]["pulsar-public-tls"]["fqdn"] == "10000.example.com", d["access_info"]
    sni = a.get("/api/v1/namespaces/fate-exchange/configmaps/traffic-server-sni")[1]["data"]["sni.yaml"]
    assert "9999.example.com" in sni and "10000.example.com" in sni, sni
    table = a.get("/api/v1/namespaces/fate-exchange/configmaps/nginx-config")[1]["data"]["route_table.yaml"]
    assert "9999" in table and "10000" in table, table
    assert a.get("/api/v1/namespaces/fate-exchange/secrets/traffic-server-cert")[0] == 200 and b.get("/api/v1/namespaces/fate-10000/secrets/pulsar-cert")[0] == 200
    code, v = api.raw("DELETE", "%s/exchange/%s?force=true" % (f, ex))
    assert code == 409, (code, v)
    for c in (c2, c1):
        t = time.time()
        api.call("DELETE", "%s/cluster/%s?force=false" % (f, c))
        api.until(f + "/cluster/" + c, [404], seconds=120)
        timed("cluster removed", t)
    t = time.time()
    api.call("DELETE", "%s/exchange/%s?force=false" % (f, ex))
    api.until(f + "/exchange/" + ex, [404], seconds=120)
    timed("exchange removed", t)
    api.call("DELETE", f)
    t = time.time()
    for e in (ea, eb):
        api.call("DELETE", "/endpoint/%s?uninstall=true" % e)
    for e in (ea, eb):
        api.until("/endpoint/" + e, [404], seconds=120)
    timed("endpoints removed", t)
    for i in (ia, ib):
        api.call("DELETE", "/infra/" + i)
    left = a.inventory() - before[0], b.inventory() - before[1]
    assert left == (set(), set()), left
    return api


if __name__ == "__main__":
    with Stack() as s:
        try:
            guide(s, *sys.argv[2:])
            print("guide: done")
        except BaseException as e:
            print("FAILED", e, flush=True)
            subprocess.run("tail -qn 25 %s/log/poller.log; grep -v 'status=200' %s/log/web.log | tail -5" % (STATE, STATE), shell=True)
            raise
