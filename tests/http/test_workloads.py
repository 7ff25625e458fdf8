"""Workloads and logs: who may ask, what is refused before a cluster is asked, results on pages; and an infrastructure that does not answer."""
import json
import unittest

from test_access import user
from web import NOBODY, Case, call, csrf, form, login, one, page_login, raw, seed_endpoint, seed_federation, seed_infra, seed_party, sql

HOSTILE = "<script>alert(1)</script>\"'&"
POD = {"name": "mysql-0", "phase": "Running", "state": "CrashLoopBackOff", "ready": "0/2", "restarts": 7, "ok": False, "node": "node-1", "created": "2026-01-01T00:00:00Z", "message": HOSTILE,
       "containers": [{"name": "mysql", "image": "r.io/mysql:8", "init": False, "state": "CrashLoopBackOff", "ok": False, "restarts": 7, "previous": True, "message": "last words " + HOSTILE},
                      {"name": "side", "image": HOSTILE, "init": False, "state": "Running", "ok": True, "restarts": 0, "previous": False, "message": ""}]}
SEEN = {"namespace": "ns", "more": True, "pods": [POD], "workloads": [{"kind": "StatefulSet", "name": "mysql", "wanted": 1, "ready": 0, "ok": False, "message": ""}],
        "claims": [{"name": "mysql-data", "state": "Pending", "ok": False, "size": "1Gi", "class": "fast"}],
        "events": [{"reason": "BackOff", "object": "Pod/mysql-0", "message": HOSTILE, "count": 12, "last": "2026-01-01T00:00:00Z"}],
        "left": [{"what": "claims", "class": "kube.denied", "args": ["PersistentVolumeClaim", "claims is forbidden"]}]}


def seed_probe(kind, subject, result, state="done", given=None, age="0 s", error=("", "", "[]")):
    return one("insert into probe (kind, actor, subject, state, input, result, created_at, error_kind, error_class, error_args) values ('%s', 'Admin', '%s', '%s', '%s', '%s', now() - interval '%s', '%s', '%s', '%s') returning uuid"
               % (kind, subject, state, json.dumps(given or {}).replace("'", "''"), json.dumps(result).replace("'", "''"), age, *error))


