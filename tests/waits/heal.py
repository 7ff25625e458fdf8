"""Health checks and what they lead to: shown broken with the cause, back by itself, repaired by a button; and the circuit breaker of a cluster."""
import json, re, time
from cases import rule
from product import wait
from says import ended, operation, sentence, waits
from ways import Deaf, Fed

MERGE = "application/merge-patch+json"


def trouble(t, f, cluster=None, *words):
    """The party is shown broken, with these words, on its page in both languages, and in an event. A check may see another workload lacking first."""
    t.api.until(f.path(cluster), [5])
    last = {}

    def seen():
        key, args = t.stack.sql("select error_class, error_args from participant where uuid = '%s'" % (cluster or f.x))[0]
        last["text"] = sentence(key, json.loads(args), 0) if key else ""
        if not all(w in last["text"] for w in words):
            return False
        pages = [re.sub(r"\s+", "", page.text(f.page(cluster))) for page in (t.en, t.zh)]
        last["missing"] = [lang for lang, text in enumerate(pages) if re.sub(r"\s+", "", sentence(key, json.loads(args), lang)) not in text]
        last["events"] = t.api.events(cluster or f.x)
        return not last["missing"] and any("Error" in e and words[0] in e for e in last["events"])
    wait(seen, say=lambda: (words, last))


def scale(t, ns, name, n):
    assert t.a.call("PATCH", "/apis/apps/v1/namespaces/%s/deployments/%s" % (ns, name), {"spec": {"replicas": n}}, MERGE)[0] == 200


def repair(t, page):
    """The button is there, and it starts the repair."""
    assert 'action="%s/repair"' % page in t.en.get(page), "no repair button"
    code, text = t.en.post(page + "/repair", page)
    assert code == 200, (code, text[-500:])


def known(t, uuid):
    """Its workloads have been remembered by the first complete look."""
    wait(lambda: t.stack.sql("select jsonb_array_length(workloads) from participant where uuid = '%s'" % uuid)[0][0] != "0")


def test_workload_scaled_to_zero_is_shown_and_comes_back(t):
    f = Fed(t, "scaled")
    x = f.exchange(t.ea)
    f.active()
    known(t, x)
    scale(t, "w-scaled", "nginx", 0)
    trouble(t, f, None, "Deployment/nginx")
    scale(t, "w-scaled", "nginx", 1)
    f.active()
    assert any("works again" in e for e in t.api.events(x)), t.api.events(x)


def test_workload_deleted_is_shown_and_comes_back(t):
    f = Fed(t, "vanished")
    x = f.exchange(t.ea)
    f.active()
    known(t, x)
    where = "/apis/apps/v1/namespaces/w-vanished/deployments/"
    d = t.a.get(where + "nginx")[1]
    assert t.a.call("DELETE", where + "nginx")[0] == 200
    trouble(t, f, None, "Deployment/nginx")
    m = {k: v for k, v in d["metadata"].items() if k in ("name", "namespace", "labels", "annotations")}
    assert t.a.call("POST", where.rstrip("/"), {"metadata": m, "spec": d["spec"]})[0] == 201
    f.active()


def pods_anew(t, ns):
    for p in t.a.items("/api/v1/namespaces/%s/pods" % ns):
        t.a.call("DELETE", "/api/v1/namespaces/%s/pods/%s" % (ns, p["metadata"]["name"]))


def serial(t, uuid):
    return t.stack.sql("select c.serial_dec from certificate_binding b join certificate c on c.uuid = b.certificate_uuid where b.participant_uuid = '%s'" % uuid)[0][0]


