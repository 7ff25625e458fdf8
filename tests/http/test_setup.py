"""The guided start: /setup and the dashboard after every step, what people confirm, the line that leads back, and what empty lists offer."""
import html
import re
import unittest

from web import Case, csrf, form, one, page_login, raw, seed_certificate, seed_endpoint, seed_events, seed_federation, seed_infra, seed_party, sql, statements, unique, truncate

PASSWORD, CA, INFRA, ENDPOINT, FEDERATION, EXCHANGE, CLUSTERS, NAMES, TEST = range(9)


def nothing():
    """As after the first start, but for charts, people and their sessions."""
    truncate("certificate_binding, certificate, authority, named_secret, endpoint_object, endpoint_chart, participant, endpoint, infra, federation, operation_step, operation_component, hold, operation, work, probe, health_check, event")
    sql("delete from setting where key like 'setup.%'")


def default_password(yes):
    sql("update app_user set default_password = %s where name = 'Admin'" % ("true" if yes else "false"))


def operation(subject, state, kind="participant", percent=40):
    sql("delete from operation where subject = '%s'" % subject)
    if state:
        sql("insert into operation (kind, subject_type, subject, subject_name, actor, deadline, state, percent) values ('cluster_create', '%s', '%s', 'x', 'Admin', now() + interval '1 hour', '%s', %d)" % (kind, subject, state, percent))


def words(markup):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", markup))).strip()


class Item:
    def __init__(self, markup):
        self.markup, self.text = markup, words(markup)
        self.done, self.next, self.waits = 'class="did"' in markup, 'aria-current="step"' in markup, 'class="later"' in markup
        self.buttons = [html.unescape(x) for x in re.findall(r'<a class="button[^"]*" href="([^"]*)"', markup)]
        self.primary = [html.unescape(x) for x in re.findall(r'<a class="button primary" href="([^"]*)"', markup)]
        self.forms = re.findall(r'<form method="post" action="([^"]*)"', markup)
        self.chips = [(c, words(t)) for c, t in re.findall(r'<span class="chip (\w+)">(.*?)</span>', markup)]


def items(text):
    m = re.search(r'<ol class="check-list">(.*?)</ol>', text, re.S)
    return [Item(x) for x in re.findall(r"<li .*?</li>", m.group(1), re.S)] if m else []