class Workloads(Case):
    @classmethod
    def setUpClass(cls):
        cls.infra = seed_infra()[0]
        cls.endpoint, cls.fed = seed_endpoint(cls.infra)[0], seed_federation()
        cls.party, cls.other = seed_party(cls.fed, 2, 2, cls.endpoint, cls.infra)
        cls.exchange = seed_party(cls.fed, 1, 1, cls.endpoint, cls.infra)[0]
        cls.page = "/federation/fate/%s/cluster/detail/%s" % (cls.fed, cls.party)
        cls.api = "/federation/fate/%s/cluster/%s" % (cls.fed, cls.party)
        cls.admin = page_login()

    def get(self, path, cookie=None, status=200):
        r = raw("GET", path, headers={"Cookie": cookie or self.admin})
        self.assertEqual(r.status, status, r.text[:300])
        return r

    def tearDown(self):
        sql("delete from work where class = 'probe'; delete from probe where subject in ('%s', '%s', '%s')" % (self.party, self.other, self.endpoint))

    def test_a_viewer_sees_workloads_and_reads_no_log(self):
        name = user(1)
        t, cookie = login(name), page_login(name=name)
        seed_probe("party_workloads", self.party, SEEN)
        log = seed_probe("pod_log", self.party, {"pod": "mysql-0", "container": "mysql", "text": "words of a log", "containers": ["mysql"]})
        for path in (self.api, "/federation/fate/%s/exchange/%s" % (self.fed, self.exchange), "/endpoint/" + self.endpoint):
            with self.unchanged():
                self.refused(call("POST", path + "/log", {"pod": "mysql-0"}, who=t), 403, "permission")
            self.refused(call("POST", path + "/workloads", who=t), (409, 422, 502, 503))  # asked, and the poller cannot open the seeded kubeconfig
        r = self.get(self.page + "?tab=workloads", cookie)
        self.assertIn("mysql-0", r.text)
        self.assertNotIn('/log"', r.text)
        with self.unchanged():
            for path in (self.page, "/endpoint-detail/" + self.endpoint):
                self.get(path + "/log?probe=" + log, cookie, 403)
                self.assertEqual(form(path + "/log", {"_csrf": csrf("/infra", cookie), "pod": "mysql-0"}, cookie).status, 403)
        r = form(self.page + "/workloads", {"_csrf": csrf("/infra", cookie)}, cookie)
        self.assertEqual(r.status, 303)
        self.assertRegex(r.headers["Location"], r"\?tab=workloads&probe=[0-9a-f-]{36}$")

    def test_an_operator_reads_logs(self):
        name = user(2)
        cookie = page_login(name=name)
        seed_probe("party_workloads", self.party, SEEN)
        self.assertIn('/log"', self.get(self.page + "?tab=workloads", cookie).text)
        r = form(self.page + "/log", {"_csrf": csrf("/infra", cookie), "pod": "mysql-0", "container": "side", "lines": "50", "previous": "true"}, cookie)
        self.assertEqual(r.status, 303)
        self.assertEqual(json.loads(one("select input from probe where kind = 'pod_log' and subject = '%s'" % self.party)), {"of": "party", "pod": "mysql-0", "container": "side", "lines": 50, "previous": True})
        self.assertEqual(one("select actor from probe where kind = 'pod_log' and subject = '%s'" % self.party), name)

    def test_the_tab_shows_what_was_seen_last(self):
        for what, subject, path in (("party_workloads", self.party, self.page), ("endpoint_workloads", self.endpoint, "/endpoint-detail/" + self.endpoint)):
            with self.subTest(what=what):
                self.assertNotIn("CrashLoopBackOff", self.get(path + "?tab=workloads").text)
                old = seed_probe(what, subject, SEEN, age="20 minutes")
                self.assertNotIn("CrashLoopBackOff", self.get(path + "?tab=workloads&probe=" + old).text)
                seed_probe(what, subject, SEEN)
                for lang, words in (("en", ("0 of 1 pods ready", "Restarts", "Not shown: Storage claims.", "the list is not complete", "Newest warnings")), ("zh-CN", ("1 个 Pod 中有 0 个就绪", "重启次数", "未显示：存储声明", "列表不完整", "最新警告"))):
                    t = self.get(path + "?tab=workloads", self.admin + "; lang=" + lang).text
                    for w in words + ("mysql-0", "CrashLoopBackOff", "r.io/mysql:8", "node-1", "mysql-data", "Pod/mysql-0", "StatefulSet", "last words", "claims is forbidden"):
                        self.assertIn(w, t)
                    self.assertNotIn("<script>alert", t)
                    self.assertIn("&lt;script&gt;alert(1)", t)

    def test_a_look_that_waits_and_one_that_failed(self):
        waits = seed_probe("party_workloads", self.party, {}, state="queued")
        t = self.get(self.page + "?tab=workloads&probe=" + waits).text
        self.assertIn('data-poll="/ui/probe/%s"' % waits, t)
        self.assertIn('http-equiv="refresh"', t)
        failed = seed_probe("party_workloads", self.party, {}, state="failed", error=("9", "kube.denied", '["Pod", "pods is forbidden"]'))
        t = self.get(self.page + "?tab=workloads&probe=" + failed).text
        self.assertIn("The workloads could not be read.", t)
        self.assertIn("pods is forbidden", t)

    def test_a_log_is_shown_to_its_own_object_only(self):
        given = {"of": "party", "pod": "mysql-0", "container": "mysql", "lines": 200, "previous": True}
        log = seed_probe("pod_log", self.party, {"pod": "mysql-0", "container": "mysql", "containers": ["init", "mysql"], "text": "line one\n" + HOSTILE + "\nline three\n", "lines": 50, "cut": True, "previous": True, "has_previous": True}, given=given)
        t = self.get(self.page + "/log?probe=" + log).text
        self.assertIn("line one\n&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\nline three\n", t)
        for w in ('<option value="mysql" selected>', 'value="200"', 'name="previous" value="true" checked', "only the last 50 line(s)", "run before the last restart"):
            self.assertIn(w, t)
        self.assertIn("重新读取", self.get(self.page + "/log?probe=" + log, self.admin + "; lang=zh-CN").text)
        look = seed_probe("party_workloads", self.party, SEEN)
        for path in (self.page.replace(self.party, self.other), "/endpoint-detail/" + self.endpoint):
            self.assertTrue(self.get(path + "/log?probe=" + log, status=303).headers["Location"].endswith(path + "?tab=workloads"))
        for bad in (look, NOBODY, "x", ""):
            self.get(self.page + "/log?probe=" + bad, status=303)
        self.get(self.page.replace(self.fed, NOBODY) + "/log?probe=" + log, status=404)
        waits = seed_probe("pod_log", self.party, {}, state="queued", given=given)
        self.assertIn('data-poll="/ui/probe/%s"' % waits, self.get(self.page + "/log?probe=" + waits).text)
        failed = seed_probe("pod_log", self.party, {}, state="failed", given=given, error=("3", "log.foreign", '["mysql-0", "party"]'))
        self.assertIn("does not belong to", self.get(self.page + "/log?probe=" + failed).text)

    def test_impossible_questions(self):
        bad = [{}, {"pod": ""}, {"pod": "../secrets/x"}, {"pod": "a/b"}, {"pod": "A"}, {"pod": "a" * 300}, {"pod": "a", "container": "b/c"}, {"pod": "a", "container": "-"}, {"pod": "a", "lines": -1}, {"pod": "a", "lines": 501}, {"pod": "a", "lines": 2 ** 40}]
        with self.unchanged():
            for path in (self.api, "/endpoint/" + self.endpoint):
                for b in bad:
                    with self.subTest(body=str(b)[:60]):
                        self.refused(call("POST", path + "/log", b), 422)
                for b in ({"pod": 5}, {"pod": "a", "lines": "x"}, {"pod": "a", "previous": "maybe"}, [], "x"):
                    with self.subTest(body=b):
                        self.refused(call("POST", path + "/log", b), 400)
            token = csrf(self.page, self.admin)
            for fields in ({"pod": "../x"}, {"pod": "a", "lines": "0"}, {"pod": "a", "lines": "x"}, {"pod": "a", "container": HOSTILE}):
                r = form(self.page + "/log", dict(fields, _csrf=token), self.admin)
                self.assertEqual(r.status, 422, fields)
                self.assertNotIn("<script>alert", r.text)
            for path in ("/federation/fate/%s/exchange/%s" % (self.fed, self.party), "/federation/fate/%s/cluster/%s" % (NOBODY, self.party), "/federation/fate/%s/cluster/%s" % (self.fed, NOBODY), "/endpoint/" + NOBODY):
                self.refused(call("POST", path + "/workloads"), 404)
                self.refused(call("POST", path + "/log", {"pod": "a"}), 404)

    def test_what_is_not_ours_has_no_workloads(self):
        ext = seed_party(self.fed, 2, 1, first=30000)[0]
        sql("update participant set is_managed = false where uuid = '%s'" % ext)
        with self.unchanged():
            for what, body in (("workloads", None), ("log", {"pod": "a"})):
                self.refused(call("POST", "/federation/fate/%s/cluster/%s/%s" % (self.fed, ext, what), body), 409, "not deployed by FedLCM")
        self.assertNotIn("tab=workloads", self.get("/federation/fate/%s/cluster/detail/%s" % (self.fed, ext)).text)

    def test_an_infrastructure_that_does_not_answer(self):
        party, endpoint, infra = self.page, "/endpoint-detail/" + self.endpoint, "/infra-detail/" + self.infra
        pages = {"en": "This cluster does not answer.", "zh-CN": "该集群没有应答。"}
        for path in (party, endpoint, infra):
            self.assertNotIn(pages["en"], self.get(path).text)
        sql("update infra set circuit_failures = 4, circuit_since = '2026-01-01T00:00:00Z', circuit_until = '2026-01-01T00:01:00Z', circuit_class = 'kube.denied', circuit_args = '[\"Pod\", \"%s\"]' where uuid = '%s'" % (HOSTILE.replace('"', '\\"').replace("'", "''"), self.infra))
        try:
            for lang, words in pages.items():
                for path in (party, party + "?tab=workloads", endpoint, infra):
                    t = self.get(path, self.admin + "; lang=" + lang).text
                    self.assertIn(words, t)
                    self.assertNotIn("<script>alert", t)
                    if path != infra:
                        self.assertIn('href="%s"' % infra, t)
            t = self.get(infra).text
            for w in ("4 calls in a row failed", "Last reason", "Next call", "nobody calls it until", 'datetime="2026-01-01T00:01:00Z"', "Test now"):
                self.assertIn(w, t)
            self.assertIn("does not answer", self.get("/infra").text)
            viewer = page_login(name=user(1))
            self.assertNotIn("Test now", self.get(infra, viewer).text)
        finally:
            sql("update infra set circuit_failures = 0, circuit_since = null, circuit_until = null, circuit_class = '', circuit_args = '[]' where uuid = '%s'" % self.infra)


if __name__ == "__main__":
    unittest.main()
