"""One fault each. Every case has a way of its own to cluster a (a proxy, an infrastructure, the KubeFATE of the cluster adopted, a federation), so the cases
run side by side and no case's waiting is another's. The deployment of an exchange meets the fault at one of its calls."""
import os, re, threading, time
import chart
import proxy as P
from product import wait

LIMIT = 20  # seconds: a call is given up after 10 s; a fault lasts 30 s and more, so who is later has waited for its end
INSTALL = r"POST .*/proxy/v1/cluster\n.*\"namespace\":\"%s\""
UPDATE = r"PUT .*/proxy/v1/cluster\n.*\"namespace\":\"%s\""


DOOR = threading.Semaphore(3)  # these calls wait for the poller, and the product keeps eight workers for such; more are turned away with 429


class Way:
    """A way to cluster a through a proxy of its own."""

    def __init__(self, t, name):
        self.t, self.name, self.ns = t, name, "x-" + name
        self.proxy = P.Proxy(t.rig + "/a", t.a.port, t.tls, name)
        with DOOR:
            self.infra = t.api.add_infra(name, self.proxy.kubeconfig)
            self.endpoint = t.api.add_endpoint(name, self.infra, install=False)
        t.api.until("/endpoint/" + self.endpoint, [2], [4])
        self.fed = t.api.add_federation(name, name + ".example.com")
        self.f = "/federation/fate/" + self.fed

    def deploy(self, **how):
        self.x = self.t.api.add_exchange(self.fed, self.endpoint, name=self.name, namespace=self.ns, **how)
        return self.x

    def path(self):
        return "%s/exchange/%s" % (self.f, self.x)

    def active(self):
        return self.t.api.until(self.path(), [1], [5])

    def states(self, words, subject=None):
        """The operation still runs and says these words as what was last seen; so does its page. The operation."""
        subject = subject or self.x

        def seen():
            o = self.t.stack.operation(subject)
            return o if o and (o["cause"].startswith("hop-") or o["cause"] in ("kubefate", "admission", "chart", "")) and o["evidence_class"] and all(w in self.t.page.text("/ui/operation/" + o["uuid"]) for w in words) else None
        o = wait(seen, say=lambda: "%s, the page says %s" % (self.t.stack.operation(subject), self.t.page.text("/operations/" + self.t.stack.operation(subject)["uuid"])[:1200]))
        assert o["state"] == "running", o
        text = self.t.page.text("/ui/operation/" + o["uuid"])
        assert sum(text.count(x) for x in ("Last seen", "until")) >= 1, text
        return o

    def once(self, method="ClusterInstall", statuses=("Success",)):
        jobs = self.t.ka.jobs(self.name, self.ns, method)
        assert tuple(j["status"] for j in jobs) == statuses, [(j["status"], j["states"]) for j in jobs]

    def quick(self, pattern=".*"):
        """No call was waited for longer than the limit."""
        late = [(s, s.ended - s.began) for s in self.proxy.requests(pattern) if s.ended and s.ended - s.began > LIMIT]
        assert not late, late


def through(t, name, kind, pattern, words, hits=2, times=None, statuses=("Success",), hold=0, **options):
    """Deploys with the fault on; it waits with a stated cause; the fault ends; it finishes by itself, and what must happen once happened once."""
    w = Way(t, name)
    f = w.proxy.fault(kind, pattern.replace("NS", w.ns), times, **options)
    w.deploy()
    w.states(words)
    wait(lambda: len(f.hits) >= hits, say=lambda: f.hits)
    time.sleep(hold)
    f.end()
    w.active()
    w.once(statuses=statuses)
    w.quick()
    return w, f


# --- reads and writes that may be repeated ---
def test_slow_write_is_given_up_after_ten_seconds_and_repeated(t):
    w, f = through(t, "slow", P.SLOW, r"PATCH .*/namespaces/NS/secrets/", ["too long"], hits=1, seconds=30)
    assert 9 <= f.hits[0].ended - f.hits[0].began <= LIMIT, f.hits[0].ended - f.hits[0].began


def test_answer_cut_in_the_middle(t):
    through(t, "cut", P.CUT, r"GET .*/namespaces/NS/services/", ["cut"])


