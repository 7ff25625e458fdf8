"""The guide through the JSON API from a clean database, what it refuses, and the removal in order."""
import concurrent.futures
from api import values_of
from product import account_kubeconfig, wait

SNI, TABLE = "/api/v1/namespaces/fate-exchange/configmaps/traffic-server-sni", "/api/v1/namespaces/fate-exchange/configmaps/nginx-config"


def at_once(*calls):
    """Results of calls that start together."""
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return [f.result() for f in [pool.submit(*c) for c in calls]]


def refused(t, method, path, body, code, *words):
    """A refusal with these words that starts no operation and changes no record."""
    names = "'exchange', 'cluster-01', 'cluster-02', 'outside', 'early', 'second', 'other', 'kf-a', 'kf-b', 'lab-a', 'lab-b', 'fed'"  # others are made beside this

    def rows():
        return t.stack.sql("select 'p', uuid::text, (status <> 3)::text from participant where deleted_at is null and name in (%s) union all select 'e', uuid::text, (status <> 5)::text from endpoint where name in (%s) union all "
                           "select 'i', uuid::text, '' from infra where name in (%s) union all select 'f', uuid::text, '' from federation where name in (%s) union all "
                           "select 'o', uuid::text, '' from operation where subject_type <> 'exchange_routes' and subject_name in (%s) order by 2" % ((names,) * 5))
    before = rows()
    got, v = t.api.raw(method, path, body)
    assert got == code, "%s %s: %d %s" % (method, path, got, v.get("message"))
    for w in words:
        assert w in v["message"], (w, v["message"])
    after = rows()
    assert before == after, set(map(tuple, before)) ^ set(map(tuple, after))


# --- infrastructures and endpoints ---
def test_infrastructures_by_client_certificate_and_by_token(t):
    with open(t.rig + "/a/admin.kubeconfig") as f:
        certificate = f.read()
    token = account_kubeconfig(t.b, t.rig, "b")
    t.put(before=(t.a.inventory(), t.b.inventory()))
    for text in (certificate, token):
        t.api.call("POST", "/infra/kubernetes/connect", t.api.kubeconfig_body(text))
    t.put(ia=t.api.add_infra("lab-a", certificate), ib=t.api.add_infra("lab-b", token))
    assert [t.api.call("GET", "/infra/" + i)["kubernetes_provider_info"]["api_server"] for i in (t.ia, t.ib)] == [t.a.base, t.b.base]
    with_token = t.api.call("GET", "/infra/" + t.ib)["kubernetes_provider_info"]["kubeconfig_content"]
    assert "(stored" in with_token and token.split("token: ")[1].split()[0] not in with_token, "the token is in the answer"


def test_scan_finds_nothing_on_an_empty_cluster(t):
    for i in (t.ia, t.ib):
        assert t.api.call("POST", "/endpoint/scan", {"infra_provider_uuid": i, "type": "KubeFATE"}) == []


def test_endpoint_posted_twice_at_once_is_one(t):
    body = t.api.endpoint_body("kf-a", t.ia)
    one, two = sorted(at_once((t.api.raw, "POST", "/endpoint", body), (t.api.raw, "POST", "/endpoint", body)), key=lambda x: x[0])
    assert (one[0], two[0]) == (200, 409), (one, two)
    t.put(ea=one[1]["data"])


def test_endpoints_become_ready(t):
    t.put(eb=t.api.add_endpoint("kf-b", t.ib))
    for e in (t.ea, t.eb):
        d = t.api.until("/endpoint/" + e, [2], [4])
        assert d["kubefate_version"] == "v1.4.5", d
        t.api.call("POST", "/endpoint/%s/kubefate/check" % e)
        assert any("v1.4.5" in x for x in t.api.events(e)), t.api.events(e)
    assert [x["uuid"] for x in t.api.call("GET", "/endpoint")] and len(t.api.call("GET", "/endpoint")) == 2
    found = t.api.call("POST", "/endpoint/scan", {"infra_provider_uuid": t.ia, "type": "KubeFATE"})
    assert [(x["uuid"], x["is_managed"], x["is_compatible"]) for x in found] == [(t.ea, True, True)], found


