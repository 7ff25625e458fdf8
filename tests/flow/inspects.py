"""Workloads and logs of what was deployed, by page and API: they are the cluster's own, a viewer reads no log, no secret leaves the cluster."""
import os, re
from api import Api, values_of
from product import wait


def deployed(t):
    t.api.until("/federation/fate/%s/cluster/%s" % (t.later("fed"), t.later("c1")), [1])
    return "%s/cluster/%s" % (t.f, t.c1)


def say(t, cluster, ns, pod, container, text):
    """The container writes these lines: the file that the node stand-in shows as its log."""
    where = os.path.join(t.rig, cluster, "pods", ns, pod, container)
    os.makedirs(where, exist_ok=True)
    with open(os.path.join(where, "log"), "a") as f:
        f.write(text)


def test_workloads_are_the_clusters_own(t):
    path = deployed(t)
    seen = t.api.call("POST", path + "/workloads")
    pods = {p["metadata"]["name"]: p for p in t.a.items("/api/v1/namespaces/fate-9999/pods?labelSelector=name%3Dcluster-01")}
    assert pods and {p["name"] for p in seen["pods"]} == set(pods), (seen["pods"], list(pods))
    for p in seen["pods"]:
        real = pods[p["name"]]
        assert {c["name"]: c["image"] for c in p["containers"] if not c["init"]} == {c["name"]: c["image"] for c in real["spec"]["containers"]}, p
        assert (p["node"], p["state"], p["ok"]) == (real["spec"]["nodeName"], "Running", True), p
    kinds = {w["kind"] + "/" + w["name"] for w in seen["workloads"]}
    real = {k + "/" + x["metadata"]["name"] for k, plural in (("Deployment", "deployments"), ("StatefulSet", "statefulsets")) for x in t.a.items("/apis/apps/v1/namespaces/fate-9999/%s?labelSelector=name%%3Dcluster-01" % plural)}
    assert kinds == real and kinds and seen["left"] == [] and not seen["more"], (kinds, real, seen["left"])
    for e in (t.ea, t.eb):  # one by a client certificate, one by a token with the rights of an administrator
        last = {}

        def both():
            last["pods"] = t.api.call("POST", "/endpoint/%s/workloads" % e)["pods"]
            return sorted(re.sub("-.*", "", p["name"]) for p in last["pods"]) == ["kubefate", "mariadb"] and all(p["ok"] for p in last["pods"])
        wait(both, pause=0.5, say=lambda: last)  # a test beside this one restarts KubeFATE
    page = "%s/cluster/detail/%s" % (t.f, t.c1)
    assert t.page.post(page + "/workloads", page)[0] == 200
    for name in pods:
        wait(lambda: name in t.page.text(page + "?tab=workloads"))


def test_what_goes_wrong_is_among_the_newest_warnings(t):
    path = deployed(t)
    pod = t.api.call("POST", path + "/workloads")["pods"][0]["name"]
    where = "/api/v1/namespaces/fate-9999/events"
    for name, of, kind in (("ours", pod, "Warning"), ("normal", pod, "Normal"), ("foreign", "somebody-else", "Warning")):
        event = {"metadata": {"name": "told-" + name}, "type": kind, "reason": "Told", "message": name + " password=hunter2", "count": 3, "involvedObject": {"kind": "Pod", "name": of, "namespace": "fate-9999"},
                 "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z", "source": {"component": "tests"}}
        code, v = t.a.call("POST", where, event)
        assert code == 201, v
    try:
        told = [e for e in t.api.call("POST", path + "/workloads")["events"] if e["reason"] == "Told"]
        assert told == [{"reason": "Told", "object": "Pod/" + pod, "message": "ours password=***", "count": 3, "last": "2026-01-01T00:00:00Z"}], told
    finally:
        for name in ("ours", "normal", "foreign"):
            t.a.call("DELETE", where + "/told-" + name)


