"""People and programs that go on using the product, each answer checked and remembered.

An answer is good, or it is a proper 503 (Retry-After, and a page in the reader's language or the JSON envelope with a sentence), which only a window that
was announced may contain, or it is a fault, which no moment excuses."""
import http.client, json, random, re, ssl, threading, time, urllib.parse

HANG = 8.0  # seconds; longer is a fault, except for calls that wait for the poller. A host that vanished is noticed after 4 s (fcgi/db/db.c), and its address may be asked for 2 s once more
WAITS = 10.5
LANG = {"en": '<html lang="en"', "zh-CN": '<html lang="zh-CN"'}


class Answer:
    def __init__(self, began, who, what):
        self.began, self.who, self.what, self.ended, self.status, self.text, self.headers, self.fault, self.away = began, who, what, 0, 0, "", {}, None, False

    def __repr__(self):
        return "%s %s: %d in %.2f s%s%s" % (self.who, self.what, self.status, self.ended - self.began, " away" if self.away else "", " FAULT %s" % self.fault if self.fault else "")


class Recorder:
    """All requests of a run."""

    def __init__(self, url, ca):
        self.host, self.url, self.ctx = urllib.parse.urlsplit(url).netloc, url, ssl.create_default_context(cafile=ca)
        self.lock, self.answers, self.more = threading.Lock(), [], 0

    def ask(self, who, method, path, body=None, headers=None, language="en", good=(200,), limit=None, check=None):
        a = Answer(time.time(), who, "%s %s" % (method, path))
        hang = (limit or HANG) + self.more
        try:
            c = http.client.HTTPSConnection(self.host, timeout=60, context=self.ctx)
            try:
                c.request(method, path, body, dict(headers or {}, Connection="close"))
                r = c.getresponse()
                a.status, a.headers, a.text = r.status, {k.lower(): v for k, v in r.getheaders()}, r.read().decode(errors="replace")
                a.cookies = r.headers.get_all("Set-Cookie") or []
            finally:
                c.close()
        except (OSError, http.client.HTTPException) as e:
            a.fault = repr(e)
        a.ended = time.time()
        if not a.fault:
            a.fault = self.judge(a, path.startswith("/api/"), language, good, check)
        if not a.fault and a.ended - a.began > hang:
            a.fault = "took %.1f s" % (a.ended - a.began)
        with self.lock:
            self.answers.append(a)
        return a

    @staticmethod
    def judge(a, api, language, good, check):
        if a.status in good:
            return check(a) if check else None
        if a.status != 503:
            return "status %d: %s" % (a.status, a.text[:300])
        a.away = True
        if not a.headers.get("retry-after", "").isdigit():
            return "503 without Retry-After: %s" % a.text[:300]
        if api:
            try:
                v = json.loads(a.text)
            except ValueError:
                return "503 that is no JSON: %s" % a.text[:300]
            return None if v.get("code") == 10001 and re.match(r"[A-Z].*\.$", v.get("message", "")) and v.get("data", 0) is None else "503 without a sentence: %s" % a.text[:300]
        return None if LANG[language] in a.text and "</html>" in a.text and len(a.text) > 120 else "503 without a page in %s: %s" % (language, a.text[:300])

    def between(self, began, ended):
        with self.lock:
            return [a for a in self.answers if a.ended >= began and a.began <= ended]

    def calm(self, seconds=1.5, within=60):
        """Waits until everybody has been answered well for a while; when that while began."""
        end = time.time() + within
        while True:
            now = time.time()
            last = self.between(now - seconds, now)
            if len(last) > 10 and not any(a.away or a.fault for a in last):
                return now - seconds
            assert now < end, "no calm: %s" % [a for a in last if a.away or a.fault][:5]
            time.sleep(0.1)


