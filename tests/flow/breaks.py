"""SIGKILL of the poller, of all web workers and of PostgreSQL, each in the middle of a deployment under the launcher: it goes on by itself."""
import os, signal
from cases import rule
from product import descendants, wait


def middle(t, c, step="components"):
    """Until the operation has begun the step."""
    wait(lambda: t.stack.sql("select 1 from operation_step s join operation o on o.id = s.operation_id where o.subject = '%s' and s.key = '%s' and s.state = 'running'" % (c, step)), pause=0.05,
         say=lambda: t.stack.sql("select s.key, s.state from operation_step s join operation o on o.id = s.operation_id where o.subject = '%s' order by ord" % c))


SLOW = "kill.example/fate"  # a registry whose images take their time, so that there is a middle


def add(t, party, name):
    rule(t, "b", SLOW, delay_ms=4000)
    c = t.api.add_cluster(t.fed, t.eb, party, name, registry=SLOW)
    middle(t, c)
    return c


def kill(pids):
    for p in pids:
        try:
            os.kill(p, signal.SIGKILL)
        except ProcessLookupError:
            pass


def deployed_once(t, c, party, name):
    t.api.until("%s/cluster/%s" % (t.f, c), [1], [5])
    jobs = t.kb.jobs(name, "fate-%d" % party, "ClusterInstall")
    assert [j["status"] for j in jobs] == ["Success"], jobs


def test_poller_killed_in_the_middle_of_a_deployment(t):
    c = add(t, 30001, "kill-poller")
    old = [t.stack.parts()["poller"]]
    old += descendants(old[0])
    kill(old)
    deployed_once(t, c, 30001, "kill-poller")
    assert t.stack.parts()["poller"] not in old
    t.put(k1=c)


def test_all_web_workers_killed_in_the_middle_of_a_deployment(t):
    c = add(t, 30002, "kill-web")
    supervisor = t.stack.parts()["web"]
    workers = descendants(supervisor)
    assert len(workers) >= 8, workers
    kill(workers)
    wait(lambda: t.api.raw("GET", "/federation")[0] == 200, pause=0.05)
    wait(lambda: not set(workers) & set(descendants(supervisor)), pause=0.05)  # the last of the dead may not be reaped yet
    assert t.stack.parts()["web"] == supervisor
    deployed_once(t, c, 30002, "kill-web")
    t.put(k2=c)


def test_web_supervisor_killed_is_started_again(t):
    old = t.stack.parts()["web"]
    kill([old])
    wait(lambda: t.stack.parts().get("web") not in (None, old))
    wait(lambda: t.api.raw("GET", "/federation")[0] == 200)


def test_postgresql_killed_in_the_middle_of_a_deployment(t):
    c = add(t, 30003, "kill-database")
    old = t.stack.parts()["postgres"]
    kill([old])
    wait(lambda: t.stack.parts().get("postgres") not in (None, old))
    wait(lambda: t.api.raw("GET", "/federation")[0] == 200, say=lambda: t.api.raw("GET", "/federation"))
    deployed_once(t, c, 30003, "kill-database")
    t.put(k3=c)


def test_the_killed_ones_deployments_are_removed(t):
    for c in (t.k1, t.k2, t.k3):
        t.api.call("DELETE", "%s/cluster/%s?force=false" % (t.f, c))
    for c in (t.k1, t.k2, t.k3):
        t.api.until("%s/cluster/%s" % (t.f, c), [404])


ALL = (test_poller_killed_in_the_middle_of_a_deployment, test_all_web_workers_killed_in_the_middle_of_a_deployment, test_web_supervisor_killed_is_started_again, test_postgresql_killed_in_the_middle_of_a_deployment,
       test_the_killed_ones_deployments_are_removed)
