"""What goes wrong in a healthy product's surroundings: components that do not start, things deleted behind our back, a KubeFATE that forgot, cancel and
retry, force. A second federation, its exchange on cluster b by load balancer. Each held image has a registry of its own, so the rules never meet."""
import base64, json, os, re, time
from product import wait
from rig import set_rules

STAND_IN = "federatedai/kubefate"


def rule(t, cluster, image, **what):
    """One more rule of the node stand-in; None takes it away."""
    path = os.path.join(t.rig, cluster, "rules.json")
    with t.rules_lock:
        with open(path) as f:
            rules = [r for r in json.load(f) if r["image"] != image]
        set_rules(t.rig, cluster, rules + ([dict(what, image=image)] if what else []))


def held(t, subject, cause, component, *words):
    """The operation says which component waits, why, since when it was seen and until when it waits; the page says the same. The operation."""
    def seen():
        o = t.stack.operation(subject)
        return o if o and o["cause"] == cause and all(w in t.page.text("/operations/" + o["uuid"]) for w in (component,) + words) else None
    o = wait(seen, say=lambda: (t.stack.operation(subject), t.page.text("/operations/" + t.stack.operation(subject)["uuid"])[400:1500]))
    assert o["state"] == "running" and float(o["deadline_at"]) > time.time(), o
    text = t.page.text("/operations/" + o["uuid"])
    deadline = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(float(o["deadline_at"])))
    assert re.search(r'until <time datetime="%s' % deadline, t.page.get("/operations/" + o["uuid"])), (deadline, text[:1500])
    return o


def test_exchange_by_load_balancer(t):
    t.put(fed3=t.api.add_federation("cases", "cases.example.com"))
    t.put(f3="/federation/fate/" + t.fed3)
    t.put(ex3=t.api.add_exchange(t.fed3, t.eb, name="lb-exchange", namespace="cases-exchange", service=1))
    d = t.api.until(t.f3 + "/exchange/" + t.ex3, [1], [5])
    assert [(x["service_type"], x["host"]) for x in d["access_info"].values()] == [("LoadBalancer", "10.250.2.2")] * 2, d["access_info"]
    assert d["access_info"]["traffic-server"]["port"] == 443, d["access_info"]
    t.put(ex3_active=True)


def test_no_load_balancer_is_a_stated_cause_and_its_coming_ends_the_wait(t):
    no = os.path.join(t.rig, "a", "no-loadbalancer")
    open(no, "w").close()
    try:
        fed = t.api.add_federation("no-balancer", "nolb.example.com")
        f = "/federation/fate/" + fed
        x = t.api.add_exchange(fed, t.ea, name="waits", namespace="nolb-exchange", service=1)
        held(t, x, "loadbalancer", "nginx", "NodePort")
        for name in ("nginx", "traffic-server"):
            path = "/api/v1/namespaces/nolb-exchange/services/" + name
            assert t.a.call("PATCH", path + "/status", {"status": {"loadBalancer": {"ingress": [{"ip": "10.250.1.2"}]}}}, "application/merge-patch+json")[0] == 200
        t.api.until(f + "/exchange/" + x, [1], [5])
    finally:
        os.unlink(no)
    t.api.call("DELETE", "%s/exchange/%s?force=false" % (f, x))
    t.api.until("%s/exchange/%s" % (f, x), [404])
    t.api.call("DELETE", f)


def test_image_that_cannot_be_pulled_is_named(t):
    t.api.until("/federation/fate/%s/exchange/%s" % (t.later("fed"), t.later("ex")), [1])
    rule(t, "b", "pull.example/fate/pulsar", fail="ImagePullBackOff", message='Back-off pulling image "pull.example/fate/pulsar:2.10.1"')
    c = t.api.add_cluster(t.fed, t.eb, 20001, "pull", registry="pull.example/fate", secret=("https://pull.example", "robot", "a-registry-password"))
    o = held(t, c, "image", "pulsar", "ImagePullBackOff", "pull.example/fate/pulsar")
    assert t.api.call("GET", "%s/cluster/%s" % (t.f, c))["status"] == 2
    secret = t.b.get("/api/v1/namespaces/fate-20001/secrets/registrykeyfate")[1]
    assert secret["type"] == "kubernetes.io/dockerconfigjson", secret
    auths = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))["auths"]
    assert list(auths.values())[0]["password"] == "a-registry-password" and "pull.example" in list(auths)[0], auths
    pods = t.b.items("/api/v1/namespaces/fate-20001/pods")
    assert pods and all(p["spec"].get("imagePullSecrets") == [{"name": "registrykeyfate"}] for p in pods), [p["spec"].get("imagePullSecrets") for p in pods]
    assert all(k["image"].startswith("pull.example/fate/") for p in pods for k in p["spec"]["containers"]), [k["image"] for p in pods for k in p["spec"]["containers"]]
    t.put(c_pull=c, o_pull=o["uuid"])