# --- the federation ---
def test_exchange_posted_twice_at_once_is_one(t):
    t.put(fed=t.api.add_federation("fed"))
    t.put(f="/federation/fate/%s" % t.fed)
    refused(t, "POST", t.f + "/cluster", {"name": "early", "namespace": "fate-1", "party_id": 1, "endpoint_uuid": t.ea, "chart_uuid": t.api.chart(2), "deployment_yaml": ""}, 409, "exchange")
    body = t.api.exchange_body(t.fed, t.ea)
    one, two = sorted(at_once((t.api.raw, "POST", t.f + "/exchange", body), (t.api.raw, "POST", t.f + "/exchange", body)), key=lambda x: x[0])
    assert (one[0], two[0]) == (200, 409), (one, two)
    t.put(ex=one[1]["data"])


def test_exchange_becomes_active(t):
    d = t.api.until(t.f + "/exchange/" + t.ex, [1], [5])
    access = d["access_info"]
    assert access["traffic-server"]["fqdn"] == "proxy.example.com" and access["traffic-server"]["tls"] and 30000 <= access["nginx"]["port"] <= 32767, access
    assert access["nginx"]["host"] == "10.250.1.2" and access["nginx"]["service_type"] == "NodePort", access
    cert = values_of(t.a.get("/api/v1/namespaces/fate-exchange/secrets/traffic-server-cert")[1])
    assert set(cert) == {"proxy.key.pem", "proxy.cert.pem", "ca.cert.pem"} and all(x.startswith("-----BEGIN") for x in cert.values()), list(cert)
    assert len(t.ka.jobs("exchange", "fate-exchange", "ClusterInstall")) == 1
    refused(t, "POST", t.f + "/exchange", t.api.exchange_body(t.fed, t.ea, name="second", namespace="fate-exchange-2"), 409, "already has an exchange")


def test_two_clusters_deployed_at_once_become_active_and_routed(t):
    t.put(b1=t.api.cluster_body(t.fed, t.ea, 9999, "cluster-01"), b2=t.api.cluster_body(t.fed, t.eb, 10000, "cluster-02"))
    t.put(c1=t.api.call("POST", t.f + "/cluster", t.b1), c2=t.api.call("POST", t.f + "/cluster", t.b2))
    for c, party, node in ((t.c1, 9999, "10.250.1.2"), (t.c2, 10000, "10.250.2.2")):
        d = t.api.until("%s/cluster/%s" % (t.f, c), [1], [5])
        nginx, pulsar = d["access_info"]["nginx"], d["access_info"]["pulsar-public-tls"]
        assert (nginx["host"], pulsar["host"], pulsar["fqdn"], pulsar["tls"]) == (node, node, "%d.example.com" % party, True), d["access_info"]
        assert d["ingress_info"]["client"]["hosts"] and d["ingress_info"]["fateboard"]["hosts"], d["ingress_info"]
        assert d["pulsar_server_cert_info"]["binding_mode"] == 3 and d["pulsar_server_cert_info"]["common_name"] == "%d.example.com" % party
        t.put(**{"access%d" % party: d["access_info"]})
    sni, table = t.a.get(SNI)[1]["data"]["sni.yaml"], t.a.get(TABLE)[1]["data"]["route_table.yaml"]
    for party, access in ((9999, t.access9999), (10000, t.access10000)):
        assert "%d.example.com" % party in sni and "%(host)s:%(port)d" % access["pulsar-public-tls"] in sni, sni
        assert "%d:" % party in table and "http_port: %d" % access["nginx"]["port"] in table, table
    for kube, ns in ((t.a, "fate-9999"), (t.b, "fate-10000")):
        cert = values_of(kube.get("/api/v1/namespaces/%s/secrets/pulsar-cert" % ns)[1])
        assert set(cert) == {"broker.key-pk8.pem", "broker.cert.pem", "ca.cert.pem"} and cert["broker.key-pk8.pem"].startswith("-----BEGIN PRIVATE KEY"), list(cert)
    v = t.api.call("GET", t.f + "/participant")
    assert v["exchange"]["status"] == 1 and [(x["party_id"], x["status"]) for x in v["clusters"] if x["party_id"] in (9999, 10000)] == [(9999, 1), (10000, 1)], v


