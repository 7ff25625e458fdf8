"""Operations by API, page and command line: every filter, pages by id, one statement a list, what an operation waits for, and refusals that change nothing."""
import datetime
import html
import json
import os
import re
import subprocess
import unicodedata
import unittest
import urllib.parse
import uuid

from web import API, NOBODY, STATE, Case, call, csrf, form, login, one, page_login, raw, seed_endpoint, seed_federation, seed_infra, seed_party, sql, statements, token, unique, wait_for

BIN = os.environ.get("STACK_BIN", "build/release/bin")
STATES = ("queued", "running", "failed", "succeeded", "cancelled", "superseded")


def q(v):
    return "null" if v is None else "'%s'" % str(v).replace("'", "''")


def seed(subject=None, **cols):
    """An operation that no runner takes; its uuid."""
    row = {"kind": "cluster_create", "subject_type": "participant", "subject": subject or str(uuid.uuid4()), "subject_name": unique("party"), "actor": "Admin", "state": "running", "deadline": None}
    row.update(cols)
    values = {k: q(v) for k, v in row.items()}
    values["deadline"] = row["deadline"] or "now() + interval '1 hour'"
    if row["state"] in ("succeeded", "cancelled", "superseded", "failed") and "ended_at" not in cols:
        values["ended_at"] = "now()"
    for k in ("created_at", "ended_at", "evidence_at", "started_at"):
        if k in cols:
            values[k] = cols[k]
    return one("insert into operation (%s) values (%s) returning uuid" % (", ".join(values), ", ".join(values.values())))


def step(op, ord, key, state="pending", weight=10, **cols):
    values = {"operation_id": "(select id from operation where uuid = '%s')" % op, "ord": str(ord), "key": q(key), "state": q(state), "weight": str(weight)}
    values.update(cols)
    sql("insert into operation_step (%s) values (%s)" % (", ".join(values), ", ".join(values.values())))


def hold(op, obj, exclusive=False):
    sql("insert into hold (operation_id, object, exclusive) select id, '%s', %s from operation where uuid = '%s'" % (obj, "true" if exclusive else "false", op))


def listed(path):
    r = call("GET", "/operation" + path)
    assert r.status == 200, (path, r.text[:300])
    return r.data


def cli(*args, lang="C.UTF-8"):
    """Exit status, standard output, standard error of `fedlcm ops ...`."""
    env = dict(os.environ, FEDLCM_STATE=STATE, LC_ALL=lang)
    p = subprocess.run([BIN + "/fedlcm-run", "cli", "ops"] + list(args), env=env, capture_output=True, text=True, timeout=60)
    return p.returncode, p.stdout, p.stderr


def text_of(page):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


class Filters(Case):
    @classmethod
    def setUpClass(cls):
        cls.cookie = page_login()
        cls.fed, cls.other = seed_federation(), seed_federation()
        cls.mark = unique("Mark")
        cls.by_state = {s: seed(state=s, subject_name="%s %s" % (cls.mark, s), federation_uuid=cls.fed) for s in STATES}
        cls.endpoint = str(uuid.uuid4())
        cls.ep = seed(cls.endpoint, kind="endpoint_install", subject_type="endpoint", subject_name=cls.mark + " kf", state="succeeded", actor="Zoe-" + cls.mark, created_at="now() - interval '3 days'", federation_uuid=cls.other)

    @classmethod
    def tearDownClass(cls):
        sql("delete from operation where subject_name like '%s%%'" % cls.mark)

    def found(self, query):
        """uuids by the API, which must be those of the page."""
        query = "subject=" + self.mark + ("&" + query if query else "")
        a = [x["uuid"] for x in listed("?" + query)]
        r = raw("GET", "/operations?" + query, headers={"Cookie": self.cookie})
        self.assertEqual(r.status, 200, r.text[:300])
        self.assertEqual(re.findall(r'<tr><td[^>]*><a href="/operations/([0-9a-f-]{36})"', r.text), a, query)
        return a

    def test_each(self):
        everything = list(self.by_state.values())
        self.assertEqual(self.found(""), [self.ep] + everything[::-1])
        for s, u in self.by_state.items():
            self.assertEqual(self.found("state=" + s), [u] if s != "succeeded" else [self.ep, u])
        self.assertEqual(self.found("state=open"), [self.by_state[s] for s in ("failed", "running", "queued")])
        self.assertEqual(self.found("kind=endpoint_install"), [self.ep])
        self.assertEqual(self.found("kind=cluster_create&state=failed"), [self.by_state["failed"]])
        self.assertEqual(self.found("kind=exchange_remove"), [])
        self.assertEqual(self.found("federation=" + self.fed), everything[::-1])
        self.assertEqual(self.found("federation=" + NOBODY), [])
        self.assertEqual(self.found("actor=zoe-" + self.mark.lower()), [self.ep])
        self.assertEqual(self.found("actor=zoe"), [])
        self.assertEqual(self.found("since=%s" % (datetime.datetime.utcnow() - datetime.timedelta(days=1)).strftime("%Y-%m-%d")), everything[::-1])
        self.assertEqual(self.found("since=2020-01-01T00:00:00Z"), [self.ep] + everything[::-1])
        self.assertEqual(self.found("since=2999-01-01"), [])

    def test_object(self):
        self.assertEqual([x["uuid"] for x in listed("?subject=" + self.endpoint)], [self.ep])
        self.assertEqual([x["uuid"] for x in listed("?subject=" + urllib.parse.quote(self.mark.upper() + " RUN"))], [self.by_state["running"]])
        self.assertEqual(listed("?subject=" + urllib.parse.quote(self.mark + "%")), [], "% is no wildcard")
        self.assertEqual(listed("?subject=" + urllib.parse.quote(self.mark.replace("-", "_"))), [], "_ is no wildcard")

    def test_a_day_begins_at_the_readers_midnight(self):
        u = seed(subject_name=self.mark + " midnight", created_at="'2001-03-31T23:30:00Z'", state="succeeded")
        path = "/operations?subject=%s&since=2001-04-01&kind=cluster_create&state=succeeded&actor=Admin" % self.mark
        for tz, there in (("0", False), ("-60", False), ("60", True), ("480", True)):
            r = raw("GET", path, headers={"Cookie": self.cookie + "; tz=" + tz})
            self.assertEqual("/operations/" + u in r.text, there, tz)
        sql("delete from operation where uuid = '%s'" % u)

    def test_bad_ones(self):
        """422, the filter and what it may be are named; the form keeps what was typed."""
        for name, value, *words in (("state", "sleeping", "open, queued"), ("state", "Running", "one of"), ("kind", "infra_test", "endpoint_install"), ("kind", "x' or 1=1 --", "one of"), ("federation", "fed", "id"),
                                    ("since", "yesterday", "date"), ("since", "2026-02-30", "date"), ("before", "x", "number"), ("before", "0", "number"), ("before", "-1", "number"), ("after", "9999999999999999999", "number")):
            with self.subTest(filter=name, value=value), self.unchanged():
                query = "?%s=%s" % (name, urllib.parse.quote(value))
                self.refused(call("GET", "/operation" + query), 422, name, *words)
                r = raw("GET", "/operations" + query, headers={"Cookie": self.cookie})
                self.assertEqual(r.status, 422)
                self.assertIn('id="error-summary"', r.text)
                self.assertNotIn("<table", r.text, "a list that was not asked for")
        for value in ("0", "201", "-5", "x", "1.5"):
            with self.subTest(limit=value):
                self.refused(call("GET", "/operation?limit=" + value), 422, "limit", "1 to 200")
        self.refused(call("GET", "/operation?before=5&after=4"), 422, "before", "after")
        zh = raw("GET", "/operations?state=sleeping", headers={"Cookie": self.cookie + "; lang=zh-CN"})
        self.assertEqual(zh.status, 422)
        self.assertIn("筛选条件", zh.text)

    def test_nothing_found_says_what_to_do(self):
        r = raw("GET", "/operations?subject=" + unique("none"), headers={"Cookie": self.cookie})
        self.assertIn("No operation matches", r.text)
        self.assertIn('<a class="button" href="/operations">Clear the filter</a>', r.text)
        self.assertEqual(listed("?subject=" + unique("none")), [])


