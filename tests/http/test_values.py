"""Names, domains, party IDs and deployment YAML that must be refused with a sentence and without a trace, and those that must be taken."""
import unittest
import urllib.parse

import clusters as K
from web import CHART, NOBODY, Case, call, csrf, forget, form, infra_body, one, page_login, raw, seed_endpoint, seed_federation, seed_infra, seed_party, sql, unique

FATE = "/federation/fate"
BAD_NAMES = ["", "   ", "\t\n", "x" * 65, "x" * 300, "联" * 65, "a\nb", "a\x00b", "a\x1bb", "a\x7fb", "a\u0085b"]
GOOD_NAMES = ["联邦一号", "../", "../../etc/passwd", "<script>alert(1)</script>", "\"'; drop table infra; --", "{{ 7 * 7 }}", "%s%n", "Ünïcode Ⅷ 🙂"]


def place():
    """An infrastructure with a ready endpoint, and a federation with an active exchange on it."""
    infra = seed_infra()[0]
    endpoint, federation = seed_endpoint(infra)[0], seed_federation()
    return infra, endpoint, federation, seed_party(federation, 1, 1, endpoint, infra)[0]


def external(name, party=None):
    b = {"name": name, "description": "", "nginx_access_info": {"host": "10.0.0.1", "port": 30093}}
    b["traffic_server_access_info" if party is None else "pulsar_access_info"] = {"host": "10.0.0.1", "port": 30651}
    if party is not None:
        b["party_id"] = party
    return b


def endpoint_body(infra, name, manifest="", **more):
    return dict({"infra_provider_uuid": infra, "name": name, "description": "", "type": "KubeFATE", "install": True, "ingress_controller_service_mode": 0, "kubefate_deployment_yaml": manifest}, **more)


class Names(Case):
    @classmethod
    def setUpClass(cls):
        cls.infra, cls.endpoint, cls.fed, cls.exchange = place()
        cls.empty_fed = seed_federation()
        cls.free_infra = seed_infra()[0]

    def doors(self, name):
        """Every way to give a name."""
        yield "infra", call("POST", "/infra", infra_body(K.kubeconfig(), name))
        yield "infra edit", call("PUT", "/infra/" + self.free_infra, infra_body(call("GET", "/infra/" + self.free_infra).data["kubernetes_provider_info"]["kubeconfig_content"], name))
        yield "endpoint", call("POST", "/endpoint", endpoint_body(self.free_infra, name))
        yield "federation", call("POST", FATE, {"name": name, "description": "", "domain": "example.com"})
        yield "exchange", call("POST", FATE + "/%s/exchange/external" % self.empty_fed, external(name))
        yield "cluster", call("POST", FATE + "/%s/cluster/external" % self.fed, external(name, 4711))
        yield "managed exchange", call("POST", FATE + "/%s/exchange" % self.empty_fed, {"name": name, "endpoint_uuid": self.endpoint, "chart_uuid": CHART[1], "namespace": "x", "deployment_yaml": "a: b"})

    def test_refused(self):
        with self.unchanged():
            for name in BAD_NAMES:
                for door, r in self.doors(name):
                    with self.subTest(name=name[:10], length=len(name), door=door):
                        self.refused(r, 400 if "\x00" in name else 422, "name")

    def test_taken(self):
        other = seed_infra()[0]
        names = {r[0]: r[1] for r in sql("select 'infra', name from infra where uuid = '%s' union all select 'endpoint', name from endpoint where uuid = '%s' union all select 'fed', name from federation where uuid = '%s' "
                                         "union all select 'party', name from participant where uuid = '%s'" % (other, self.endpoint, self.fed, self.exchange))}
        with self.unchanged():
            self.refused(call("POST", "/infra", infra_body(K.kubeconfig(), names["infra"])), 409, names["infra"], "another name")
            self.refused(call("PUT", "/infra/" + self.free_infra, infra_body(call("GET", "/infra/" + self.free_infra).data["kubernetes_provider_info"]["kubeconfig_content"], names["infra"])), 409, names["infra"])
            self.refused(call("POST", "/endpoint", endpoint_body(self.free_infra, names["endpoint"])), 409, names["endpoint"], "another name")
            self.refused(call("POST", FATE, {"name": names["fed"], "domain": "example.com"}), 409, names["fed"], "another name")
            self.refused(call("POST", FATE, {"name": "  " + names["fed"] + " ", "domain": "example.com"}), 409, names["fed"])
            self.refused(call("POST", FATE + "/%s/cluster/external" % self.fed, external(names["party"], 4712)), 409, names["party"], "another name")

    def test_second_of_its_kind(self):
        with self.unchanged():
            self.refused(call("POST", "/endpoint", endpoint_body(self.infra, unique("kf"))), 409, "already exists")
            self.refused(call("POST", FATE + "/%s/exchange/external" % self.fed, external(unique("x"))), 409, "already has an exchange")

    def test_description(self):
        with self.unchanged():
            self.refused(call("POST", FATE, {"name": unique("f"), "description": "x" * 4001, "domain": "example.com"}), 422, "description")
            self.refused(call("POST", "/infra", infra_body(K.kubeconfig(), description="x" * 4001)), 422, "description")

    def test_any_other_name_is_taken_and_shown_as_text(self):
        cookie = page_login()
        for name in GOOD_NAMES:
            with self.subTest(name=name[:20]):
                name = (name + unique(" "))[:64]
                fed = self.done(call("POST", FATE, {"name": name, "description": name, "domain": "example.com"}))
                self.assertEqual(call("GET", FATE + "/" + fed).data["name"], name)
                self.done(call("POST", FATE + "/%s/exchange/external" % fed, external(name)))
                for path in ("/federation", "/federation/fate/" + fed, "/events"):
                    page = raw("GET", path, headers={"Cookie": cookie})
                    self.assertEqual(page.status, 200, path)
                    self.assertNotIn("<script>alert", page.text)
                    self.assertNotIn("drop table infra; --\"'", page.text)

    def test_page_forms_refuse_them_too(self):
        cookie = page_login()
        token = csrf("/federation/new", cookie)
        for fields in ({"name": "", "domain": "example.com"}, {"name": "x" * 300, "domain": "example.com"}, {"name": "fine", "domain": "a..b"}, {"name": "fine", "domain": "x" * 254}):
            with self.subTest(fields=str(fields)[:40]), self.unchanged():
                r = form("/federation/new", dict(fields, description="", _csrf=token), cookie)
                self.assertEqual(r.status, 422)
                self.assertIn(fields["domain"][:50], r.text, "what was typed stays")


