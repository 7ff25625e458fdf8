"""Waiting for other work: routes, another job of KubeFATE, other operations, deletions in the cluster; and an authority that cannot sign. The removal of a
federation as one operation, and removals that are stopped, fail half-way, or are forced."""
import base64, time
import chart
import proxy as P
from cases import rule
from product import wait
from says import ended, operation, retry, stop, time_passes, told, waits
from ways import Fed

HOLD = {"metadata": {"name": "held", "finalizers": ["waits.example/hold"]}}


def hold_namespace(t, ns):
    """An object with a finalizer: the namespace cannot go."""
    assert t.a.call("POST", "/api/v1/namespaces/%s/configmaps" % ns, HOLD)[0] == 201


def release_namespace(t, ns):
    assert t.a.call("PATCH", "/api/v1/namespaces/%s/configmaps/held" % ns, {"metadata": {"finalizers": None}}, "application/merge-patch+json")[0] == 200


def gone(t, path):
    t.api.until(path, [404])


# --- waiting for others ---
def test_routes_that_cannot_be_pushed_yet(t):
    w = t.ways["routes"]
    f = Fed(t, "routes")
    f.exchange(w.endpoint)
    f.active()
    fault = w.proxy.fault(P.STATUS, r"PUT .*/proxy/v1/cluster\n", code=503, reason="ServiceUnavailable", message="no endpoints available for service")
    c = f.cluster(t.ea, 42001)
    o = waits(t, c, "routes", "routes are seen in the exchange routes")
    fault.end()
    f.active(c)
    ended(t, o)


def test_chart_that_is_being_handed_over(t):
    """The answer to its upload comes late."""
    w = t.ways["chart"]
    t.api.store_chart(t.api.chart(1, "v1.11.2"), chart.archive("fate-exchange", "v1.11.2"))
    f = Fed(t, "chart")
    w.proxy.fault(P.LATE, r"POST .*/proxy/v1/chart\n", 1, seconds=12)
    o = waits(t, f.exchange(w.endpoint, version="v1.11.2"), "chart", "is being given the chart fate-exchange v1.11.2 from the store")
    f.active()
    ended(t, o)


def test_job_of_somebody_else_on_the_exchange(t):
    """Somebody updates the exchange past the product; the job does not end while a pod's image is missing. The push of routes waits, and after it the removal."""
    f = Fed(t, "job")
    f.exchange(t.ea, registry="job.example/fate")
    f.active()
    t.stack.sql("update work set run_at = now() + interval '3 minutes' where class = 'check' and ref = (select id from health_check where target = '%s')" % f.x)  # a broken exchange takes no party
    rule(t, "a", "job.example/", fail="ImagePullBackOff", message="not there")
    for p in t.a.items("/api/v1/namespaces/w-job/pods"):
        t.a.call("DELETE", "/api/v1/namespaces/w-job/pods/" + p["metadata"]["name"])
    cluster = [c for c in t.ka.clusters() if c["name"] == "job"][0]
    t.ka.login()
    code, v = t.ka.raw("PUT", "/v1/cluster", {"name": "job", "namespace": "w-job", "chart_name": "fate-exchange", "chart_version": "v1.11.1", "cover": False, "data": base64.b64encode((cluster["values"] + "\n# by hand\n").encode()).decode()})
    assert code == 200, (code, v)
    wait(lambda: [j["status"] for j in t.ka.jobs("job", "w-job", "ClusterUpdate")] == ["Running"], say=lambda: t.ka.jobs("job", "w-job", "ClusterUpdate"))
    c = f.outside(7801)
    o = waits(t, f.x, "job", "Another KubeFATE job (ClusterUpdate)", kind="routes_push")
    rule(t, "a", "job.example/")
    f.active(c)
    ended(t, o)


def test_authority_whose_key_cannot_be_opened(t):
    f = Fed(t, "authority")
    f.exchange(t.ea)
    f.active()
    key = "(select key_secret from authority where federation_uuid = '%s')" % f.fed
    kept = t.stack.sql("select sealed from secret where id = " + key)[0][0]
    t.stack.sql("update secret set sealed = (select sealed from secret where kind = 'kubeconfig' limit 1) where id = " + key)
    c = f.cluster(t.ea, 42002)
    o = waits(t, c, "ca", "could not issue the certificate for 42002.authority.example.com", state="failed")
    told(t, c, o)
    assert "kubeconfig" not in o["sentence"], o["sentence"]
    t.stack.sql("update secret set sealed = '%s' where id = %s" % (kept, key))
    retry(t, o)
    f.active(c)
    ended(t, o)


# --- removals ---
def test_removal_that_a_finalizer_holds_is_stopped_and_goes_on_later(t):
    f = Fed(t, "stopped")
    x = f.exchange(t.ea)
    f.active()
    hold_namespace(t, "w-stopped")
    t.api.call("DELETE", f.path() + "?force=false")
    o = waits(t, x, "namespace", "w-stopped is still being deleted", "finalizers remaining: waits.example/hold", kind="exchange_remove")
    stop(t, o)
    ended(t, o, "cancelled")
    d = t.api.call("GET", f.path())
    left = operation(t, x)["leftovers"]
    assert d["status"] == 5 and any("kubectl get" in k and "w-stopped" in k for k in left), (d["status"], left)
    assert any("removal was stopped by Admin" in e for e in t.api.events(x)), t.api.events(x)
    release_namespace(t, "w-stopped")
    wait(lambda: t.a.get("/api/v1/namespaces/w-stopped")[0] == 404)
    t.api.call("DELETE", f.path() + "?force=false")
    gone(t, f.path())


