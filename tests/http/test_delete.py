"""Removal in the wrong order, and of things that are not there: 409 and 404 with a sentence, nothing changed."""
import unittest

from web import NOBODY, Case, call, csrf, forget, form, one, page_login, raw, seed_certificate, seed_endpoint, seed_federation, seed_infra, seed_party, sql

FATE = "/federation/fate"


class Order(Case):
    @classmethod
    def setUpClass(cls):
        cls.infra = seed_infra()[0]
        cls.endpoint, cls.fed = seed_endpoint(cls.infra)[0], seed_federation()
        cls.exchange = seed_party(cls.fed, 1, 1, cls.endpoint, cls.infra)[0]
        cls.cluster = seed_party(cls.fed, 2, 2, cls.endpoint, cls.infra)[0]
        cls.certificate = seed_certificate(cls.fed, cls.cluster)[0]

    def refused_delete(self, path, status, *words):
        with self.unchanged():
            return self.refused(call("DELETE", path), status, *words)

    def test_infra_with_endpoint(self):
        self.refused_delete("/infra/" + self.infra, 409, "1 endpoint", "3 participant", "Remove them first")

    def test_infra_with_an_endpoint_only(self):
        infra = seed_infra()[0]
        seed_endpoint(infra)
        self.refused_delete("/infra/" + infra, 409, "1 endpoint")

    def test_endpoint_with_participants(self):
        for query in ("", "?uninstall=true", "?uninstall=false", "?uninstall=true&force=true", "?force=true"):
            with self.subTest(query=query):
                self.refused_delete("/endpoint/" + self.endpoint + query, 409, "3 participant", "Remove them first")

    def test_federation_with_participants(self):
        self.refused_delete(FATE + "/" + self.fed, 409, "3 participant", "clusters first")

    def test_federation_with_an_exchange_only(self):
        fed = seed_federation()
        seed_party(fed, 1)
        self.refused_delete(FATE + "/" + fed, 409, "1 participant")

    def test_exchange_with_clusters(self):
        for query in ("", "?force=false", "?force=true"):
            with self.subTest(query=query):
                self.refused_delete(FATE + "/%s/exchange/%s%s" % (self.fed, self.exchange, query), 409, "2 cluster", "Remove the clusters first")

    def test_certificate_in_use(self):
        self.refused_delete("/certificate/" + self.certificate, 409, "1", "certificate")

    def test_participant_that_is_not_active(self):
        for status in (0, 2, 3, 6):
            p = seed_party(seed_federation(), 2, 1, status=status)[0]
            fed = one("select federation_uuid from participant where uuid = '%s'" % p)
            with self.subTest(status=status):
                self.refused_delete(FATE + "/%s/cluster/%s" % (fed, p), 409, "not active", "force")

    def test_under_an_operation(self):
        """An infrastructure that an operation holds."""
        infra = seed_infra()[0]
        op = one("insert into operation (kind, subject_type, subject, subject_name, actor, deadline) values ('endpoint_install', 'endpoint', gen_random_uuid(), 'kf-of-somebody', 'Admin', now() + interval '1 hour') returning id")
        sql("insert into hold (operation_id, object, exclusive) values (%s, '%s', false)" % (op, infra))
        self.refused_delete("/infra/" + infra, 409, "kf-of-somebody", "Wait until it ends")
        sql("delete from operation where id = %s" % op)

    def test_unknown(self):
        for path in ("/infra/%s", "/endpoint/%s", FATE + "/%s", FATE + "/" + self.fed + "/exchange/%s", FATE + "/" + self.fed + "/cluster/%s", "/certificate/%s"):
            for uuid in (NOBODY, "x", "1", "0" * 36, NOBODY + "0", "'%20or%201=1"):
                with self.subTest(path=path, uuid=uuid):
                    self.refused_delete(path % uuid, 404, "no ", "id")

    def test_of_another_federation_or_kind(self):
        other = seed_federation()
        self.refused_delete(FATE + "/%s/exchange/%s" % (other, self.exchange), 404, "participant")
        self.refused_delete(FATE + "/%s/cluster/%s" % (other, self.cluster), 404, "participant")
        self.refused_delete(FATE + "/%s/cluster/%s" % (self.fed, self.exchange), 404, "participant")
        self.refused_delete(FATE + "/%s/exchange/%s?force=true" % (self.fed, self.cluster), 404, "participant")

    def test_switches_that_are_none(self):
        self.refused_delete(FATE + "/%s/cluster/%s?force=perhaps" % (self.fed, self.cluster), 400, "force", "true or false")
        self.refused_delete("/endpoint/%s?force=2" % self.endpoint, 400, "force", "true or false")

    def test_pages_refuse_too(self):
        cookie = page_login()
        token = csrf("/infra", cookie)
        names = {k: one("select name from %s where uuid = '%s'" % (k, v)) for k, v in (("infra", self.infra), ("endpoint", self.endpoint), ("federation", self.fed))}
        names["exchange"] = one("select name from participant where uuid = '%s'" % self.exchange)
        for path, name in (("/infra-detail/%s/delete" % self.infra, names["infra"]), ("/endpoint-detail/%s/delete" % self.endpoint, names["endpoint"]), ("/federation/fate/%s/delete" % self.fed, names["federation"]),
                           ("/federation/fate/%s/exchange/detail/%s/delete" % (self.fed, self.exchange), names["exchange"]), ("/certificate/detail/%s/delete" % self.certificate, "Certificate for a.example.com")):
            with self.subTest(path=path.split("/")[1]), self.unchanged():
                r = form(path, {"_csrf": token, "confirm": name, "force": "true", "sent": "1"}, cookie)
                self.assertIn(r.status, (409, 422), r.text[:300])
                page = raw("GET", path.replace("/certificate/detail/%s/delete" % self.certificate, "/certificate"), headers={"Cookie": cookie})
                self.assertEqual(page.status, 200)

    def test_the_right_order(self):
        """The measure of the others, with records that nothing was deployed for."""
        infra, fed = seed_infra()[0], seed_federation()
        endpoint = seed_endpoint(infra)[0]
        certificate = seed_certificate(fed)[0]
        self.done(call("DELETE", "/certificate/" + certificate), None)
        self.done(call("DELETE", FATE + "/" + fed), None)
        self.refused(call("GET", FATE + "/" + fed), 404)
        self.done(call("DELETE", "/endpoint/" + endpoint), None)
        forget(endpoint)
        sql("delete from endpoint where uuid = '%s'" % endpoint)
        self.done(call("DELETE", "/infra/" + infra), None)
        self.refused(call("DELETE", "/infra/" + infra), 404)


if __name__ == "__main__":
    unittest.main()