def test_updates_of_the_routes_were_one_at_a_time(t):
    """Each update of the exchange had ended before the next one was asked for, and parties that came together did not cost more than one each."""
    updates = lambda: t.ka.jobs("exchange", "fate-exchange", "ClusterUpdate")
    # A cluster is Active as soon as its route is in place; the job that put it there may end some seconds later.
    wait(lambda: all(j["status"] == "Success" for j in updates()), say=updates)
    jobs = updates()
    parties = int(t.stack.sql("select count(*) from participant where federation_uuid = '%s' and type = 2" % t.fed)[0][0])
    assert 1 <= len(jobs) <= parties, [(j["start_time"], j["end_time"], j["status"]) for j in jobs]
    for a, b in zip(jobs, jobs[1:]):
        assert a["end_time"] <= b["start_time"], (a["end_time"], b["start_time"])


def test_what_exists_is_refused_a_second_time(t):
    refused(t, "POST", t.f + "/cluster", dict(t.b1, name="other", namespace="fate-other", deployment_yaml=t.b1["deployment_yaml"].replace("cluster-01", "other").replace("fate-9999", "fate-other")), 409, "9999")
    other = t.api.cluster_body(t.fed, t.ea, 8888, "other", namespace="fate-9999")
    refused(t, "POST", t.f + "/cluster", other, 409, "fate-9999", "namespace of its own")
    refused(t, "POST", t.f + "/cluster", t.api.cluster_body(t.fed, t.ea, 8888, "cluster-01"), 409, "cluster-01")
    for party, code in ((9999, 409), (10000, 409), (8888, 200), (0, 409)):
        assert t.api.raw("POST", "%s/partyID/check?party_id=%d" % (t.f, party))[0] == code, party


def test_external_cluster_is_recorded_and_routed(t):
    body = {"name": "outside", "description": "", "party_id": 7777, "pulsar_access_info": {"host": "192.0.2.7", "port": 31651}, "nginx_access_info": {"host": "192.0.2.8", "port": 30007}}
    refused(t, "POST", t.f + "/cluster/external", dict(body, party_id=9999), 409, "9999")
    t.put(c3=t.api.call("POST", t.f + "/cluster/external", body))
    d = t.api.until("%s/cluster/%s" % (t.f, t.c3), [1], [5])
    assert not d["is_managed"] and d["access_info"]["nginx"]["port"] == 30007, d
    table = wait(lambda: (lambda x: x if "7777:" in x else None)(t.a.get(TABLE)[1]["data"]["route_table.yaml"]))
    assert "192.0.2.8" in table and "9999:" in table and "10000:" in table, table


def test_external_exchange_is_recorded_in_another_federation(t):
    t.put(fed2=t.api.add_federation("fed-outside", "outside.example.com"))
    f = "/federation/fate/" + t.fed2
    ex = t.api.call("POST", f + "/exchange/external", {"name": "theirs", "description": "", "traffic_server_access_info": {"host": "192.0.2.1", "port": 443}, "nginx_access_info": {"host": "192.0.2.1", "port": 9370}})
    d = t.api.call("GET", f + "/exchange/" + ex)
    assert d["status"] == 1 and not d["is_managed"] and d["access_info"]["traffic-server"]["fqdn"] == "proxy.outside.example.com", d
    t.put(ex2=ex)


def test_events_tell_the_whole_story(t):
    text = "\n".join(t.api.events(t.c2))
    for word in ("is being deployed", "fate-10000", "pulsar-cert", "10000.example.com", "took the installation", "seen in the exchange"):
        assert word in text, (word, text)
    assert "Error" not in text, text


# --- removal ---
def test_deleting_in_the_wrong_order_names_what_is_in_the_way(t):
    refused(t, "DELETE", "/infra/" + t.ia, None, 409, "lab-a")
    refused(t, "DELETE", "/endpoint/%s?uninstall=true" % t.ea, None, 409, "kf-a", "participant")
    refused(t, "DELETE", t.f, None, 409, "fed")
    for force in ("false", "true"):
        refused(t, "DELETE", "%s/exchange/%s?force=%s" % (t.f, t.ex, force), None, 409, "exchange", "3 cluster")