def test_half_an_answer(t):
    through(t, "half", P.HALF, r"GET .*/namespaces/NS/services/", ["cannot be read"])


def test_conflict_409(t):
    through(t, "conflict", P.STATUS, r"PATCH .*/namespaces/NS[?]", ["changed", "at the same time"], code=409, reason="Conflict", message="the object has been modified")


def test_expired_410(t):
    through(t, "gone", P.STATUS, r"GET .*/namespaces/NS/configmaps/", ["too old"], code=410, reason="Expired", message="The resourceVersion is too old")


def test_429_waits_as_long_as_the_server_asks(t):
    w, f = through(t, "busy", P.STATUS, r"PATCH .*/namespaces/NS[?]", ["overloaded"], code=429, reason="TooManyRequests", retry_after=6)
    gaps = [b.began - a.ended for a, b in zip(f.hits, f.hits[1:])]
    assert gaps and all(5.9 <= g <= 9 for g in gaps), gaps


def test_500_of_kubernetes(t):
    through(t, "failing", P.STATUS, r"GET .*/namespaces/NS/services/", ["API server failed"], code=500, reason="InternalError", message="etcdserver: request timed out")


def test_503_of_a_gateway(t):
    through(t, "gateway", P.GATEWAY, r"PATCH .*/namespaces/NS/secrets/", ["Something else than Kubernetes"])


def test_html_instead_of_json(t):
    through(t, "html", P.HTML, r"GET .*/namespaces/NS[?]?$|GET .*/namespaces/NS\n", ["Something else than Kubernetes"])


def test_connection_reset(t):
    through(t, "reset", P.RESET, r"PATCH .*/namespaces/NS/secrets/", ["cut"])


def test_connection_refused(t):
    w = Way(t, "refused")
    f = w.proxy.fault(P.SLOW, r"PATCH .*/namespaces/%s/secrets/" % w.ns, seconds=1)
    w.deploy()
    wait(lambda: f.hits)
    w.proxy.refuse()
    f.end()
    w.states(["refused"])
    w.proxy.accept()
    w.active()
    w.once()


def test_headers_without_end(t):
    """Too large is not a passing failure: it ends with a true sentence, and a person's retry goes on."""
    w = Way(t, "headers")
    f = w.proxy.fault(P.HEADERS, r"GET .*/namespaces/%s/services/" % w.ns)
    too_large(t, w, f, "headers")


def test_body_without_end(t):
    w = Way(t, "body")
    f = w.proxy.fault(P.BODY, r"GET .*/namespaces/%s/services/" % w.ns)
    too_large(t, w, f, "larger than")


def too_large(t, w, f, word):
    w.deploy()
    t.api.until(w.path(), [5], [1])
    o = t.stack.operation(w.x)
    text = t.page.text("/operations/" + o["uuid"])
    assert o["state"] == "failed" and "too large" in text and word in text, (o, text[:1200])
    f.end()
    assert t.page.post("/operations/%s/retry" % o["uuid"], "/operations/" + o["uuid"])[0] == 200
    w.active()
    w.once()
    w.quick()


# --- KubeFATE behind the same way: what is sent once ---
def test_install_whose_answer_is_lost_happens_once(t):
    w = Way(t, "lost")
    f = w.proxy.fault(P.LOST, INSTALL % w.ns, 1)
    w.deploy()
    w.active()
    w.once()
    assert len(f.hits) == 1 and len([s for s in w.proxy.requests("POST .*/v1/cluster$") if s.passed_on]) == 1


def test_install_whose_answer_is_late_happens_once(t):
    w = Way(t, "late")
    f = w.proxy.fault(P.LATE, INSTALL % w.ns, 1, seconds=30)
    w.deploy()
    w.active()
    w.once()
    w.quick()
    assert len(f.hits) == 1 and len([s for s in w.proxy.requests("POST .*/v1/cluster$") if s.passed_on]) == 1


def test_install_whose_answer_is_half_happens_once(t):
    w = Way(t, "halfonce")
    f = w.proxy.fault(P.HALF, INSTALL % w.ns, 1)
    w.deploy()
    w.active()
    w.once()
    assert len(f.hits) == 1


