"""The measurements of `make bench` (run.sh): lists against the yardstick, login, memory."""
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "http"))
import web  # noqa: E402

CPU_LOAD, CPU_PRODUCT, BIN, TMP = os.environ["BENCH_CPU_LOAD"], os.environ["BENCH_CPU_PRODUCT"], os.environ["BENCH_BIN"], os.environ["BENCH_TMP"]
SECONDS, ROUNDS, CONNECTIONS = os.environ.get("BENCH_SECONDS", "4"), int(os.environ.get("BENCH_ROUNDS", "3")), 16
PORT = web.URL.port
PARTS = {line.split()[0]: int(line.split()[1]) for line in os.environ["BENCH_PARTS"].splitlines() if re.match(r"^ *(postgres|poller|web|nginx) +\d+", line)}
TICK = os.sysconf("SC_CLK_TCK")
missed = []


# --- processes ---
def children():
    out = {}
    for p in os.listdir("/proc"):
        if p.isdigit():
            try:
                with open("/proc/%s/stat" % p) as f:
                    s = f.read()
                out.setdefault(int(s[s.rindex(")") + 2:].split()[1]), []).append(int(p))
            except OSError:
                pass
    return out


def tree(root):
    kids, todo, out = children(), [root], []
    while todo:
        p = todo.pop()
        out.append(p)
        todo += kids.get(p, [])
    return out


def cpu(root):
    """Seconds of CPU time of a process, its living descendants, and all that ended below them."""
    total = 0
    for p in tree(root):
        try:
            with open("/proc/%d/stat" % p) as f:
                s = f.read()
            total += sum(int(x) for x in s[s.rindex(")") + 2:].split()[11:15])
        except OSError:
            pass
    return total / TICK


def memory(pid, key="Pss"):
    with open("/proc/%d/%s" % (pid, "status" if key.startswith("Vm") else "smaps_rollup")) as f:
        return int(re.search(r"^%s:\s+(\d+)" % key, f.read(), re.M).group(1)) / 1024


# --- output ---
def say(what, value, demand="", holds=None):
    mark = "" if holds is None else "holds" if holds else "MISSED"
    print("  %-66s %-26s %-22s %s" % (what, value, demand, mark), flush=True)
    if holds is False:
        missed.append(what)


# --- load ---
def load(port, amount, header, *paths, connections=CONNECTIONS):
    r = subprocess.run(["taskset", "-c", CPU_LOAD, BIN + "/load", str(port), str(connections), amount, header] + list(paths), capture_output=True, text=True, timeout=120)
    if r.returncode:
        raise SystemExit("bench: load failed: " + r.stderr)
    done, errors, size, seconds, p50, p90, p99, top = r.stdout.split()
    if int(errors):
        raise SystemExit("bench: %s of %s answers of %s were no 200" % (errors, done, paths))
    return {"n": int(done), "size": int(size), "rate": int(done) / float(seconds), "p50": int(p50) / 1000, "p90": int(p90) / 1000, "p99": int(p99) / 1000, "max": int(top) / 1000}