class Setup(Case):
    def setUp(self):
        nothing()
        default_password(True)
        self.cookie = page_login()

    def tearDown(self):
        nothing()
        default_password(True)

    def get(self, path, more="", cookie=None):
        r = raw("GET", path, headers={"Cookie": (cookie or self.cookie) + more})
        self.assertEqual(r.status, 200, (path, r.text[:300]))
        return r

    def post(self, path, **fields):
        return form(path, dict(fields, _csrf=csrf("/help", self.cookie)), self.cookie)

    def look(self, following, *done):
        """The items of /setup; the dashboard has the same, one item is next, and it alone has the main button."""
        text, home = self.get("/setup").text, self.get("/").text
        v = items(text)
        self.assertEqual(len(v), 9)
        self.assertEqual([x.text for x in v], [x.text for x in items(home)])
        self.assertEqual([i for i, x in enumerate(v) if x.next], [following])
        self.assertEqual([i for i, x in enumerate(v) if x.primary], [following])
        self.assertEqual(len(v[following].primary), 1)
        self.assertEqual([i for i, x in enumerate(v) if x.done], sorted(done))
        for x in v:
            self.assertFalse(x.waits and (x.buttons or x.forms), x.text)
            if x.waits:
                self.assertRegex(x.text, r"Step \d comes first")
        return v

    def test_every_step(self):
        v = self.look(PASSWORD, CA)
        self.assertEqual(v[PASSWORD].primary, ["/account"])
        self.assertEqual((v[INFRA].buttons, v[FEDERATION].buttons), (["/infra/new"], ["/federation/new"]))
        self.assertIn('href="/certificate"', v[CA].markup)
        for k, first in ((ENDPOINT, 3), (EXCHANGE, 3), (CLUSTERS, 3), (NAMES, 7), (TEST, 7)):
            self.assertIn("Step %d comes first" % first, v[k].text)
        default_password(False)
        self.assertIn("0 of 2", self.look(INFRA, PASSWORD, CA)[INFRA].text)

        a = seed_infra()[0]
        v = self.look(INFRA, PASSWORD, CA)
        self.assertIn("1 of 2", v[INFRA].text)
        self.assertEqual((v[INFRA].primary, v[ENDPOINT].buttons), (["/infra/new"], ["/endpoint/new?infra=" + a]))
        b = seed_infra()[0]
        sql("update infra set test_ok = false where uuid = '%s'" % b)
        v = self.look(INFRA, PASSWORD, CA)
        self.assertEqual((v[INFRA].primary, v[INFRA].chips), (["/infra-detail/" + b], [("err", "Failed")]))
        sql("update infra set test_ok = true where uuid = '%s'" % b)
        v = self.look(ENDPOINT, PASSWORD, CA, INFRA)
        self.assertIn("Step 4 comes first", v[EXCHANGE].text)

        ea = seed_endpoint(a, status=1)[0]
        operation(ea, "running", "endpoint")
        v = self.look(ENDPOINT, PASSWORD, CA, INFRA)
        self.assertEqual((v[ENDPOINT].buttons, v[ENDPOINT].chips), (["/endpoint-detail/" + ea], [("busy", "Creating 40 %")]))
        for path in ("/setup", "/"):
            text = self.get(path).text
            self.assertIn('data-poll="/ui/%s"' % ("setup" if path == "/setup" else "dashboard"), text)
            self.assertIn('<noscript><meta http-equiv="refresh" content="10"></noscript>', text)
        live = self.get("/ui/setup")
        self.assertNotIn("data-reload", live.text)
        self.assertEqual(raw("GET", "/ui/setup", headers={"Cookie": self.cookie, "If-None-Match": live.headers["ETag"]}).status, 304)
        operation(ea, "failed", "endpoint")
        v = self.look(ENDPOINT, PASSWORD, CA, INFRA)
        self.assertEqual(v[ENDPOINT].buttons, ["/endpoint-detail/" + ea])
        self.assertEqual(v[ENDPOINT].chips, [("busy", "Creating"), ("err", "Attempt failed")])
        self.assertIn("data-reload", self.get("/ui/setup").text)
        operation(ea, None)
        sql("update endpoint set status = 2 where uuid = '%s'" % ea)
        v = self.look(ENDPOINT, PASSWORD, CA, INFRA)
        self.assertIn("1 of 2", v[ENDPOINT].text)
        self.assertEqual(v[ENDPOINT].primary, ["/endpoint/new?infra=" + b])
        self.assertIn("Step 5 comes first", v[EXCHANGE].text)
        eb = seed_endpoint(b)[0]
        self.look(FEDERATION, PASSWORD, CA, INFRA, ENDPOINT)

        fed = seed_federation()
        at = "/federation/fate/" + fed
        v = self.look(EXCHANGE, PASSWORD, CA, INFRA, ENDPOINT, FEDERATION)
        self.assertEqual(v[EXCHANGE].primary, [at + "/exchange/new"])
        self.assertIn("Step 6 comes first", v[CLUSTERS].text)
        x = seed_party(fed, 1, 1, ea, a, status=2)[0]
        operation(x, "queued")
        v = self.look(EXCHANGE, PASSWORD, CA, INFRA, ENDPOINT, FEDERATION)
        self.assertEqual((v[EXCHANGE].buttons, v[EXCHANGE].chips), ([at + "/exchange/detail/" + x], [("busy", "Installing")]))
        operation(x, "failed")
        sql("update participant set status = 5 where uuid = '%s'" % x)
        v = self.look(EXCHANGE, PASSWORD, CA, INFRA, ENDPOINT, FEDERATION)
        self.assertEqual((v[EXCHANGE].buttons, v[EXCHANGE].chips), ([at + "/exchange/detail/" + x], [("err", "Failed")]))
        operation(x, None)
        sql("update participant set status = 1 where uuid = '%s'" % x)
        done = (PASSWORD, CA, INFRA, ENDPOINT, FEDERATION, EXCHANGE)
        v = self.look(CLUSTERS, *done)
        self.assertEqual(v[CLUSTERS].primary, [at + "/cluster/new?endpoint=" + ea])

        seed_party(fed, 2, 1, ea, a)
        v = self.look(CLUSTERS, *done)
        self.assertIn("1 of 2", v[CLUSTERS].text)
        self.assertEqual(v[CLUSTERS].primary, [at + "/cluster/new?endpoint=" + eb], "the endpoint without a cluster is proposed")
        self.assertRegex(self.get(v[CLUSTERS].primary[0]).text, r'value="%s" required checked' % eb)
        c = seed_party(fed, 2, 1, eb, b, status=2, first=10000)[0]
        operation(c, "running")
        v = self.look(CLUSTERS, *done)
        self.assertEqual((v[CLUSTERS].buttons, v[CLUSTERS].chips), ([at + "/cluster/detail/" + c], [("busy", "Installing 40 %")]))
        self.assertEqual(self.post("/setup/confirm", item="names", next="/setup").status, 409)
        operation(c, None)
        sql("update participant set status = 1 where uuid = '%s'" % c)
        other = seed_federation()
        seed_party(other, 1, 1)
        v = self.look(NAMES, *done, CLUSTERS)
        self.assertEqual((v[NAMES].primary, v[TEST].buttons), ([at + "?tab=access"], [at + "?tab=test"]), "of the federation that is furthest")
        self.assertEqual((v[NAMES].forms, v[TEST].forms), (["/setup/confirm"], ["/setup/confirm"]))

        r = self.post("/setup/confirm", item="names", next="/")
        self.assertEqual((r.status, r.headers["Location"]), (303, "/"))
        self.assertRegex(one("select value from setting where key = 'setup.names.%s'" % fed), r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ Admin$")
        v = self.look(TEST, *done, CLUSTERS, NAMES)
        self.assertIn("Confirmed by Admin", v[NAMES].text)
        self.assertRegex(v[NAMES].markup, r'<time datetime="20')
        self.assertEqual(v[NAMES].forms, ["/setup/undo"])
        first = one("select value from setting where key = 'setup.names.%s'" % fed)
        sql("update setting set value = '2020-01-01T00:00:00Z Somebody' where key = 'setup.names.%s'" % fed)
        self.assertEqual(self.post("/setup/confirm", item="names", next="/setup").status, 303)
        self.assertIn("Confirmed by Somebody", self.look(TEST, *done, CLUSTERS, NAMES)[NAMES].text, "the first confirmation stays; " + first)
        self.assertEqual(self.post("/setup/undo", item="names", next="/setup").status, 303)
        self.look(NAMES, *done, CLUSTERS)

        for item in ("names", "test"):
            self.assertEqual(self.post("/setup/confirm", item=item, next="//evil.example.com").headers["Location"], "/")
        for path in ("/setup", "/"):
            r = self.get(path, "; guide=1")
            self.assertEqual(items(r.text), [])
            self.assertEqual((r.cookie("guide")[""], r.cookie("guide")["max-age"]), ("", "0"))
            self.assertIsNone(self.get(path).cookie("guide"))
        text = self.get("/setup").text
        self.assertIn("Everything is set up", text)
        self.assertIn('href="%s"' % at, text)
        self.assertIn('href="%s?tab=access"' % at, text)
        self.assertEqual(text.count('action="/setup/undo"'), 2)
        self.assertNotIn("check-list", self.get("/").text)
        for path in ("/operations", "/events", "/certificate"):
            main = self.main(path)
            self.assertIn('class="empty"', main)
            self.assertNotIn("button", main)
            self.assertNotIn("/setup", main)
        self.assertEqual(self.post("/setup/undo", item="test", next="/setup").status, 303)
        self.look(TEST, *done, CLUSTERS, NAMES)
        sql("update setting set value = 'by hand' where key = 'setup.names.%s'" % fed)
        self.assertIn("Confirmed by hand", self.look(TEST, *done, CLUSTERS, NAMES)[NAMES].text)
        sql("delete from participant where uuid = '%s'" % c)
        self.assertIn("Step 7 comes first", self.look(CLUSTERS, *done)[NAMES].text, "what was confirmed does not count without clusters")

    def test_a_second_infrastructure_is_named(self):
        default_password(False)
        seed_endpoint(seed_infra()[0])
        v = self.look(INFRA, PASSWORD, CA)
        self.assertIn("Step 3 comes first: a second infrastructure", v[ENDPOINT].text)

    def test_it_costs_one_statement_whatever_there_is(self):
        self.assertEqual([statements(self.get(p)) for p in ("/setup", "/ui/setup")], [2, 2])
        infra = seed_infra(20)
        for i in infra:
            fed = seed_federation()
            e = seed_endpoint(i)[0]
            seed_party(fed, 1, 1, e, i)
            seed_party(fed, 2, 10, e, i)
        self.assertEqual([statements(self.get(p)) for p in ("/setup", "/ui/setup")], [2, 2])

    # --- the line that leads back ---
    def test_cookie_and_line(self):
        for path in ("/setup", "/"):
            c = self.get(path).cookie("guide")
            self.assertEqual((c[""], c["path"], c["samesite"].lower()), ("1", "/", "lax"))
            self.assertIn("httponly", c)
            self.assertNotIn("max-age", c, "it ends with the browser")
            self.assertNotIn("secure", c, "like the others over http")
            self.assertIsNone(self.get(path, "; guide=1").cookie("guide"))
        for path in ("/infra", "/infra/new", "/endpoint/new", "/federation/new", "/account", "/help", "/operations", "/events", "/chart"):
            with self.subTest(path=path):
                r, without = self.get(path, "; guide=1"), self.get(path)
                self.assertIsNone(r.cookie("guide"))
                self.assertIn("back to the checklist", r.text)
                self.assertNotIn("back to the checklist", without.text)
                self.assertEqual(statements(r), statements(without), "the line costs a statement")
        self.assertIn("返回清单", self.get("/infra", "; guide=1; lang=zh-CN").text)
        for path in ("/setup", "/", "/login"):
            self.assertNotIn("back to the checklist", self.get(path, "; guide=1").text)
        r = raw("GET", "/nothing", headers={"Cookie": self.cookie + "; guide=1"})
        self.assertEqual(r.status, 404)
        self.assertIn("back to the checklist", r.text)
        self.assertNotIn("back to the checklist", self.get("/infra", "; guide=0").text)
        self.assertNotIn("checklist", raw("GET", "/login", headers={"Cookie": "guide=1"}).text)

    def test_the_line_is_hidden(self):
        r = self.post("/setup/hide", next="/infra?x=1")
        self.assertEqual((r.status, r.headers["Location"]), (303, "/infra?x=1"))
        self.assertEqual((r.cookie("guide")[""], r.cookie("guide")["max-age"]), ("", "0"))
        self.assertEqual(self.post("/setup/hide", next="https://evil.example.com/").headers["Location"], "/")
        self.assertIn('name="next" value="/infra?x=1"', self.get("/infra?x=1", "; guide=1").text)

    # --- refusals ---
    def test_refusals(self):
        with self.unchanged():
            for path in ("/setup/confirm", "/setup/undo", "/setup/hide"):
                for token in (None, "", "x"):
                    r = form(path, dict({"item": "names", "next": "/setup"}, **({"_csrf": token} if token is not None else {})), self.cookie)
                    self.assertEqual(r.status, 403)
                    self.assertIn("security token is missing", r.text)
                    self.assertIsNone(r.cookie("guide"))
            for item in ("", "password", "x", "<script>alert(1)</script>"):
                for path in ("/setup/confirm", "/setup/undo"):
                    r = self.post(path, item=item, next="/setup")
                    self.assertEqual(r.status, 422)
                    self.assertIn("This step is not one that people confirm.", r.text)
            r = self.post("/setup/confirm", item="test", next="/setup")
            self.assertEqual(r.status, 409)
            self.assertIn("when two clusters of one federation are Active", r.text)

    def test_a_viewer_reads_it(self):
        name = unique("user")
        sql("insert into app_user (name, password, role) select '%s', password, 1 from app_user where name = 'Admin'" % name)
        viewer = page_login(name=name)
        e = seed_endpoint(seed_infra()[0], status=1)[0]
        v = items(self.get("/setup", cookie=viewer).text)
        self.assertEqual([x.buttons for x in v if x.buttons], [["/endpoint-detail/" + e]])
        self.assertEqual([x.forms for x in v if x.forms], [])
        token = csrf("/help", viewer)
        with self.unchanged():
            self.assertEqual(form("/setup/confirm", {"item": "names", "_csrf": token}, viewer).status, 403)
            self.assertEqual(form("/setup/hide", {"_csrf": token}, viewer).status, 303)
        self.assertNotIn('class="button', self.main("/certificate", viewer))

    # --- empty lists ---
    def main(self, path, cookie=None):
        return self.get(path, cookie=cookie).text.split("<main", 1)[1].split("</main>")[0].split('<div id="page">')[1]

    def empty(self, path, button, *said):
        """The list says what is missing and has one way on, apart from imports; the list of steps is linked."""
        with self.subTest(path=path, button=button):
            text = self.main(path)
            v = re.findall(r'<div class="empty">(.*?)</div>', text, re.S)
            self.assertTrue(v, path)
            buttons = [html.unescape(re.sub(r"\?.*", "", b)) for e in v for b in re.findall(r'<a class="button[^"]*" href="([^"]*)"', e)]
            self.assertEqual(set(buttons), {button})
            self.assertEqual(len(buttons), len(v))
            self.assertEqual([re.sub(r"\?.*", "", b) for b in re.findall(r'<a class="button primary" href="([^"]*)"', text)], [button])
            for e in v:
                self.assertIn('<a href="/setup">All steps</a>', e)
            for s in said:
                self.assertIn(s, words(v[0]))

    def test_empty_lists(self):
        fed = seed_federation()
        at = "/federation/fate/" + fed
        forms, logs = (at + "/exchange/new", at + "/cluster/new"), ("/operations", "/operations?state=open", "/events", "/certificate")
        sql("update federation set deleted_at = now()")
        self.empty("/federation", "/federation/new", "No federation yet")
        sql("update federation set deleted_at = null")
        first = "You need an infrastructure first: add one."
        self.empty("/infra", "/infra/new", "No infrastructure yet")
        for path in ("/endpoint", "/endpoint/new", at, at + "?tab=access") + forms + logs:
            self.empty(path, "/infra/new", first)
        infra = seed_infra()[0]
        sql("update infra set test_ok = false")
        for path in ("/endpoint", at) + forms + logs:
            self.empty(path, "/infra-detail/" + infra, "passes its test first: infra-")
        sql("update infra set test_ok = true")
        for path in ("/endpoint",) + logs[:3]:
            self.empty(path, "/endpoint/new")
        for path in (at, at + "?tab=access", "/certificate") + forms:
            self.empty(path, "/endpoint/new", "You need an endpoint that is Ready first: add one.")
        endpoint = seed_endpoint(infra, status=1)[0]
        for path in (at,) + forms + logs:
            self.empty(path, "/endpoint-detail/" + endpoint, "is not yet" if path == at or path in forms else "")
        sql("update endpoint set status = 2")
        for path in (at, "/certificate"):
            self.empty(path, at + "/exchange/new")
        self.empty(at + "/cluster/new", at + "/exchange/new", "No exchange is active", "You need an exchange that is Active first: deploy one.")
        self.empty(at + "/cluster/new?external=1", at + "/exchange/new", "No exchange is active")
        self.assertIn('name="endpoint"', self.get(at + "/exchange/new").text)
        exchange = seed_party(fed, 1, 1, endpoint, infra, status=2)[0]
        for path in (at, at + "/cluster/new"):
            self.empty(path, at + "/exchange/detail/" + exchange, "You need an exchange that is Active first: party-")
        sql("update participant set status = 1")
        self.empty(at, at + "/cluster/new", "No cluster yet")
        self.assertIn('name="party_id"', self.get(at + "/cluster/new").text)
        seed_party(fed, 2, 1, endpoint, infra)
        self.assertNotIn('class="empty"', self.main(at))
        self.assertIn('href="%s/cluster/new"' % at, self.main(at))

    def test_this_federation_counts_not_the_one_that_is_furthest(self):
        a, b = seed_infra(2)
        ea, eb = seed_endpoint(a)[0], seed_endpoint(b)[0]
        far, near = seed_federation(), seed_federation()
        seed_party(far, 1, 1, ea, a)
        seed_party(far, 2, 2, eb, b)
        self.empty("/federation/fate/" + near, "/federation/fate/%s/exchange/new" % near)
        self.empty("/federation/fate/%s/cluster/new" % near, "/federation/fate/%s/exchange/new" % near)

    def test_lists_with_rows_ask_nothing_more(self):
        fed = seed_federation()
        infra = seed_infra()[0]
        endpoint = seed_endpoint(infra)[0]
        paths = ("/infra", "/endpoint", "/federation", "/events", "/certificate", "/federation/fate/" + fed)
        seed_party(fed, 1, 1, endpoint, infra)
        seed_certificate(fed, seed_party(fed, 2, 1, endpoint, infra)[0])
        seed_events(endpoint)
        self.assertEqual([statements(self.get(p)) for p in paths], [2, 2, 2, 2, 3, 2])

    def test_no_chart(self):
        sql("create table chart_kept as select * from chart")
        sql("delete from chart")
        try:
            main = self.main("/chart")
        finally:
            sql("insert into chart select * from chart_kept")
            sql("drop table chart_kept")
        self.assertIn("No chart", words(main))
        self.assertEqual(re.findall(r'<a class="button primary" href="([^"]*)"', main), ["/setup"])

    def test_it_is_always_found(self):
        r = self.get("/help").text
        self.assertIn('href="/setup"', r.split("<main")[0], "in the menu of the person")
        self.assertIn('href="/setup"', r.split("<main")[1])


if __name__ == "__main__":
    unittest.main()
