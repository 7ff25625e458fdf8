"""Kubeconfigs that must be refused, by creation and by the connection test: with a sentence, without a change, and without holding anybody up."""
import html
import re
import threading
import time
import unittest

import clusters as K
from web import Case, call, csrf, form, infra_body, one, page_login, raw, token, unique, wait_for

# A refusal by the cluster leaves the test itself on record, with the sealed kubeconfig that was tried.
TRIED = ("probe", "work", "secret")


def both(kubeconfig):
    """The same text through both doors."""
    yield "create", call("POST", "/infra", infra_body(kubeconfig))
    yield "connect", call("POST", "/infra/kubernetes/connect", {"kubeconfig_content": kubeconfig, "is_in_cluster": False, "namespaces_list": []})


def words_of(page):
    return html.unescape(re.sub(r"<[^>]*>", "", page)).lower()


class Page:
    """The form of a new infrastructure, with one login for all tests."""
    cookie = token = None

    @classmethod
    def open(cls):
        if not cls.cookie:
            cls.cookie = page_login()
            cls.token = csrf("/infra/new", cls.cookie)

    @classmethod
    def paste(cls, kubeconfig, **more):
        cls.open()
        return form("/infra/new", dict({"_csrf": cls.token, "name": unique("p"), "description": "", "kubeconfig": kubeconfig, "namespaces": ""}, **more), cls.cookie)

    @classmethod
    def file(cls, kubeconfig):
        cls.open()
        part = '--b7\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
        body = "".join(part % f for f in (("_csrf", cls.token), ("name", unique("p")), ("description", ""), ("kubeconfig", ""), ("namespaces", "")))
        body += '--b7\r\nContent-Disposition: form-data; name="file"; filename="config"\r\nContent-Type: application/octet-stream\r\n\r\n%s\r\n--b7--\r\n' % kubeconfig
        return raw("POST", "/infra/new", body, {"Cookie": cls.cookie, "Content-Type": "multipart/form-data; boundary=b7"})

    @classmethod
    def save(cls, path):
        """Presses Save on the page of a test that has ended."""
        return form(path, {"_csrf": cls.token}, cls.cookie)


# Seconds that tell an answer that waited for nobody's cluster from one that did (a probe's call ends after eight), and one whose wait was ended from one whose was not.
AT_ONCE, WAITED = 6, 16


