"""Many deployments in flight (run.sh): overhead beyond the job's time, SQL statements, memory of the runners, CPU time of a web request beside all that."""
import base64, json, os, queue, re, signal, ssl, statistics, subprocess, sys, threading, time, urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "flow")]
from api import Api  # noqa: E402
from product import Stack, descendants  # noqa: E402

ENV, SMOKE = os.environ, bool(os.environ.get("SCALE_SMOKE"))


def setting(name, full, smoke):
    return ENV.get("SCALE_" + name, smoke if SMOKE else full)


PARTIES, CLUSTERS, DEAD = int(setting("PARTIES", "1000", "40")), int(setting("CLUSTERS", "50", "4")), int(setting("DEAD", "8", "1"))
ARRIVE, DELAY = float(setting("ARRIVE", "150", "2")), setting("DELAY", "5", "1")
JOB = [int(float(x) * 1000) for x in setting("JOB", "180-360", "3-9").split("-")]
PER_FEDERATION = int(setting("FEDERATION", "20", "10"))
URL, TMP = ENV["SCALE_URL"], ENV["SCALE_TMP"]
passed = failed = 0


def verdict(ok, what):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    print("%s %s" % ("ok    " if ok else "not ok", what), flush=True)


def say(what):
    print("       " + what, flush=True)


def beside(threads, work):
    """Each of the calls once, some at a time; the first failure is raised."""
    todo, bad = queue.Queue(), []
    for w in work:
        todo.put(w)

    def run():
        while not bad:
            try:
                todo.get_nowait()()
            except queue.Empty:
                return
            except Exception as e:  # noqa: BLE001
                bad.append(e)
    ts = [threading.Thread(target=run) for _ in range(threads)]
    for t in ts:
        t.start()
    for t in ts:
        t.join()
    if bad:
        raise bad[0]


class State(Stack):
    """The product that run.sh has started."""

    def __init__(self):
        self.state, self.url, self.kept = ENV["SCALE_STATE"], URL, []
        self.env = dict(os.environ, FEDLCM_STATE=self.state, FEDLCM_PORT=ENV["SCALE_PORT"])


class Responder:
    def __init__(self):
        self.cert, key = TMP + "/cluster.crt", TMP + "/cluster.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", self.cert, "-days", "2", "-subj", "/CN=clusters", "-addext", "subjectAltName=IP:127.0.0.1"],
                       check=True, capture_output=True)
        self.proc = subprocess.Popen([ENV["SCALE_BIN"] + "/responder", self.cert, key, str(CLUSTERS), str(DEAD), str(JOB[0]), str(JOB[1]), DELAY], stdout=subprocess.PIPE, text=True)
        self.ports = [int(x) for x in self.proc.stdout.readline().split()]

    def kubeconfig(self, i):
        with open(self.cert, "rb") as f:
            ca = base64.b64encode(f.read()).decode()
        return ("apiVersion: v1\nkind: Config\ncurrent-context: x\nclusters:\n- name: x\n  cluster:\n    server: https://127.0.0.1:%d\n    certificate-authority-data: %s\nusers:\n- name: x\n  user:\n    token: token-%d\n"
                "contexts:\n- name: x\n  context:\n    cluster: x\n    user: x\n" % (self.ports[i], ca, i))

    def report(self):
        ctx = ssl._create_unverified_context()
        with urllib.request.urlopen("https://127.0.0.1:%d/scale" % self.ports[0], context=ctx, timeout=60) as r:
            return json.loads(r.read())

    def deaths(self):
        self.proc.send_signal(signal.SIGUSR1)


# --- processes ---
def cpu(pids):
    """Seconds on a processor, of single-threaded processes."""
    total = 0
    for p in pids:
        try:
            with open("/proc/%d/schedstat" % p) as f:
                total += int(f.read().split()[0])
        except OSError:
            pass
    return total / 1e9