class Domains(Case):
    BAD = ["", " ", "example", "-x", "-x.com", "x-.com", "a..b", ".a.b", "a.b.", "a_b.com", "a b.com", "例子.com", "1.2.3.4", "*.example.com", "x" * 64 + ".com", "a." * 126 + "ab", "a." * 100 + "com", "a.com/b", "a.com:80", "<b>.com", "a.com\nb"]

    def test_refused(self):
        self.assertIn(254, [len(d) for d in self.BAD])
        with self.unchanged():
            for d in self.BAD:
                with self.subTest(domain=d[:20], length=len(d)):
                    self.refused(call("POST", FATE, {"name": unique("f"), "description": "", "domain": d}), 422, "domain", "lower-case DNS name")

    def test_taken(self):
        for d, is_ in (("example.com", "example.com"), ("EXAMPLE.Com", "example.com"), (" a.b ", "a.b"), ("fate.prod-1.example.com", "fate.prod-1.example.com"), ("xn--fsqu00a.com", "xn--fsqu00a.com")):
            with self.subTest(domain=d):
                fed = self.done(call("POST", FATE, {"name": unique("f"), "description": "", "domain": d}))
                self.assertEqual(call("GET", FATE + "/" + fed).data["domain"], is_)


class Parties(Case):
    @classmethod
    def setUpClass(cls):
        cls.infra, cls.endpoint, cls.fed, cls.exchange = place()
        seed_party(cls.fed, 2, 1, cls.endpoint, cls.infra, first=9999)

    # Zero is the exchange's own number, so it counts as taken (reference 20, like upstream).
    BODY = [(0, 409), (-1, 422), (2 ** 31, 422), (2 ** 63, 422), (10 ** 30, 422), (9999, 409), ("10000", 400), ("text", 400), (1.5, 400), ([], 400), (True, 400), (None, 409)]
    QUERY = [("0", 409), ("-1", 422), ("2147483648", 422), ("99999999999999999999", 400), ("9999", 409), ("text", 400), ("1.5", 400), ("", 422), ("%20", 400), ("0x10", 400), ("1e3", 400), ("10000%00", (400, 422))]

    def test_external(self):
        with self.unchanged():
            for party, status in self.BODY:
                with self.subTest(party=party):
                    self.refused(call("POST", FATE + "/%s/cluster/external" % self.fed, external(unique("c"), party) if party is not None else dict(external(unique("c"), 1), party_id=None)), status, "party")

    def test_managed(self):
        with self.unchanged():
            for party, status in self.BODY:
                with self.subTest(party=party):
                    self.refused(call("POST", FATE + "/%s/cluster" % self.fed, {"name": unique("c"), "endpoint_uuid": self.endpoint, "chart_uuid": CHART[2], "namespace": unique("ns"), "deployment_yaml": "a: b", "party_id": party}), status, "party")

    def test_check(self):
        with self.unchanged():
            for party, status in self.QUERY:
                with self.subTest(party=party):
                    self.refused(call("POST", FATE + "/%s/partyID/check?party_id=%s" % (self.fed, party)), status, "party")
            self.refused(call("POST", FATE + "/%s/partyID/check" % self.fed), 422, "party_id is missing")
            self.done(call("POST", FATE + "/%s/partyID/check?party_id=10000" % self.fed), None)

    def test_addresses(self):
        with self.unchanged():
            for key, value, word in (("nginx_access_info", {"host": "", "port": 1}, "host"), ("nginx_access_info", {"host": "a b", "port": 1}, "host"), ("nginx_access_info", {"host": "10.0.0.256", "port": 1}, "host"), ("nginx_access_info", {"host": "<script>", "port": 1}, "host"),
                                     ("nginx_access_info", {"host": "a", "port": 0}, "port"), ("nginx_access_info", {"host": "a", "port": 65536}, "port"), ("nginx_access_info", {"host": "a", "port": -1}, "port"), ("pulsar_access_info", {"host": "a", "port": 22}, "port 22"),
                                     ("pulsar_access_info", None, "host")):
                with self.subTest(key=key, value=value):
                    self.refused(call("POST", FATE + "/%s/cluster/external" % self.fed, dict(external(unique("c"), 4713), **{key: value})), 422, word)


