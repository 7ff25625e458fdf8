"""Causes on the way to the API server and to KubeFATE behind it. Each case on cluster a has a way of its own; KubeFATE itself is broken on cluster b, where
nobody else works."""
import base64
import proxy as P
from cases import rule
from product import account_kubeconfig, account_token, kubeconfig_with, wait
from says import ended, retry, told, waits
from ways import DOOR, Fed, add_infra, adopt


NAME = "api.waits.test"


def held_back(t, w, name):
    """An exchange whose image is not there, through this way: an operation in the middle of its waiting. It is let go by letting()."""
    f = Fed(t, name)
    rule(t, "a", name + ".example/", fail="ImagePullBackOff", message="not there")
    x = f.exchange(w if isinstance(w, str) else w.endpoint, registry=name + ".example/fate")
    waits(t, x, "image")
    return f, x


def letting(t, f):
    rule(t, "a", f.name + ".example/")
    f.active()


# --- to the API server ---
def test_server_name_that_is_not_found_any_more(t):
    """The name goes, and with it the connections; libcurl keeps what it knows for a minute."""
    w = t.ways["hopname"]
    f, x = held_back(t, w, "hopname")
    t.hosts(NAME, None)
    w.proxy.refuse()
    o = waits(t, x, "hop-name", NAME)
    told(t, x, o)
    t.hosts(NAME, "127.0.0.1")
    w.proxy.accept()
    letting(t, f)
    ended(t, o)


def test_port_of_the_api_server_that_is_closed(t):
    w = t.ways["hoptcp"]
    f, x = held_back(t, w, "hoptcp")
    w.proxy.refuse()
    o = waits(t, x, "hop-tcp", "refused", "127.0.0.1:%d" % w.proxy.port)
    told(t, x, o)
    w.proxy.accept()
    letting(t, f)
    ended(t, o)


def test_certificate_of_somebody_else(t):
    w = t.ways["hoptls"]
    f, x = held_back(t, w, "hoptls")
    w.proxy.refuse()  # what is open stays open with the old certificate
    w.proxy.tls, mine = t.other_tls, w.proxy.tls
    w.proxy.accept()
    o = waits(t, x, "hop-tls", "not signed by the CA in the kubeconfig")
    told(t, x, o)
    w.proxy.refuse()
    w.proxy.tls = mine
    w.proxy.accept()
    letting(t, f)
    ended(t, o)


def test_api_server_that_fails(t):
    w = t.ways["hopserver"]
    f, x = held_back(t, w, "hopserver")
    fault = w.proxy.fault(P.STATUS, ".*/namespaces/w-hopserver/", code=500, reason="InternalError", message="etcdserver: request timed out")
    o = waits(t, x, "hop-server", "etcdserver: request timed out")
    told(t, x, o)
    fault.end()
    letting(t, f)
    ended(t, o)


def test_api_server_that_is_slow(t):
    w = t.ways["hopslow"]
    f, x = held_back(t, w, "hopslow")
    fault = w.proxy.fault(P.SLOW, ".", seconds=60)
    o = waits(t, x, "hop-server", "too long", "within 10.")
    fault.end()
    letting(t, f)
    ended(t, o)


def test_something_else_in_kubefate_s_place(t):
    w = t.ways["otherkf"]
    f, x = held_back(t, w, "otherkf")
    fault = w.proxy.fault(P.HTML, "/services/kubefate:8080/proxy/")
    o = waits(t, x, "kubefate", "Something else than KubeFATE", "HTTP 200, text/html")
    told(t, x, o)
    fault.end()
    letting(t, f)
    ended(t, o)


def account(t, name, rules):
    """A kubeconfig with the token of a service account that has a role of its own."""
    t.a.call("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", {"metadata": {"name": name}, "rules": rules})
    return account_kubeconfig(t.a, t.rig, "a", name, name)


EVERYTHING = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}, {"nonResourceURLs": ["*"], "verbs": ["*"]}]


def test_token_that_was_revoked(t):
    """A person enters a new kubeconfig and retries."""
    text = account(t, "revoked", EVERYTHING)
    infra = add_infra(t, "revoked", text)
    f, x = held_back(t, adopt(t, "revoked", infra), "hopauth")
    t.a.call("DELETE", "/api/v1/namespaces/default/secrets/revoked")
    o = waits(t, x, "hop-auth", "does not accept the credentials", state="failed")
    told(t, x, o)
    rule(t, "a", "hopauth.example/")
    body = {"name": "revoked", "description": "", "type": "Kubernetes", "kubernetes_provider_info": t.api.kubeconfig_body(kubeconfig_with(t.a, account_token(t.a, "revoked", "revoked-2")))}
    with DOOR:
        t.api.call("PUT", "/infra/" + infra, body)
    retry(t, o)
    f.active()
    ended(t, o)