class Pages(Case):
    """Pages by id: nothing is shown twice or left out when new operations come in between."""
    @classmethod
    def setUpClass(cls):
        cls.cookie = page_login()
        cls.mark = unique("Many")
        sql("insert into operation (kind, subject_type, subject, subject_name, actor, deadline, state, ended_at) select 'cluster_create', 'participant', gen_random_uuid(), '%s ' || i, 'Admin', now(), 'succeeded', now() from generate_series(1, 130) i" % cls.mark)
        cls.all = [r[0] for r in sql("select uuid from operation where subject_name like '%s %%' order by id desc" % cls.mark)]

    @classmethod
    def tearDownClass(cls):
        sql("delete from operation where subject_name like '%s%%'" % cls.mark)

    def get(self, path):
        r = raw("GET", html.unescape(path), headers={"Cookie": self.cookie})
        self.assertEqual(r.status, 200, path)
        link = {rel: re.search(r'<a class="button" rel="%s" href="([^"]+)"' % rel, r.text) for rel in ("prev", "next")}
        return re.findall(r'<tr><td[^>]*><a href="/operations/([0-9a-f-]{36})"', r.text), {k: m.group(1) for k, m in link.items() if m}

    def test_older_and_newer(self):
        rows, link = self.get("/operations?subject=" + self.mark)
        self.assertEqual((rows, list(link)), (self.all[:50], ["next"]))
        rows, link = self.get(link["next"])
        self.assertEqual((rows, sorted(link)), (self.all[50:100], ["next", "prev"]))
        self.assertIn("subject=" + self.mark, html.unescape(link["next"]), "the filter is kept")
        extra = seed(subject_name=self.mark + " new", state="succeeded")
        last, link3 = self.get(link["next"])
        self.assertEqual((last, list(link3)), (self.all[100:], ["prev"]))
        back, link = self.get(link3["prev"])
        self.assertEqual((back, sorted(link)), (self.all[50:100], ["next", "prev"]))
        back, link = self.get(link["prev"])
        self.assertEqual((back, sorted(link)), (self.all[:50], ["next", "prev"]))
        back, link = self.get(link["prev"])
        self.assertEqual((back, list(link)), ([extra], ["next"]))
        sql("delete from operation where uuid = '%s'" % extra)

    def test_api(self):
        seen, before = [], None
        while True:
            page = listed("?subject=%s&limit=40%s" % (self.mark, "&before=%d" % before if before else ""))
            if not page:
                break
            self.assertLessEqual(len(page), 40)
            seen += [x["uuid"] for x in page]
            before = page[-1]["id"]
        self.assertEqual(seen, self.all)
        first = listed("?subject=%s&limit=200" % self.mark)
        self.assertEqual([x["uuid"] for x in listed("?subject=%s&limit=3&after=%d" % (self.mark, first[10]["id"]))], self.all[7:10], "the next ones, newest first")
        self.assertEqual(len(listed("?subject=" + self.mark)), 50)

    def test_one_statement(self):
        """However many rows there are and whatever filters them: the session's and the list's; the page has its choices of federations besides."""
        def cost(path, page=False):
            return min(statements(raw("GET", path, headers={"Cookie": self.cookie}) if page else call("GET", path)) for _ in range(3))
        base = cost("/user/current")
        fed = seed_federation()
        for query in ("", "?limit=200", "?state=open", "?state=failed", "?subject=" + self.mark, "?subject=" + NOBODY, "?federation=" + fed, "?kind=cluster_create&actor=Admin&since=2020-01-01", "?before=100000000", "?after=1"):
            with self.subTest(query=query):
                self.assertEqual(cost("/operation" + query), base + 1)
        sql("insert into operation (kind, subject_type, subject, subject_name, actor, deadline, state) values ('cluster_create', 'participant', gen_random_uuid(), 'open', 'Admin', now() + interval '1 hour', 'failed')")  # an empty list also asks what comes first
        page = cost("/operations", True)
        for query in ("?state=open", "?subject=" + self.mark, "?federation=" + fed, "?subject=%s&before=100000000" % self.mark):
            with self.subTest(page=query):
                self.assertEqual(cost("/operations" + query, True), page)
        self.assertLessEqual(page, base + 2)

    def test_a_long_history_is_not_read(self):
        """The few that are open, those of a federation and those of an object are found by their index, as PostgreSQL plans the very statements of the product."""
        fed, subject, log = seed_federation(), str(uuid.uuid4()), os.path.join(STATE, "log", "postgres.log")
        sql("insert into operation (kind, subject_type, subject, subject_name, federation_uuid, actor, deadline, state, ended_at) select 'cluster_create', 'participant', gen_random_uuid(), '%s old ' || i, gen_random_uuid(), 'Admin', now(), 'succeeded', now() from generate_series(1, 20000) i" % self.mark)
        sql("analyze operation; alter system set log_statement = 'all'; select pg_reload_conf()")

        def seen(query, name):
            start = os.path.getsize(log)
            listed(query)
            with open(log, "rb") as f:
                f.seek(start)
                m = re.search(r"execute %s: (.*(?:\n\t.*)*)" % name, f.read().decode(errors="replace"))
            return m.group(1).replace("\n\t", "\n") if m else None
        try:
            for query, name, index, args in (("?state=open", "operation_list_open", "operation_open", "'open', '', '', '', '', '', 0, 0, 0, 51"), ("?federation=" + fed, "operation_list_federation", "operation_federation", "'', '', '', '', '', '%s', 0, 0, 0, 51" % fed),
                                             ("?subject=" + subject, "operation_list_subject", "operation_subject", "'', '', '', '', '%s', '', 0, 0, 0, 51" % subject), ("", "operation_list", "operation_", "'', '', '', '', '', '', 0, 0, 0, 51")):
                text = wait_for(lambda: seen(query, name), 0.05)
                sql("set plan_cache_mode = force_generic_plan; prepare p as " + text)
                plan = "\n".join(r[0] for r in sql("explain (analyze, timing off, summary off) execute p(%s)" % args))
                sql("deallocate p; reset plan_cache_mode")
                with self.subTest(statement=name):
                    self.assertRegex(plan, r"Index Scan.* using %s" % index)
                    self.assertNotIn("Seq Scan on operation o", plan)
                    self.assertIn("never executed", plan, "the branch that is not asked for")
        finally:
            sql("alter system reset log_statement; select pg_reload_conf(); delete from operation where subject_name like '%s old%%'" % self.mark)

