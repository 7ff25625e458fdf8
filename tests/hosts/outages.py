"""What happens to hosts and to PostgreSQL without being asked."""
import concurrent.futures, time
import load
from cases import lives, strict, undisturbed
from host import RUNNERS, WAIT, WEB
from product import wait

TAKE_OVER = 60   # seconds until the work of a dead host moves again (DESIGN section 3)


def processes(t):
    return [h.workers() for h in t.hosts]


def connections(t):
    """{(address, program): how many} of the hosts' processes."""
    return {(r[0], r[1]): int(r[2]) for r in t.db.rows("select host(client_addr), application_name, count(*) from pg_stat_activity where application_name in ('fedlcm-web', 'fedlcm-wait', 'fedlcm-poller') group by 1, 2")}


def everybody_is_back(t, hosts):
    """Each worker and each runner has its connection again, while people come in crowds."""
    want = {(h.machine.address, "fedlcm-" + n): k for h in hosts for n, k in (("web", WEB), ("wait", WAIT), ("poller", RUNNERS))}
    body = {"kubeconfig_content": t.kubeconfig, "is_in_cluster": False, "namespaces_list": []}
    with concurrent.futures.ThreadPoolExecutor(48) as pool:
        def all_there():
            calls = [pool.submit(t.load.call, "crowd", "GET", "/federation") for _ in range(36)] + [pool.submit(t.load.call, "crowd", "POST", "/infra/kubernetes/connect", body, (200, 429), load.WAITS) for _ in range(12)]
            concurrent.futures.wait(calls)
            now = connections(t)
            return all(now.get(k, 0) >= n for k, n in want.items())
        wait(all_there, say=lambda: (connections(t), want))


def outage(t, how):
    """PostgreSQL is stopped, stays away for two seconds, and comes back. Returns how long people were refused after its return."""
    before, began = processes(t), time.time()
    t.db1.stop(how)
    time.sleep(2)
    t.db1.start()
    there = time.time()
    calm = t.rec.calm()
    seen = t.rec.between(began, calm)
    away = [a for a in seen if a.away]
    assert len(away) >= 10, "hardly anybody noticed: %s" % seen[:5]
    assert len({a.what.startswith("GET") for a in away}) == 2 and len({"/api/" in a.what for a in away}) == 2, away[:10]
    everybody_is_back(t, t.hosts)
    assert processes(t) == before, (before, processes(t))
    return len(away), calm - there, max(a.ended - a.began for a in away)


def test_postgresql_restarts_under_load(t):
    for how in ("fast", "immediate", "kill"):
        n, late, longest = outage(t, how)
        print("       %-9s %3d answers were 503, the last one %.1f s after the return, none later than %.1f s" % (how, n, max(0, late), longest), flush=True)
        assert late < 30, late  # a tenth of that on a quiet machine
        undisturbed(t)
    lives(t)


def test_the_replica_takes_the_place_of_a_primary_that_vanished(t):
    """The primary is unplugged: nobody refuses, nothing answers. What was acknowledged is on the replica, because it was asked to be."""
    t.db1.sql("alter system set synchronous_standby_names = '*'")
    t.db1.sql("select pg_reload_conf()")
    wait(lambda: t.db1.sql("select sync_state from pg_stat_replication") == "sync")
    time.sleep(0.5)  # commits that did not wait for it are over
    before, began = processes(t), time.time()
    t.rec.more = 3.5  # 4 s until a silent connection is given up, 2 s for the address where nobody is, and more for calls that wait anyway
    t.db1.machine.unplug()
    wait(lambda: any(a.away for a in t.rec.between(began, time.time())))
    t.db2.sql("select pg_promote()")
    promoted = time.time()
    calm = t.rec.calm()
    everybody_is_back(t, t.hosts)
    t.rec.more = 0
    away = [a for a in t.rec.between(began, calm) if a.away]
    print("       %d answers were 503, the last one %.1f s after the promotion, none later than %.1f s" % (len(away), max(0, calm - promoted), max(a.ended - a.began for a in away)), flush=True)
    assert processes(t) == before, (before, processes(t))
    assert calm - promoted < 60, calm - promoted
    undisturbed(t)
    lives(t)


def held_by(t, names):
    return t.db.rows("select w.id, w.lease_token from work w where w.class = 'operation' and not w.ended and w.lease_until > now() and w.lease_by in (%s)" % ", ".join("'%s'" % n for n in names))


def test_a_host_that_dies_is_not_missed(t):
    """All its processes at once, while it holds operations. A POST that it was answering is lost, and says so; nothing else is."""
    names = {h: h.holders() for h in t.hosts}
    t.relay.pause = 0.5  # before each request to the cluster, so that leases are held while it is looked at
    victim = wait(lambda: next((h for h in reversed(t.hosts) if held_by(t, names[h])), None), pause=0.02)
    began, rest = time.time(), [h for h in t.hosts if h is not victim]
    victim.machine.power_off()
    t.relay.pause = 0
    left = {r[0]: r[1] for r in held_by(t, names[victim])}
    wait(lambda: {r[0] for r in t.db.rows("select id from work where lease_token = any('{%s}') and not ended" % ",".join(left.values() or ["0"]))} == set(), say=left)
    moved = time.time() - began
    calm = t.rec.calm(within=TAKE_OVER)
    seen = t.rec.between(began, calm)
    away = [a for a in seen if a.away]
    print("       %d operations were taken over within %.1f s; %d of %d answers were 503" % (len(left), moved, len(away), len(seen)), flush=True)
    assert left, "it held nothing when it died"
    lost = [a for a in away if "/connect" not in a.what]  # a call that waits is told after 9.5 s that its answer has not come
    assert all(a.what.startswith("POST") and a.began < began + 1 for a in lost), lost
    everybody_is_back(t, rest)
    lives(t)
    strict(t, 2)


ALL = (test_postgresql_restarts_under_load, test_the_replica_takes_the_place_of_a_primary_that_vanished, test_a_host_that_dies_is_not_missed)
