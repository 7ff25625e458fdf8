#!/usr/bin/env python3
"""How much of a core one simulated cluster takes: what the product asks while it works (reads, lists, questions, applies), 50 times a second, on a cluster
that holds three deployed parties' worth of objects.

    load.py [RATE] [SECONDS]"""
import http.client, json, os, shutil, subprocess, sys, tempfile, threading, time
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
from rig import Kube, free_ports

CLIENTS = 8
NS = "/api/v1/namespaces/load"
SECRET = json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "applied"}, "stringData": {"a": "x" * 2000}})
REVIEW = json.dumps({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": {"verb": "create", "resource": "secrets", "namespace": "load"}}})
MIX = [("GET", NS + "/pods?labelSelector=app=w1&limit=100", None, ""), ("GET", "/apis/apps/v1/namespaces/load/deployments?labelSelector=app=w1", None, ""), ("GET", NS + "/services/s1", None, ""),
       ("PATCH", NS + "/secrets/applied?fieldManager=fedlcm&force=true", SECRET, "application/apply-patch+yaml"), ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", REVIEW, "application/json"),
       ("GET", "/apis/apps/v1/namespaces/load/deployments/w2", None, "")]


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as f:
        a = f.read().rsplit(")", 1)[1].split()
    return (int(a[11]) + int(a[12])) / os.sysconf("SC_CLK_TCK")


def fill(k):
    k.call("POST", "/api/v1/namespaces", {"metadata": {"name": "load"}})
    for i in range(30):
        labels = {"app": "w%d" % (i % 10)}
        pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "x:1"}]}}
        k.call("POST", "/apis/apps/v1/namespaces/load/deployments", {"metadata": {"name": "w%d" % i, "labels": labels}, "spec": {"selector": {"matchLabels": labels}, "template": pod}})
        k.call("POST", NS + "/services", {"metadata": {"name": "s%d" % i}, "spec": {"type": "NodePort", "selector": labels, "ports": [{"port": 80}]}})
        k.call("POST", NS + "/configmaps", {"metadata": {"name": "c%d" % i}, "data": {"x": "y" * 1000}})


def client(k, number, rate, end, times, bad):
    c = http.client.HTTPSConnection("127.0.0.1", k.port, context=k.ctx)
    due = time.time() + number / rate
    while due < end:
        time.sleep(max(0, due - time.time()))
        method, path, body, kind = MIX[len(times) % len(MIX)]
        began = time.time()
        c.request(method, path, body, {"Content-Type": kind} if kind else {})
        r = c.getresponse()
        r.read()
        times.append(time.time() - began)
        bad += [r.status] if r.status >= 300 else []
        due += CLIENTS / rate


def main():
    rate, seconds = float((sys.argv + ["50"])[1]), float((sys.argv + ["50", "10"])[2] if len(sys.argv) > 2 else 10)
    d, port = tempfile.mkdtemp(prefix="sim."), free_ports(1)
    p = subprocess.Popen([sys.executable, "-B", os.path.join(HERE, "sim.py"), "up", "-dir", d, "-clusters", "a", "-port", str(port)], stdout=subprocess.DEVNULL)
    try:
        while not os.path.exists(d + "/ready"):
            time.sleep(0.05)
        with open("/proc/%d/task/%d/children" % (p.pid, p.pid)) as f:
            pid = int(f.read().split()[0])
        k, times, bad = Kube(d, "a"), [], []
        fill(k)
        time.sleep(3)
        before, end = cpu_seconds(pid), time.time() + seconds
        threads = [threading.Thread(target=client, args=(k, i, rate, end, times, bad)) for i in range(CLIENTS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        times.sort()
        print("%d requests in %.0f s (%.0f/s), %d refused; %.0f %% of a core; median %.1f ms, 99th percentile %.1f ms" %
              (len(times), seconds, len(times) / seconds, len(bad), (cpu_seconds(pid) - before) / seconds * 100, times[len(times) // 2] * 1000, times[len(times) * 99 // 100] * 1000))
    finally:
        p.terminate()
        p.wait()
        shutil.rmtree(d)


if __name__ == "__main__":
    main()
