"""The bad values of test_values by the pages' forms, and forms that are sent twice: a sentence, a 4xx, nothing changed."""
import html
import re
import threading
import unittest
import urllib.parse

from test_values import BAD_NAMES, Domains, external, place
from web import CHART, Case, call, csrf, forget, form, one, page_login, raw, seed_endpoint, seed_federation, seed_infra, seed_party, sql, unique

FATE = "/federation/fate"


class Forms(Case):
    @classmethod
    def setUpClass(cls):
        cls.infra, cls.endpoint, cls.fed, cls.exchange = place()
        cls.empty_fed = seed_federation()
        seed_party(cls.fed, 2, 1, cls.endpoint, cls.infra, first=9999)
        cls.cookie = page_login()
        cls.token = csrf("/federation/new", cls.cookie)
        cls.free_infra = seed_infra()[0]
        cls.scan = one("insert into probe (kind, actor, subject, state, input, result) values ('endpoint_scan', 'Admin', '%s', 'done', '{\"namespace\": \"\"}', '{\"found\": false}') returning uuid" % cls.free_infra)

    def send(self, path, fields):
        return form(path, dict(fields, _csrf=self.token), self.cookie)

    def check(self, path, fields, status, *words):
        with self.unchanged():
            r = self.send(path, fields)
        self.assertEqual(r.status, status, (path, r.text[:300]))
        shown = html.unescape(re.sub(r"<[^>]*>", "", r.text))
        self.assertIn('class="note err"', r.text)
        for w in words:
            self.assertIn(w.lower(), shown.lower())
        self.assertNotIn("<script>alert", r.text)
        return r

    def party(self, kind, **more):
        f = {"name": "party", "description": "", "endpoint": self.endpoint, "chart": CHART[1 if kind == "exchange" else 2], "namespace": "fate-ns", "certificates": "create", "service_type": "2", "step": "review"}
        if kind == "cluster":
            f["party_id"] = "4720"
        return dict(f, **more)

    def party_path(self, kind):
        return FATE + "/%s/%s/new" % (self.fed if kind == "cluster" else self.empty_fed, kind)

    def external(self, kind, **more):
        return dict({"name": unique("e"), "description": "", "a_host": "10.0.0.1", "a_port": "30651", "nginx_host": "10.0.0.1", "nginx_port": "30093"}, **dict({"party_id": "4721"} if kind == "cluster" else {}, **more))

    # --- values ---
    def test_names(self):
        for name in BAD_NAMES:
            if "\x00" in name:
                continue
            for path, fields in (("/federation/new", {"name": name, "domain": "example.com"}), ("/endpoint/new/" + self.scan, {"name": name, "step": "create", "yaml": self.manifest()}), (self.party_path("exchange"), self.party("exchange", name=name)),
                                 (self.party_path("cluster"), self.party("cluster", name=name)), (self.party_path("exchange") + "?external=1", self.external("exchange", name=name)), (self.party_path("cluster") + "?external=1", self.external("cluster", name=name))):
                with self.subTest(name=name[:10], length=len(name), path=path):
                    self.check(path, fields, 422, "name")

    def test_names_that_are_taken(self):
        name = {t: one("select name from %s where uuid = '%s'" % (t, u)) for t, u in (("federation", self.fed), ("endpoint", self.endpoint), ("participant", self.exchange))}
        self.check("/federation/new", {"name": name["federation"], "domain": "example.com"}, 409, name["federation"])
        self.check("/endpoint/new/" + self.scan, {"name": name["endpoint"], "step": "create", "yaml": self.manifest()}, 409, name["endpoint"])
        self.check(self.party_path("cluster") + "?external=1", self.external("cluster", name=name["participant"]), 409, name["participant"])

    def test_domains(self):
        for d in Domains.BAD:
            with self.subTest(domain=d[:20], length=len(d)):
                self.check("/federation/new", {"name": unique("f"), "domain": d}, 422, "domain")

    def test_party_ids(self):
        for party, status in (("0", 422), ("-1", 422), ("", 422), ("text", 422), ("1.5", 422), ("2147483648", 422), ("99999999999999999999", 422), ("9999", 409), ("<script>alert(1)</script>", 422)):
            for path, fields in ((self.party_path("cluster"), self.party("cluster", party_id=party)), (self.party_path("cluster"), self.party("cluster", party_id=party, step="create", yaml="a: b")),
                                 (self.party_path("cluster") + "?external=1", self.external("cluster", party_id=party))):
                with self.subTest(party=party, path=path, step=fields.get("step")):
                    self.check(path, fields, status, "party")

    def test_addresses(self):
        for field, value in (("a_host", ""), ("a_host", "a b"), ("nginx_host", "<script>alert(1)</script>"), ("nginx_host", "10.0.0.256"), ("a_port", "0"), ("a_port", "65536"), ("nginx_port", "text"), ("nginx_port", "")):
            for kind in ("exchange", "cluster"):
                with self.subTest(field=field, value=value, kind=kind):
                    self.check(self.party_path(kind) + "?external=1", self.external(kind, **{field: value}), 422, "host" if "host" in field else "port")

    def test_choices(self):
        self.check(self.party_path("exchange"), self.party("exchange", endpoint="x"), 422, "endpoint")
        self.check(self.party_path("exchange"), self.party("exchange", chart="x"), 422, "chart")
        self.check(self.party_path("exchange"), self.party("exchange", namespace="../"), 422, "namespace")
        self.check(self.party_path("exchange"), self.party("exchange", namespace="kube system"), 422, "namespace")
        self.check("/endpoint/new", {"infra": "x"}, 422)

    # --- YAML ---
    def generated(self, kind):
        q = dict({"service_type": 2, "use_registry": "false", "enable_psp": "false", "name": "party", "namespace": "fate-ns", "chart_uuid": CHART[1 if kind == "exchange" else 2]}, **({"party_id": 4720, "federation_uuid": self.fed} if kind == "cluster" else {}))
        return call("GET", FATE + "/%s/yaml?%s" % (kind, urllib.parse.urlencode(q))).data

    def test_yaml(self):
        for kind in ("exchange", "cluster"):
            text = self.generated(kind)
            line = {k: next(x for x in text.split("\n") if x.startswith(k + ":")) for k in ("name", "namespace", "chartVersion")}
            for what, new, status, word in (("nonsense", "a: [b", 422, "YAML"), ("words", "just words", 422, "mapping"), ("empty", "", 422, "YAML"), ("large", text + "\n#" + "x" * 65536, 413, "65535 bytes"), ("deep", text + "\nx: " + "[" * 100, 422, "nested deeper"),
                                            ("name", text.replace(line["name"], "name: other"), 422, "name"), ("namespace", text.replace(line["namespace"], "namespace: kube-system"), 422, "kube-system"),
                                            ("version", text.replace(line["chartVersion"], "chartVersion: v0.0.1"), 422, "v0.0.1")):
                with self.subTest(kind=kind, what=what):
                    r = self.check(self.party_path(kind), self.party(kind, step="create", yaml=new), status, word)
                    self.assertIn(html.escape(new[:30], quote=False).strip()[:10], r.text, "what was typed stays")

    def manifest(self):
        return call("GET", "/endpoint/kubefate/yaml?namespace=&service_username=admin&service_password=secret-enough&hostname=kubefate.net&use_registry=false&registry=&use_registry_secret=false").data

    def test_manifest(self):
        text = self.manifest()
        for what, new, status, word in (("nonsense", "a: [b", 422, "YAML"), ("words", "just words", 422, ""), ("large", text + "\n#" + "x" * 65536, 413, "65535 bytes"), ("namespace", text.replace('namespace: "kube-fate"', "namespace: kube-system"), 422, "kube-fate"),
                                        ("kind", text + "\n---\napiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: x\n  namespace: kube-system\n", 422, "CronJob")):
            with self.subTest(what=what):
                self.check("/endpoint/new/" + self.scan, {"name": unique("kf"), "step": "create", "yaml": new}, status, word)

    # --- sent twice ---
    def twice(self, send, ok, again, count):
        """One after the other, then eight at once with a fresh value: one of each wins, the others are told so."""
        before = int(one(count))
        fields = send()
        self.assertEqual(fields().status, ok)
        changed = fields()
        self.assertEqual(changed.status, again, changed.text[:300])
        self.assertEqual(int(one(count)), before + 1)
        fields, answers = send(), []
        threads = [threading.Thread(target=lambda: answers.append(fields())) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(sorted(r.status for r in answers), sorted([ok] + [again] * 7), [r.text[:200] for r in answers])
        self.assertEqual(int(one(count)), before + 2)

    def test_federation_twice(self):
        def page():
            f = {"name": unique("f"), "description": "", "domain": "example.com"}
            return lambda: self.send("/federation/new", f)

        def api():
            f = {"name": unique("f"), "description": "", "domain": "example.com"}
            return lambda: call("POST", FATE, f)

        self.twice(page, 303, 409, "select count(*) from federation")
        self.twice(api, 200, 409, "select count(*) from federation")

    def test_external_cluster_twice(self):
        party = [5100]

        def fresh():
            party[0] += 1
            return unique("c"), party[0]

        def page():
            name, n = fresh()
            f = self.external("cluster", name=name, party_id=str(n))
            return lambda: self.send(self.party_path("cluster") + "?external=1", f)

        def api():
            body = external(*fresh())
            return lambda: call("POST", FATE + "/%s/cluster/external" % self.fed, body)

        self.twice(page, 303, 409, "select count(*) from participant")
        self.twice(api, 200, 409, "select count(*) from participant")

    def test_managed_cluster_twice(self):
        """One record, one operation."""
        party = [5200]

        def page():
            party[0] += 1
            name = unique("m")
            f = self.party("cluster", name=name, namespace=name, party_id=str(party[0]), step="review")
            r = self.send(self.party_path("cluster"), f)
            self.assertEqual(r.status, 200, r.text[:300])
            text = html.unescape(r.text.split("<textarea", 1)[1].split(">", 1)[1].split("</textarea>")[0])
            return lambda: self.send(self.party_path("cluster"), dict(f, step="create", yaml=text))

        self.twice(page, 303, 409, "select (select count(*) from participant) + 0 * (select count(*) from operation)")
        made = [r[0] for r in sql("select uuid from participant where party_id between 5201 and 5299 and federation_uuid = '%s'" % self.fed)]
        self.assertEqual(len(made), 2)
        for u in made:
            self.assertEqual(one("select count(*) from operation where subject = '%s'" % u), "1")
            forget(u)
            sql("update participant set deleted_at = now() where uuid = '%s'" % u)

    def test_endpoint_twice(self):
        """Two looks at one infrastructure: one endpoint."""
        infra = seed_infra()[0]
        scan = one("insert into probe (kind, actor, subject, state, input, result) values ('endpoint_scan', 'Admin', '%s', 'done', '{\"namespace\": \"\"}', '{\"found\": false}') returning uuid" % infra)
        text, answers = self.manifest(), []
        threads = [threading.Thread(target=lambda: answers.append(self.send("/endpoint/new/" + scan, {"name": unique("kf"), "step": "create", "yaml": text}))) for _ in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(sorted(r.status for r in answers), [303] + [409] * 5, [r.text[:200] for r in answers])
        made = one("select uuid from endpoint where infra_uuid = '%s'" % infra)
        self.assertEqual(one("select count(*) from operation where subject = '%s'" % made), "1")
        forget(made)

    def test_deleted_twice(self):
        fed, other = seed_federation(), seed_federation()
        self.done(call("DELETE", FATE + "/" + fed), None)
        with self.unchanged():
            self.refused(call("DELETE", FATE + "/" + fed), 404)
        self.assertEqual(self.send(FATE + "/%s/delete" % other, {}).status, 303)
        with self.unchanged():
            self.assertEqual(self.send(FATE + "/%s/delete" % other, {}).status, 404)
        party = seed_party(seed_federation(), 2, 1, self.endpoint, self.infra)[0]
        fed = one("select federation_uuid from participant where uuid = '%s'" % party)
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(call("DELETE", FATE + "/%s/cluster/%s" % (fed, party)))) for _ in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(sorted(r.status for r in answers), [200] + [409] * 5, [r.text[:200] for r in answers])
        self.assertEqual(one("select count(*) from operation where subject = '%s'" % party), "1")
        forget(party)
        sql("update participant set deleted_at = now() where uuid = '%s'" % party)


if __name__ == "__main__":
    unittest.main()