def removed(t, path):
    t.api.until(path, [404])


def test_clusters_are_removed_and_leave_the_routes(t):
    for c in (t.c1, t.c2):
        t.api.call("DELETE", "%s/cluster/%s?force=false" % (t.f, c))
    refused(t, "DELETE", "%s/exchange/%s?force=false" % (t.f, t.ex), None, 409)
    for c, kube, ns in ((t.c1, t.a, "fate-9999"), (t.c2, t.b, "fate-10000")):
        removed(t, "%s/cluster/%s" % (t.f, c))
        assert kube.get("/api/v1/namespaces/" + ns)[0] == 404, ns
    table, sni = t.a.get(TABLE)[1]["data"]["route_table.yaml"], t.a.get(SNI)[1]["data"]["sni.yaml"]
    assert "9999:" not in table and "10000:" not in table and "7777:" in table and "9999." not in sni, (table, sni)
    assert [len(k.jobs(n, ns, "ClusterDelete")) <= 1 for k, n, ns in ((t.ka, "cluster-01", "fate-9999"), (t.kb, "cluster-02", "fate-10000"))] == [True, True]
    jobs = t.ka.jobs("exchange", "fate-exchange", "ClusterUpdate")
    for a, b in zip(jobs, jobs[1:]):
        assert a["end_time"] <= b["start_time"], (a["end_time"], b["start_time"])


def test_external_cluster_exchange_and_federations_are_removed(t):
    t.api.call("DELETE", "%s/cluster/%s?force=false" % (t.f, t.c3))
    removed(t, "%s/cluster/%s" % (t.f, t.c3))
    t.api.call("DELETE", "%s/exchange/%s?force=false" % (t.f, t.ex))  # a push of the routes may still run: the removal waits for it
    t.api.call("DELETE", "/federation/fate/%s/exchange/%s?force=false" % (t.fed2, t.ex2))
    removed(t, "%s/exchange/%s" % (t.f, t.ex))
    removed(t, "/federation/fate/%s/exchange/%s" % (t.fed2, t.ex2))
    for f in (t.fed, t.fed2):
        t.api.call("DELETE", "/federation/fate/" + f)


def test_endpoints_and_infrastructures_are_removed(t):
    for e in (t.ea, t.eb):
        t.api.call("DELETE", "/endpoint/%s?uninstall=true" % e)
    for e in (t.ea, t.eb):
        removed(t, "/endpoint/" + e)
    for i in (t.ia, t.ib):
        t.api.call("DELETE", "/infra/" + i)
    assert [t.api.call("GET", x) for x in ("/infra", "/endpoint", "/federation")] == [[], [], []]


def test_no_object_of_ours_is_left(t):
    left = [sorted(kube.inventory() - before) for kube, before in zip((t.a, t.b), t.before)]
    gone = [sorted(before - kube.inventory()) for kube, before in zip((t.a, t.b), t.before)]
    assert left == [[], []], left
    assert gone == [[], []], gone
    secrets = t.stack.sql("select count(*) from named_secret")[0][0]
    assert secrets == "0", "%s secrets of removed records are still stored" % secrets


SETUP = (test_infrastructures_by_client_certificate_and_by_token, test_scan_finds_nothing_on_an_empty_cluster, test_endpoint_posted_twice_at_once_is_one, test_endpoints_become_ready)
DEPLOY = (test_exchange_posted_twice_at_once_is_one, test_exchange_becomes_active, test_two_clusters_deployed_at_once_become_active_and_routed, test_updates_of_the_routes_were_one_at_a_time,
          test_what_exists_is_refused_a_second_time, test_external_cluster_is_recorded_and_routed, test_external_exchange_is_recorded_in_another_federation, test_events_tell_the_whole_story)
ORDER = (test_deleting_in_the_wrong_order_names_what_is_in_the_way, test_clusters_are_removed_and_leave_the_routes, test_external_cluster_exchange_and_federations_are_removed)
END = (test_endpoints_and_infrastructures_are_removed, test_no_object_of_ours_is_left)