class Deployment(Case):
    """The YAML of a participant, between review and creation."""

    @classmethod
    def setUpClass(cls):
        cls.infra, cls.endpoint, cls.fed, cls.exchange = place()
        cls.empty_fed = seed_federation()
        base = {"service_type": 2, "use_registry": "false", "enable_psp": "false"}
        cls.text = {kind: call("GET", FATE + "/%s/yaml?%s" % (kind, urllib.parse.urlencode(dict(base, name="party", namespace="fate-ns", chart_uuid=CHART[t], **({"party_id": 4714, "federation_uuid": cls.fed} if t == 2 else {}))))).data
                    for kind, t in (("exchange", 1), ("cluster", 2))}

    def body(self, kind, text, **more):
        b = {"name": "party", "description": "", "endpoint_uuid": self.endpoint, "chart_uuid": CHART[1 if kind == "exchange" else 2], "namespace": "fate-ns", "deployment_yaml": text, "registry_config": {"use_registry": False, "use_registry_secret": False}}
        for k in ("proxy_server_cert_info", "fml_manager_server_cert_info", "fml_manager_client_cert_info", "pulsar_server_cert_info", "site_portal_server_cert_info", "site_portal_client_cert_info"):
            b[k] = {"binding_mode": 1, "common_name": ""}
        if kind == "cluster":
            b["party_id"] = 4714
        return dict(b, **more)

    def post(self, kind, text, **more):
        return call("POST", FATE + "/%s/%s" % (self.fed if kind == "cluster" else self.empty_fed, kind), self.body(kind, text, **more))

    def check(self, change, status, *words):
        with self.unchanged():
            for kind, text in self.text.items():
                with self.subTest(kind=kind):
                    new = change(text)
                    self.assertNotEqual(new, text)
                    self.refused(self.post(kind, new), status, *words)

    def replaced(self, key, value):
        def change(text):
            lines = ["%s: %s" % (key, value) if line.startswith(key + ":") else line for line in text.split("\n")]
            return "\n".join(lines)
        return change

    def test_nonsense(self):
        self.check(lambda t: "a: [b", 422, "YAML", "line")
        self.check(lambda t: "just words", 422, "mapping")
        self.check(lambda t: "- a\n- b\n", 422, "mapping")
        self.check(lambda t: "{name: party, namespace: fate-ns}", 422, "block style")
        self.check(lambda t: "\tname: party", 422, "YAML")
        self.check(lambda t: "---\na: b\n---\nc: d\n", 422, "YAML")
        self.check(lambda t: t + "\nname: twice\n", 422, "second time")
        self.check(lambda t: t + "\nx: \"\x01\"\n", 422, "YAML")

    def test_empty(self):
        self.check(lambda t: "", 422, "YAML")
        self.check(lambda t: " \n\n", 422, "YAML")
        self.check(lambda t: "# nothing\n", 422, "YAML")

    def test_over_64_kib(self):
        self.check(lambda t: t + "\n#" + "x" * 65536, 413, "65535 bytes")
        self.check(lambda t: t + "\nx: \"" + "联" * 22000 + "\"\n", 413, "65535 bytes")

    def accepted(self, kind, text):
        """The YAML that is stored for a text."""
        fed = seed_federation() if kind == "exchange" else self.fed
        party = self.done(call("POST", FATE + "/%s/%s" % (fed, kind), self.body(kind, text)))
        stored = call("GET", FATE + "/%s/%s/%s" % (fed, kind, party)).data["deployment_yaml"]
        self.assertEqual(one("select count(*) from operation where subject = '%s'" % party), "1")
        forget(party)
        sql("update participant set deleted_at = now() where uuid = '%s'" % party)
        return stored

    def test_changed_name_and_namespace(self):
        """Both are told by the request; a text that says something else is not what will happen."""
        for key, value in (("name", "other"), ("name", "[a, b]"), ("name", "Party"), ("namespace", "kube-system"), ("namespace", "{a: b}")):
            self.check(self.replaced(key, value), 422, key, "the request says")

    def test_name_and_namespace_that_are_missing_are_added(self):
        """Remarks and everything else stay as they are."""
        for kind, text in self.text.items():
            with self.subTest(kind=kind):
                whole = self.accepted(kind, text)
                for key, right in (("name", '"party"'), ("namespace", '"fate-ns"')):
                    for new in (self.replaced(key, "")(text), "\n".join(x for x in text.split("\n") if not x.startswith(key + ":")), self.replaced(key, right.strip('"'))(text)):
                        stored = self.accepted(kind, new + "\n# my remark\n")
                        self.assertRegex(stored, r"(?m)^%s: %s *$" % (key, right))
                        self.assertIn("# my remark", stored)
                self.assertEqual(whole, self.accepted(kind, text))

    def test_changed_chart(self):
        self.check(self.replaced("chartName", "openfl"), 422, "chartName", "openfl")
        self.check(self.replaced("chartVersion", "v0.0.1"), 422, "chartVersion", "v0.0.1")

    def test_changed_party(self):
        with self.unchanged():
            self.refused(self.post("cluster", self.replaced("partyId", "9999")(self.text["cluster"])), 422, "partyId", "9999", "4714")

    def test_modules(self):
        self.check(self.replaced("modules", "nothing\nold_modules:"), 422, "modules")

    def test_secret_that_nobody_stored(self):
        self.check(lambda t: t + "\nx: \"${secret:root_password}\"\n", 422, "root_password")
        self.check(lambda t: t + "\nx: ${secret:mysql_password}\n", 422)
        self.check(lambda t: t + "\nx: \"${secret:\"\n", 422, "placeholder")

    def test_alias_bomb(self):
        self.check(lambda t: t + "\na: &a [x]\nb: [%s]\n" % ", ".join(["*a"] * 200), 422, "aliases")

    def test_deep(self):
        self.check(lambda t: t + "\nx: " + "[" * 100 + "]" * 100, 422, "nested deeper")

    def test_the_rest_of_the_request(self):
        text = self.text["exchange"]
        with self.unchanged():
            for more, status, word in (({"endpoint_uuid": NOBODY}, 404, "endpoint"), ({"endpoint_uuid": "x"}, 422, "endpoint_uuid"), ({"endpoint_uuid": ""}, 422, "endpoint_uuid is missing"), ({"chart_uuid": NOBODY}, 404, "chart"), ({"chart_uuid": CHART[2]}, 422, "not of the kind"),
                                       ({"namespace": ""}, 422, "namespace"), ({"namespace": "../"}, 422, "namespace"), ({"namespace": "A" * 64}, 422, "namespace"), ({"proxy_server_cert_info": {"binding_mode": 2}}, 422, "Reusing"),
                                       ({"proxy_server_cert_info": {"binding_mode": 3, "common_name": "a b"}}, 422, "common_name"), ({"fml_manager_server_cert_info": {"binding_mode": 3}}, 422, "belong together"),
                                       ({"registry_config": {"use_registry_secret": True, "registry_secret_config": {"server_url": "", "username": "", "password": "x"}}}, 422, "registry_secret_config")):
                with self.subTest(more=more):
                    self.refused(self.post("exchange", text, **more), status, word)

    def test_endpoint_that_is_not_ready(self):
        for status in (0, 1, 3, 4, 5):
            e = seed_endpoint(seed_infra()[0], status=status)[0]
            with self.subTest(status=status), self.unchanged():
                self.refused(self.post("exchange", self.text["exchange"], endpoint_uuid=e), 409, "not ready")

    def test_cluster_before_exchange(self):
        with self.unchanged():
            self.refused(call("POST", FATE + "/%s/cluster" % self.empty_fed, self.body("cluster", self.text["cluster"])), 409, "exchange first")
            self.refused(call("POST", FATE + "/%s/cluster" % NOBODY, self.body("cluster", self.text["cluster"])), 404, "federation")

    def test_the_generated_text_is_taken(self):
        """The measure of the others."""
        for kind, text in self.text.items():
            with self.subTest(kind=kind):
                stored = self.accepted(kind, text)
                self.assertEqual(stored.replace('"', ""), text.replace('"', ""))

    def test_place_that_is_taken(self):
        seed = seed_party(self.fed, 2, 1, self.endpoint, self.infra, first=5000)[0]
        ns = one("select namespace from participant where uuid = '%s'" % seed)
        with self.unchanged():
            self.refused(self.post("exchange", self.replaced("namespace", ns)(self.text["exchange"]), namespace=ns), 409, ns, "namespace of its own")


