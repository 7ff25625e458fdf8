"""Runs inside the rig's network namespace: the real product works on a real control plane while its poller is killed again and again.

    kills.py RIG_DIR

Not a unittest: every part stands on what the one before left behind."""
import os, random, signal, statistics, subprocess, sys, time, traceback
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "flow")]
from rig import Kube
from api import Api
from assassin import Assassin
from blows import Poller
from product import Stack
from proof import Proof
from psql import Psql

RIG = sys.argv[1]
STATE = RIG + ".state"
SEED = int(os.environ.get("KILLS_SEED") or random.SystemRandom().randrange(1 << 32))
KILLS = int(os.environ.get("KILLS") or 50)
SLEEP = 60  # seconds for which a runner is stopped, four times its lease
LIMIT = 60  # seconds until killed work moves again (DESIGN section 3)
RESULTS = {"passed": 0, "failed": 0}


def check(name, good, detail=""):
    RESULTS["passed" if good else "failed"] += 1
    print("%s %s%s" % ("ok    " if good else "not ok", name, "" if good else ": %s" % (detail,)), flush=True)


# Six runners, so that a slot is not slowed down for dying too often; nobody kills PostgreSQL here, so it need not wait for the disk.
SETTINGS = {"FEDLCM_RUNNERS": "6", "FEDLCM_WEB_WORKERS": "2", "FEDLCM_WAIT_WORKERS": "1", "FEDLCM_LEASE_SECONDS": "15", "FEDLCM_KEYS_AHEAD": "0", "FEDLCM_PG_OPTIONS": "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"}


class World:
    def __init__(self, stack):
        self.kube = Kube(RIG, "a")
        self.before = self.kube.inventory()
        self.api = Api(stack.url)
        self.infra = self.api.add_infra("lab", open(RIG + "/a/admin.kubeconfig").read())
        self.endpoint = self.api.add_endpoint("kf", self.infra)
        self.api.until("/endpoint/" + self.endpoint, [2], [4])
        self.fed = self.api.call("POST", "/federation/fate/", {"name": "fed", "description": "", "domain": "example.com"})
        self.path = "/federation/fate/" + self.fed
        self.db = Psql(*stack.database())
        self.proof = Proof(RIG, self.kube, self.db)
        self.random = random.Random(SEED)

    # --- making and removing; the API may be asked at any time, it never waits for the poller ---
    def exchange(self):
        return Party(self, "exchange", "exchange", "fate-exchange", lambda: self.api.add_exchange(self.fed, self.endpoint))

    def cluster(self, party):
        return Party(self, "cluster", "cluster-%d" % party, "fate-%d" % party, lambda: self.api.add_cluster(self.fed, self.endpoint, party, "cluster-%d" % party))