class Load:
    """Six who use it at once. What was acknowledged is kept, to be looked for at the end."""

    def __init__(self, recorder, password, kubeconfig, seed):
        self.rec, self.password, self.kubeconfig, self.random = recorder, password, kubeconfig, random.Random(seed)
        self.stopped, self.there, self.gone, self.unknown, self.lock, self.trouble = threading.Event(), set(), set(), set(), threading.Lock(), []
        self.sessions = {}
        self.api = {"Authorization": "Bearer " + json.loads(recorder.ask("login", "POST", "/api/v1/user/login", json.dumps({"username": "Admin", "password": password}), {"Content-Type": "application/json"}).text)["data"],
                    "Content-Type": "application/json"}
        people = [(self.reader, "en"), (self.reader, "zh-CN"), (self.writer_by_page, "zh-CN"), (self.reader_of_the_api, "en"), (self.writer_by_api, "en"), (self.waiter, "en"), (self.styles, "en")]
        self.threads = [threading.Thread(target=self.live, args=(p, lang, i), daemon=True) for i, (p, lang) in enumerate(people)]
        for t in self.threads:
            t.start()

    def stop(self):
        self.stopped.set()
        for t in self.threads:
            t.join()
        assert not self.trouble, self.trouble

    def live(self, person, language, number):
        n = 0
        try:
            while not self.stopped.is_set():
                n += 1
                person("%s-%d" % (person.__name__.replace("_", "-"), number), language, n)
                time.sleep(self.random.uniform(0.2, 0.5))
        except Exception as e:
            self.trouble.append("%s: %r" % (person.__name__, e))

    # --- pages ---
    def session(self, who, language):
        """Cookies of a login by page, made when first needed and kept."""
        if who not in self.sessions:
            body = urllib.parse.urlencode({"username": "Admin", "password": self.password})
            a = self.page(who, language, "POST", "/login", body, "lang=" + language, good=(303,))
            got = [c.split(";")[0] for c in getattr(a, "cookies", []) if c.startswith("__Host-fedlcm=")]
            if a.status != 303 or not got:
                return None
            self.sessions[who] = "%s; lang=%s" % (got[0], language)
        return self.sessions[who]

    def page(self, who, language, method, path, body, cookies, good=(200,), check=None):
        headers = {"Cookie": cookies, "Origin": self.rec.url, "Sec-Fetch-Site": "same-origin"}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return self.rec.ask(who, method, path, body, headers, language, good, check=check)

    @staticmethod
    def whole(language, *words):
        def check(a):
            missing = [w for w in (LANG[language], "</html>") + words if w not in a.text]
            return "the page lacks %s" % missing if missing else None
        return check

    def reader(self, who, language, n):
        cookies = self.session(who, language)
        if cookies:
            path = ("/", "/infra", "/endpoint", "/federation", "/operations", "/events", "/help")[n % 7]
            self.page(who, language, "GET", path, None, cookies, check=self.whole(language, "Admin"))

    def styles(self, who, language, n):
        """The style sheet that a page names, whichever host and version the page came from."""
        a = self.page(who, language, "GET", "/login", None, "lang=" + language, check=self.whole(language, ".css"))
        if a.status == 200:
            for _ in range(2):
                self.page(who, language, "GET", re.search(r'href="(/static/[^"]+\.css)"', a.text).group(1), None, "", check=lambda x: None if "{" in x.text else "no style sheet")

    def writer_by_page(self, who, language, n):
        cookies = self.session(who, language)
        form = cookies and self.page(who, language, "GET", "/federation/new", None, cookies, check=self.whole(language, "_csrf"))
        if form and form.status == 200:
            name = "page-%d" % n
            body = urllib.parse.urlencode({"_csrf": re.search(r'name="_csrf" value="([^"]+)"', form.text).group(1), "name": name, "description": "", "domain": "example.com"})
            self.made(name, self.page(who, language, "POST", "/federation/new", body, cookies, good=(303,)), 303)

    # --- the API ---
    def call(self, who, method, path, body=None, good=(200,), limit=None, check=None):
        def proper(a):
            if a.status == 200 and json.loads(a.text)["code"] != 0:
                return "envelope: " + a.text[:200]
            return check(a) if check else None
        return self.rec.ask(who, method, "/api/v1" + path, json.dumps(body) if body is not None else None, self.api, "en", good, limit, proper)

    def reader_of_the_api(self, who, language, n):
        self.call(who, "GET", ("/infra", "/endpoint", "/federation", "/user/current", "/chart?type=2")[n % 5])

    def writer_by_api(self, who, language, n):
        name = "api-%d" % n
        a = self.call(who, "POST", "/federation/fate/", {"name": name, "description": "", "domain": "example.com"})
        self.made(name, a, 200)
        if a.status != 200 or a.fault:
            return
        path = "/federation/fate/" + json.loads(a.text)["data"]
        self.call(who, "GET", path, check=lambda x: None if json.loads(x.text)["data"]["name"] == name else "another federation: " + x.text[:200])
        if n % 4:  # a DELETE may be sent to a second host when the first one vanished under it: 404 is as good as 200 then
            with self.lock:
                self.there.discard(name), self.unknown.add(name)
            if self.call(who, "DELETE", path, good=(200, 404)).status in (200, 404):
                with self.lock:
                    self.unknown.discard(name), self.gone.add(name)

    def made(self, name, a, status):
        with self.lock:
            (self.there if a.status == status and not a.fault else self.unknown).add(name)

    def waiter(self, who, language, n):
        """A call that waits for a poller, of whichever host."""
        self.call(who, "POST", "/infra/kubernetes/connect", {"kubeconfig_content": self.kubeconfig, "is_in_cluster": False, "namespaces_list": []}, limit=WAITS)
        self.stopped.wait(0.7)