def test_removal_that_fails_in_the_middle_is_retried(t):
    f = Fed(t, "middle")
    x = f.exchange(t.ea)
    f.active()
    hold_namespace(t, "w-middle")
    t.api.call("DELETE", f.path() + "?force=false")
    o = waits(t, x, "namespace", kind="exchange_remove")
    time_passes(t, o)
    o = waits(t, x, "namespace", "w-middle is still being deleted", kind="exchange_remove", state="failed")
    assert t.api.call("GET", f.path())["status"] == 3
    release_namespace(t, "w-middle")
    retry(t, o)
    gone(t, f.path())
    ended(t, o)


class Whole:
    """A federation with an exchange and a party on cluster a, and a party on a way of its own."""

    def __init__(self, t, name, party):
        self.t, self.f, self.way = t, Fed(t, name), t.ways[name]
        self.f.exchange(t.ea)
        self.f.active()
        self.near, self.far = self.f.cluster(t.ea, party), self.f.cluster(self.way.endpoint, party + 1)
        for c in (self.near, self.far):
            self.f.active(c)

    def remove(self, force):
        """By the page; the name is typed."""
        page = self.f.f + "/delete"
        code, text = self.t.en.post(self.f.f + "/remove", page, confirm=self.f.name, **({"force": "true"} if force else {}))
        assert code == 200, (code, text[-800:])
        return operation(self.t, self.f.fed, "federation_remove")


def test_federation_is_removed_in_order_with_a_member_that_fails_first(t):
    """The cluster of one member is cut. Its removal fails, is started again once by itself, fails again; mended, a person's retry removes all the rest."""
    s = Whole(t, "whole", 42100)
    t.en.post(s.f.f + "/remove", s.f.f + "/delete", confirm="another name")
    assert operation(t, s.f.fed) is None, "a wrong name was taken"
    s.way.proxy.refuse()
    s.remove(False)
    gone(t, s.f.path(s.near))
    o = waits(t, s.f.fed, "held", "whole-42101", kind="federation_remove")
    assert t.api.raw("POST", s.f.f + "/cluster/external", {"name": "late", "description": "", "party_id": 1, "pulsar_access_info": {"host": "192.0.2.7", "port": 31651}, "nginx_access_info": {"host": "192.0.2.8", "port": 30007}})[0] == 409
    member = waits(t, s.far, "hop-tcp", "refused", kind="cluster_remove")
    tries = 0
    while ended_or_running(t, o) == "running" and tries < 12:
        member = operation(t, s.far, "cluster_remove")
        if member["state"] == "running" and member["cause"]:
            time_passes(t, member)
            tries += 1
        time.sleep(1)
    o = waits(t, s.f.fed, "held", "removal of whole-42101 failed", kind="federation_remove", state="failed")
    assert member["retries"] >= 1, member["retries"]
    assert t.api.call("GET", s.f.path())["status"] == 1, "the exchange must wait for its clusters"
    s.way.proxy.accept()
    retry(t, o)
    ended(t, o)
    assert s.f.fed not in str(t.api.call("GET", "/federation"))
    order = [r[0] for r in t.stack.sql("select subject from operation where parent = %d and state = 'succeeded' order by ended_at" % o["id"])]
    assert set(order[:2]) == {s.near, s.far} and order[2:] == [s.f.x], order
    for ns in ("w-whole", "w-42100", "w-42101"):
        assert t.a.get("/api/v1/namespaces/" + ns)[0] == 404, ns


def ended_or_running(t, o):
    return t.stack.sql("select state from operation where uuid = '%s'" % o["uuid"])[0][0]


def test_federation_is_removed_by_force_and_what_may_be_left_is_listed(t):
    s = Whole(t, "forced", 42200)
    s.way.proxy.refuse()
    o = s.remove(True)
    ended(t, o)
    assert s.f.fed not in str(t.api.call("GET", "/federation"))
    member = operation(t, s.far, "cluster_remove")
    assert member["state"] == "succeeded" and len(member["leftovers"]) == 3 and all(k.startswith("kubectl get ") for k in member["leftovers"]), member["leftovers"]
    assert any("w-42201" in k and "name=forced-42201" in k for k in member["leftovers"]), member["leftovers"]
    assert any("may be left in the cluster forced" in e for e in t.api.events(s.far)), t.api.events(s.far)
    assert operation(t, s.near, "cluster_remove")["leftovers"] == [], "nothing is left of what could be removed"
    assert t.a.get("/api/v1/namespaces/w-42200")[0] == 404 and t.a.get("/api/v1/namespaces/w-forced")[0] == 404
    assert t.a.get("/api/v1/namespaces/w-42201")[0] == 200, "nobody could reach it"


CONTROLLERS = [(test_removal_that_a_finalizer_holds_is_stopped_and_goes_on_later, test_removal_that_fails_in_the_middle_is_retried)]
LANES = [(test_federation_is_removed_in_order_with_a_member_that_fails_first,), (test_federation_is_removed_by_force_and_what_may_be_left_is_listed,), (test_routes_that_cannot_be_pushed_yet, test_job_of_somebody_else_on_the_exchange),
         (test_chart_that_is_being_handed_over,), (test_authority_whose_key_cannot_be_opened, test_removal_that_a_finalizer_holds_is_stopped_and_goes_on_later, test_removal_that_fails_in_the_middle_is_retried)]