def test_a_log_shows_everything_but_secrets(t):
    path = deployed(t)
    pod = [p for p in t.api.call("POST", path + "/workloads")["pods"] if p["name"].startswith("mysql")][0]
    container = pod["containers"][0]["name"]
    key = values_of(t.a.get("/api/v1/namespaces/kube-fate/secrets/kubefate-secret")[1])["kubefatePassword"]
    say(t, "a", "fate-9999", pod["name"], container, "starting\nMYSQL_ROOT_PASSWORD=fate-hunter2\nconnect root:fate-hunter2@tcp(mysql:3306)/db\nlogged in with %s\nuser=fate ready\n" % key)
    v = t.api.call("POST", path + "/log", {"pod": pod["name"], "lines": 5})
    assert v["text"] == "starting\nMYSQL_ROOT_PASSWORD=***\nconnect root:***@tcp(mysql:3306)/db\nlogged in with ***\nuser=fate ready\n", v["text"]
    assert (v["container"], v["previous"], v["cut"]) == (container, False, False), v
    assert t.api.call("POST", path + "/log", {"pod": pod["name"], "container": container, "lines": 1})["text"] == "user=fate ready\n"
    page = "%s/cluster/detail/%s" % (t.f, t.c1)
    where = t.page.landed(page + "/log", page, pod=pod["name"])
    assert where.startswith(page + "/log?probe="), where
    text = wait(lambda: (lambda x: x if "user=fate ready" in x else None)(t.page.text(where)))
    assert "fate-hunter2" not in text and key not in text and "MYSQL_ROOT_PASSWORD=***" in text, text[:2000]
    for table, column in (("probe", "result"), ("work", "memo"), ("event", "args")):
        assert t.stack.sql("select count(*) from %s where %s::text like '%%fate-hunter2%%' or %s::text like '%%%s%%'" % (table, column, column, key)) == [["0"]], table
    told = [x for x in t.api.events(t.c1) if "The log of the container" in x]
    assert len(told) == 3 and pod["name"] in told[0], told
    assert t.stack.sql("select distinct actor from event where class = 'event.log-read' and entity_uuid = '%s'" % t.c1) == [["Admin"]]
    say(t, "a", "kube-fate", [p for p in t.api.call("POST", "/endpoint/%s/workloads" % t.ea)["pods"] if p["name"].startswith("mariadb")][0]["name"], "mariadb", "[Note] GENERATED ROOT PASSWORD: fate-hunter2\n")
    v = t.api.call("POST", "/endpoint/%s/log" % t.ea, {"pod": [p for p in t.api.call("POST", "/endpoint/%s/workloads" % t.ea)["pods"] if p["name"].startswith("mariadb")][0]["name"], "lines": 1})
    assert v["text"] == "[Note] GENERATED ROOT PASSWORD: ***\n", v


def test_a_viewer_and_a_foreign_pod_get_no_log(t):
    path = deployed(t)
    pod = t.api.call("POST", path + "/workloads")["pods"][0]["name"]
    t.stack.sql("insert into app_user (name, password, role) select 'viewer-of-logs', password, 1 from app_user where name = 'Admin'")
    viewer = Api(t.api.url)
    viewer.token = viewer.call("POST", "/user/login", {"username": "viewer-of-logs", "password": "admin"})
    assert viewer.call("POST", path + "/workloads")["pods"]
    for where in (path, "/endpoint/" + t.ea):
        code, v = viewer.raw("POST", where + "/log", {"pod": pod})
        assert code == 403, (code, v)
    body = {"metadata": {"name": "stranger", "labels": {"name": "somebody"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    assert t.a.call("POST", "/api/v1/namespaces/fate-9999/pods", body)[0] == 201
    try:
        for where, name, word in ((path, "stranger", "does not belong"), (path, "not-there", "not found"), ("/endpoint/" + t.ea, pod, "not found"), ("%s/exchange/%s" % (t.f, t.ex), pod, "not found")):
            code, v = t.api.raw("POST", where + "/log", {"pod": name})
            assert code == 404 and word in v["message"], (where, name, code, v)
        code, v = t.api.raw("POST", path + "/log", {"pod": pod, "previous": True})
        assert code == 404 and "no earlier run" in v["message"], v
    finally:
        t.a.call("DELETE", "/api/v1/namespaces/fate-9999/pods/stranger")
    wait(lambda: t.a.get("/api/v1/namespaces/fate-9999/pods/stranger")[0] == 404)


LANE = (test_workloads_are_the_clusters_own, test_what_goes_wrong_is_among_the_newest_warnings, test_a_log_shows_everything_but_secrets, test_a_viewer_and_a_foreign_pod_get_no_log)