class Detail(Case):
    @classmethod
    def setUpClass(cls):
        cls.cookie = page_login()
        cls.infra = seed_infra()[0]
        cls.endpoint, cls.fed = seed_endpoint(cls.infra)[0], seed_federation()
        cls.exchange = seed_party(cls.fed, 1, 1, cls.endpoint, cls.infra)[0]
        cls.party = seed_party(cls.fed, 2, 1, cls.endpoint, cls.infra, status=2)[0]
        cls.names = {k: one("select name from %s where uuid = '%s'" % (t, u)) for k, t, u in (("exchange", "participant", cls.exchange), ("endpoint", "endpoint", cls.endpoint), ("infra", "infra", cls.infra), ("party", "participant", cls.party))}
        cls.parent = seed(cls.fed, kind="federation_remove", subject_type="federation", subject_name="whole federation", federation_uuid=cls.fed)
        cls.op = seed(cls.party, subject_name=cls.names["party"], federation_uuid=cls.fed, percent=37, cause="image", evidence_class="cause.image", evidence_args=json.dumps(["mysql-0", "ErrImagePull", "no such host registry.lan"]),
                      evidence_at="now() - interval '5 minutes'", started_at="now() - interval '9 minutes'", created_at="now() - interval '10 minutes'", next_action="next.image", parent=one("select id from operation where uuid = '%s'" % cls.parent))
        step(cls.op, 0, "connect", "done", started_at="now() - interval '9 minutes'", ended_at="now() - interval '8 minutes'", attempts="1")
        step(cls.op, 1, "components", "running", 60, started_at="now() - interval '8 minutes'", deadline="now() + interval '22 minutes'", attempts="3", detail_class="'cause.starting'", detail_args="'[\"2/7\"]'")
        step(cls.op, 2, "services")
        step(cls.op, 3, "stop", weight=0)
        sql("insert into operation_component (operation_id, name, status, ready, reason, message) select id, 'mysql', 'Pending', false, 'ErrImagePull', 'no such host registry.lan' from operation where uuid = '%s'" % cls.op)
        hold(cls.op, cls.exchange), hold(cls.op, cls.endpoint), hold(cls.op, cls.infra)
        cls.push = seed(cls.exchange, kind="routes_push", subject_type="exchange_routes", subject_name=cls.names["exchange"], federation_uuid=cls.fed)
        hold(cls.push, cls.exchange, True)
        sql("insert into work (class, ref, workflow, lease_by, lease_until, run_at) select 'operation', id, kind, 'runner-7', now() + interval '1 day', now() + interval '1 day' from operation where uuid = '%s'" % cls.op)
        for level, cls_, args in (("Info", "event.party-start", ["a"]), ("Error", "cause.image", ["mysql-0", "ErrImagePull", "no such host"])):
            sql("insert into event (entity_uuid, entity_type, operation_id, level, class, args, actor) select '%s', 3, id, '%s', '%s', '%s', 'Admin' from operation where uuid = '%s'" % (cls.party, level, cls_, json.dumps(args), cls.op))

    @classmethod
    def tearDownClass(cls):
        sql("delete from work where ref in (select id from operation where uuid in ('%s', '%s', '%s')); delete from operation where uuid in ('%s', '%s', '%s'); update participant set status = 1 where uuid = '%s'" % (cls.op, cls.parent, cls.push, cls.op, cls.parent, cls.push, cls.party))

    def page(self, path, zh=False):
        r = raw("GET", path, headers={"Cookie": self.cookie + ("; lang=zh-CN" if zh else "")})
        self.assertEqual(r.status, 200, r.text[:300])
        return r.text

    def test_api(self):
        d = call("GET", "/operation/" + self.op).data
        self.assertEqual((d["uuid"], d["kind"], d["title"], d["state"], d["percent"], d["subject_uuid"], d["federation_uuid"]), (self.op, "cluster_create", "Deploy cluster", "running", 37, self.party, self.fed))
        c = d["cause"]
        self.assertEqual(list(c), ["class", "label", "evidence", "evidence_at", "deadline", "next_action"])
        self.assertEqual((c["class"], c["label"]), ("image", "Image"))
        self.assertIn("The image of the pod mysql-0 cannot be pulled", c["evidence"])
        self.assertIn("it goes on", c["next_action"])
        at = {k: datetime.datetime.fromisoformat(v.split(".")[0].rstrip("Z")) for k, v in (("seen", c["evidence_at"]), ("until", c["deadline"]), ("limit", d["deadline"]))}
        self.assertAlmostEqual((at["until"] - at["seen"]).total_seconds(), 27 * 60, delta=5, msg="it waits until the running step's time is over")
        self.assertGreater(at["limit"], at["until"])
        self.assertEqual([(s["key"], s["state"], s["attempts"]) for s in d["steps"]], [("connect", "done", 1), ("components", "running", 3), ("services", "pending", 0), ("stop", "pending", 0)])
        self.assertEqual([(p["name"], p["ready"], p["reason"]) for p in d["components"]], [("mysql", False, "ErrImagePull")])
        self.assertEqual(sorted((h["object_type"], h["object_name"], h["exclusive"], h["own"], h["operation"]["uuid"]) for h in d["holds"]),
                         sorted([("exchange", self.names["exchange"], False, True, self.op), ("endpoint", self.names["endpoint"], False, True, self.op), ("infra", self.names["infra"], False, True, self.op), ("exchange", self.names["exchange"], True, False, self.push)]))
        self.assertEqual([(t["level"], t["class"]) for t in d["timeline"]], [("Info", "event.party-start"), ("Error", "cause.image")])
        self.assertEqual((d["parent"]["uuid"], d["children"], d["superseded_by"], d["leftovers"], d["error"]), (self.parent, [], None, [], None))
        self.assertEqual(d["work"]["runner"], "runner-7")
        self.assertEqual([x["uuid"] for x in call("GET", "/operation/" + self.parent).data["children"]], [self.op])

    def test_page(self):
        page = self.page("/operations/" + self.op)
        text = text_of(page)
        for words in ("Running 37 %", "What it waits for", "Image", "The image of the pod mysql-0 cannot be pulled ( ErrImagePull ): no such host registry.lan", "5 min ago", "until ", "22 min left", "What to do: Nothing has to be started again", "Components available",
                      "Who holds what", self.names["exchange"] + " Exchange exclusive Push routes: " + self.names["exchange"], "shared this operation", "runner-7", "Part of", "whole federation", "Info ·", "Error ·", self.op):
            self.assertIn(words, text)
        self.assertLess(text.index("Info ·"), text.index("Error ·"), "in order")
        for link in ("/participant/%s/delete" % self.party, "/participant/" + self.party, "/operations/" + self.push, "/endpoint-detail/" + self.endpoint, "/infra-detail/" + self.infra):
            self.assertIn('href="%s"' % link, page)
        r = raw("GET", "/participant/%s/delete" % self.party, headers={"Cookie": self.cookie})
        self.assertEqual((r.status, r.headers["Location"]), (303, "/federation/fate/%s/cluster/detail/%s/delete" % (self.fed, self.party)))
        self.assertIn('data-poll="/ui/operation/%s/detail"' % self.op, page)
        self.assertIn('action="/operations/%s/cancel"' % self.op, page)
        self.assertNotIn("/retry", page)
        self.assertNotIn("Job stopped", text, "a step that is only reached by a stop")
        zh = text_of(self.page("/operations/" + self.op, True))
        for words in ("进行中 37 %", "正在等待什么", "镜像", "容器组 mysql-0 的镜像无法拉取", "5 分钟前", "截止", "还剩 22 分钟", "处理方法： 无需重新开始", "占用情况", "独占", "共享 本操作", "所属操作", "信息 ·", "错误 ·"):
            self.assertIn(words, zh)

    def test_list_row(self):
        text = text_of(self.page("/operations?subject=" + self.party))
        self.assertRegex(text, r"Deploy cluster %s Running 37 %% Image The image of the pod mysql-0 .*registry\.lan.* 10 min Admin" % re.escape(self.names["party"]))

    def test_card_of_the_object(self):
        """The participant's own page says the same."""
        path = "/federation/fate/%s/cluster/detail/%s" % (self.fed, self.party)
        page = self.page(path)
        text = text_of(page)
        for words in ("Image", "mysql-0", "5 min ago", "22 min left", "What to do:"):
            self.assertIn(words, text)
        self.assertIn('data-poll="/ui/operation/%s"' % self.op, page)
        self.assertIn("处理方法", self.page(path, True))
        self.assertIn("mysql-0", self.page("/ui/operation/" + self.op))
        self.assertIn("Who holds what", self.page("/ui/operation/%s/detail" % self.op))

    def test_an_unchanged_fragment_is_not_sent_again(self):
        ended = seed(state="succeeded")
        for path in ("/ui/operation/" + ended, "/ui/operation/%s/detail" % ended, "/ui/operations?subject=" + unique("none")):
            r = raw("GET", path, headers={"Cookie": self.cookie})
            self.assertIn("data-reload", r.text)
            again = raw("GET", path, headers={"Cookie": self.cookie, "If-None-Match": r.headers["ETag"]})
            self.assertEqual((again.status, again.body), (304, b""))
        sql("delete from operation where uuid = '%s'" % ended)

    def test_a_viewer_sees_no_buttons(self):
        name = unique("viewer")
        sql("insert into app_user (name, password, role) select '%s', password, 1 from app_user where name = 'Admin'" % name)
        cookie = page_login(name=name)
        page = raw("GET", "/operations/" + self.op, headers={"Cookie": cookie}).text
        self.assertIn("mysql-0", page)
        self.assertNotIn("/cancel", page)
        self.assertNotIn("Remove by force", page)
        who = login(name)
        self.done(call("GET", "/operation/" + self.op, who=who))
        with self.unchanged():
            for what in ("cancel", "retry"):
                self.refused(call("POST", "/operation/%s/%s" % (self.op, what), who=who), 403)
                self.assertEqual(form("/operations/%s/%s" % (self.op, what), {"_csrf": csrf("/infra", cookie)}, cookie).status, 403)


