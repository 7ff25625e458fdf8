"""One dead cluster delays no other: cluster b swallows everything, with many things to do on it, and a deployment on a takes no longer."""
import time
import proxy as P
from cases import LIMIT, Way
from product import wait


def deploy_time(t, w, number):
    """Deploys an exchange on a healthy way and removes it; seconds until it was Active."""
    began = time.time()
    x = t.api.add_exchange(w.fed, w.endpoint, name="timed-%d" % number, namespace="timed-%d" % number)
    t.api.until("%s/exchange/%s" % (w.f, x), [1], [5], pause=0.05)
    seconds = time.time() - began
    t.api.call("DELETE", "%s/exchange/%s?force=false" % (w.f, x))
    t.api.until("%s/exchange/%s" % (w.f, x), [404])
    return seconds


def test_deployment_beside_a_dead_cluster_takes_no_longer(t):
    w = Way(t, "healthy")
    before = min(deploy_time(t, w, i) for i in (1, 2))
    p = P.Proxy(t.rig + "/b", t.b.port, t.tls, "dead")
    infra = t.api.add_infra("dead", p.kubeconfig)
    e = t.api.add_endpoint("dead", infra)
    t.api.until("/endpoint/" + e, [2], [4])
    fed = t.api.add_federation("dead", "dead.example.com")
    x = t.api.add_exchange(fed, e, name="dead", namespace="dead")
    t.api.until("/federation/fate/%s/exchange/%s" % (fed, x), [1], [5])
    f = p.fault(P.SLOW, ".", seconds=60)
    fed2 = t.api.add_federation("dead-2", "dead2.example.com")
    x2 = t.api.add_exchange(fed2, e, name="dead-2", namespace="dead-2")
    for _ in range(150):  # an impatient person
        code, _ = t.page.open("/endpoint-detail/%s/check" % e, t.csrf())
        assert code == 200, code
    wait(lambda: len(f.hits) >= 2)
    time.sleep(1)
    after = min(deploy_time(t, w, i) for i in (3, 4))
    print("       a deployment: %.1f s alone, %.1f s beside the dead cluster" % (before, after), flush=True)
    assert after <= before * 3 + 8, (before, after)  # whoever waits behind a dead cluster waits ten seconds for each of its calls
    # Its first call is given up after ten seconds; the deployments above may have taken less.
    o = wait(lambda: (lambda o: o if o["cause"].startswith("hop-") else None)(t.stack.operation(x2)), say=lambda: t.stack.operation(x2))
    assert o["state"] == "running", o
    assert not [s for s in f.hits if s.ended and s.ended - s.began > LIMIT], [s.ended - s.began for s in f.hits if s.ended]
    f.end()
    t.api.until("/federation/fate/%s/exchange/%s" % (fed2, x2), [1], [5])
    p.refuse()
