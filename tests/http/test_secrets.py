"""Stored secrets: they never come back, a mask stands for one only while its destination is unchanged, and nothing but the poller can use them."""
import os
import unittest

import clusters as K
from web import NOBODY, STATE, Case, call, csrf, form, infra_body, one, page_login, raw, seed_endpoint, seed_infra, sql, unique

TRIED = ("probe", "work", "secret")
TOKEN = "token-that-must-stay-0123456789abcdef"


class Stored(Case):
    """Two infrastructures made through the API: with a token, and with a client certificate and a token."""

    @classmethod
    def setUpClass(cls):
        cls.server, cls.other = K.kube_server(TOKEN), K.kube_server(TOKEN)
        K.make_cert("person", K.CA)
        cls.key = K.b64("person.key")
        cls.registry_password = "registry-password-that-must-stay"
        cls.infra = cls.make({"token": TOKEN}, {"registry_config_fate": {"use_registry": True, "registry": "reg.example.com/fate", "use_registry_secret": True,
                                                "registry_secret_config": {"server_url": "https://reg.example.com", "username": "robot", "password": cls.registry_password}}})
        cls.both = cls.make({"client-certificate-data": K.b64("person.crt"), "client-key-data": cls.key, "token": TOKEN})

    @classmethod
    def make(cls, user, info=None):
        name = unique("stored")
        r = call("POST", "/infra", infra_body(K.kubeconfig(cls.server.url, user), name, info))
        assert r.status == 200, r.text
        return one("select uuid from infra where name = '%s'" % name)

    def shown(self, infra=None):
        return call("GET", "/infra/" + (infra or self.infra)).data

    def body(self, kubeconfig, infra=None, info=None, **more):
        d = self.shown(infra)
        i = {"namespaces_list": d["kubernetes_provider_info"]["namespaces_list"], "registry_config_fate": d["kubernetes_provider_info"]["registry_config_fate"]}
        i.update(info or {})
        return infra_body(kubeconfig, d["name"], i, **more)

    def kubeconfig(self, infra=None):
        return self.shown(infra)["kubernetes_provider_info"]["kubeconfig_content"]

    def secrets(self):
        return [TOKEN, self.key, self.key[40:100], "".join(K.pem("person.key").split("\n")[1:2]), "PRIVATE KEY", self.registry_password]

    # --- they never come back ---
    def test_no_get_holds_them(self):
        cookie = page_login()
        paths = ["/infra", "/infra-detail/" + self.infra, "/infra-detail/%s/edit" % self.infra, "/infra-detail/" + self.both, "/infra-detail/%s/edit" % self.both, "/infra-detail/%s/delete" % self.infra, "/events", "/endpoint/new", "/endpoint/new/" + self.infra, "/operations", "/"]
        for (probe,) in sql("select uuid from probe order by id desc limit 12"):
            paths += ["/infra/test/" + probe, "/ui/probe/" + probe]
        for path in paths:
            with self.subTest(path=path):
                r = raw("GET", path, headers={"Cookie": cookie})
                self.assertLess(r.status, 500)
                for s in self.secrets():
                    self.assertNotIn(s, r.text)
        for path in ("/infra", "/infra/" + self.infra, "/infra/" + self.both, "/event/" + self.infra, "/endpoint", "/endpoint/kubefate/yaml?namespace=&service_username=admin&hostname=a.b"):
            with self.subTest(path=path):
                r = call("GET", path)
                self.assertEqual(r.status, 200)
                for s in self.secrets():
                    self.assertNotIn(s, r.text)

    def test_masks_name_object_and_field(self):
        self.assertIn('token: "(stored: %s/token)"' % self.infra, self.kubeconfig())
        self.assertEqual(self.shown()["kubernetes_provider_info"]["registry_config_fate"]["registry_secret_config"]["password"], "(stored: %s/registry_password)" % self.infra)
        both = self.kubeconfig(self.both)
        for field in ("client-key-data", "token"):
            self.assertIn('%s: "(stored: %s/%s)"' % (field, self.both, field), both)
        self.assertIn(K.b64("person.crt"), both, "a certificate is no secret")

    def test_the_database_holds_them_sealed_only(self):
        dump = "\n".join("\t".join(r) for t in ("infra", "probe", "operation", "event", "work", "secret", "setting", "named_secret") for r in sql("select t::text from %s t" % t))
        for s in self.secrets():
            self.assertNotIn(s, dump)
        self.assertEqual(one("select count(*) from secret where length(sealed) < 40 and sealed not like '<enc-v2:00000000>%'"), "0")

    def test_the_logs_hold_none(self):
        for name in os.listdir(os.path.join(STATE, "log")):
            with open(os.path.join(STATE, "log", name), "rb") as f:
                text = f.read().decode(errors="replace")
            for s in self.secrets():
                self.assertNotIn(s, text, name)

    def test_refusals_do_not_repeat_what_was_sent(self):
        for r in (call("POST", "/infra", infra_body(K.kubeconfig("ftp://x", {"token": TOKEN}))), call("POST", "/infra", infra_body(K.kubeconfig(self.server.url, {"token": TOKEN + " x"}))),
                  call("POST", "/infra", infra_body("token: " + TOKEN + "\n  bad: [")), call("POST", "/infra", infra_body(K.kubeconfig(self.server.url, {"token": TOKEN}), self.shown()["name"])),
                  call("POST", "/infra", '{"token": "%s" broken' % TOKEN)):
            self.assertGreaterEqual(r.status, 400)
            self.assertNotIn(TOKEN, r.text)

    # --- masks ---
    def test_what_was_read_can_be_written_back(self):
        self.done(call("PUT", "/infra/" + self.infra, self.body(self.kubeconfig(), description="changed")), None)
        self.assertEqual(self.shown()["description"], "changed")
        seen = len(self.server.seen)
        self.done(call("POST", "/infra/kubernetes/connect", {"kubeconfig_content": self.kubeconfig(), "namespaces_list": []}), None)
        self.assertIn("Bearer " + TOKEN, [a for _, _, a in self.server.seen[seen:]], "the stored token was used")

    def moved(self, infra):
        """The masked text with each part of the destination changed in turn."""
        text = self.kubeconfig(infra)
        yield "server", text.replace(self.server.url, self.other.url)
        yield "name", text.replace("127.0.0.1", "localhost")
        yield "path", text.replace(self.server.url, self.server.url + "/proxy")
        yield "authority", text.replace(K.b64(K.CA + ".crt"), K.b64(K.OTHER_CA + ".crt"))
        yield "no authority", "\n".join(x for x in text.split("\n") if "certificate-authority-data" not in x)
        for key, value in (("proxy-url", '"http://127.0.0.1:3128"'), ("tls-server-name", '"evil.example.com"'), ("insecure-skip-tls-verify", "true")):
            yield key, "\n".join(x + "\n    %s: %s" % (key, value) if x.strip().startswith("server:") else x for x in text.split("\n"))

    def test_mask_with_another_destination(self):
        for infra in (self.infra, self.both):
            for what, text in self.moved(infra):
                with self.subTest(what=what):
                    self.assertNotEqual(text, self.kubeconfig(infra))
                    with self.unchanged():
                        seen = len(self.other.seen)
                        self.refused(call("PUT", "/infra/" + infra, self.body(text, infra, allow_insecure_tls=True)), 422, "enter it again")
                        self.refused(call("POST", "/infra/kubernetes/connect", {"kubeconfig_content": text, "namespaces_list": [], "allow_insecure_tls": True}), 422, "again")
                        self.assertEqual(self.other.seen[seen:], [])

    def test_mask_in_a_new_infrastructure(self):
        with self.unchanged():
            self.refused(call("POST", "/infra", infra_body(self.kubeconfig())), 422, "Enter the secret again")
            self.refused(call("POST", "/infra", infra_body(K.kubeconfig(self.other.url, {"token": "(stored: %s/token)" % self.infra}))), 422, "Enter the secret again")

    def test_mask_of_an_infrastructure_that_is_not_there(self):
        with self.unchanged():
            self.refused(call("POST", "/infra/kubernetes/connect", {"kubeconfig_content": K.kubeconfig(self.other.url, {"token": "(stored: %s/token)" % NOBODY})}), 404, "infrastructure")
            self.refused(call("PUT", "/infra/" + NOBODY, self.body(self.kubeconfig())), 404, "infrastructure")

    def test_mask_of_another_infrastructure(self):
        """An infrastructure of somebody else, at another server: its secret must not go to mine."""
        mine = seed_infra(1, self.other.url)[0]
        text = K.kubeconfig(self.other.url, {"token": "(stored: %s/token)" % self.infra})
        seen = len(self.other.seen)
        with self.unchanged(TRIED):
            r = call("PUT", "/infra/" + mine, infra_body(text, "mine"))
            self.assertIn(r.status, (422, 500))
            self.refused(call("POST", "/infra/kubernetes/connect", {"kubeconfig_content": text}), 422, "again")
        self.assertEqual([x for x in self.other.seen[seen:] if TOKEN in (x[2] or "")], [])

    def test_what_is_typed_beside_a_mask_is_not_dropped(self):
        """A success that forgot the new token, or the new certificate, would be the worst answer."""
        K.make_cert("successor", K.CA)
        text = self.kubeconfig(self.both)
        without = [x for x in text.split("\n") if not x.strip().startswith("token:")]
        for what, new in (("token", text.replace("(stored: %s/token)" % self.both, "a-new-token")), ("key", text.replace("(stored: %s/client-key-data)" % self.both, K.b64("successor.key"))),
                          ("certificate", text.replace(K.b64("person.crt"), K.b64("successor.crt"))), ("no token", "\n".join(without))):
            with self.subTest(what=what), self.unchanged():
                self.assertNotEqual(new, text)
                self.refused(call("PUT", "/infra/" + self.both, self.body(new, self.both)), 422, "enter it again")

    def test_words_of_a_mask_elsewhere_are_no_mask(self):
        """A comment that speaks of a mask does not make a typed token the stored one."""
        text = "# was (stored: %s/token)\n" % self.infra + K.kubeconfig(self.server.url, {"token": "not-the-right-token"})
        with self.unchanged(TRIED):
            self.refused(call("PUT", "/infra/" + self.infra, self.body(text)), 422, "credentials")
            self.refused(call("POST", "/infra/kubernetes/connect", {"kubeconfig_content": text}), 422, "credentials")

    def test_new_names_and_remarks_keep_the_secret(self):
        before = one("select kubeconfig_secret from infra where uuid = '%s'" % self.both)
        self.done(call("PUT", "/infra/" + self.both, self.body("# hello\n" + self.kubeconfig(self.both), self.both)), None)
        self.assertEqual(one("select kubeconfig_secret from infra where uuid = '%s'" % self.both), before)

    def test_a_new_token(self):
        """All of it typed anew: tested with the new one, and the new one is stored."""
        server = K.kube_server(TOKEN, "second-token")
        infra_name = unique("renewed")
        self.done(call("POST", "/infra", infra_body(K.kubeconfig(server.url, {"token": TOKEN}), infra_name)), None)
        infra, before = sql("select uuid, kubeconfig_secret from infra where name = '%s'" % infra_name)[0]
        self.done(call("PUT", "/infra/" + infra, infra_body(K.kubeconfig(server.url, {"token": "second-token"}), infra_name)), None)
        self.assertNotEqual(one("select kubeconfig_secret from infra where uuid = '%s'" % infra), before)
        self.assertIn("Bearer second-token", [x[2] for x in server.seen])

    def test_registry_password(self):
        mask = "(stored: %s/registry_password)" % self.infra

        def registry(server, password, user="robot"):
            return {"registry_config_fate": {"use_registry": True, "registry": "reg.example.com/fate", "use_registry_secret": True, "registry_secret_config": {"server_url": server, "username": user, "password": password}}}

        with self.unchanged():
            for server in ("https://evil.example.com", "http://reg.example.com", "https://reg.example.com.evil.com", "https://reg.example.com/x"):
                for password in (mask, ""):
                    with self.subTest(server=server, password=password):
                        self.refused(call("PUT", "/infra/" + self.infra, self.body(self.kubeconfig(), info=registry(server, password))), 422, "Enter it again")
            for server in ("", "reg.example.com", "javascript:alert(1)"):
                self.refused(call("PUT", "/infra/" + self.infra, self.body(self.kubeconfig(), info=registry(server, "x"))), 422, "server URL")
            self.refused(call("POST", "/infra", infra_body(K.kubeconfig(self.other.url, {"token": TOKEN}), info=registry("https://reg.example.com", mask))), 422, "Enter it again")
        kept = one("select registry_secret from infra where uuid = '%s'" % self.infra)
        self.done(call("PUT", "/infra/" + self.infra, self.body(self.kubeconfig(), info=registry("https://reg.example.com", mask))), None)
        self.assertEqual(one("select registry_secret from infra where uuid = '%s'" % self.infra), kept)

    def test_page_form(self):
        cookie = page_login()
        path = "/infra-detail/%s/edit" % self.infra
        token = csrf(path, cookie)
        for what, text in self.moved(self.infra):
            with self.subTest(what=what), self.unchanged():
                seen = len(self.other.seen)
                r = form(path, {"_csrf": token, "sent": "1", "name": self.shown()["name"], "description": "", "kubeconfig": text, "namespaces": "", "allow_insecure": "true", "use_registry": "true", "registry": "reg.example.com/fate"}, cookie)
                self.assertEqual(r.status, 422, r.text[:200])
                self.assertNotIn(TOKEN, r.text)
                self.assertEqual(self.other.seen[seen:], [])

    def test_another_cluster_under_a_used_one(self):
        """With endpoints on it, an infrastructure stays the cluster that it is."""
        name = unique("used")
        self.done(call("POST", "/infra", infra_body(K.kubeconfig(self.server.url, {"token": TOKEN, "client-certificate-data": K.b64("person.crt"), "client-key-data": self.key}, ca=K.CA), name, {"namespaces_list": ["used-" + name[-4:]]})), None)
        infra = one("select uuid from infra where name = '%s'" % name)
        seed_endpoint(infra)
        with self.unchanged(TRIED):
            self.refused(call("PUT", "/infra/" + infra, infra_body(K.kubeconfig(self.other.url, {"token": TOKEN}), name, {"namespaces_list": ["used-" + name[-4:]]})), 409, "another cluster")


if __name__ == "__main__":
    unittest.main()