def test_kubefate_restarted_without_its_database_in_the_middle_of_a_deployment(t):
    """Its pod goes while the image above is still held: the new one knows neither job nor cluster. What the cluster shows decides."""
    t.later("ex3_active"), t.later("access10000")  # a release that is half made when its KubeFATE dies would stay so
    pods = "/api/v1/namespaces/kube-fate/pods?labelSelector=fate=kubefate"
    old = {p["metadata"]["uid"]: p["metadata"]["name"] for p in t.b.items(pods)}
    for name in old.values():
        t.b.call("DELETE", "/api/v1/namespaces/kube-fate/pods/" + name)
    wait(lambda: any(p["metadata"]["uid"] not in old and any(x["type"] == "Ready" and x["status"] == "True" for x in p["status"].get("conditions") or []) for p in t.b.items(pods)))
    assert "pull" not in [x["name"] for x in t.kb.clusters()]
    wait(lambda: "restarted and forgot" in t.page.text("/operations/" + t.o_pull), pause=0.05, say=lambda: t.page.text("/operations/" + t.o_pull)[:1500])
    assert t.stack.operation(t.c_pull)["state"] == "running", t.stack.operation(t.c_pull)
    rule(t, "b", "pull.example/fate/pulsar")
    d = t.api.until("%s/cluster/%s" % (t.f, t.c_pull), [1], [5])
    assert d["access_info"]["nginx"]["port"], d
    assert t.kb.jobs("pull", "fate-20001", "ClusterInstall") == [], "it was installed a second time"


def test_exchange_that_its_kubefate_forgot_is_a_stated_cause(t):
    """It cannot be updated any more, and nobody may install it a second time."""
    c = t.api.add_cluster(t.fed3, t.ea, 20005, "forgotten", namespace="fate-20005")
    o = held(t, c, "routes", "lb-exchange", "lost its database", "Remove the exchange")
    pushes = t.stack.sql("select state from operation where subject = '%s' and subject_type = 'exchange_routes'" % t.ex3)
    assert len(pushes) <= 3, pushes
    t.put(c_forgotten=c)
    assert o["state"] == "running"


def test_what_kubefate_forgot_is_removed_all_the_same(t):
    for path, force, kube, ns in (("%s/cluster/%s" % (t.f, t.c_pull), "false", t.b, "fate-20001"), ("%s/cluster/%s" % (t.f3, t.c_forgotten), "true", t.a, "fate-20005"), ("%s/exchange/%s" % (t.f3, t.ex3), "false", t.b, "cases-exchange")):
        t.api.call("DELETE", path + "?force=" + force)
        t.api.until(path, [404])
        assert kube.get("/api/v1/namespaces/" + ns)[0] == 404, ns
    t.api.call("DELETE", t.f3)


def test_secret_that_is_missing_is_named_and_its_coming_ends_the_wait(t):
    """Certificates skipped: the person makes the secret by hand."""
    fed = t.api.add_federation("by-hand", "hand.example.com")
    f = "/federation/fate/" + fed
    x = t.api.add_exchange(fed, t.ea, name="hand", namespace="hand-exchange", cert=1)
    held(t, x, "config", "traffic-server", "traffic-server-cert", "not found")
    t.a.call("POST", "/api/v1/namespaces/hand-exchange/secrets", {"metadata": {"name": "traffic-server-cert"}, "stringData": {"proxy.key.pem": "x", "proxy.cert.pem": "x", "ca.cert.pem": "x"}})
    t.api.until(f + "/exchange/" + x, [1], [5])
    t.api.call("DELETE", "%s/exchange/%s?force=false" % (f, x))
    t.api.until("%s/exchange/%s" % (f, x), [404])
    t.api.call("DELETE", f)