class Party:
    """One life of a participant. The same names are used in every round, so that what KubeFATE remembers of the last one is in the way."""
    CERT = {"exchange": "traffic-server-cert", "cluster": "pulsar-cert"}

    def __init__(self, world, kind, name, namespace, create):
        self.w, self.kind, self.name, self.ns = world, kind, name, namespace
        self.since, self.installs = world.proof.since(), len(world.proof.installs(name, namespace))
        self.uuid = create()
        self.path = "%s/%s/%s" % (world.path, kind, self.uuid)

    def active(self):
        self.w.api.until(self.path, [1], [5])

    def remove(self):
        self.w.api.call("DELETE", self.path + "?force=false")

    def gone(self):
        self.w.api.until(self.path, [404])

    def made_once(self):
        """A list of what is not as it has to be after a creation."""
        p, bad = self.w.proof, []

        def want(what, value, wanted):
            if value != wanted:
                bad.append("%s %s: %s, wanted %s" % (self.name, what, value, wanted))
        mine = p.installs(self.name, self.ns)[self.installs:]
        want("install jobs", [j["status"] for j in mine], ["Success"])
        rows = [c for c in p.kf.clusters() if (c["name"], c["namespaces"]) == (self.name, self.ns)]
        want("clusters in KubeFATE", len(rows), 1)
        self.cluster = rows[0]["uuid"] if rows else ""
        first = [r for r in p.releases(self.ns) if r[0] == "sh.helm.release.v1.%s.v1" % self.name]
        want("first release secret", len(first), 1)
        if self.kind == "cluster":
            want("release secrets", p.releases(self.ns), [("sh.helm.release.v1.%s.v1" % self.name, "deployed")])
        changes = p.changes(self.since)
        for what, path in (("namespace", "/api/v1/namespaces/" + self.ns), ("certificate secret", "/api/v1/namespaces/%s/secrets/%s" % (self.ns, self.CERT[self.kind]))):
            good, requests = p.made_once(changes, path)
            if not good:
                bad.append("%s %s made once: %s" % (self.name, what, requests))
        want("certificates issued", p.certificates(self.uuid), 1)
        ev = p.events(self.uuid)
        for one in ["event.party-start", "event.ns-made", "event.cert", "event.secret", "event.active"] + (["event.routed"] if self.kind == "cluster" else []):
            want(one, ev.get(one, 0), 1)
        want("event of the job", ev.get("event.job", 0) + ev.get("event.job-found", 0), 1)
        want("event of its end", ev.get("event.job-done", 0) + ev.get("event.own-eyes", 0), 1)
        want("certificates bound", int(self.w.db.one("select count(*) from certificate_binding where participant_uuid = '%s'" % self.uuid)), 1)
        return bad

    def removed_once(self):
        p, bad = self.w.proof, []
        jobs = p.deletes(self.cluster)
        if len(jobs) != 1 or jobs[0]["status"] != "Success":
            bad.append("%s delete jobs: %s" % (self.name, [j["status"] for j in jobs]))
        if self.w.kube.get("/api/v1/namespaces/" + self.ns)[0] != 404:
            bad.append("%s: namespace is still there" % self.name)
        gone = [c for c in p.changes(self.since) if c[0] == "delete" and c[1] == "/api/v1/namespaces/" + self.ns]
        if not any(c[2] == 200 for c in gone):
            bad.append("%s: nobody deleted the namespace: %s" % (self.name, gone))
        ev = p.events(self.uuid)
        for one in ("event.party-remove", "event.removed"):
            if ev.get(one, 0) != 1:
                bad.append("%s %s: %d" % (self.name, one, ev.get(one, 0)))
        if ev.get("event.delete-job", 0) > 1:
            bad.append("%s event.delete-job: %d" % (self.name, ev["event.delete-job"]))
        return bad


def life(parties):
    """All become Active, all go. Returns what was not once."""
    bad = []
    for p in parties:
        p.active()
    for p in parties:
        bad += p.made_once()
    for p in parties:
        p.remove()
    for p in parties:
        p.gone()
    for p in parties:
        bad += p.removed_once()
    return bad


def phase(world, stack, word, begin):
    """Rounds of creation and removal until enough kills have fallen into them."""
    killer = Assassin(world.random, Poller(stack.proc.pid, os.path.join(STATE, "log", "poller.log")), stack.database())
    killer.start()
    rounds, bad, began = 0, [], time.time()
    try:
        while killer.count(word) < KILLS and time.time() - began < 200 and not killer.trouble:
            bad += life(begin())
            rounds += 1
    finally:
        killer.stop()
    n, times = killer.count(word), sorted(h.seconds for h in killer.hits)
    what = {k: sum(1 for h in killer.hits if h.what == k) for k in sorted({h.what for h in killer.hits})}
    print("%s: %d rounds in %.0f s, %d kills into %s_*, all blows %s; work stood still for %.2f s (median), %.2f s (longest)" %
          (word, rounds, time.time() - began, n, word, what, statistics.median(times), times[-1]), flush=True)
    check("%s: %d kills or more while it is made and removed" % (word, KILLS), n >= KILLS, "%d kills in %d rounds" % (n, rounds))
    check("%s: every effect happened exactly once in %d rounds" % (word, rounds), not bad, "\n  ".join(bad))
    check("%s: killed work moved again within %d s" % (word, LIMIT), times[-1] < LIMIT, times[-5:])
    return times