class States(Case):
    """What every state says on its page."""
    @classmethod
    def setUpClass(cls):
        cls.cookie = page_login()
        cls.made = []

    @classmethod
    def tearDownClass(cls):
        sql("delete from operation where uuid in ('%s')" % "', '".join(cls.made))

    def seed(self, *a, **k):
        self.made.append(seed(*a, **k))
        return self.made[-1]

    def text(self, op, zh=False):
        r = raw("GET", "/operations/" + op, headers={"Cookie": self.cookie + ("; lang=zh-CN" if zh else "")})
        self.assertEqual(r.status, 200)
        return text_of(r.text)

    def test_queued(self):
        op = self.seed(state="queued")
        self.assertIn("Waiting for a free runner.", self.text(op))
        self.assertIn("正在等待空闲的执行进程", self.text(op, True))
        self.assertIsNone(call("GET", "/operation/" + op).data["cause"])

    def test_failed(self):
        op = self.seed(state="failed", cause="hop-tcp", error_class="step.deadline", error_args='["@step.connect", "5"]', next_action="next.retry-or-remove")
        text = self.text(op)
        for words in ("Failed: The step", "Connect to KubeFATE", "Connection to the API server", "What to do: Correct the cause and retry, or remove it.", "Retry", "Remove by force"):
            self.assertIn(words, text)
        d = call("GET", "/operation/" + op).data
        self.assertIn("Connect to KubeFATE", d["error"]["message"])
        self.assertEqual((d["cause"]["class"], d["cause"]["deadline"]), ("hop-tcp", None))

    def test_failed_without_a_stored_next_action(self):
        for cause, words in (("denied", "grant the right"), ("", "Correct the cause and retry")):
            self.assertIn("What to do:", self.text(self.seed(state="failed", cause=cause, error_class="db.timeout")))
            self.assertIn(words, self.text(self.made[-1]))

    def test_superseded_says_by_which(self):
        subject = str(uuid.uuid4())
        old = self.seed(subject, state="superseded", ended_at="'2026-01-01T00:00:00Z'")
        fresh = self.seed(subject, kind="cluster_remove", state="succeeded", created_at="'2026-01-01T00:00:00Z'")
        later = self.seed(subject, kind="cluster_create", state="running")
        self.assertIn("Superseded by Remove cluster", self.text(old))
        self.assertIn("已被以下操作取代", self.text(old, True))
        self.assertEqual(call("GET", "/operation/" + old).data["superseded_by"]["uuid"], fresh)
        self.assertIsNone(call("GET", "/operation/" + later).data["superseded_by"])

    def test_a_push_is_superseded_by_what_removed_its_exchange(self):
        fed, exchange = seed_federation(), str(uuid.uuid4())
        old = self.seed(exchange, kind="routes_push", subject_type="exchange_routes", state="superseded", federation_uuid=fed, ended_at="'2026-01-02T00:00:00Z'")
        self.seed(federation_uuid=fed, state="succeeded", created_at="'2026-01-01T12:00:00Z'")
        removal = self.seed(exchange, kind="exchange_remove", state="succeeded", federation_uuid=fed, created_at="'2026-01-02T00:00:00Z'")
        self.assertEqual(call("GET", "/operation/" + old).data["superseded_by"]["uuid"], removal)

    def test_superseded_by_a_removal_that_was_under_way(self):
        subject = str(uuid.uuid4())
        old = self.seed(subject, kind="routes_push", subject_type="exchange_routes", state="superseded", ended_at="'2026-01-01T00:00:00Z'")
        removal = self.seed(subject, kind="exchange_remove", state="succeeded", created_at="'2025-12-31T23:59:00Z'", ended_at="'2026-01-01T00:01:00Z'")
        self.assertEqual(call("GET", "/operation/" + old).data["superseded_by"]["uuid"], removal)

    def test_what_came_right_by_itself_names_no_later_one(self):
        subject = str(uuid.uuid4())
        old = self.seed(subject, state="superseded", ended_at="'2026-01-01T00:00:00Z'")
        self.seed(subject, kind="cluster_remove", state="succeeded", created_at="'2026-01-03T00:00:00Z'")
        self.assertIn("came right by itself", self.text(old))
        self.assertIsNone(call("GET", "/operation/" + old).data["superseded_by"])

    def test_leftovers(self):
        commands = ["kubectl -n fate-9999 get all", "kubectl delete namespace <fate-9999>"]
        op = self.seed(kind="cluster_remove", state="succeeded", leftovers=json.dumps(commands))
        page = raw("GET", "/operations/" + op, headers={"Cookie": self.cookie}).text
        self.assertEqual([html.unescape(c) for c in re.findall(r'<pre class="copy" tabindex="0"><code>(.*?)</code>', page)], commands)
        self.assertIn("Possible leftovers", page)
        self.assertEqual(call("GET", "/operation/" + op).data["leftovers"], commands)

    def test_leftovers_of_a_stop_on_the_objects_page(self):
        endpoint, fed = seed_endpoint(seed_infra()[0], status=4)[0], seed_federation()
        party = seed_party(fed, 2, 1, endpoint, status=5)[0]
        for subject, subject_type, path in ((endpoint, "endpoint", "/endpoint-detail/" + endpoint), (party, "participant", "/federation/fate/%s/cluster/detail/%s" % (fed, party))):
            self.seed(subject, subject_type=subject_type, state="cancelled", leftovers='["kubectl get ns left"]')
            self.assertIn("<code>kubectl get ns left</code>", raw("GET", path, headers={"Cookie": self.cookie}).text)

    def test_the_page_of_a_removed_object_leads_to_what_is_left(self):
        infra, fed = seed_infra()[0], seed_federation()
        for kind, subject_type, path in (("endpoint_remove", "endpoint", "/endpoint-detail/%s"), ("cluster_remove", "participant", "/participant/%s")):
            for leftovers, where in (('["kubectl get ns"]', "/operations/"), ("[]", "/")):
                gone = str(uuid.uuid4())
                op = self.seed(gone, kind=kind, subject_type=subject_type, state="succeeded", leftovers=leftovers, federation_uuid=fed)
                r = raw("GET", path % gone, headers={"Cookie": self.cookie})
                self.assertEqual(r.status, 303)
                self.assertEqual(r.headers["Location"] == "/operations/" + op, where == "/operations/", r.headers["Location"])
        self.assertTrue(infra)

    def test_unknown_words_are_shown_as_they_are(self):
        op = self.seed(cause="martians", evidence_class="no.such.text", kind="old_kind", error_class="")
        text = self.text(op)
        for words in ("martians", "no.such.text", "old_kind"):
            self.assertIn(words, text)
        self.assertEqual(call("GET", "/operation/" + op).data["cause"]["label"], "martians")

    def test_hostile_words_are_escaped(self):
        op = self.seed(subject_name="<script>alert(1)</script>", cause="image", evidence_class="cause.image", evidence_args=json.dumps(["<b>", "\"'", "</code><script>"]), actor="<i>", leftovers=json.dumps(["</pre><script>"]))
        for path in ("/operations/" + op, "/operations?subject=" + urllib.parse.quote("<script>"), "/operations?actor=" + urllib.parse.quote('"><script>alert(1)</script>')):
            page = raw("GET", path, headers={"Cookie": self.cookie}).text
            for bad in ("<script>alert", "<b>", "<i>", "</code><script>"):
                self.assertNotIn(bad, page)