class Text(Case):
    """What can be seen in the text alone: nothing is stored, nobody is called. By the API, by the page with the text pasted, and by the page with a file."""

    def check(self, kubeconfig, status, *words, seconds=AT_ONCE):
        Page.open()
        with self.unchanged():
            for door, r in both(kubeconfig):
                with self.subTest(door=door):
                    self.refused(r, status, *words)
                    self.assertLess(r.seconds, seconds)
            for door, r in (("paste", Page.paste(kubeconfig)), ("file", Page.file(kubeconfig))):
                with self.subTest(door=door):
                    self.assertEqual(r.status, status, r.text[:300])
                    shown = words_of(r.text)
                    self.assertIn("<h1", r.text)
                    for w in words:
                        self.assertIn(w.lower(), shown)
                    self.assertLess(r.seconds, seconds)

    def test_not_yaml(self):
        self.check("clusters: [a\nusers: }", 422, "YAML", "line 2")

    def test_yaml_but_no_kubeconfig(self):
        self.check("just some words", 422, "not a kubeconfig")
        self.check("- a\n- b\n", 422, "not a kubeconfig")
        self.check("apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n", 422, "not a kubeconfig")

    def test_empty(self):
        self.check("", 422, "kubeconfig is needed")
        self.check("  \n\t\n", 422, "kubeconfig is needed")

    def test_only_a_comment(self):
        self.check("# nothing\n", 422, "kubeconfig is empty")

    def test_two_megabytes(self):
        self.check(K.kubeconfig() + "\n#" + "x" * (2 << 20), 413, "1 MiB")

    def test_larger_than_nginx_takes(self):
        self.check(K.kubeconfig() + "\n#" + "x" * (4 << 20), 413, "1 MiB")

    def test_nested_100_deep(self):
        self.check("[" * 100 + "]" * 100, 422, "nested deeper")
        self.check("\n".join("  " * i + "a:" for i in range(100)), 422, "nested deeper")

    def test_nested_100000_deep(self):
        self.check("[" * 100000, 422, "nested deeper")

    def test_alias_bomb(self):
        """Nine aliases of nine aliases of ...: written out these would be 3 GB."""
        lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
        lines += ["%s: &%s [%s]" % (n, n, ", ".join(["*" + p] * 9)) for p, n in zip("abcdefghi", "bcdefghij")]
        self.check("\n".join(lines), 422)
        self.check("\n".join(lines) + "\nclusters: *j\nusers: *j\ncontexts: *j\ncurrent-context: a\n", 422)
        self.check("a: &a [x]\nb: [%s]\n" % ", ".join(["*a"] * 200), 422, "aliases")

    def test_alias_inside_itself(self):
        self.check("clusters: &a [*a]\n", 422, "alias a")

    def test_key_twice(self):
        self.check("clusters: []\nclusters: []\n", 422, "second time")

    def test_no_current_context(self):
        self.check(K.kubeconfig(**{"current-context": None}), 422, "current-context", "kubectl config view")
        self.check(K.kubeconfig(**{"current-context": ""}), 422, "current-context")

    def test_context_that_is_not_there(self):
        self.check(K.kubeconfig(**{"current-context": "elsewhere"}), 422, "elsewhere")

    def test_file_paths(self):
        self.check(K.kubeconfig(ca=None, cluster={"certificate-authority": "/etc/kubernetes/ca.crt"}), 422, "clusters[a].cluster.certificate-authority", "file on your computer")
        self.check(K.kubeconfig(user={"client-certificate": "/root/a.crt", "client-key": "/root/a.key"}), 422, "client-certificate", "file on your computer")
        self.check(K.kubeconfig(user={"tokenFile": "/var/run/secrets/token"}), 422, "tokenFile", "file on your computer")

    def test_exec(self):
        self.check(K.kubeconfig(user={"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "touch", "args": ["/tmp/owned"]}}), 422, "users[a].user.exec", "never run")

    def test_auth_provider(self):
        self.check(K.kubeconfig(user={"auth-provider": {"name": "gcp"}}), 422, "auth-provider", "ServiceAccount")

    def test_basic_login(self):
        self.check(K.kubeconfig(user={"username": "admin", "password": "hunter2"}), 422, "1.19")

    def test_impersonation(self):
        self.check(K.kubeconfig(user={"token": "t", "as": "system:admin"}), 422, "another account")

    def test_no_credentials(self):
        self.check(K.kubeconfig(user={}), 422, "neither a client certificate nor a token")

    def test_token_that_is_none(self):
        self.check(K.kubeconfig(user={"token": "two words"}), 422, "token")

    def test_expired_client_certificate(self):
        K.make_cert("past", K.CA, expired=True)
        self.check(K.kubeconfig(user={"client-certificate-data": K.b64("past.crt"), "client-key-data": K.b64("past.key")}), 422, "expired on 2020-02-01")

    def test_key_of_another_certificate(self):
        K.make_cert("one", K.CA)
        K.make_cert("two", K.CA)
        self.check(K.kubeconfig(user={"client-certificate-data": K.b64("one.crt"), "client-key-data": K.b64("two.key")}), 422, "does not belong")

    def test_authority_that_is_none(self):
        self.check(K.kubeconfig(ca=None, cluster={"certificate-authority-data": "AAAA"}), 422, "CA certificate")
        self.check(K.kubeconfig(ca=None, cluster={"certificate-authority-data": "not base64 !"}), 422, "base64")

    def test_plain_http(self):
        self.check(K.kubeconfig("http://10.1.2.3:8080"), 422, "not encrypted")

    def test_addresses_that_are_none(self):
        for server in ("", "file:///etc/passwd", "https://", "https://a b", "gopher://10.1.2.3", "10.1.2.3:6443"):
            with self.subTest(server=server):
                self.check(K.kubeconfig(server), 422, "clusters[a].cluster.server")

    def test_metadata_service(self):
        for server in ("https://169.254.169.254", "https://[fe80::1]:6443", "https://[::ffff:169.254.169.254]"):
            with self.subTest(server=server):
                self.check(K.kubeconfig(server), 422, "link-local")

    def test_login_in_the_address(self):
        self.check(K.kubeconfig("https://root:secret@10.1.2.3"), 422, "user name or password")

    def test_unverified_tls_needs_the_switch(self):
        self.check(K.kubeconfig(ca=None, cluster={"insecure-skip-tls-verify": True}), 422, "insecure-skip-tls-verify")

    def test_namespaces_that_are_none(self):
        with self.unchanged():
            for ns in ("../", "A", "a" * 64, "a b", "-a", "<script>", ""):
                with self.subTest(ns=ns):
                    self.refused(call("POST", "/infra", infra_body(K.kubeconfig(), info={"namespaces_list": [ns]})), 422, "namespace")

    def test_type(self):
        with self.unchanged():
            self.refused(call("POST", "/infra", infra_body(K.kubeconfig(), type="OpenStack")), 422, "Kubernetes")

    def test_in_cluster_outside_of_one(self):
        with self.unchanged():
            self.refused(call("POST", "/infra", infra_body("", info={"is_in_cluster": True})), 422, "service account")


class Cluster(Case):
    """What only the cluster's answer shows: the kubeconfig cannot be used, so it is a 422; never 401, which would end the session."""

    def check(self, kubeconfig, status, *words, seconds=WAITED):
        with self.unchanged(TRIED):
            for door, r in both(kubeconfig):
                with self.subTest(door=door):
                    self.refused(r, status, *words)
                    self.assertLess(r.seconds, seconds)

    def test_wrong_authority(self):
        s = K.kube_server("a-token")
        self.check(K.kubeconfig(s.url, ca=K.OTHER_CA), 422, "not signed by the CA in the kubeconfig")
        self.assertEqual(s.seen, [], "the token must not reach a server that is not trusted")

    def test_no_authority(self):
        s = K.kube_server("a-token")
        self.check(K.kubeconfig(s.url, ca=None), 422, "not signed by a public CA")
        self.assertEqual(s.seen, [])

    def test_expired_server_certificate(self):
        K.make_cert("old-server", K.CA, "IP:127.0.0.1", expired=True)
        s = K.kube_server("a-token", cert="old-server")
        self.check(K.kubeconfig(s.url), 422, "expired")
        self.assertEqual(s.seen, [])

    def test_certificate_of_another_name(self):
        K.make_cert("elsewhere", K.CA, "DNS:elsewhere.example.com")
        s = K.kube_server("a-token", cert="elsewhere")
        self.check(K.kubeconfig(s.url), 422, "name")
        self.assertEqual(s.seen, [])

    def test_html(self):
        self.check(K.kubeconfig(K.html_server().url), 422, "else than Kubernetes", "text/html")

    def test_nobody_listens(self):
        self.check(K.kubeconfig(K.closed_port()), 422, "refused")

    def test_credentials_that_the_cluster_refuses(self):
        s = K.kube_server("another-token")
        self.check(K.kubeconfig(s.url), 422, "credentials", "kubeconfig")

    def test_on_the_page(self):
        """The page shows why the test failed, and saving after it is refused with the same words; it logs nobody out."""
        K.make_cert("old-server", K.CA, "IP:127.0.0.1", expired=True)
        good = K.kube_server("a-token")
        for what, text, word in (("credentials", K.kubeconfig(K.kube_server("another-token").url), "credentials"), ("authority", K.kubeconfig(good.url, ca=K.OTHER_CA), "not signed by the CA in the kubeconfig"),
                                 ("expired", K.kubeconfig(K.kube_server("a-token", cert="old-server").url), "expired"), ("html", K.kubeconfig(K.html_server().url), "else than Kubernetes"), ("closed", K.kubeconfig(K.closed_port()), "refused")):
            with self.subTest(what=what), self.unchanged(TRIED):
                r = Page.paste(text)
                self.assertEqual(r.status, 303, r.text[:300])
                path = r.headers["Location"]
                self.assertTrue(wait_for(lambda: one("select state from probe where uuid = '%s'" % path.rsplit("/", 1)[1]) == "failed"))
                self.assertIn(word, html.unescape(raw("GET", path, headers={"Cookie": Page.cookie}).text))
                for _ in range(2):
                    r = Page.save(path)
                    self.assertEqual(r.status, 422)
                    self.assertIn(word, html.unescape(r.text))

    def test_saved_twice(self):
        """Save pressed twice, and by two browsers at once: one infrastructure."""
        r = Page.paste(K.kubeconfig(K.kube_server("a-token").url), name=unique("twice"))
        path = r.headers["Location"]
        self.assertTrue(wait_for(lambda: one("select state from probe where uuid = '%s'" % path.rsplit("/", 1)[1]) == "done"))
        before, answers = int(one("select count(*) from infra")), []
        threads = [threading.Thread(target=lambda: answers.append(Page.save(path))) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        answers.append(Page.save(path))
        self.assertEqual(sorted(r.status for r in answers), [303, 409, 409, 409, 409])
        self.assertEqual(int(one("select count(*) from infra")), before + 1)

    def test_a_test_alone_cannot_be_saved(self):
        """A connection test of the API, or the test of a stored infrastructure, carries no form: saving it would make a nameless one, or wipe the other's settings."""
        s = K.kube_server("a-token")
        name = unique("kept")
        self.done(call("POST", "/infra", infra_body(K.kubeconfig(s.url), name, {"registry_config_fate": {"use_registry": True, "registry": "reg.example.com/x"}}, description="stays")), None)
        infra = one("select uuid from infra where name = '%s'" % name)
        self.done(call("POST", "/infra/kubernetes/connect", {"kubeconfig_content": K.kubeconfig(K.kube_server("a-token").url)}), None)
        Page.open()
        probes = [one("select uuid from probe order by id desc limit 1")]
        probes.append(form("/infra-detail/%s/test" % infra, {"_csrf": Page.token}, Page.cookie).headers["Location"].split("probe=")[1])
        self.assertTrue(wait_for(lambda: one("select state from probe where uuid = '%s'" % probes[1]) == "done"))
        for p in probes:
            with self.unchanged():
                self.assertEqual(Page.save("/infra/test/" + p).status, 409)

    def test_the_good_one_is_taken(self):
        """The measure of the others: the same text with the right answers is stored, and a test alone stores nothing."""
        s = K.kube_server("a-token")
        text = K.kubeconfig(s.url)
        with self.unchanged(TRIED):
            self.done(call("POST", "/infra/kubernetes/connect", {"kubeconfig_content": text}), None)
        before = int(one("select count(*) from infra"))
        name = unique("good")
        self.done(call("POST", "/infra", infra_body(text, name)), None)
        self.assertEqual(int(one("select count(*) from infra")), before + 1)
        with self.unchanged(TRIED):
            self.refused(call("POST", "/infra", infra_body(text)), 409, "same kubeconfig")
            self.refused(call("POST", "/infra", infra_body(K.kubeconfig(s.url, user={"token": "b"}), name)), 409, name)


class Silence(Case):
    """Servers that take connections and say nothing."""
    ninth = None

    def test_others_are_not_held_up(self):
        servers = [K.SilentServer() for _ in range(8)]
        token()
        answers, times = [], []

        def ask(s):
            answers.append(call("POST", "/infra/kubernetes/connect", {"kubeconfig_content": K.kubeconfig(s.url)}))

        with self.unchanged(TRIED):
            threads = [threading.Thread(target=ask, args=(s,)) for s in servers]
            for t in threads:
                t.start()
            self.assertTrue(wait_for(lambda: int(one("select count(*) from probe where state = 'queued'")) >= 8))
            ninth = call("POST", "/infra/kubernetes/connect", {"kubeconfig_content": K.kubeconfig(servers[0].url)})
            while any(t.is_alive() for t in threads):
                for path in ("/infra", "/federation", "/user/current"):
                    r = call("GET", path)
                    self.assertEqual(r.status, 200)
                    times.append(r.seconds)
                time.sleep(0.02)
            for t in threads:
                t.join()
        self.assertEqual(ninth.status, 429)
        self.assertLess(ninth.seconds, AT_ONCE)
        self.assertEqual(len(answers), 8)
        for r in answers:
            self.refused(r, 422, "did not finish", "within")
            self.assertLess(r.seconds, WAITED)
        times.sort()
        self.assertGreater(len(times), 50)
        self.assertLess(times[-1], AT_ONCE, times[-10:])
        type(self).ninth = ninth

    def test_the_ninth_is_told_to_come_back(self):
        """The wait pool is full: the refusal is the API's own envelope."""
        self.assertIsNotNone(self.ninth, "runs after the other one")
        self.refused(self.ninth, 429, "few seconds")
        self.assertTrue(self.ninth.headers["Retry-After"])


if __name__ == "__main__":
    unittest.main()