def worked():
    """Seconds that the core of the clusters and of this program was not idle; without cores of their own: nothing."""
    core = ENV.get("SCALE_CPU_LOAD")
    if not core:
        return 0.0
    with open("/proc/stat") as f:
        v = [int(x) for x in next(line for line in f if line.startswith("cpu%s " % core)).split()[1:9]]
    return (sum(v) - v[3] - v[4]) / os.sysconf("SC_CLK_TCK")


class Busy:
    """Keeps that core busy for this share of the time. Two cores are often two threads of one: what the clusters cost there makes every instruction here slower
    (measured: by 44 % beside a core that never rests), which says nothing about the product."""
    WORK = ("import json, sys, time\nshare, doc = float(sys.argv[1]), json.dumps([{'name': 'x%d' % i} for i in range(40)])\n"
            "while True:\n    began = time.perf_counter()\n    while time.perf_counter() - began < share * 0.02:\n        json.loads(doc)\n    time.sleep(0.02 * (1 - share))\n")

    def __init__(self, share):
        self.proc = subprocess.Popen([sys.executable, "-c", self.WORK, str(share)]) if share > 0.01 else None

    def over(self):
        if self.proc:
            self.proc.kill()
            self.proc.wait()


def pss(pid):
    try:
        with open("/proc/%d/smaps_rollup" % pid) as f:
            return int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M).group(1)) / 1024
    except (OSError, AttributeError):
        return None


class Browser(threading.Thread):
    """Somebody who looks at pages that do not change, some twenty a second; what each costs the web workers, nginx and their part of PostgreSQL."""
    PAUSE = 0.05

    def __init__(self, s, token, paths):
        super().__init__(daemon=True)
        self.s, self.token, self.paths, self.done, self.failed, self.over, self.took = s, token, paths, 0, 0, False, []

    def processes(self):
        parts = self.s.parts()
        backends = [int(r[0]) for r in self.s.sql("select pid from pg_stat_activity where application_name like '%web%'")]
        return [p for k in ("web", "nginx") for p in [parts[k]] + descendants(parts[k])] + backends

    def run(self):
        import http.client
        host = URL.split("//")[1]
        c, i = http.client.HTTPConnection(host, timeout=20), 0
        while not self.over:
            began = time.monotonic()
            try:
                c.request("GET", self.paths[i % len(self.paths)], headers={"Authorization": "Bearer " + self.token})
                r = c.getresponse()
                r.read()
                self.failed += r.status != 200
                self.done += 1
                self.took.append(time.monotonic() - began)
            except OSError:
                self.failed += 1
                c.close()
            i += 1
            time.sleep(max(0, self.PAUSE - (time.monotonic() - began)))

    def window(self, seconds):
        """Microseconds of CPU time a request, over the next seconds, and the share of them that the other core worked."""
        pids, n, other = self.processes(), self.done, worked()
        before = cpu(pids)
        time.sleep(seconds)
        return (cpu(pids) - before) / max(1, self.done - n) * 1e6, (worked() - other) / seconds


# --- the product's own count of statements, one line a minute and runner ---
LINE = re.compile(r'^time=(\S+) .* msg="keys in stock, statements of the last minute" keys=(\d+)(.*)$', re.M)


def statements(s):
    total = {}
    for _, _, rest in LINE.findall(s.log("poller")):
        for k, v in re.findall(r"(\w+)=(\d+)", rest):
            total[k] = total.get(k, 0) + int(v)
    return total


def stocked(s, runners):
    """Waits until the runners have the keys that they make while nothing happens, as after some minutes of any life. A process tells its stock once a minute."""
    with open(os.path.join(HERE, "../../fcgi/crypt/keystock.h")) as f:
        full = int(re.search(r"KEYSTOCK_MOST = (\d+)", f.read()).group(1))
    began, last = time.time(), []
    while time.time() < began + 600:
        last = [int(keys) for _, keys, _ in LINE.findall(s.log("poller"))[-runners:]]
        if len(last) == runners and min(last) >= full:
            break
        time.sleep(2)
    say("the runners have %s keys ready: %.0f s" % (" and ".join(map(str, last)), time.time() - began))


