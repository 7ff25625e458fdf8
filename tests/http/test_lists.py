"""Lists cost the same number of SQL statements for 2 rows and for 50. Counted twice: by PostgreSQL's own log, and by the web worker's log line."""
import os
import time
import unittest

from web import STATE, Case, call, one, page_login, raw, seed_certificate, seed_endpoint, seed_events, seed_federation, seed_infra, seed_party, sql, statements, token, unique

LOG = os.path.join(STATE, "log", "postgres.log")
MARK = "fedlcm-web|"


class Lists(Case):
    @classmethod
    def setUpClass(cls):
        sql("alter system set log_statement = 'all'")
        sql("alter system set log_line_prefix = '%a|'")
        sql("select pg_reload_conf()")
        cls.cookie = page_login()
        token()
        cls.infra = seed_infra()[0]
        cls.endpoint, cls.fed = seed_endpoint(cls.infra)[0], seed_federation()
        cls.exchange = seed_party(cls.fed, 1, 1, cls.endpoint, cls.infra)[0]
        for _ in range(100):  # every backend reads its settings between two statements
            if cls.logged(lambda: call("GET", "/user/current")) > 0:
                break
            time.sleep(0.05)
        time.sleep(0.2)

    @classmethod
    def tearDownClass(cls):
        sql("alter system reset log_statement")
        sql("alter system reset log_line_prefix")
        sql("select pg_reload_conf()")

    @staticmethod
    def logged(request):
        """Statements that web workers sent during a request."""
        start = os.path.getsize(LOG)
        request()
        with open(LOG, "rb") as f:
            f.seek(start)
            text = f.read().decode(errors="replace")
        return sum(MARK in line and ("LOG:  execute" in line or "LOG:  statement" in line) for line in text.splitlines())

    def cost(self, path):
        """Statements of a GET, by both counts; the least of three, since another worker may look after itself in between, and once a minute a session notes its use."""
        found, own = [], []
        for _ in range(3):
            answer = []
            found.append(self.logged(lambda: answer.append(call("GET", path))))
            self.assertEqual(answer[0].status, 200, answer[0].text[:200])
            own.append(statements(answer[0]))
        return min(found), min(own), answer[0]

    def page_cost(self, path):
        own, found = [], []
        for _ in range(3):
            answer = []
            found.append(self.logged(lambda: answer.append(raw("GET", path, headers={"Cookie": self.cookie}))))
            self.assertEqual(answer[0].status, 200, path)
            own.append(statements(answer[0]))
        return min(found), min(own), answer[0]

    def same(self, path, seed, rows, page=None):
        """seed(n) adds n rows; rows(data) finds them in the answer."""
        seed(2)
        few, few_own, a = self.cost(path)
        page_few = self.page_cost(page) if page else None
        n = len(rows(a.data))
        self.assertGreaterEqual(n, 2)
        seed(50 - 2)
        many, many_own, b = self.cost(path)
        self.assertEqual(len(rows(b.data)), n + 48)
        self.assertEqual(few, many, "PostgreSQL counted %d statements for %d rows and %d for %d" % (few, n, many, n + 48))
        self.assertEqual(few_own, many_own)
        self.assertEqual(few_own, few, "the worker's own count is PostgreSQL's")
        self.assertGreaterEqual(few, 2, "a session and a list")
        self.assertLessEqual(few, 4)
        if page:
            page_many = self.page_cost(page)
            self.assertEqual(page_few[0], page_many[0], page)
            self.assertEqual(page_few[1], page_many[1], page)
            self.assertLessEqual(page_few[0], 8)

    def test_infra(self):
        self.same("/infra", lambda n: seed_infra(n), lambda d: d, "/infra")

    def test_endpoint(self):
        self.same("/endpoint", lambda n: seed_endpoint(self.infra, n, namespaces=True), lambda d: d, "/endpoint")

    def test_federation(self):
        self.same("/federation", lambda n: [seed_federation() for _ in range(n)] if n < 5 else sql("insert into federation (uuid, name, domain) select gen_random_uuid(), 'many-' || gen_random_uuid(), 'example.com' from generate_series(1, %d)" % n), lambda d: d, "/federation")

    def test_participants(self):
        first = [9999]

        def seed(n):
            seed_party(self.fed, 2, n, self.endpoint, self.infra, first=first[0])
            first[0] += n

        self.same("/federation/fate/%s/participant" % self.fed, seed, lambda d: d["clusters"], "/federation/fate/" + self.fed)

    def test_answers_of_many_fastcgi_records_arrive_whole(self):
        fed = seed_federation()
        seed_party(fed, 1, 1, self.endpoint, self.infra)
        made = seed_party(fed, 2, 300, self.endpoint, self.infra)
        a, page = call("GET", "/federation/fate/%s/participant" % fed), raw("GET", "/federation/fate/" + fed, headers={"Cookie": self.cookie})
        self.assertEqual([x["uuid"] for x in a.data["clusters"]], made)
        self.assertGreater(min(len(a.text), len(page.text)), 3 * 65535)
        self.assertTrue(page.text.rstrip().endswith("</html>"), page.text[-200:])
        self.assertEqual([u for u in made if u not in page.text], [])

    def test_chart(self):
        def seed(n):
            sql("insert into chart (id, uuid, name, type, chart_name, version, app_version) select 1000 + (select max(id) from chart) + i, gen_random_uuid(), 'many', 2, 'many', gen_random_uuid()::text, 'v1' from generate_series(1, %d) i" % n)

        try:
            self.same("/chart", seed, lambda d: d, "/chart")
        finally:
            sql("delete from chart where chart_name = 'many'")

    def test_event(self):
        self.same("/event/" + self.exchange, lambda n: seed_events(self.exchange, n), lambda d: d, "/federation/fate/%s/exchange/detail/%s" % (self.fed, self.exchange))

    def test_certificate(self):
        party = seed_party(seed_federation(), 2, 1)[0]

        def seed(n):
            fed, bound = sql("select federation_uuid, (select count(*) from certificate_binding b where b.participant_uuid = p.uuid) from participant p where uuid = '%s'" % party)[0]
            made = seed_certificate(fed, n=n)
            sql("".join("insert into certificate_binding (certificate_uuid, participant_uuid, service_type, federation_uuid) values ('%s', '%s', %d, '%s');" % (c, party, 1 + int(bound) + i, fed) for i, c in enumerate(made)))

        self.same("/certificate", seed, lambda d: d, "/certificate")

    def test_pages_over_everything(self):
        """Dashboard, history and operations: with what the other tests left, and with 50 more of each."""
        before = {p: self.page_cost(p)[:2] for p in ("/", "/events", "/operations")}
        seed_infra(50)
        seed_endpoint(seed_infra()[0], 50)
        seed_events(self.exchange, 50)
        sql("insert into operation (kind, subject_type, subject, subject_name, actor, deadline, state, ended_at) select 'endpoint_install', 'endpoint', gen_random_uuid(), 'many', 'Admin', now(), 'succeeded', now() from generate_series(1, 50)")
        for p, cost in before.items():
            with self.subTest(path=p):
                self.assertEqual(self.page_cost(p)[:2], cost)


if __name__ == "__main__":
    unittest.main()