class Manifest(Case):
    """KubeFATE's manifest of a new endpoint."""

    @classmethod
    def setUpClass(cls):
        cls.infra = seed_infra()[0]
        cls.limited = seed_infra()[0]
        sql("update infra set namespaces = '{team-a}' where uuid = '%s'" % cls.limited)
        cls.text = call("GET", "/endpoint/kubefate/yaml?namespace=&service_username=admin&service_password=secret-enough&hostname=kubefate.net&use_registry=false&registry=&use_registry_secret=false").data

    def check(self, manifest, status, *words, **more):
        with self.unchanged():
            self.refused(call("POST", "/endpoint", endpoint_body(more.pop("infra", self.infra), unique("kf"), manifest, **more)), status, *words)

    def test_nonsense(self):
        self.check("a: [b", 422, "YAML")
        self.check("just words", 422)
        self.check("a: b\n", 422)
        self.check("# nothing\n", 422)
        self.check(self.text + "\n---\n" * 200 + "a: b", 422)

    def test_over_64_kib(self):
        self.check(self.text + "\n#" + "x" * 65536, 413, "65535 bytes")

    def test_another_namespace(self):
        self.check(self.text.replace("namespace: \"kube-fate\"", "namespace: kube-system"), 422, "kube-fate")

    def test_foreign_kinds(self):
        self.check(self.text + "\n---\napiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata:\n  name: x\n  namespace: kube-fate\n", 422, "Certificate")
        self.check(self.text + "\n---\napiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: x\n  namespace: kube-system\n", 422, "CronJob", "kube-fate")

    def test_without_kubefate(self):
        self.check("apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: kubefate-admin\n  namespace: kube-fate\n", 422, "Deployment named kubefate")

    def test_cluster_wide_objects_of_a_limited_account(self):
        self.check(self.text, 422, infra=self.limited, namespace="team-a")

    def test_namespaces(self):
        self.check("", 422, "namespace", infra=self.limited)
        self.check("", 422, "kube-system", infra=self.limited, namespace="kube-system")
        self.check("", 422, "not limited", namespace="team-a")

    def test_the_rest_of_the_request(self):
        self.check("", 422, "KubeFATE", type="Helm")
        self.check("", 404, "infrastructure", infra=NOBODY)
        self.check("", 422, "infra_provider_uuid", infra="../")
        self.check("", 422, "ingress_controller_service_mode", ingress_controller_service_mode=7)
        self.check("", 422, "ingress controller", ingress_controller_service_mode=2)

    def test_yaml_parameters(self):
        q = {"namespace": "", "service_username": "admin", "service_password": "x", "hostname": "kubefate.net"}
        with self.unchanged():
            for key, value, status in (("namespace", "../", 422), ("service_username", "", 422), ("service_username", "x" * 17, 422), ("service_password", "", 422), ("service_password", "x" * 129, 422), ("hostname", "a b", 422), ("hostname", "<script>", 422), ("use_registry", "perhaps", 400)):
                with self.subTest(key=key, value=value[:10]):
                    self.refused(call("GET", "/endpoint/kubefate/yaml?" + urllib.parse.urlencode(dict(q, **{key: value}))), status, key)


if __name__ == "__main__":
    unittest.main()
