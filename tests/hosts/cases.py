"""From an empty database to three hosts under load; what operators do to hosts on purpose; and what must be true at the end."""
import hashlib, os, signal, time
import fastcgi
from deploy import Client, Deployer, Resident, World
from front import Front
from host import Host, Launched, PASSWORD, RUNNERS, STATE
from load import Load, Recorder
from net import HUB, Relay, children
from postgres import Db, OWNER
from product import wait
from proof import Proof
from rig import ROOT


def database(*hosts):
    return {"POSTGRES_HOST": ", ".join(hosts), "POSTGRES_DB": "fedlcm", "POSTGRES_USER": OWNER}


def at_once(*programs):
    """Waits for programs that were started together: (status, output, errors) of each."""
    out = []
    for p in programs:
        o, e = p.communicate(timeout=90)
        out.append((p.returncode, o, e))
    return out


def schema(t, name="fedlcm"):
    return Db(t.db1.address, name=name).rows("select version, count(*) from schema_migration group by 1 order by 1")


# --- begin ---
def test_three_machines_made_from_one_image(t):
    t.db1.make()
    t.db1.start()
    for name in ("fedlcm", "plain", "shared"):
        t.db1.sql("create database " + name)
    one, two = t.db1.address, t.db2.address
    # Nobody is at the second address yet. The first connection string names it first, the others last.
    kinds = ((Host, database(two, one)), (Host, database(one, two)), (Launched, {"FEDLCM_DB": "host=%s,%s dbname=fedlcm user=%s" % (one, two, OWNER)}))
    t.put(hosts=[kind(t.machines["host%d" % (i + 1)], t.place + "/log", s, ROOT) for i, (kind, s) in enumerate(kinds)])


def test_migrations_started_at_the_same_instant_are_applied_once(t):
    def on(name):
        return {"FEDLCM_DB": "host=%s,%s dbname=%s user=%s" % (t.db1.address, t.db2.address, name, OWNER)}
    for _ in range(3):
        t.db1.sql("drop database plain")
        t.db1.sql("create database plain")
        done = at_once(*[h.cli("migrate", env=on("plain")) for h in t.hosts])
        assert [d[0] for d in done] == [0, 0, 0], done
        applied = sorted(int(d[1].split()[0]) for d in done)
        assert applied[:2] == [0, 0] and applied[2] == len(schema(t, "plain")) and {x[1] for x in schema(t, "plain")} == {"1"}, (done, schema(t, "plain"))
    t.put(on=on)


def first_starts(t, keys, **env):
    """One host makes the keys, the others make none and are told to copy them. The one."""
    done = at_once(*[h.cli("init", env=dict(env, FEDLCM_SEAL_PUBLIC=keys + "/seal.pub", FEDLCM_SEAL_PRIVATE=keys + "/seal.key")) for h in t.hosts])
    assert sorted(d[0] for d in done) == [0, 1, 1], done
    first = next(h for h, d in zip(t.hosts, done) if d[0] == 0)
    for h, d in zip(t.hosts, done):
        assert os.path.exists(h.machine.path(keys + "/seal.key")) == (h is first), (h.machine.name, done)
        assert d[0] == 0 or "Copy the file from the host where it was made" in d[2], d
    return first


def test_three_first_starts_at_once_make_one_pair_of_keys(t):
    for h in t.hosts:
        h.folder("/run/keys", "/keys")
    # Whoever has made keys cannot record them for a moment: the others come meanwhile, and find none recorded.
    held = t.db1.during("begin; lock table setting in share mode; select pg_sleep(1.2); commit", "plain")
    wait(lambda: t.db1.sql("select count(*) from pg_locks where mode = 'ShareLock' and granted and locktype = 'relation'", "plain") == "1", pause=0.02)
    first_starts(t, "/run/keys", **t.on("plain"))
    assert held.wait(10) == 0
    first = first_starts(t, STATE + "/keys")
    for h in t.hosts:
        if h is not first:
            h.keys_from(first)
    done = at_once(*[h.cli("init") for h in t.hosts]) + at_once(*[h.cli("check") for h in t.hosts])
    assert [d[0] for d in done] == [0] * 6, done
    assert {x[1] for x in schema(t)} == {"1"} and t.db.one("select count(*) from app_user") == "1"
    # Keys that are everywhere already: all three succeed against an empty database.
    done = at_once(*[h.cli("init", env=t.on("shared")) for h in t.hosts]) + at_once(*[h.cli("check", env=t.on("shared")) for h in t.hosts])
    assert [d[0] for d in done] == [0] * 6, done