def frozen(world, stack):
    """A runner that sleeps for four leases: another one finishes the work, and the sleeper writes nothing to it when it wakes up."""
    poller, began = Poller(stack.proc.pid, os.path.join(STATE, "log", "poller.log")), time.time()
    party = world.cluster(9999)
    pid = ref = None
    while not pid and time.time() - began < 20:
        names = {poller.holder(p): p for p in poller.look()[1]}
        for r in world.db.rows("select ref, lease_by, step from work where class = 'operation' and not ended and lease_until > now()"):
            if r[1] in names and r[2] != "0":
                pid, ref, holder = names[r[1]], r[0], r[1]
                os.kill(pid, signal.SIGSTOP)
                break
    stopped = time.time()
    held = world.db.rows("select lease_by, lease_token from work where class = 'operation' and ref = %s" % ref)
    while time.time() - began < 55 and world.db.rows("select lease_token from work where class = 'operation' and ref = %s" % ref) == [held[0][1:]]:
        time.sleep(0.1)
    taken = time.time() - began
    party.active()
    written = lambda: world.db.rows("select md5(concat_ws('/', (select string_agg(o::text, '') from operation o where id = {0}), (select string_agg(s::text, '' order by ord) from operation_step s where operation_id = {0}), "  # noqa: E731
                                    "(select string_agg(w::text, '') from work w where class = 'operation' and ref = {0}), (select string_agg(e::text, '' order by id) from event e where operation_id = {0})))".format(ref))
    time.sleep(max(0, stopped + SLEEP - time.time()))
    before = written()
    os.kill(pid, signal.SIGCONT)
    time.sleep(5)
    check("a runner that slept for %d s writes nothing to what it had begun" % SLEEP, written() == before)
    bad = party.made_once()
    check("a runner that sleeps over its lease loses the work", held[0][0] == holder and taken < 55, (held, holder, taken))
    check("what the sleeper did and what its successor did happened once", not bad, bad)
    print("frozen: taken over after %.1f s" % taken, flush=True)
    party.remove()
    party.gone()
    check("the one with two runners is gone", not party.removed_once(), party.removed_once())


def main():
    print("KILLS_SEED=%d" % SEED, flush=True)
    with Stack(STATE, **SETTINGS) as stack:
        try:
            scenes(stack)
        except BaseException:
            subprocess.run("tail -n 40 %s/log/poller.log; grep -v 'status=200' %s/log/web.log | tail -n 5" % (STATE, STATE), shell=True)
            print(subprocess.run(["psql", "-h", stack.database()[0], "-U", "fedlcm_owner", "-d", "fedlcm", "-c", "select o.kind, o.subject_name, o.state, o.cause, o.evidence_class, o.evidence_args, o.error_class, o.error_args, w.step, w.memo, w.run_at - now() run_in, w.lease_by, w.lease_until from operation o join work w on w.ref = o.id and w.class = 'operation' where o.state in ('queued', 'running', 'failed')"],
                                 env=dict(os.environ, PGPASSWORD=stack.database()[1]), capture_output=True, text=True).stdout)
            raise


def scenes(stack):
    world = World(stack)
    times = phase(world, stack, "exchange", lambda: [world.exchange()])
    exchange = world.exchange()
    exchange.active()
    times += phase(world, stack, "cluster", lambda: [world.cluster(9999), world.cluster(10000)])
    frozen(world, stack)
    # A cluster is gone as soon as its route is; the job that took the route away may end some seconds later, and holds the exchange until then.
    end = time.time() + 30
    while any(j["status"] == "Running" for j in world.proof.updates("exchange")) and time.time() < end:
        time.sleep(0.5)
    updates = world.proof.updates("exchange")
    check("route updates of the exchange never overlap (%d of them)" % len(updates), len(updates) > 2 and not world.proof.overlapping(updates), world.proof.overlapping(updates))
    check("every route update succeeded", all(j["status"] == "Success" for j in updates), [j["status"] for j in updates])
    bad = exchange.made_once()
    exchange.remove()
    exchange.gone()
    bad += exchange.removed_once()
    check("the exchange of all clusters was made and removed once", not bad, bad)
    check("no operation is live, failed or stuck, no hold is left", not world.proof.unsettled(), world.proof.unsettled())
    check("every step of every operation that succeeded has ended", not world.proof.half_steps(), world.proof.half_steps())
    world.api.call("DELETE", world.path)
    world.api.call("DELETE", "/endpoint/%s?uninstall=true" % world.endpoint)
    world.api.until("/endpoint/" + world.endpoint, [404])
    left = world.kube.inventory() - world.before
    check("no object of ours is left in the cluster", not left, sorted(left))
    print("all blows: %d, work stood still for %.2f s (median), %.2f s (longest)" % (len(times), statistics.median(times), max(times)))


if __name__ == "__main__":
    try:
        main()
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        RESULTS["failed"] += 1
    print("kills: %(passed)d passed, %(failed)d failed, 0 skipped" % RESULTS, flush=True)
    sys.exit(1 if RESULTS["failed"] else 0)