def test_install_that_never_arrived_is_sent_again(t):
    """Reset before anything was done: it waits with the cause, looks each time, and installs once when the way is clear."""
    w, f = through(t, "unsent", P.RESET, INSTALL % "NS", ["cut"])
    assert [s.passed_on for s in f.hits] == [False] * len(f.hits)


def test_install_through_a_gateway_that_answers_503(t):
    w, f = through(t, "gateonce", P.GATEWAY, INSTALL % "NS", ["503"], hits=3)
    gaps = [b.began - a.ended for a, b in zip(f.hits, f.hits[1:])]
    assert all(g > 0.4 for g in gaps), gaps


def test_install_429_waits_as_long_as_the_server_asks(t):
    w, f = through(t, "busyonce", P.STATUS, INSTALL % "NS", ["429"], code=429, reason="TooManyRequests", retry_after=6, message="429 too many requests")
    gaps = [b.began - a.ended for a, b in zip(f.hits, f.hits[1:])]
    assert gaps and all(5.9 <= g <= 12 for g in gaps), gaps


# --- a chart of the store, which is handed over before the installation ---
UPLOAD = r"POST .*/proxy/v1/chart\n"


def handed_over(t, name, version, kind, hits, passed_on, **options):
    """Deploys with a chart of the store; its upload meets the fault. KubeFATE has it once and as it is here, and the exchange is Active."""
    data = chart.archive("fate-exchange", version, values_yaml="# %s\n%s" % (name, "".join("v%d: %s\n" % (i, os.urandom(20).hex()) for i in range(1000))))
    t.api.store_chart(t.api.chart(1, version), data)
    w = Way(t, name)
    f = w.proxy.fault(kind, UPLOAD, hits, **options)
    w.deploy(version=version)
    if kind == P.LATE:
        w.states(["KubeFATE is being given the chart fate-exchange " + version])
    w.active()
    w.once()
    w.quick(r"^(?!POST .*/v1/chart$)")
    assert len(f.hits) == hits, f.hits
    sent = w.proxy.requests("POST .*/proxy/v1/chart$")
    assert len([s for s in sent if s.passed_on]) == passed_on, sent
    there = t.ka.charts("fate-exchange", version)
    assert len(there) == 1 and there[0]["values"].startswith("# %s\n" % name), [(c["uuid"], c["values"][:40]) for c in there]
    o = t.stack.operation(w.endpoint, "chart_upload")
    assert o["state"] == "succeeded", o
    return w


def test_chart_upload_that_is_cut_in_the_middle_is_sent_again(t):
    handed_over(t, "torn", "v1.11.2", P.TORN, 2, 1)


def test_chart_upload_whose_answer_is_lost_happens_once(t):
    handed_over(t, "chartlost", "v1.10.0", P.LOST, 1, 1)


def test_chart_upload_whose_answer_is_late_happens_once(t):
    """A new file under the same name: what KubeFATE has is replaced once."""
    w = handed_over(t, "chartlate", "v1.10.0", P.LATE, 1, 1, seconds=40)
    assert all(s.ended - s.began < 35 for s in w.proxy.requests("POST .*/proxy/v1/chart$")), w.proxy.requests("POST .*/v1/chart$")


def test_job_list_as_html(t):
    through(t, "joblist", P.HTML, r"GET .*/proxy/v1/job/\n", ["Something else than KubeFATE"])


def test_login_that_fails(t):
    w = Way(t, "login")
    f = w.proxy.fault(P.STATUS, r"POST .*/proxy/v1/user/login", code=503, reason="ServiceUnavailable", message='no endpoints available for service "kubefate:8080"')
    h = w.proxy.fault(P.DENY, r"GET .*/proxy/v1/version/")  # the token at hand is worth nothing any more
    w.deploy()
    w.states(["No pod of KubeFATE is ready"])
    f.end(), h.end()
    w.active()
    w.once()