class Bare:
    """The yardstick behind an nginx of its own with the product's configuration, on the product's core."""

    def __init__(self, federation, size, kind):
        d = os.path.join(TMP, "bare")
        subprocess.run(["rm", "-rf", d])
        for sub in ("nginx", "log", "app/static", "app/front", "web"):
            os.makedirs(os.path.join(d, sub))
        subprocess.run(["chmod", "-R", "777", d])
        with open(os.path.join(web.STATE, "app", "nginx.conf")) as f:
            conf = f.read()
        self.port = int(subprocess.run([sys.executable, "-c", "import socket; s=socket.socket(); s.bind(('127.0.0.1',0)); print(s.getsockname()[1])"], capture_output=True, text=True).stdout)
        self.sock = os.path.join(d, "web", "web.sock")
        conf = re.sub(r"listen [^;]*;", "listen 127.0.0.1:%d;" % self.port, conf)
        conf = re.sub(r"server unix:[^;]*/web\.sock;", "server unix:%s;" % self.sock, conf)
        with open(os.path.join(d, "app", "nginx.conf"), "w") as f:
            f.write(conf)
        with open(os.path.join(web.STATE, "pg.owner")) as f:
            conninfo = "host=%s dbname=fedlcm user=fedlcm_owner password=%s" % (os.environ["HTTP_PG_DIR"], f.read().strip())
        self.workers = subprocess.Popen(["taskset", "-c", CPU_PRODUCT, BIN + "/bare", self.sock, os.environ.get("FEDLCM_WEB_WORKERS", "8"), conninfo, federation, str(size), kind], cwd="/")
        self.nginx = subprocess.Popen(["taskset", "-c", CPU_PRODUCT, "/usr/sbin/nginx", "-p", d + "/", "-c", "app/nginx.conf", "-e", "stderr"], stderr=subprocess.DEVNULL)
        end = time.time() + 10
        while True:
            try:
                web.http.client.HTTPConnection("127.0.0.1", self.port, timeout=2).request("GET", "/")
                break
            except OSError:
                if time.time() > end:
                    raise SystemExit("bench: the yardstick does not start")
                time.sleep(0.1)

    def stop(self):
        for p in (self.nginx, self.workers):
            p.send_signal(signal.SIGTERM)
            p.wait()


def compare(name, federation, path, header, kind):
    """Rounds of yardstick and product in turn; the middle of the rounds' ratios."""
    size = load(PORT, "200", header, path)["size"]
    bare = Bare(federation, size, kind)
    try:
        if load(bare.port, "200", "X: y", "/")["size"] != size:
            raise SystemExit("bench: the yardstick prints another number of bytes")
        ours, theirs, used = [], [], {}
        roots = {"workers": bare.workers.pid, "postgres": PARTS["postgres"], "nginx": bare.nginx.pid}
        for _ in range(ROUNDS):
            start = {k: cpu(p) for k, p in roots.items()}
            theirs.append(load(bare.port, SECONDS + "s", "X: y", "/"))
            for k, p in roots.items():
                used["bare " + k] = used.get("bare " + k, 0) + cpu(p) - start[k]
            before = {k: cpu(p) for k, p in PARTS.items()}
            ours.append(load(PORT, SECONDS + "s", header, path))
            for k, p in PARTS.items():
                used[k] = used.get(k, 0) + cpu(p) - before[k]
    finally:
        bare.stop()
    n, m = sum(o["n"] for o in ours), sum(t["n"] for t in theirs)
    mid = lambda rows, key: statistics.median(r[key] for r in rows)  # noqa: E731
    print("%s: %d bytes, %d connections" % (name, size, CONNECTIONS))
    say("requests/s of the yardstick", "%.0f" % mid(theirs, "rate"))
    ratio = statistics.median(o["rate"] / t["rate"] for o, t in zip(ours, theirs))
    say("requests/s of the product", "%.0f (%.0f %%)" % (mid(ours, "rate"), 100 * ratio), ">= 50 % of it", ratio >= 0.5)
    say("yardstick: p50, p90, p99, max in ms", "%.1f %.1f %.1f %.1f" % tuple(mid(theirs, k) for k in ("p50", "p90", "p99", "max")))
    late = statistics.median(o["p99"] / t["p99"] for o, t in zip(ours, theirs))
    say("product: p50, p90, p99, max in ms", "%.1f %.1f %.1f %.1f" % tuple(mid(ours, k) for k in ("p50", "p90", "p99", "max")), "p99 <= 3 x (%.1f x)" % late, late <= 3)
    say("CPU time a request in us: workers, PostgreSQL, nginx", "%.0f %.0f %.0f" % tuple(used[k] / n * 1e6 for k in ("web", "postgres", "nginx")))
    say("  the yardstick's", "%.0f %.0f %.0f" % tuple(used["bare " + k] / m * 1e6 for k in ("workers", "postgres", "nginx")))
    return mid(ours, "rate")