def test_certificate_secret_deleted_and_repaired(t):
    f = Fed(t, "lostcert", external=True)
    c = f.cluster(t.ea, 43001)
    f.active(c)
    known(t, c)
    secret, before = "/api/v1/namespaces/w-43001/secrets/pulsar-cert", serial(t, c)
    old = t.a.get(secret)[1]
    assert t.a.call("DELETE", secret)[0] == 200
    pods_anew(t, "w-43001")
    trouble(t, f, c, "pulsar-", 'secret "pulsar-cert" not found')
    repair(t, f.page(c))
    f.active(c)
    o = ended(t, operation(t, c, "participant_repair"))
    new = t.a.get(secret)[1]
    assert new["data"]["broker.cert.pem"] != old["data"]["broker.cert.pem"] and new["data"]["ca.cert.pem"] == old["data"]["ca.cert.pem"], "the certificate is the old one, or of another authority"
    assert serial(t, c) != before and o[0] == "succeeded"
    assert any("repair of lostcert-43001 was started" in e for e in t.api.events(c)), t.api.events(c)


def test_routes_wiped_and_repaired(t):
    """The exchange is cut off from checks meanwhile by the repair itself: whoever sees it first pushes, once."""
    f = Fed(t, "wiped")
    x = f.exchange(t.ea)
    f.active()
    c = f.outside(7901)
    f.active(c)
    sni, table = ("/api/v1/namespaces/w-wiped/configmaps/" + n for n in ("traffic-server-sni", "nginx-config"))
    for where, key, value in ((sni, "sni.yaml", "sni: []\n"), (table, "route_table.yaml", "default: {}\n")):
        assert t.a.call("PATCH", where, {"data": {key: value}}, MERGE)[0] == 200
    code, text = t.en.post(f.page() + "/repair", f.page())
    assert code == 200, (code, text[-500:])
    o = wait(lambda: operation(t, x, "participant_repair"))
    ended(t, o)
    assert "7901" in t.a.get(sni)[1]["data"]["sni.yaml"] and "7901" in t.a.get(table)[1]["data"]["route_table.yaml"]
    f.active()


CUT_SECONDS, CALLS = 60, 14


def test_circuit_breaker(t):
    """Four deployments, their checks and the endpoint's wait for a cluster that is cut; hardly anybody calls it, and all go on soon after it is back."""
    w = t.ways["circuit"]
    ready = Fed(t, "circuit-0")
    ready.exchange(w.endpoint)
    ready.active()
    feds = [Fed(t, "circuit-%d" % i) for i in (1, 2, 3, 4)]
    rule(t, "a", "circuit.example/", fail="ImagePullBackOff", message="not there")
    xs = [f.exchange(w.endpoint, registry="circuit.example/fate") for f in feds]
    for x in xs:
        waits(t, x, "image")
    w.proxy.refuse()
    deaf = Deaf(w.proxy.port)
    wait(lambda: w.circuit()[1], say=w.circuit)
    opened = time.time()
    # Each of them says why it waits, although hardly any of them calls.
    for x in xs:
        waits(t, x, "hop-server", "cut the connection during the TLS handshake")
    time.sleep(max(0, opened + CUT_SECONDS - time.time()))
    calls = [x for x in deaf.times if x > opened]
    print("       %d connections before it opened, %d in the %d s after" % (len(deaf.times) - len(calls), len(calls), CUT_SECONDS), flush=True)
    assert w.circuit()[1] and len(calls) <= CALLS, (w.circuit(), [round(x - opened, 1) for x in calls])
    assert len(deaf.times) - len(calls) <= 10, [round(x - opened, 1) for x in deaf.times]
    deaf.end()
    rule(t, "a", "circuit.example/")
    w.proxy.accept()
    back = time.time()
    wait(lambda: not w.circuit()[1], say=w.circuit)
    print("       closed again after %.0f s" % (time.time() - back), flush=True)
    for f in feds:
        f.active()
    ready.active()
    t.api.until("/endpoint/" + w.endpoint, [2])


LANES = [(test_workload_scaled_to_zero_is_shown_and_comes_back, test_routes_wiped_and_repaired), (test_workload_deleted_is_shown_and_comes_back, test_certificate_secret_deleted_and_repaired), (test_circuit_breaker,)]
