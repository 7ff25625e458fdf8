"""Archives of charts in the store: by the API and by the page, what is taken, and what is refused with a sentence and changes nothing."""
import html, os, re
import unittest

import chart
from web import API, CHART, NOBODY, Case, call, csrf, form, one, page_login, raw, seed_endpoint, seed_infra, sql, token

EXCHANGE, PORTAL = CHART[1], "fd30a219-c9d2-4f6a-9146-f06c05a666f2"
NAME, VERSION = "fate-exchange", "v1.11.1"


def api(data, uuid=EXCHANGE, **how):
    headers, body = chart.form(data, **how)
    return raw("POST", "%s/chart/%s/archive" % (API, uuid), body, dict(headers, Authorization="Bearer " + token()))


class Charts(Case):
    @classmethod
    def setUpClass(cls):
        cls.cookie = page_login()
        cls.token = csrf("/federation/new", cls.cookie)

    def tearDown(self):
        sql("delete from chart_archive")

    def page(self, data, uuid=EXCHANGE):
        headers, body = chart.form(data)
        mark = headers["Content-Type"].split("=", 1)[1]
        first = '--%s\r\nContent-Disposition: form-data; name="_csrf"\r\n\r\n%s\r\n' % (mark, self.token)
        return raw("POST", "/chart-detail/%s/archive" % uuid, first.encode() + body, dict(headers, Cookie=self.cookie, Origin=os.environ["HTTP_URL"]))

    def stored(self):
        return one("select count(*) from chart_archive")

    def shown(self, uuid=EXCHANGE):
        r = raw("GET", "/chart-detail/" + uuid, headers={"Cookie": self.cookie})
        self.assertEqual(r.status, 200)
        return html.unescape(re.sub(r"<[^>]*>", " ", r.text))

    def test_by_the_api(self):
        data = chart.archive(NAME, VERSION)
        d = self.done(api(data))
        self.assertEqual((d["file_name"], d["size"]), ("fate-exchange-v1.11.1.tgz", len(data)))
        self.assertEqual(d["sha256"], one("select encode(sha256(archive), 'hex') from chart_archive"))
        self.assertIn(d["sha256"], self.shown())
        self.done(call("DELETE", "/chart/%s/archive" % EXCHANGE), None)
        self.assertEqual(self.stored(), "0")
        with self.unchanged():
            self.refused(call("DELETE", "/chart/%s/archive" % EXCHANGE), 404, "no archive", NAME)

    def test_by_the_page(self):
        for i in range(2):  # the second one replaces the first
            r = self.page(chart.archive(NAME, VERSION, values_yaml="a: %d\n" % i))
            self.assertEqual((r.status, r.headers["Location"]), (303, "/chart-detail/" + EXCHANGE), r.text[:300])
            self.assertEqual(self.stored(), "1")
        self.assertEqual(one("select uploaded_by from chart_archive"), "Admin")
        self.assertIn("Replace the file", self.shown())
        r = form("/chart-detail/%s/archive/delete" % EXCHANGE, {"_csrf": self.token}, self.cookie)
        self.assertEqual(r.status, 303)
        self.assertIn("Store the file", self.shown())

    def test_what_is_refused(self):
        good = chart.archive(NAME, VERSION)
        for data, status, *words in ((b"", 422, "choose"), (b"no archive", 422, "gzip"), (good[:len(good) // 2], 422, "cut off"), (good[:-6] + b"\0\0" + good[-4:], 422, "damaged"), (chart.archive("fate", VERSION), 422, "fate v1.11.1", "fate-exchange v1.11.1"),
                                     (chart.archive(NAME, "v1.11.2"), 422, "v1.11.2"), (chart.archive(NAME, VERSION, Chart_yaml=None), 422, "Chart.yaml"), (chart.archive(NAME, VERSION, Chart_yaml="a: [\n"), 422, "YAML"),
                                     (chart.archive(NAME, VERSION, values_template_yaml=None), 422, "values-template.yaml"), (chart.archive(NAME, VERSION, values_yaml="x" * 70000), 422, "65535"),
                                     (chart.archive(NAME, VERSION, templates_a_yaml=None, templates_b_yaml=None), 422, "templates"), (os.urandom((2 << 20) + 1), 413, "2 MiB")):
            with self.subTest(size=len(data), words=words):
                with self.unchanged():
                    self.refused(api(data), status, *words)
                    r = self.page(data)
                self.assertEqual(r.status, status, r.text[:300])
                for w in words:
                    self.assertIn(w.lower(), html.unescape(re.sub(r"<[^>]*>", "", r.text)).lower())
                self.assertIn('aria-invalid="true"', r.text)
        self.assertEqual(self.stored(), "0")

    def test_what_nginx_turns_away_is_explained(self):
        with self.unchanged():
            self.refused(api(os.urandom(10 << 20)), 413, "chart", "2 MiB")
            r = self.page(os.urandom(10 << 20))
        self.assertEqual(r.status, 413)
        self.assertIn("2 MiB", r.text)

    def test_no_such_chart_and_none_that_is_deployed_here(self):
        with self.unchanged():
            self.refused(api(chart.archive(NAME, VERSION), NOBODY), 404)
            self.refused(api(chart.archive(NAME, VERSION), PORTAL), 409, "does not deploy")
        self.assertNotIn("Store the file", self.shown(PORTAL))

    def test_forms_without_a_file(self):
        with self.unchanged():
            self.refused(api(chart.archive(NAME, VERSION), name="other"), 422, "choose")
            headers = {"Authorization": "Bearer " + token()}
            for kind, body, status in (("application/json", "{}", (400, 422)), ("multipart/form-data", "x", 400), ("multipart/form-data; boundary=b", "--b\r\nno head", 400), ("text/plain", "", 422)):
                with self.subTest(kind=kind):
                    self.refused(raw("POST", "%s/chart/%s/archive" % (API, EXCHANGE), body, dict(headers, **{"Content-Type": kind})), status)

    def test_an_endpoint_shows_what_it_was_given(self):
        infra = seed_infra()[0]
        endpoint = seed_endpoint(infra)[0]
        at = "/endpoint-detail/" + endpoint
        page = lambda: html.unescape(re.sub(r"<[^>]*>", " ", raw("GET", at, headers={"Cookie": self.cookie}).text))  # noqa: E731
        self.assertNotIn("Charts from the store", page())
        self.done(api(chart.archive(NAME, VERSION)))
        self.assertRegex(page(), r"fate-exchange v1\.11\.1\s+not handed over yet")
        sql("insert into endpoint_chart (endpoint_uuid, chart_uuid, content, kubefate_uuid) values ('%s', '%s', 'another', 'u')" % (endpoint, EXCHANGE))
        self.assertRegex(page(), r"differs from the store")
        sql("update endpoint_chart set content = (select content from chart_archive)")
        self.assertRegex(page(), r"as in the store")
        sql("delete from endpoint where uuid = '%s'" % endpoint)

    def test_handing_over_is_refused_where_it_cannot_be(self):
        infra = seed_infra()[0]
        endpoint = seed_endpoint(infra, status=4)[0]
        give = lambda: form("/endpoint-detail/%s/chart/%s" % (endpoint, EXCHANGE), {"_csrf": self.token}, self.cookie)  # noqa: E731
        with self.unchanged():
            r = give()
        self.assertEqual(r.status, 404)
        self.done(api(chart.archive(NAME, VERSION)))
        with self.unchanged():
            r = give()
        self.assertEqual(r.status, 409, r.text[:300])
        self.assertIn("is not ready", r.text)


if __name__ == "__main__":
    unittest.main()