def test_right_that_was_taken_away(t):
    """Verb and resource are named; after the grant a person retries."""
    role = "/apis/rbac.authorization.k8s.io/v1/clusterroles/denied"
    text = account(t, "denied", EVERYTHING)
    infra = add_infra(t, "denied", text)
    e = adopt(t, "denied", infra)
    core = ["namespaces", "namespaces/status", "configmaps", "services", "services/proxy", "serviceaccounts", "pods", "pods/log", "events", "nodes", "persistentvolumeclaims"]
    fewer = [{"apiGroups": [""], "resources": core, "verbs": ["*"]}, {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch", "delete"]}, {"apiGroups": ["apps", "networking.k8s.io", "storage.k8s.io"], "resources": ["*"], "verbs": ["*"]}]
    assert t.a.call("PATCH", role, {"rules": fewer}, "application/merge-patch+json")[0] == 200
    f = Fed(t, "denied")
    x = f.exchange(e)
    o = waits(t, x, "denied", "Secret traffic-server-cert", 'cannot patch resource "secrets"', 'namespace "w-denied"', state="failed")
    told(t, x, o)
    assert t.a.call("PATCH", role, {"rules": EVERYTHING}, "application/merge-patch+json")[0] == 200
    retry(t, o)
    f.active()
    ended(t, o)


# --- KubeFATE: its service, its pod, our account there; on cluster b ---
KF = "/api/v1/namespaces/kube-fate"
SCALE = "/apis/apps/v1/namespaces/kube-fate/deployments/kubefate"


def ready(t):
    def there():
        pods = t.b.items(KF + "/pods?labelSelector=fate=kubefate")
        return pods and all(any(c["type"] == "Ready" and c["status"] == "True" for c in p["status"].get("conditions") or []) for p in pods)
    wait(there)


def held_on_b(t, name):
    """An exchange whose image is not there. The case before this one may have left the endpoint broken until its next health check."""
    t.api.until("/endpoint/" + t.eb, [2])
    f = Fed(t, name)
    rule(t, "b", name + ".example/", fail="ImagePullBackOff", message="not there")
    x = f.exchange(t.eb, registry=name + ".example/fate")
    waits(t, x, "image")
    return f, x


def letting_b(t, f):
    rule(t, "b", f.name + ".example/")
    f.active()


def repair_endpoint(t, e):
    """The button is there, and it starts the repair."""
    page = "/endpoint-detail/" + e
    assert 'action="%s/repair"' % page in t.en.get(page), "no repair button"
    code, text = t.en.post(page + "/repair", page)
    assert code == 200, (code, text[-500:])


def test_service_of_kubefate_is_deleted_and_repaired(t):
    f, x = held_on_b(t, "hopservice")
    assert t.b.call("DELETE", KF + "/services/kubefate")[0] == 200
    o = waits(t, x, "hop-service", "service of KubeFATE does not exist", 'services "kubefate" not found')
    told(t, x, o)
    t.api.until("/endpoint/" + t.eb, [4])  # by its health check
    sentence = t.stack.sql("select error_class from endpoint where uuid = '%s'" % t.eb)[0][0]
    assert sentence == "kubefate.no-service", sentence
    repair_endpoint(t, t.eb)
    t.api.until("/endpoint/" + t.eb, [2])
    assert t.b.get(KF + "/services/kubefate")[0] == 200
    letting_b(t, f)
    ended(t, o)


def test_kubefate_scaled_to_zero(t):
    """Back again it has forgotten everything; what the cluster shows decides."""
    f, x = held_on_b(t, "hoppod")
    assert t.b.call("PATCH", SCALE, {"spec": {"replicas": 0}}, "application/merge-patch+json")[0] == 200
    o = waits(t, x, "hop-pod", "No pod of KubeFATE is ready", "no endpoints available")
    told(t, x, o)
    assert t.b.call("PATCH", SCALE, {"spec": {"replicas": 1}}, "application/merge-patch+json")[0] == 200
    waits(t, x, "job", "restarted and forgot")
    letting_b(t, f)
    ended(t, o)


def test_password_of_kubefate_is_changed_and_set_again(t):
    f, x = held_on_b(t, "hoplogin")
    assert t.b.call("PATCH", KF + "/secrets/kubefate-secret", {"data": {"kubefatePassword": base64.b64encode(b"somebody-elses").decode()}}, "application/merge-patch+json")[0] == 200
    for p in t.b.items(KF + "/pods?labelSelector=fate=kubefate"):
        t.b.call("DELETE", KF + "/pods/" + p["metadata"]["name"])
    o = waits(t, x, "hop-login", "refuses the stored account", state="failed")
    told(t, x, o)
    t.api.until("/endpoint/" + t.eb, [4])
    repair_endpoint(t, t.eb)
    t.api.until("/endpoint/" + t.eb, [2])
    ready(t)
    retry(t, o)
    letting_b(t, f)
    ended(t, o)


LANES = [(test_server_name_that_is_not_found_any_more,), (test_port_of_the_api_server_that_is_closed, test_api_server_that_fails), (test_certificate_of_somebody_else, test_api_server_that_is_slow),
         (test_something_else_in_kubefate_s_place, test_right_that_was_taken_away, test_token_that_was_revoked),
         (test_service_of_kubefate_is_deleted_and_repaired, test_kubefate_scaled_to_zero, test_password_of_kubefate_is_changed_and_set_again)]
