"""Who may do what: tokens, sessions, forms and their security tokens, unknown addresses, wrong methods, login throttling."""
import base64
import json
import unittest

from web import API, NOBODY, ROUTES, URL, Case, call, csrf, form, login, one, page_login, raw, sql, unique

PAGES_POST = [(p, flags) for m, perm, p, *flags in ROUTES if m == "POST" and "api" not in flags]
API_CLOSED = [(m, p) for m, perm, p, *flags in ROUTES if "api" in flags and perm != "public"]
PAGES_CLOSED = [(p, flags) for m, perm, p, *flags in ROUTES if m == "GET" and "api" not in flags and perm != "public"]


def real(path):
    return path.replace("{uuid}", NOBODY).replace("{entity_uuid}", NOBODY).replace("{id}", "1")


def user(role):
    """Somebody of a lower role, with the administrator's password."""
    name = unique("user")
    sql("insert into app_user (name, password, role) select '%s', password, %d from app_user where name = 'Admin'" % (name, role))
    return name


class Tokens(Case):
    def test_api_without_one(self):
        self.assertGreater(len(API_CLOSED), 30)
        with self.unchanged():
            for method, path in API_CLOSED:
                with self.subTest(route=method + " " + path):
                    self.refused(raw(method, real(path), headers={"Content-Type": "application/json"}), 401)
                    self.refused(raw(method, real(path), b"{}" if method in ("POST", "PUT") else None, {"Content-Type": "application/json"}), 401)

    def test_api_with_a_wrong_one(self):
        good = login()
        head, body, sign = good.split(".")
        none = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
        wrong = ["", "x", "a.b.c", head + "." + body + ".", none + "." + body + ".", head + "." + body + "." + sign[::-1], good + "x", good[:-1], "../" + good, "' or 1=1 --", "x" * 4000]
        with self.unchanged():
            for t in wrong:
                with self.subTest(token=t[:20]):
                    self.refused(call("GET", "/infra", who=t or " "), 401)
                    self.refused(raw("GET", API + "/infra", headers={"Cookie": "jwt=" + t}), 401)
        self.done(call("GET", "/user/current", who=good), "Admin")

    def test_the_secret_of_a_session_is_not_what_the_database_holds(self):
        good = login()
        for (h,) in sql("select token_sha256 from session order by id desc limit 3"):
            self.refused(call("GET", "/infra", who=h), 401)
        self.assertEqual(one("select count(*) from session where token_sha256 = '%s'" % good), "0")

    def test_logout_ends_it(self):
        t = login()
        self.done(call("GET", "/user/current", who=t))
        self.assertEqual(call("POST", "/user/logout", who=t).json, {"code": 200})
        self.refused(call("GET", "/user/current", who=t), 401, "expired")

    def test_an_old_one(self):
        t = login()
        sql("update session set expires_at = now() - interval '1 second' where id = (select max(id) from session)")
        r = call("GET", "/user/current", who=t)
        self.assertEqual((r.status, r.message), (401, "Token is expired"))

    def test_a_viewer_changes_nothing(self):
        t = login(user(1))
        self.done(call("GET", "/infra", who=t))
        with self.unchanged():
            for m, perm, p, *flags in ROUTES:
                if "api" in flags and perm in ("operate", "admin", "logs"):
                    with self.subTest(route=m + " " + p):
                        self.refused(raw(m, real(p), b"{}" if m in ("POST", "PUT") else None, {"Authorization": "Bearer " + t, "Content-Type": "application/json"}), 403, "permission")

    def test_a_page_session_of_a_viewer(self):
        name = user(1)
        cookie = page_login(name=name)
        token = csrf("/infra", cookie)
        with self.unchanged():
            for m, perm, p, *flags in ROUTES:
                if "api" not in flags and perm in ("operate", "logs"):
                    with self.subTest(route=m + " " + p):
                        r = raw("GET", real(p), headers={"Cookie": cookie}) if m == "GET" else form(real(p), {"_csrf": token, "name": "x", "domain": "a.b"}, cookie)
                        self.assertEqual(r.status, 403)

    def test_somebody_elses_password(self):
        t = login(user(3))
        admin = one("select id from app_user where name = 'Admin'")
        with self.unchanged():
            self.refused(call("PUT", "/user/%s/password" % admin, {"cur_password": "admin", "new_password": "quite another one"}, who=t), 403)
            self.refused(call("PUT", "/user/text/password", {"cur_password": "admin", "new_password": "quite another one"}, who=t), 400, "not a number")

    def test_passwords_that_are_none(self):
        name = user(2)
        t, mine = login(name), one("select id from app_user where name = '%s'" % name)
        with self.unchanged():
            for cur, new in (("wrong", "quite another one"), ("admin", ""), ("admin", "short"), ("admin", "x" * 129), ("admin", "admin"), ("admin", "password1"), ("admin", name), ("admin", "Adminadmin")):
                with self.subTest(new=new[:20]):
                    self.refused(call("PUT", "/user/%s/password" % mine, {"cur_password": cur, "new_password": new}, who=t), 422)
        self.done(call("GET", "/user/current", who=t), name)
        self.done(call("PUT", "/user/%s/password" % mine, {"cur_password": "admin", "new_password": "quite another one"}, who=t))
        self.assertEqual(call("GET", "/user/current", who=t).status, 401, "a new password ends the sessions")

    def test_whoever_changes_it_stays_logged_in(self):
        name = user(3)
        here, elsewhere = page_login(name=name), page_login(name=name)
        r = form("/account/password", {"_csrf": csrf("/account", here), "current": "admin", "fresh": "quite another one", "again": "quite another one"}, here)
        self.assertEqual((r.status, r.headers["Location"]), (303, "/account"))
        fresh = "fedlcm=" + r.cookie("fedlcm")[""]
        self.assertNotEqual(fresh, here)
        for cookie, status in ((fresh, 200), (here, 303), (elsewhere, 303)):
            self.assertEqual(raw("GET", "/account", headers={"Cookie": cookie}).status, status)