def test_claim_without_a_volume_is_named_then_cancelled_then_deleted(t):
    """A storage class that does not exist: the claim, the class, and what the cluster says about it."""
    t.api.until("/federation/fate/%s/exchange/%s" % (t.later("fed"), t.later("ex")), [1])
    c = t.api.add_cluster(t.fed, t.ea, 20002, "stuck", storage="no-such-class")
    path = "%s/cluster/%s" % (t.f, c)
    o = held(t, c, "claim", "data-mysql-0", "no-such-class")
    assert t.api.raw("DELETE", path + "?force=false")[0] == 409, "an installation is not removed without force"
    code, _ = t.page.post("/operations/%s/cancel" % o["uuid"], "/operations/" + o["uuid"])
    assert code == 200, code
    d = t.api.until(path, [5], [1])
    o = t.stack.operation(c)
    assert o["state"] == "cancelled" and any("Error" in x and "Stopped by Admin" in x for x in t.api.events(c)), (o, t.api.events(c))
    last = t.ka.jobs("stuck", "fate-20002", "ClusterInstall")
    assert [j["status"] for j in last] == ["Canceled"], last
    left = t.stack.sql("select leftovers from operation where uuid = '%s'" % o["uuid"])[0][0]
    assert "kubectl get" in left and "fate-20002" in left, left
    t.api.call("DELETE", path + "?force=false")
    t.api.until(path, [404])
    assert t.a.get("/api/v1/namespaces/fate-20002")[0] == 404 and d["status"] == 5


def test_failed_deployment_is_retried(t):
    """A foreign object under a chart's name makes Helm refuse; after it is gone a retry deploys."""
    t.api.until("/federation/fate/%s/exchange/%s" % (t.later("fed"), t.later("ex")), [1])
    t.a.call("POST", "/api/v1/namespaces", {"metadata": {"name": "fate-20003"}})
    t.a.call("POST", "/api/v1/namespaces/fate-20003/configmaps", {"metadata": {"name": "nginx-config"}, "data": {"theirs": "1"}})
    c = t.api.add_cluster(t.fed, t.ea, 20003, "again")
    path = "%s/cluster/%s" % (t.f, c)
    t.api.until(path, [5], [1])
    o = t.stack.operation(c)
    assert o["state"] == "failed", o
    text = t.page.text("/operations/" + o["uuid"])
    assert "nginx-config" in text and "Failed" in text, text[:1500]
    t.a.call("DELETE", "/api/v1/namespaces/fate-20003/configmaps/nginx-config")
    code, _ = t.page.post("/operations/%s/retry" % o["uuid"], "/operations/" + o["uuid"])
    assert code == 200, code
    t.api.until(path, [1])
    assert t.stack.operation(c)["uuid"] == o["uuid"] and t.stack.operation(c)["state"] == "succeeded"
    assert [j["status"] for j in t.ka.jobs("again", "fate-20003", "ClusterInstall")] == ["Failed", "Success"]
    t.put(c_again=c)


def test_namespace_that_was_there_before_stays_but_what_is_ours_goes(t):
    path = "%s/cluster/%s" % (t.f, t.c_again)
    t.a.call("POST", "/api/v1/namespaces/fate-20003/configmaps", {"metadata": {"name": "theirs"}, "data": {"x": "1"}})
    t.api.call("DELETE", path + "?force=false")
    t.api.until(path, [404])
    left = wait(lambda: (lambda v: v if not any(x.startswith("Pod ") for x in v) else None)({x for x in t.a.inventory() if " fate-20003/" in x}))
    assert left == {"ConfigMap fate-20003/theirs"}, left
    t.a.call("DELETE", "/api/v1/namespaces/fate-20003")


def test_force_delete_in_the_middle_of_an_installation(t):
    t.api.until("/federation/fate/%s/exchange/%s" % (t.later("fed"), t.later("ex")), [1])
    rule(t, "b", "force.example/fate/mysql", fail="ErrImagePull", message="no such host")
    rule(t, "b", "force.example/mysql", fail="ErrImagePull", message="no such host")
    c = t.api.add_cluster(t.fed, t.eb, 20004, "forced", registry="force.example/fate")
    path = "%s/cluster/%s" % (t.f, c)
    held(t, c, "image", "mysql", "no such host")
    t.api.call("DELETE", path + "?force=true")
    assert t.stack.operation(c, "cluster_create")["state"] == "superseded"
    t.api.until(path, [404])
    assert t.b.get("/api/v1/namespaces/fate-20004")[0] == 404
    assert not [x for x in t.kb.clusters() if x["name"] == "forced"]