def test_routes_update_whose_answer_is_lost_happens_once(t):
    w = Way(t, "update")
    w.deploy()
    w.active()
    f = w.proxy.fault(P.LOST, UPDATE % w.ns, 1)
    c = t.api.call("POST", w.f + "/cluster/external", {"name": "outside", "description": "", "party_id": 7777, "pulsar_access_info": {"host": "192.0.2.7", "port": 31651}, "nginx_access_info": {"host": "192.0.2.8", "port": 30007}})
    t.api.until("%s/cluster/%s" % (w.f, c), [1], [5])
    w.once("ClusterUpdate")
    assert len(f.hits) == 1
    t.put(removes=(w, c))


def test_delete_whose_answer_is_lost_happens_once(t):
    w, c = t.later("removes")
    t.api.call("DELETE", "%s/cluster/%s?force=false" % (w.f, c))
    t.api.until("%s/cluster/%s" % (w.f, c), [404])
    f = w.proxy.fault(P.LOST, r"DELETE .*/proxy/v1/cluster/", 1)
    g = w.proxy.fault(P.LOST, r"DELETE .*/api/v1/namespaces/%s" % w.ns, 1)
    wait(lambda: t.api.raw("DELETE", w.path() + "?force=false")[0] == 200, pause=0.5)  # until the push of the routes has ended
    t.api.until(w.path(), [404])
    assert (len(f.hits), len(g.hits)) == (1, 1)
    deletes = [j for j in t.ka.jobs(method="ClusterDelete") if j["cluster_id"] in {i["cluster_id"] for i in t.ka.jobs(w.name, w.ns, "ClusterInstall")}]
    assert [j["status"] for j in deletes] == ["Success"], deletes
    assert t.a.get("/api/v1/namespaces/" + w.ns)[0] == 404


# --- probes: a person waits ---
def test_test_of_an_infrastructure_answers_within_ten_seconds(t):
    p = P.Proxy(t.rig + "/a", t.a.port, t.tls, "probe")
    body = t.api.kubeconfig_body(p.kubeconfig)
    for kind, options, word in ((P.SLOW, {"seconds": 30}, ""), (P.CUT, {}, "cut"), (P.HTML, {}, "Something else than Kubernetes"), (P.STATUS, {"code": 503, "reason": "ServiceUnavailable"}, "API server failed"),
                                (P.HEADERS, {}, "too large"), (P.BODY, {}, "too large"), (P.RESET, {}, "cut"), (P.STATUS, {"code": 429, "reason": "TooManyRequests", "retry_after": 20}, "overloaded")):
        f = p.fault(kind, "GET /version", **options)
        with DOOR:
            began = time.time()
            code, v = t.api.raw("POST", "/infra/kubernetes/connect", body, timeout=30)
        assert code >= 400 and word in v["message"] and len(v["message"].split()) > 5 and time.time() - began < LIMIT, (kind, code, v, time.time() - began)
        f.end()
    p.refuse()
    code, v = t.api.raw("POST", "/infra/kubernetes/connect", body)
    assert code >= 400 and "refused the connection" in v["message"], (code, v)
    p.accept()
    t.api.call("POST", "/infra/kubernetes/connect", body)


LANES = [(x,) for x in (
    test_slow_write_is_given_up_after_ten_seconds_and_repeated, test_answer_cut_in_the_middle, test_half_an_answer, test_conflict_409, test_expired_410, test_429_waits_as_long_as_the_server_asks, test_500_of_kubernetes,
    test_503_of_a_gateway, test_html_instead_of_json, test_connection_reset, test_connection_refused, test_headers_without_end, test_body_without_end, test_install_whose_answer_is_lost_happens_once,
    test_install_whose_answer_is_late_happens_once, test_install_whose_answer_is_half_happens_once, test_install_that_never_arrived_is_sent_again, test_install_through_a_gateway_that_answers_503,
    test_install_429_waits_as_long_as_the_server_asks, test_job_list_as_html, test_login_that_fails, test_test_of_an_infrastructure_answers_within_ten_seconds)] + [
    (test_chart_upload_that_is_cut_in_the_middle_is_sent_again,), (test_chart_upload_whose_answer_is_lost_happens_once, test_chart_upload_whose_answer_is_late_happens_once),
    (test_routes_update_whose_answer_is_lost_happens_once, test_delete_whose_answer_is_lost_happens_once)]