def test_three_hosts_behind_one_nginx_use_one_database(t):
    for h in t.hosts:
        h.start()
    t.put(front=Front(t.place + "/front", t.hosts))
    t.put(rec=Recorder(t.front.url, t.front.ca))
    wait(lambda: t.rec.ask("first", "GET", "/login").status == 200)
    t.rec.answers.clear()
    t.put(load=Load(t.rec, PASSWORD, t.kubeconfig, t.seed))
    t.put(api=Client(t.rec, t.load.api))
    infra = t.api.add_infra("lab", t.kubeconfig)
    t.put(endpoint=t.api.add_endpoint("kf", infra))
    t.api.until("/endpoint/" + t.endpoint, [2], [4])
    w = World(t.api, t.kube, t.db)
    w.endpoint, w.fed, w.proof = t.endpoint, t.api.add_federation("fed"), Proof(t.rig, t.kube, t.db)
    w.path = "/federation/fate/" + w.fed
    t.put(world=w, exchange=Resident(w, "exchange", "exchange", "fate-exchange", lambda: t.api.add_exchange(w.fed, w.endpoint)))
    t.exchange.active()
    bad = t.exchange.made_once()
    assert not bad, bad
    t.put(deployers=[Deployer(w, first) for first in (9000, 10000)])


def test_no_two_hosts_hold_leases_under_one_name(t):
    """Same host name, same folder, same inode: what a host frees at its start must be its own all the same."""
    inodes = {os.stat(h.machine.path(STATE + "/poller/poller.lock")).st_ino for h in t.hosts}
    assert len(inodes) == 1, "the machines differ, so this proves nothing: %s" % inodes
    names = [wait(lambda: (lambda x: x if len(x) == RUNNERS else None)(h.holders())) for h in t.hosts]
    assert len(set.union(*names)) == 3 * RUNNERS, names


def test_a_replica_follows(t):
    t.db2.copy_of(t.db1)
    t.db2.start()
    wait(lambda: t.db1.sql("select state from pg_stat_replication") == "streaming")
    strict(t, 1.5)


# --- judging ---
def strict(t, seconds=0, began=None):
    """Since began (or for so many seconds from now) every answer was good."""
    began = began or time.time()
    time.sleep(seconds)
    ended = time.time()
    seen = t.rec.between(began, ended)
    bad = [a for a in seen if a.away or a.fault]
    assert len(seen) > 10 and not bad, (len(bad), len(seen), bad[:6])
    return len(seen)


def undisturbed(t):
    for d in t.deployers:
        assert not d.trouble and not d.bad, (d.trouble, d.bad)


def lives(t, more=1):
    """Waits until each deployer has come to the end of so many more lives than it has now."""
    want = [(d, len(d.lives) + more) for d in t.deployers]
    wait(lambda: all(len(d.lives) >= n or d.trouble for d, n in want), say=lambda: [(d.party, d.trouble) for d in t.deployers])
    undisturbed(t)


# --- changes on purpose ---
def test_rolling_restart_of_each_host_fails_no_request(t):
    began = time.time()
    for h in t.hosts * 3:
        h.roll()
    n = strict(t, 1, began)
    undisturbed(t)
    print("       %d requests in %.0f s, all answered well" % (n, time.time() - began), flush=True)


def test_a_newer_program_refuses_to_start_before_the_migration(t):
    h = t.hosts[0]
    before = int(schema(t)[-1][0])
    other = {"FEDLCM_WEB_SOCKET": "/run/other.sock", "FEDLCM_WAIT_SOCKET": "/run/other-wait.sock", "FEDLCM_INSTANCE_DIR": "/run"}
    done = at_once(*[h.cli(program=p, tree=t.newer, env=other) for p in ("fedlcm-web", "fedlcm-poller")])
    for code, _, text in done:
        assert code == 2 and "schema is at version %d, this program needs %d. Run \"fedlcm migrate\"" % (before, before + 1) in text, done


def test_one_that_started_while_the_database_was_away_refuses_requests_instead(t):
    h, port = t.hosts[0], 6543
    h.folder("/run/trial", "/keys")
    env = {"FEDLCM_WEB_SOCKET": "/run/trial/web.sock", "FEDLCM_WAIT_SOCKET": "/run/trial/wait.sock", "FEDLCM_DB": "host=%s port=%d dbname=fedlcm user=%s" % (HUB, port, OWNER), "FEDLCM_WEB_WORKERS": "1"}
    t.put(trial=h.cli(program="fedlcm-web", tree=t.newer, env=env), trial_sock=h.machine.path("/run/trial/web.sock"))
    wait(lambda: os.path.exists(t.trial_sock))
    code, head, body = fastcgi.get(t.trial_sock, "/login", "lang=zh-CN")
    assert code == 503 and "Retry-After: " in head and "无法连接数据库" in body, (code, head, body)
    Relay(port, (t.db1.address, 5432))
    code, head, body = fastcgi.get(t.trial_sock, "/api/v1/status")
    assert code == 503 and "Retry-After: " in head and "schema is at version" in body, (code, head, body)


