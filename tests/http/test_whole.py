"""A federation removed as a whole, and repairs: what is accepted becomes one operation, what is not changes nothing."""
import unittest

from web import NOBODY, Case, call, csrf, form, one, page_login, poller_stands, raw, seed_endpoint, seed_federation, seed_infra, seed_party, sql

FATE = "/federation/fate"


def setUpModule():
    poller_stands(True)


def tearDownModule():
    sql("update work set ended = true where class = 'operation'")
    poller_stands(False)


def kinds(subject):
    return [r[0] for r in sql("select kind from operation where subject = '%s' order by id" % subject)]


class Whole(Case):
    def setUp(self):
        self.infra = seed_infra()[0]
        self.endpoint, self.fed = seed_endpoint(self.infra)[0], seed_federation()
        self.exchange = seed_party(self.fed, 1, 1, self.endpoint, self.infra)[0]
        self.cluster = seed_party(self.fed, 2, 1, self.endpoint, self.infra)[0]
        self.name = one("select name from federation where uuid = '%s'" % self.fed)

    def external(self):
        return call("POST", FATE + "/%s/cluster/external" % self.fed, {"name": "late", "party_id": 12345, "pulsar_access_info": {"host": "10.0.0.9", "port": 30651}, "nginx_access_info": {"host": "10.0.0.9", "port": 30093}})

    def test_cascade_is_one_operation_that_keeps_newcomers_out(self):
        op = self.done(call("DELETE", FATE + "/%s?cascade=true" % self.fed))
        self.assertEqual(set(kinds(self.fed)), {"federation_remove"})
        self.assertEqual(one("select uuid from operation where subject = '%s'" % self.fed), op)
        with self.unchanged():
            self.refused(call("DELETE", FATE + "/%s?cascade=true" % self.fed), 409, "Remove federation", self.name)
        with self.unchanged():
            self.refused(self.external(), 409, "being removed", self.name)
        cookie = page_login()
        self.assertIn("Being removed", raw("GET", FATE + "/" + self.fed, headers={"Cookie": cookie}).text)
        self.assertIn("移除中", raw("GET", FATE + "/" + self.fed + "?lang=zh-CN", headers={"Cookie": cookie}).text)

    def test_after_its_failure_the_federation_is_open_again_and_can_be_removed_again(self):
        self.done(call("DELETE", FATE + "/%s?cascade=true" % self.fed))
        sql("update operation set state = 'failed' where subject = '%s'" % self.fed)
        sql("update federation set removing = false where uuid = '%s'" % self.fed)
        self.done(self.external())
        self.done(call("DELETE", FATE + "/%s?cascade=true&force=true" % self.fed))
        self.assertEqual(set(kinds(self.fed)), {"federation_remove"})
        self.assertEqual(one("select input->>'force' from operation where subject = '%s' order by id desc limit 1" % self.fed), "true")

    def test_unknown_and_malformed(self):
        with self.unchanged():
            self.refused(call("DELETE", FATE + "/%s?cascade=true" % NOBODY), 404)
            self.refused(call("DELETE", FATE + "/%s?cascade=perhaps" % self.fed), 400, "cascade", "true or false")

    def test_the_page_wants_the_name(self):
        cookie = page_login()
        token = csrf("/federation", cookie)
        with self.unchanged():
            r = form(FATE + "/%s/remove" % self.fed, {"_csrf": token, "confirm": "another"}, cookie)
            self.assertEqual(r.status, 422)
            self.assertIn('aria-invalid="true"', r.text)
            self.assertIn("To confirm, type the name: " + self.name, r.text)
        self.assertEqual(form(FATE + "/%s/remove" % self.fed, {"_csrf": token, "confirm": self.name}, cookie).status, 303)
        self.assertEqual(set(kinds(self.fed)), {"federation_remove"})

    def test_what_failed_goes_without_force(self):
        sql("update participant set status = 5 where uuid = '%s'" % self.cluster)
        self.done(call("DELETE", FATE + "/%s/cluster/%s?force=false" % (self.fed, self.cluster)), None)
        self.assertEqual(kinds(self.cluster), ["cluster_remove"])


class Repair(Case):
    def setUp(self):
        self.infra = seed_infra()[0]
        self.endpoint, self.fed = seed_endpoint(self.infra)[0], seed_federation()
        self.exchange = seed_party(self.fed, 1, 1, self.endpoint, self.infra)[0]
        self.cluster = seed_party(self.fed, 2, 1, self.endpoint, self.infra)[0]
        self.path = FATE + "/%s/cluster/%s/repair" % (self.fed, self.cluster)
        sql("update participant set was_active = true where federation_uuid = '%s'" % self.fed)

    def test_participant(self):
        for path, subject in ((self.path, self.cluster), (FATE + "/%s/exchange/%s/repair" % (self.fed, self.exchange), self.exchange)):
            self.done(call("POST", path), None)
            self.assertEqual(kinds(subject), ["participant_repair"])
            with self.unchanged():
                self.refused(call("POST", path), 409, "Repair participant")

    def test_refusals(self):
        for change, words in (("status = 2", ("not active",)), ("was_active = false", ("never active",)), ("is_managed = false, was_active = true", ("not managed",))):
            sql("update participant set status = 1, was_active = true, is_managed = true where uuid = '%s'" % self.cluster)
            sql("update participant set %s where uuid = '%s'" % (change, self.cluster))
            with self.subTest(change=change), self.unchanged():
                self.refused(call("POST", self.path), 409, *words)
        with self.unchanged():
            self.refused(call("POST", FATE + "/%s/exchange/%s/repair" % (self.fed, self.cluster)), 404)
            self.refused(call("POST", "/endpoint/%s/repair" % NOBODY), 404)

    def test_endpoint(self):
        sql("update endpoint set status = 4, error_class = 'kf.no-version' where uuid = '%s'" % self.endpoint)
        cookie = page_login()
        page = raw("GET", "/endpoint-detail/" + self.endpoint, headers={"Cookie": cookie}).text
        self.assertIn("/endpoint-detail/%s/repair" % self.endpoint, page)
        self.assertEqual(form("/endpoint-detail/%s/repair" % self.endpoint, {"_csrf": csrf("/endpoint", cookie)}, cookie).status, 303)
        self.assertEqual(len(kinds(self.endpoint)), 1)
        with self.unchanged():
            self.refused(call("POST", "/endpoint/%s/repair" % self.endpoint), 409, "in the way")


if __name__ == "__main__":
    unittest.main()