def single(name, path, header, demand=None):
    load(PORT, "200", header, path)
    before = {k: cpu(p) for k, p in PARTS.items()}
    r = load(PORT, SECONDS + "s", header, path)
    used = {k: (cpu(p) - before[k]) / r["n"] * 1e6 for k, p in PARTS.items()}
    print("%s: %d bytes, %d connections" % (name, r["size"], CONNECTIONS))
    say("requests/s", "%.0f" % r["rate"], demand and "> %d (Go original)" % demand or "", r["rate"] > demand if demand else None)
    say("p50, p90, p99, max in ms", "%.1f %.1f %.1f %.1f" % tuple(r[k] for k in ("p50", "p90", "p99", "max")))
    say("CPU time a request in us: workers, PostgreSQL, nginx", "%.0f %.0f %.0f" % (used["web"], used["postgres"], used["nginx"]))


def ours():
    """Every process of ours; PostgreSQL and nginx are not."""
    return [int(os.environ["BENCH_LAUNCHER"])] + tree(PARTS["web"]) + tree(PARTS["poller"])


def footprint(paths, header):
    print("memory, proportional set size after 10,000 requests with the default pools")
    load(PORT, "10000", header, *paths)
    web_workers = [p for p in tree(PARTS["web"]) if p != PARTS["web"]]
    sizes = {p: memory(p) for p in ours()}
    say("all processes together in MB (%d of them)" % len(sizes), "%.1f" % sum(sizes.values()), "<= 128", sum(sizes.values()) <= 128)
    say("largest web worker in MB", "%.1f" % max(sizes[p] for p in web_workers), "<= 10", max(sizes[p] for p in web_workers) <= 10)
    say("launcher, web pools, poller in MB", "%.1f %.1f %.1f" % (sizes[ours()[0]], sum(sizes[p] for p in tree(PARTS["web"])), sum(sizes[p] for p in tree(PARTS["poller"]))))


def logins():
    web.login()
    before, start, n = cpu(PARTS["web"]), time.monotonic(), 40
    for _ in range(n):
        web.login()
    took, used = time.monotonic() - start, cpu(PARTS["web"]) - before
    workers = [p for p in tree(PARTS["web"]) if p != PARTS["web"]]
    print("login (yescrypt, cost 5), one after the other")
    say("ms a login", "%.1f" % (took / n * 1000))
    say("CPU time of the worker in ms", "%.1f" % (used / n * 1000))
    say("peak of a worker during a login in MB (resident, with shared pages)", "%.1f" % max(memory(p, "VmHWM") for p in workers))
    say("the same worker afterwards in MB (proportional)", "%.1f" % max(memory(p) for p in workers))


def main():
    if set(PARTS) != {"postgres", "poller", "web", "nginx"}:
        raise SystemExit("bench: the parts are not all there: %s" % PARTS)
    token = web.login()
    cookie, bearer = "Cookie: " + web.page_login(), "Authorization: Bearer " + token
    infra = web.seed_infra()[0]
    endpoint, fed = web.seed_endpoint(infra)[0], web.seed_federation()
    exchange = web.seed_party(fed, 1, 1, endpoint, infra)[0]
    clusters = web.seed_party(fed, 2, 49, endpoint, infra)
    web.seed_infra(49)
    routes = {str(9999 + i): {"http": "10.0.0.7:30677", "sni": "10.0.0.7:30435"} for i in range(49)}
    web.sql("update participant set routes_seen = '%s', routes_seen_at = now() where uuid = '%s'" % (json.dumps(routes), exchange))
    web.sql("vacuum analyze")
    page, api = "/federation/fate/" + fed, "/api/v1/federation/fate/%s/participant" % fed
    only = sys.argv[1:]
    if not only or "memory" in only:
        both = [page, "/infra", "/", "/federation", "/federation/fate/%s/cluster/detail/%s" % (fed, clusters[0]), "/endpoint", "/operations", "/infra-detail/" + infra]
        footprint(both, cookie)
    if not only or "page" in only:
        compare("page of 50 participants", fed, page, cookie, "text/html; charset=utf-8")
    if not only or "api" in only:
        compare("API list of 50 participants", fed, api, bearer, "application/json; charset=utf-8")
    if not only or "infra" in only:
        single("API list of 50 infrastructures", "/api/v1/infra", bearer, 499)
        single("page of 50 infrastructures", "/infra", cookie)
    if not only or "login" in only:
        logins()
    print("bench: %s" % ("everything that is demanded here holds" if not missed else "missed: " + "; ".join(missed)))


main()