class Forms(Case):
    def test_without_the_token(self):
        cookie, other = page_login(), page_login()
        foreign = csrf("/infra", other)
        self.assertGreater(len(PAGES_POST), 20)
        with self.unchanged():
            for path, flags in PAGES_POST:
                if "csrf-exempt" in flags:
                    continue
                for sent in ({}, {"_csrf": ""}, {"_csrf": "x"}, {"_csrf": "A" * 86}, {"_csrf": foreign}):
                    with self.subTest(path=path, token=sent.get("_csrf", "-")[:3]):
                        r = form(real(path), dict(sent, name="x", domain="example.com"), cookie)
                        self.assertEqual(r.status, 403, r.text[:200])
                        self.assertIn("security token is missing", r.text)
        self.assertEqual(raw("GET", "/infra", headers={"Cookie": cookie}).status, 200, "the logout form was refused as well")

    def test_as_multipart(self):
        cookie = page_login()
        body = "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nx\r\n--b--\r\n"
        with self.unchanged():
            for path in ("/infra/new", "/federation/new"):
                r = raw("POST", path, body, {"Cookie": cookie, "Content-Type": "multipart/form-data; boundary=b"})
                self.assertEqual(r.status, 403)

    def test_from_another_site(self):
        cookie = page_login()
        token = csrf("/federation/new", cookie)
        fields = {"name": unique("f"), "description": "", "domain": "example.com", "_csrf": token}
        with self.unchanged():
            for headers in ({"Origin": "https://evil.example.com"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": None, "Sec-Fetch-Site": None, "Referer": "http://evil.example.com/x"}, {"Origin": "http://%s.evil.com" % URL.netloc}):
                with self.subTest(headers=headers):
                    r = form("/federation/new", fields, cookie, headers)
                    self.assertEqual(r.status, 403)
                    self.assertIn("another site", r.text)
        self.assertEqual(form("/federation/new", fields, cookie).status, 303, "the measure of the others")

    def test_login_from_another_site(self):
        """The login form has no session, hence no token; where it comes from is looked at."""
        before = one("select count(*) from session")
        for headers in ({"Origin": "https://evil.example.com"}, {"Sec-Fetch-Site": "cross-site"}):
            r = form("/login", {"username": "Admin", "password": "admin"}, "", headers)
            self.assertEqual(r.status, 403)
            self.assertIsNone(r.cookie("fedlcm"))
        self.assertEqual(one("select count(*) from session"), before)

    def test_login_form(self):
        for name, password in (("Admin", "wrong"), ("admin", "admin"), ("", ""), ("Admin", ""), ("' or 1=1 --", "x")):
            with self.subTest(name=name, password=password), self.unchanged():
                r = form("/login", {"username": name, "password": password}, "")
                self.assertIn(r.status, (401, 422), r.text[:200])
                self.assertIsNone(r.cookie("fedlcm"))
                self.assertIn("The user name or the password is not right.", r.text)
                sql("delete from login_failure")
        with self.unchanged():
            r = form("/login", {"username": "Admin\x00", "password": "admin"}, "")
            self.assertEqual(r.status, 400)
            self.assertIn("arrived damaged", r.text)
        r = form("/login", {"username": "Admin", "password": "admin", "next": "//evil.example.com/"}, "")
        self.assertEqual((r.status, r.headers["Location"]), (303, "/"))
        c = r.cookie("fedlcm")
        self.assertIn("httponly", c)
        self.assertEqual(c["samesite"].lower(), "lax")

    def test_api_with_a_cookie(self):
        """A browser sends the cookie by itself: then the origin counts, and a body must be declared as JSON."""
        t = login()
        body = {"name": unique("f"), "description": "", "domain": "example.com"}
        with self.unchanged():
            for headers in ({"Origin": "https://evil.example.com"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
                with self.subTest(headers=headers):
                    self.refused(raw("POST", API + "/federation/fate", body, dict(headers, **{"Cookie": "jwt=" + t, "Content-Type": "application/json"})), 403, "another site")
            own = {"Cookie": "jwt=" + t, "Origin": "http://" + URL.netloc}
            for kind in ("text/plain", "application/x-www-form-urlencoded"):
                self.refused(raw("POST", API + "/federation/fate", body, dict(own, **{"Content-Type": kind})), 400, "application/json")
        self.done(raw("POST", API + "/federation/fate", body, dict(own, **{"Content-Type": "application/json"})))

    def test_damaged_bodies(self):
        cookie = page_login()
        with self.unchanged():
            for kind, body in (("multipart/form-data", "x"), ("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx"), ("application/x-www-form-urlencoded", "&".join("a%d=1" % i for i in range(5000))),
                               ("application/x-www-form-urlencoded", "name=%zz&domain=%"), ("application/json", "{}")):
                with self.subTest(kind=kind, body=body[:10]):
                    r = raw("POST", "/federation/new", body, {"Cookie": cookie, "Content-Type": kind})
                    self.assertIn(r.status, (400, 403, 413, 422))

    def test_large_form(self):
        cookie = page_login()
        with self.unchanged():
            self.assertEqual(form("/federation/new", {"name": "x" * 70000, "_csrf": csrf("/infra", cookie)}, cookie).status, 413)
            self.assertEqual(form("/federation/new", {"name": "x" * (2 << 20)}, cookie).status, 413)


class Addresses(Case):
    def test_unknown_api(self):
        """Upstream's router answers in plain text, for a wrong method as well."""
        with self.unchanged():
            for method, path in (("GET", "/nothing"), ("GET", "/infra/x/y"), ("PUT", "/infra"), ("DELETE", "/infra"), ("PATCH", "/infra"), ("GET", "/infra/kubernetes/connect/x"), ("POST", "/event/" + NOBODY), ("GET", "/federation/fate/%2e%2e/%2e%2e/etc"), ("GET", "/INFRA")):
                with self.subTest(route=method + path):
                    r = call(method, path)
                    self.assertEqual((r.status, r.text), (404, "404 page not found"))

    def test_unknown_page(self):
        cookie = page_login()
        for path in ("/nothing", "/infra-detail", "/infra-detail/x", "/infra-detail/" + NOBODY, "/federation/fate/" + NOBODY, "/participant/" + NOBODY, "/operations/" + NOBODY, "/static/nothing.css", "/.git/config", "/.front/413.en.html"):
            with self.subTest(path=path):
                self.assertEqual(raw("GET", path, headers={"Cookie": cookie}).status, 404)

    def test_wrong_method(self):
        cookie = page_login()
        token = csrf("/infra", cookie)
        with self.unchanged():
            for method, path in (("PUT", "/infra"), ("DELETE", "/infra"), ("POST", "/infra"), ("GET", "/logout"), ("DELETE", "/login"), ("PATCH", "/federation/new"), ("POST", "/infra-detail/" + NOBODY), ("GET", "/operations/%s/cancel" % NOBODY)):
                with self.subTest(route=method + path):
                    r = raw(method, path, "_csrf=" + token if method == "POST" else None, {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"})
                    self.assertEqual(r.status, 405)
                    self.assertIn("does not accept this kind of request", r.text)

    def test_pages_without_a_session(self):
        self.assertGreater(len(PAGES_CLOSED), 20)
        for path, flags in PAGES_CLOSED:
            with self.subTest(path=path):
                r = raw("GET", real(path))
                if "poll" in flags:
                    self.assertEqual(r.status, 401)
                else:
                    self.assertEqual(r.status, 303)
                    self.assertTrue(r.headers["Location"].startswith("/login"))

    def test_trailing_slash(self):
        """Upstream's clients send some routes with one."""
        fed = self.done(call("POST", "/federation/fate/", {"name": unique("f"), "description": "", "domain": "example.com"}))
        self.done(call("GET", "/federation/fate/%s/" % fed))

    def test_strange_requests(self):
        with self.unchanged():
            for path in ("/infra?" + "a=1&" * 2000, "/infra?a=%00", "/infra?a=%zz", "/chart?type=x", "/event/%s?limit=x" % NOBODY, "/infra/%00", "/infra/%ff%fe", "/infra/" + "x" * 3000, "/infra/<script>alert(1)</script>"):
                with self.subTest(path=path[:30]):
                    r = call("GET", path.replace("<", "%3C").replace(">", "%3E"))
                    self.assertLess(r.status, 500, r.text[:200])
                    self.assertNotIn("<script>", r.text)


class Throttle(Case):
    """From the fifth failure on a name or an address waits, whoever asks."""

    def setUp(self):
        sql("delete from login_failure")

    def tearDown(self):
        sql("delete from login_failure")

    def attempt(self, password, name="Admin"):
        return raw("POST", API + "/user/login", {"username": name, "password": password}, {"Content-Type": "application/json"})

    def test_api(self):
        with self.unchanged():
            for _ in range(5):
                self.refused(self.attempt("wrong"), 401, "incorrect")
            r = self.refused(self.attempt("admin"), 429, "Too many failed logins", "seconds")
            self.assertGreater(int(r.headers["Retry-After"]), 0)
            r = form("/login", {"username": "Admin", "password": "admin"}, "")
            self.assertEqual(r.status, 429)
            self.assertIsNone(r.cookie("fedlcm"))
        sql("update login_failure set blocked_until = now() - interval '1 second'")
        self.done(self.attempt("admin"))

    def test_many_names_of_one_address(self):
        for i in range(5):
            self.refused(self.attempt("wrong", "nobody-%d" % i), 401, "incorrect")
        self.refused(self.attempt("wrong", "nobody-6"), 429)

    def test_unknown_names_take_as_long(self):
        def least(name):
            times = []
            for _ in range(4):
                times.append(self.attempt("wrong", name).seconds)
                sql("delete from login_failure")
            return min(times)
        known, unknown = least("Admin"), least("nobody")
        self.assertGreater(unknown, known / 3)
        self.assertLess(unknown, known * 3)


if __name__ == "__main__":
    unittest.main()