def main():
    s, began = State(), time.time()
    api, r = Api(URL), Responder()
    alive = CLUSTERS - DEAD
    poller = s.parts()["poller"]
    runners = [p for p in descendants(poller) if p != poller]

    # Clusters, endpoints, federations, exchanges: all through the API, while every cluster lives.
    endpoints, feds, n_feds = {}, [None] * -(-PARTIES // PER_FEDERATION), -(-PARTIES // PER_FEDERATION)

    def cluster(i):
        infra = api.add_infra("cluster-%02d" % i, r.kubeconfig(i))
        endpoints[i] = api.add_endpoint("kubefate-%02d" % i, infra, install=False)
        api.until("/endpoint/" + endpoints[i], [2], [4], pause=0.3)

    beside(4, [lambda i=i: cluster(i) for i in range(CLUSTERS)])
    say("%d clusters registered, their KubeFATE adopted: %.0f s" % (CLUSTERS, time.time() - began))

    def federation(i):
        fed = api.add_federation("federation-%02d" % i, "f%02d.example.com" % i)
        x = api.add_exchange(fed, endpoints[i % alive], name="exchange-%02d" % i, namespace="exchange-%02d" % i, cert=3)
        api.until("/federation/fate/%s/exchange/%s" % (fed, x), [1], [5], pause=0.3)
        feds[i] = (fed, api.cluster_body(fed, endpoints[0], 7777, "the-name", namespace="the-space"))

    beside(6, [lambda i=i: federation(i) for i in range(n_feds)])
    say("%d federations with an Active exchange: %.0f s" % (n_feds, time.time() - began))
    s.sql("create extension pg_stat_statements")
    if not SMOKE:
        stocked(s, len(runners))

    # Somebody who looks at pages.
    fed0 = api.add_federation("nobody", "nobody.example.com")
    browser = Browser(s, api.token, ["/api/v1/infra", "/api/v1/federation/fate/%s/participant" % fed0, "/api/v1/endpoint", "/api/v1/federation"])
    browser.start()
    time.sleep(1 if SMOKE else 8)
    small = [pss(p) for p in runners]
    before = statements(s)
    s.sql("select pg_stat_statements_reset()")

    # The deployments. Nobody could begin one on a cluster that is known to be dead: those of the clusters that die come first, and then these die.
    todo = sorted(((k, k // PER_FEDERATION, k % CLUSTERS) for k in range(PARTIES)), key=lambda t: t[2] < alive)
    start, names, doomed = time.time(), {}, sum(t[2] >= alive for t in todo)

    def deploy(n, k, f, i):
        time.sleep(max(0, start + ARRIVE * n / PARTIES - time.time()))
        if n == doomed:
            r.deaths()
        fed, body = feds[f]
        ns, party = "party-%04d" % k, 10000 + k
        text = body["deployment_yaml"].replace("the-name", ns).replace("the-space", ns).replace("7777", str(party))
        made = api.call("POST", "/federation/fate/%s/cluster" % fed, dict(body, name=ns, namespace=ns, party_id=party, endpoint_uuid=endpoints[i], deployment_yaml=text, pulsar_server_cert_info=dict(body["pulsar_server_cert_info"], binding_mode=3 if k % 4 == 0 else 1)))
        names[made] = (k, i, ns)

    sizes, in_flight, busy, last = {p: [] for p in runners}, [], [], {}
    sender = threading.Thread(target=lambda: beside(3, [lambda n=n, t=t: deploy(n, *t) for n, t in enumerate(todo)]))
    sender.start()
    windows = threading.Thread(target=lambda: [busy.append(browser.window(5 if not SMOKE else 1)) for _ in range(int((ARRIVE + JOB[0] / 1000) / 5) if not SMOKE else 3)])
    windows.start()
    limit = start + ARRIVE + JOB[1] / 1000 + (120 if not SMOKE else 60)
    while time.time() < limit:
        for p in runners:
            v = pss(p)
            if v:
                sizes[p].append((time.time() - start, v))
        last = {x[0]: int(x[1]) for x in s.sql("select state, count(*) from operation where kind = 'cluster_create' group by state")}
        living = int(s.sql("select count(*) from operation o join participant p on p.uuid = o.subject join endpoint e on e.uuid = p.endpoint_uuid where o.kind = 'cluster_create' and o.state in ('queued', 'running') and "
                           "e.name < 'kubefate-%02d'" % alive)[0][0])
        flight = last.get("queued", 0) + last.get("running", 0)
        in_flight.append((time.time() - start, flight))
        silent = int(s.sql("select count(*) from operation where kind = 'cluster_create' and state in ('queued', 'running') and cause = ''")[0][0])
        if not sender.is_alive() and not living and (not silent or time.time() > start + ARRIVE + 60):
            break
        time.sleep(2 if not SMOKE else 0.5)
    sender.join()
    windows.join()
    took = time.time() - start
    if not SMOKE:
        time.sleep(62)  # the last minute's line
        in_flight.append((time.time() - start, in_flight[-1][1]))
    # The same pages with the same rows behind them, and nothing else going on.
    still = [poller] + runners
    for p in still:
        os.kill(p, signal.SIGSTOP)
    alone, idle = browser.window(1 if SMOKE else 30)
    share = statistics.median(b for _, b in busy)
    other = Busy(share - idle)
    quiet, beside_it = browser.window(1 if SMOKE else 30)
    other.over()
    say("CPU time of a page with nothing else going on: %.0f us while the clusters' core works %.0f %% of the time, %.0f us while it works %.0f %%; beside the deployments it worked %.0f %%" % (alone, idle * 100, quiet, beside_it * 100, share * 100))
    for p in still:
        os.kill(p, signal.SIGCONT)
    browser.over = True
    judge(s, r, names, alive, runners, sizes, small, in_flight, quiet, busy, browser, before, took)


def over_time(points):
    """Deployments times minutes."""
    return sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in zip(points, points[1:])) / 60


def judge(s, r, names, alive, runners, sizes, small, in_flight, quiet, busy, browser, before, took):
    ms = lambda v: "%.2f s" % v  # noqa: E731
    report = r.report()
    jobs = {(c, ns): t / 1000 for c, ns, t, _ in report["installs"]}
    rows = s.sql("select o.subject, o.state, extract(epoch from o.ended_at - o.created_at), o.cause, o.evidence_class, o.error_class from operation o where o.kind = 'cluster_create'")
    ours, dead = [x for x in rows if x[0] in names and names[x[0]][1] < alive], [x for x in rows if x[0] in names and names[x[0]][1] >= alive]
    good = [x for x in ours if x[1] == "succeeded"]
    say("%d deployments in %.0f s (%d at once at most); the responder answered %d calls, of them %d it does not know" % (len(rows), took, max(n for _, n in in_flight), report["calls"], report["refused"]))
    verdict(len(rows) == PARTIES and len(good) == len(ours), "all %d deployments on living clusters became Active (%d did)%s" % (len(ours), len(good), "".join("; %s %s" % (x[1], x[5]) for x in ours if x[1] != "succeeded")[:300]))
    active = int(s.sql("select count(*) from participant where type = 2 and status = 1")[0][0])
    verdict(active == len(good), "each of them is Active on its page (%d)" % active)
    parties = sum(c < alive and ns.startswith("party") for c, ns in jobs)
    verdict(len(report["installs"]) == len(jobs) and parties == len(ours) and not report["doubled"], "one install job each, no two updates of an exchange at once (%d jobs, %d updates, %d doubled)" % (len(report["installs"]), report["updates"], report["doubled"]))
    verdict(not report["refused"], "every call was one that the pretended clusters know")
    waiting = [x for x in dead if x[3] and (x[5] if x[1] == "failed" else x[1] in ("queued", "running") and x[4])]
    verdict(len(waiting) == len(dead), "all %d deployments on dead clusters wait with a cause, or have failed with it at their step's deadline (%d): %s" % (len(dead), len(waiting), ", ".join("%d %s %s" % (sum(y[1] == t and y[3] == c for y in dead), t, c or "without") for t, c in sorted({(y[1], y[3]) for y in dead}))))
    verdict(not browser.failed, "no page failed meanwhile (%d of %d)" % (browser.failed, browser.done))
    over = sorted(float(x[2]) - jobs[(names[x[0]][1], names[x[0]][2])] for x in good)
    if not over:
        return
    p = lambda q: over[min(len(over) - 1, int(len(over) * q))]  # noqa: E731
    say("overhead beyond the job's time: least %s, median %s, p90 %s, p99 %s, most %s" % tuple(ms(v) for v in (over[0], p(0.5), p(0.9), p(0.99), over[-1])))
    steps = s.sql("select st.key, percentile_cont(0.5) within group (order by extract(epoch from st.ended_at - st.started_at)), percentile_cont(0.99) within group (order by extract(epoch from st.ended_at - st.started_at)) "
                  "from operation_step st join operation o on o.id = st.operation_id where o.kind = 'cluster_create' and o.state = 'succeeded' and st.state = 'done' group by st.key, st.ord order by st.ord")
    say("steps, median and p99 in s: " + ", ".join("%s %.2f %.2f" % (k, float(a), float(b)) for k, a, b in steps))
    if SMOKE:
        return
    count = {k: v - before.get(k, 0) for k, v in statements(s).items()}
    minutes = over_time(in_flight)
    top = s.sql("select sum(calls) from pg_stat_statements where userid = 'fedlcm_app'::regrole")[0][0]
    say("statements by the runners' own count: %s; %s by pg_stat_statements, web workers included; %.0f deployments x minutes" % (" ".join("%s %d" % x for x in sorted(count.items())), top, minutes))
    for calls, ms_, text in s.sql("select calls, round(total_exec_time), regexp_replace(left(query, 110), '\\s+', ' ', 'g') from pg_stat_statements where userid = 'fedlcm_app'::regrole order by calls desc limit %s" % ENV.get("SCALE_TOP", "0")):
        print("         %8s %7s ms  %s" % (calls, ms_, text))
    per = (count.get("operations", 0) + count.get("loop", 0)) / minutes
    verdict(p(0.5) <= 2, "overhead: median %s, demanded <= 2 s" % ms(p(0.5)))
    verdict(p(0.99) <= 10, "overhead: p99 %s, demanded <= 10 s" % ms(p(0.99)))
    verdict(per <= 50, "SQL statements a deployment and minute: %.1f, demanded <= 50" % per)
    for i, pid in enumerate(runners):
        v = sizes[pid]
        most = max(x for _, x in v) if v else 99
        half = [x for t, x in v if t > took / 2] or [most]
        third = [x for t, x in v if took / 3 < t <= took * 2 / 3] or [most]
        verdict(most <= 24, "memory of runner %d (PSS): %.1f MB before, %.1f MB at most, demanded <= 24 MB" % (i, small[i] or 0, most))
        verdict(statistics.median(half) <= statistics.median(third) * 1.1 + 0.5, "  and flat: %.1f MB in the middle third, %.1f MB in the last half" % (statistics.median(third), statistics.median(half)))
    full = statistics.median(us for us, _ in busy)
    say("time of a request while all that runs: median %.1f ms, p99 %.1f ms" % tuple(sorted(browser.took)[int(len(browser.took) * q)] * 1000 for q in (0.5, 0.99)))
    verdict(abs(full - quiet) <= quiet * 0.1, "CPU time of a web request: %.0f us without, %.0f us beside the deployments (%+.0f %%), demanded <= 10 %% of change" % (quiet, full, 100 * (full / quiet - 1)))


try:
    main()
except Exception as e:  # noqa: BLE001
    import traceback
    traceback.print_exc(file=sys.stdout)
    verdict(False, "the run itself: %s" % e)
print("scale: %d passed, %d failed, 0 skipped" % (passed, failed), flush=True)
sys.exit(1 if failed else 0)