class Acts(Case):
    @classmethod
    def setUpClass(cls):
        cls.cookie = page_login()
        cls.csrf = csrf("/infra", cls.cookie)
        cls.made = []

    @classmethod
    def tearDownClass(cls):
        sql("delete from operation where uuid in ('%s')" % "', '".join(cls.made))

    def seed(self, **k):
        self.made.append(seed(**k))
        return self.made[-1]

    def row(self, op):
        return sql("select o.*, (select count(*) from event where operation_id = o.id) from operation o where uuid = '%s'" % op)

    def post(self, op, what, **fields):
        return form("/operations/%s/%s" % (op, what), dict(fields, _csrf=self.csrf), self.cookie)

    def refused_everywhere(self, op, what, *words, zh=None, **named):
        before = self.row(op)
        with self.unchanged():
            self.refused(call("POST", "/operation/%s/%s" % (op, what), named or None), 409, *words)
            r = self.post(op, what, **{k: str(v) for k, v in named.items()})
            self.assertEqual(r.status, 409)
            for w in words:
                self.assertIn(w.lower(), text_of(r.text).lower())
            self.assertIn('id="error-summary"', r.text)
            if not named:
                code, out, err = cli(what, op)
                self.assertEqual((code, out), (1, ""))
                for w in words:
                    self.assertIn(w.lower(), err.lower())
        if zh:
            r = form("/operations/%s/%s" % (op, what), dict(named, _csrf=self.csrf), self.cookie + "; lang=zh-CN")
            self.assertIn(zh, r.text)
        self.assertEqual(self.row(op), before)

    def test_retry_of_what_did_not_fail(self):
        for state, shown, zh in (("succeeded", "Succeeded", "成功"), ("running", "Running", "进行中"), ("queued", "Queued", "排队中"), ("cancelled", "Stopped", "已停止"), ("superseded", "Superseded", "已被取代")):
            with self.subTest(state=state):
                self.refused_everywhere(self.seed(state=state), "retry", "does not allow", "now: " + shown, zh=zh)

    def test_cancel_of_what_has_ended(self):
        for state, shown in (("succeeded", "Succeeded"), ("cancelled", "Stopped"), ("superseded", "Superseded")):
            with self.subTest(state=state):
                self.refused_everywhere(self.seed(state=state), "cancel", "does not allow", "now: " + shown)

    def test_cancel_of_what_cannot_be_stopped(self):
        """Every kind of today can; one of another version may be there while programs of both run."""
        op = self.seed(kind="kind_of_another_version")
        self.refused_everywhere(op, "cancel", "cannot be stopped")
        self.assertNotIn("/cancel", raw("GET", "/operations/" + op, headers={"Cookie": self.cookie}).text)

    def test_of_another_object(self):
        """The form of one object's page names another object's operation."""
        for what, state in (("cancel", "running"), ("retry", "failed")):
            op = self.seed(state=state, subject_name="the-owner")
            for subject in (NOBODY, "x"):
                self.refused_everywhere(op, what, "belongs to the-owner", subject=subject)

    def test_of_a_version_that_is_gone(self):
        op = self.seed(state="failed")
        sql("update operation set version = 7 where uuid = '%s'" % op)
        for version in (6, 8):
            self.refused_everywhere(op, "retry", "has changed since", "now: Failed", version=version)

    def test_unknown(self):
        for what in ("cancel", "retry"):
            with self.unchanged():
                for u in (NOBODY, "x", "' or 1=1 --"):
                    self.refused(call("POST", "/operation/%s/%s" % (urllib.parse.quote(u), what)), 404)
                    self.assertEqual(self.post(urllib.parse.quote(u), what).status, 404)
                    code, out, err = cli(what, u)
                    self.assertEqual((code, out), (1, ""))
                    self.assertIn("no operation", err)
        for u in (NOBODY, "x"):
            self.refused(call("GET", "/operation/" + u), 404)
            self.assertEqual(cli("show", u)[0], 1)
            for path in ("/operations/", "/ui/operation/"):
                self.assertEqual(raw("GET", path + u, headers={"Cookie": self.cookie}).status, 404)

    def test_a_body_that_cannot_be_read_is_no_licence(self):
        op = self.seed(state="failed")
        for body in ("{", "[]", "x", '{"subject": 5}', '{"version": "x"}', '{"version": -1}'):
            with self.subTest(body=body), self.unchanged():
                self.refused(call("POST", "/operation/%s/retry" % op, body), (400, 422))
        self.assertEqual(one("select state from operation where uuid = '%s'" % op), "failed")

    def test_cancel(self):
        for act in (lambda op, s: self.done(call("POST", "/operation/%s/cancel" % op), None), lambda op, s: self.done(call("POST", "/operation/%s/cancel" % op, {"subject": s}), None),
                    lambda op, s: self.assertEqual(self.post(op, "cancel", subject=s, next="/operations/" + op).headers["Location"], "/operations/" + op),
                    lambda op, s: self.assertEqual(cli("cancel", op), (0, "The operation is being stopped.\n", ""))):
            subject = str(uuid.uuid4())
            op = self.seed(subject=subject)
            act(op, subject)
            self.assertEqual(one("select cancel_requested from operation where uuid = '%s'" % op), "t")
            page = raw("GET", "/operations/" + op, headers={"Cookie": self.cookie}).text
            self.assertNotIn('/cancel"', page, "once is enough")
            self.assertIn("stopping", page)

    def test_retry(self):
        for act, actor in ((lambda op, s, v: self.done(call("POST", "/operation/%s/retry" % op, {"subject": s, "version": v}), None), "Admin"),
                           (lambda op, s, v: self.assertEqual(self.post(op, "retry", subject=s, version=v).headers["Location"], "/participant/" + s), "Admin"),
                           (lambda op, s, v: self.assertEqual(cli("retry", op), (0, "The operation goes on from the step that failed.\n", "")), "cli")):
            subject = str(uuid.uuid4())
            op = self.seed(subject=subject, state="failed", error_class="db.timeout", actor="Somebody")
            act(op, subject, call("GET", "/operation/" + op).data["version"])
            self.assertEqual(sql("select state, retries, actor, error_class from operation where uuid = '%s'" % op), [["queued", "1", actor, ""]])

    def test_the_forms_name_object_and_version(self):
        subject = str(uuid.uuid4())
        op = self.seed(subject=subject, state="failed")
        page = raw("GET", "/operations/" + op, headers={"Cookie": self.cookie}).text
        f = re.search(r'<form method="post" action="/operations/%s/retry">.*?</form>' % op, page, re.S).group(0)
        self.assertIn('name="subject" value="%s"' % subject, f)
        self.assertIn('name="version" value="1"', f)

    def test_no_open_redirect(self):
        for bad in ("//evil.example.com/", "https://evil.example.com/"):
            self.assertEqual(self.post(self.seed(), "cancel", next=bad).headers["Location"], "/")


