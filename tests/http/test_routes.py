"""Every address that `fedlcm routes` prints answers, to anybody: never with a fault of ours."""
import unittest

from web import CHART, NOBODY, ROUTES, Case, one, page_login, raw, seed_certificate, seed_endpoint, seed_events, seed_federation, seed_infra, seed_party, token


class Routes(Case):
    @classmethod
    def setUpClass(cls):
        cls.cookie = page_login()
        infra = seed_infra(registry=True)[0]
        endpoint, fed = seed_endpoint(infra)[0], seed_federation()
        exchange = seed_party(fed, 1, 1, endpoint, infra)[0]
        cluster = seed_party(fed, 2, 2, endpoint, infra)[0]
        certificate = seed_certificate(fed, cluster)[0]
        seed_events(endpoint, 3)
        op = one("insert into operation (kind, subject_type, subject, subject_name, actor, deadline, state, ended_at) values ('endpoint_install', 'endpoint', '%s', 'kf', 'Admin', now(), 'succeeded', now()) returning uuid" % endpoint)
        probe = one("insert into probe (kind, actor, state) values ('infra_test_used', 'Admin', 'done') returning uuid")
        scan = one("insert into probe (kind, actor, subject, state, result) values ('endpoint_scan', 'Admin', '%s', 'done', '{\"found\": false}') returning uuid" % infra)
        cls.ids = [("/infra", infra), ("/endpoint/new/", scan), ("/endpoint", endpoint), ("/exchange/", fed, exchange), ("/cluster/", fed, cluster), ("/federation", fed), ("/ui/federation", fed), ("/participant", cluster), ("/certificate", certificate), ("/chart", CHART[1]), ("/event", endpoint),
                   ("operation", op), ("/infra/test", probe), ("probe", probe)]

    def path(self, pattern, real):
        """The pattern with ids of objects that are there, or of none."""
        ids = [NOBODY, NOBODY]
        if real:
            for part, *u in self.ids:
                if part in pattern and not ("/test/" in pattern and part == "/infra" ):
                    ids = u + u
                    if part in ("/endpoint/new/", "/exchange/", "/cluster/"):
                        break
        for u in ids:
            pattern = pattern.replace("{entity_uuid}", u, 1).replace("{id}", "1", 1) if "{entity_uuid}" in pattern or "{id}" in pattern else pattern.replace("{uuid}", u, 1)
        return pattern

    def ask(self, headers, real, allowed):
        self.assertGreater(len(ROUTES), 90)
        with self.unchanged():
            for method, perm, pattern, *flags in ROUTES:
                for path in {self.path(pattern, real), self.path(pattern, real) + "/"}:
                    with self.subTest(route=pattern, path=path):
                        r = raw("GET", path, headers=headers)
                        self.assertLess(r.status, 500, r.text[:300])
                        self.assertTrue(r.status in allowed or method != "GET", "%d %s" % (r.status, path))
                        self.assertTrue(r.body or r.status in (303, 401), path)

    def test_nobody(self):
        self.ask({}, True, (200, 303, 401))

    def test_page_session(self):
        self.ask({"Cookie": self.cookie}, True, (200, 303, 400, 422))

    def test_page_session_unknown_objects(self):
        self.ask({"Cookie": self.cookie}, False, (200, 303, 400, 404, 409, 422))

    def test_token(self):
        self.ask({"Authorization": "Bearer " + token()}, True, (200, 303, 400, 422))

    def test_in_chinese(self):
        self.ask({"Cookie": self.cookie + "; lang=zh-CN"}, True, (200, 303, 400, 422))

    def test_head(self):
        for method, perm, pattern, *flags in ROUTES:
            if method == "GET":
                with self.subTest(route=pattern):
                    r = raw("HEAD", self.path(pattern, True), headers={"Cookie": self.cookie})
                    self.assertLess(r.status, 500)
                    self.assertEqual(r.body, b"")

    def test_objects_are_shown(self):
        """The pages of objects that are there answer 200, so that the tests above look at real pages."""
        shown = 0
        for method, perm, pattern, *flags in ROUTES:
            if method == "GET" and "{" in pattern and "api" not in flags:
                r = raw("GET", self.path(pattern, True), headers={"Cookie": self.cookie})
                shown += r.status == 200
        self.assertGreaterEqual(shown, 12)


if __name__ == "__main__":
    unittest.main()