def test_the_next_migration_runs_once_while_the_old_programs_work(t):
    began, before = time.time(), len(schema(t))
    # A request that holds what the migration takes last, and then wants what it takes first.
    held = t.db1.during("begin; select 1 from session limit 1; select pg_sleep(1.5); select count(*) from federation; commit", "fedlcm")
    wait(lambda: t.db1.sql("select count(*) from pg_stat_activity where wait_event = 'PgSleep'") == "1", pause=0.02)
    done = at_once(*[h.cli("migrate", tree=t.newer) for h in t.hosts])
    assert held.wait(20) == 0, "the migration ended a request"
    assert [d[0] for d in done] == [0, 0, 0] and sum(int(d[1].split()[0]) for d in done) == 1, done
    assert len(schema(t)) == before + 1
    done = at_once(t.hosts[0].cli("migrate"), t.hosts[1].cli("init"))  # the old program has nothing against it
    assert [d[0] for d in done] == [0, 0], done
    code, head, body = fastcgi.get(t.trial_sock, "/login")  # the one that waited for it works without a restart
    assert code == 200, (head, body)
    os.kill(children(t.trial.pid)[0], signal.SIGTERM)
    assert t.trial.wait(20) == 0
    lives(t)
    strict(t, 0, began)


def program(h, part):
    """Checksum of the program that a supervisor runs."""
    with open("/proc/%d/exe" % h.parts[part].pid, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def test_one_host_after_the_other_gets_the_newer_program_and_no_request_fails(t):
    began, old = time.time(), {p: program(t.hosts[0], p) for p in ("web", "poller")}
    for h in t.hosts:
        t.front.mark(h, True)
        codes = h.stop()
        assert not any(codes), codes
        h.use(t.newer)
        h.start()
        t.front.mark(h, False)
        assert all(program(h, p) != old[p] for p in old), h.machine.name
        if h is t.hosts[0]:
            lives(t)  # old and new side by side
    n = strict(t, 1, began)
    undisturbed(t)
    styles = {a.what for a in t.rec.between(began, time.time()) if ".css" in a.what}
    assert len(styles) == 2, styles
    print("       %d requests in %.0f s, all answered well" % (n, time.time() - began), flush=True)


# --- end ---
def test_every_deployment_came_to_its_end_and_every_effect_happened_once(t):
    for d in t.deployers:
        d.stopped.set()
    for d in t.deployers:
        d.join(200)
    undisturbed(t)
    n = [len(d.lives) for d in t.deployers]
    assert min(n) >= 4, n
    t.exchange.remove()
    t.exchange.gone()
    bad = t.exchange.removed_once()
    assert not bad, bad
    assert not t.world.proof.unsettled(), t.world.proof.unsettled()
    assert not t.world.proof.half_steps(), t.world.proof.half_steps()
    print("       %d clusters lived" % sum(n), flush=True)


def test_nothing_that_was_acknowledged_is_lost(t):
    t.load.stop()
    names = {x["name"] for x in t.api.call("GET", "/federation")}
    lost, back = t.load.there - names, t.load.gone & names
    assert not lost and not back, (sorted(lost), sorted(back))
    assert len(t.load.there) > 50 and len(t.load.gone) > 50, (len(t.load.there), len(t.load.gone))
    print("       %d made, %d removed, %d of unknown outcome" % (len(t.load.there), len(t.load.gone), len(t.load.unknown)), flush=True)


def test_no_answer_of_the_whole_run_was_at_fault(t):
    faults = [a for a in t.rec.answers if a.fault]
    away = [a for a in t.rec.answers if a.away]
    times = sorted(a.ended - a.began for a in t.rec.answers if not a.away)
    print("       %d answers, %d of them 503; median %.0f ms, 99th percentile %.0f ms" % (len(t.rec.answers), len(away), times[len(times) // 2] * 1000, times[len(times) * 99 // 100] * 1000), flush=True)
    assert not faults, (len(faults), faults[:8])


BEGIN = (test_three_machines_made_from_one_image, test_migrations_started_at_the_same_instant_are_applied_once, test_three_first_starts_at_once_make_one_pair_of_keys,
         test_three_hosts_behind_one_nginx_use_one_database, test_no_two_hosts_hold_leases_under_one_name, test_a_replica_follows)
CHANGES = (test_rolling_restart_of_each_host_fails_no_request, test_a_newer_program_refuses_to_start_before_the_migration,
           test_one_that_started_while_the_database_was_away_refuses_requests_instead, test_the_next_migration_runs_once_while_the_old_programs_work,
           test_one_host_after_the_other_gets_the_newer_program_and_no_request_fails)
END = (test_every_deployment_came_to_its_end_and_every_effect_happened_once, test_nothing_that_was_acknowledged_is_lost, test_no_answer_of_the_whole_run_was_at_fault)