def columns(line):
    """Where the cells of a line begin, in columns of a terminal."""
    at, out, blank = 0, [], 2
    for c in line:
        if c == " ":
            blank += 1
        else:
            if blank >= 2:
                out.append(at)
            blank = 0
        at += 2 if unicodedata.east_asian_width(c) in "WF" else 1
    return out


class CommandLine(Case):
    @classmethod
    def setUpClass(cls):
        token()
        cls.subject = str(uuid.uuid4())
        cls.mark = unique("cli")
        cls.op = seed(cls.subject, subject_name="集群 " + cls.mark, state="failed", cause="image", percent=12, error_class="cause.image", error_args=json.dumps(["mysql-0", "ErrImagePull", "no\x1b[31m such host"]), kind="exchange_create",
                      leftovers='["kubectl get ns"]')
        step(cls.op, 0, "components", "failed", 60, started_at="now() - interval '8 minutes'", ended_at="now()", attempts="2")
        hold(cls.op, NOBODY, True)
        cls.other = seed(subject_name=cls.mark, state="succeeded", kind="endpoint_install", subject_type="endpoint")

    @classmethod
    def tearDownClass(cls):
        sql("delete from operation where uuid in ('%s', '%s')" % (cls.op, cls.other))

    def test_list(self):
        code, out, err = cli("list", "--limit", "200")
        self.assertEqual((code, err), (0, ""))
        lines = out.splitlines()
        head = [re.split(r"  +", lines[0])[i] for i in range(9)]
        self.assertEqual(head, ["UUID", "State", "%", "Operation", "Object", "Reason", "Started", "Duration", "By"])
        mine = [l for l in lines if self.op in l]
        self.assertEqual(len(mine), 1)
        for words in ("Failed", "12", "Deploy exchange", "集群 " + self.mark, "Image", "Admin"):
            self.assertIn(words, mine[0])
        self.assertEqual(columns(mine[0]), columns(lines[0]), "wide characters are counted as two")

    def test_filters(self):
        ids = lambda *a: re.findall(r"(?m)^[0-9a-f-]{36}", cli("list", "--limit", "200", *a)[1])
        self.assertIn(self.op, ids("--open"))
        self.assertNotIn(self.other, ids("--open"))
        self.assertIn(self.other, ids("--state", "succeeded", "--kind=endpoint_install"))
        self.assertNotIn(self.op, ids("--state=succeeded"))
        self.assertEqual(len(re.findall(r"(?m)^[0-9a-f-]{36}", cli("list", "--limit", "1")[1])), 1)

    def test_chinese(self):
        code, out, err = cli("list", "--open", lang="zh_CN.UTF-8")
        self.assertEqual((code, err), (0, ""))
        for words in ("状态", "操作者", "部署 Exchange", "失败", "镜像"):
            self.assertIn(words, out)
        lines = out.splitlines()
        self.assertEqual(columns([l for l in lines if self.op in l][0]), columns(lines[0]))
        out = cli("show", self.op, lang="zh_CN.UTF-8")[1]
        for words in ("错误", "的镜像无法拉取", "处理方法", "占用情况", "独占", "时间线"):
            self.assertIn(words, out)
        self.assertIn("筛选条件", cli("list", "--state", "x", lang="zh_CN.UTF-8")[2])

    def test_show(self):
        code, out, err = cli("show", self.op)
        self.assertEqual((code, err), (0, ""))
        for words in (self.op, "Deploy exchange", "集群 " + self.mark, "Failed, 12 %", "The image of the pod mysql-0 cannot be pulled", "What to do", "Components available", "exclusive", "this operation", "kubectl get ns", "Timeline", "No events yet."):
            self.assertIn(words, out)
        self.assertNotIn("\x1b", out, "others' text gives no commands to the terminal")

    def test_used_wrongly(self):
        for args in ((), ("frobnicate",), ("show",), ("retry",), ("cancel", self.op, self.op), ("list", "--frob"), ("list", "x"), ("list", "--state"), ("list", "--limit=")):
            with self.subTest(args=args):
                code, out, err = cli(*args)
                self.assertEqual((code, out), (2, ""))
                self.assertIn("usage: fedlcm", err)
        for args, word in ((("--state", "asleep"), "one of open, queued"), (("--limit", "0"), "1 to 200"), (("--kind=x",), "cluster_create")):
            with self.subTest(args=args):
                code, out, err = cli("list", *args)
                self.assertEqual((code, out), (2, ""))
                self.assertIn(word, err)


if __name__ == "__main__":
    unittest.main()