# --- behind our back: the guide's federation, while it is Active ---
def restore(kube, obj):
    m = {k: v for k, v in obj["metadata"].items() if k in ("name", "namespace", "labels", "annotations")}
    assert kube.call("POST", "/apis/apps/v1/namespaces/%s/deployments" % m["namespace"], {"metadata": m, "spec": obj["spec"]})[0] == 201


def test_deployment_deleted_behind_our_back_and_restored(t):
    path, where = "%s/cluster/%s" % (t.f, t.c2), "/apis/apps/v1/namespaces/fate-10000/deployments/fateboard"
    known = wait(lambda: t.stack.sql("select jsonb_array_length(workloads) from participant where uuid = '%s'" % t.c2)[0][0] != "0")
    assert known
    obj = t.b.get(where)[1]
    assert t.b.call("DELETE", where)[0] == 200
    t.api.until(path, [5])
    text = wait(lambda: (lambda code, x: x if code == 200 else None)(*t.page.open("/participant/" + t.c2)))
    assert "fateboard" in text, text[:3000]
    assert any("Error" in x and "fateboard" in x for x in t.api.events(t.c2)), t.api.events(t.c2)
    restore(t.b, obj)
    t.api.until(path, [1])


def test_routes_wiped_behind_our_back_are_pushed_again(t):
    """Two updates of the exchange at once, past the product: both are accepted, the rollback of one wipes what the other wrote."""
    path = "%s/cluster/%s" % (t.f, t.c1)
    sni = "/api/v1/namespaces/fate-exchange/configmaps/traffic-server-sni"
    table = "/api/v1/namespaces/fate-exchange/configmaps/nginx-config"
    before = len(t.ka.jobs("exchange", "fate-exchange", "ClusterUpdate"))
    told = lambda: int(t.stack.sql("select count(*) from event e join participant p on p.uuid = e.entity_uuid where p.federation_uuid = '%s' and e.class = 'cause.routes'" % t.fed)[0][0])
    said = told()
    for where, key, value in ((sni, "sni.yaml", "sni: []\n"), (table, "route_table.yaml", "default: {}\n")):
        assert t.a.call("PATCH", where, {"data": {key: value}}, "application/merge-patch+json")[0] == 200
    wait(lambda: told() > said)  # of the party whose look came first; the push may be over before the next one looks
    wait(lambda: "9999" in t.a.get(table)[1]["data"]["route_table.yaml"])
    t.api.until(path, [1])
    assert "9999" in t.a.get(sni)[1]["data"]["sni.yaml"] and "9999" in t.a.get(table)[1]["data"]["route_table.yaml"]
    jobs = t.ka.jobs("exchange", "fate-exchange", "ClusterUpdate")
    assert before < len(jobs) <= before + 2, (before, len(jobs))


LANES = ((test_exchange_by_load_balancer,), (test_image_that_cannot_be_pulled_is_named, test_kubefate_restarted_without_its_database_in_the_middle_of_a_deployment, test_exchange_that_its_kubefate_forgot_is_a_stated_cause,
          test_what_kubefate_forgot_is_removed_all_the_same, test_force_delete_in_the_middle_of_an_installation),
         (test_secret_that_is_missing_is_named_and_its_coming_ends_the_wait, test_no_load_balancer_is_a_stated_cause_and_its_coming_ends_the_wait),
         (test_claim_without_a_volume_is_named_then_cancelled_then_deleted,), (test_failed_deployment_is_retried, test_namespace_that_was_there_before_stays_but_what_is_ours_goes))
# What differs on a real control plane (README.md): its admission, its controllers, its way to end a namespace.
LANES_REAL = ((test_force_delete_in_the_middle_of_an_installation,), (test_secret_that_is_missing_is_named_and_its_coming_ends_the_wait,), (test_claim_without_a_volume_is_named_then_cancelled_then_deleted,),
              (test_failed_deployment_is_retried, test_namespace_that_was_there_before_stays_but_what_is_ours_goes))
BACK = (test_deployment_deleted_behind_our_back_and_restored, test_routes_wiped_behind_our_back_are_pushed_again)
