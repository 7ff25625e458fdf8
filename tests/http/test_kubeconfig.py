"""Kubeconfigs that must be refused, by creation and by the connection test: with a sentence, without a change, and without holding anybody up."""
import threading
import time
import unittest

import clusters as K
from web import Case, call, csrf, form, infra_body, one, page_login, token, unique, wait_for

# A refusal by the cluster leaves the test itself on record, with the sealed kubeconfig that was tried.
TRIED = ("probe", "work", "secret")


def both(kubeconfig):
    """The same text through both doors."""
    yield "create", call("POST", "/infra", infra_body(kubeconfig))
    yield "connect", call("POST", "/infra/kubernetes/connect", {"kubeconfig_content": kubeconfig, "is_in_cluster": False, "namespaces_list": []})


class Text(Case):
    """What can be seen in the text alone: nothing is stored, nobody is called."""

    def check(self, kubeconfig, status, *words, seconds=1.0):
        with self.unchanged():
            for door, r in both(kubeconfig):
                with self.subTest(door=door):
                    self.refused(r, status, *words)
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
    """What only the cluster's answer shows. DESIGN section 6: what a remote says is a 500, no answer in time a 503; never 401, which would end the session."""

    def check(self, kubeconfig, status, *words, seconds=10.0):
        with self.unchanged(TRIED):
            for door, r in both(kubeconfig):
                with self.subTest(door=door):
                    self.refused(r, status, *words)
                    self.assertLess(r.seconds, seconds)

    def test_wrong_authority(self):
        s = K.kube_server("a-token")
        self.check(K.kubeconfig(s.url, ca=K.OTHER_CA), 500, "not signed by the CA in the kubeconfig")
        self.assertEqual(s.seen, [], "the token must not reach a server that is not trusted")

    def test_no_authority(self):
        s = K.kube_server("a-token")
        self.check(K.kubeconfig(s.url, ca=None), 500, "not signed by a public CA")
        self.assertEqual(s.seen, [])

    def test_expired_server_certificate(self):
        K.make_cert("old-server", K.CA, "IP:127.0.0.1", expired=True)
        s = K.kube_server("a-token", cert="old-server")
        self.check(K.kubeconfig(s.url), 500, "expired")
        self.assertEqual(s.seen, [])

    def test_certificate_of_another_name(self):
        K.make_cert("elsewhere", K.CA, "DNS:elsewhere.example.com")
        s = K.kube_server("a-token", cert="elsewhere")
        self.check(K.kubeconfig(s.url), 500, "name")
        self.assertEqual(s.seen, [])

    def test_html(self):
        self.check(K.kubeconfig(K.html_server().url), 500, "else than Kubernetes", "text/html")

    def test_nobody_listens(self):
        self.check(K.kubeconfig(K.closed_port()), 500, "refused")

    def test_credentials_that_the_cluster_refuses(self):
        s = K.kube_server("another-token")
        self.check(K.kubeconfig(s.url), 422, "credentials", "kubeconfig")

    @unittest.expectedFailure  # fcgi/deploy/probe.c, probe_error: the cluster's 401 comes back as our FAIL_AUTH, and a page answers that with the login page
    def test_credentials_that_the_cluster_refuses_on_the_page(self):
        """Saving after such a test shows why it failed; it does not log the person out."""
        s = K.kube_server("another-token")
        cookie = page_login()
        token = csrf("/infra/new", cookie)
        with self.unchanged(TRIED):
            r = form("/infra/new", {"_csrf": token, "sent": "1", "name": unique("p"), "description": "", "kubeconfig": K.kubeconfig(s.url), "namespaces": ""}, cookie)
            self.assertEqual(r.status, 303)
            path = r.headers["Location"]
            self.assertTrue(wait_for(lambda: one("select state from probe where uuid = '%s'" % path.rsplit("/", 1)[1]) == "failed"))
            r = form(path, {"_csrf": token, "sent": "1"}, cookie)
        self.assertNotEqual(r.headers.get("Location"), "/login")
        self.assertLess(r.status, 500)

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
            self.assertTrue(wait_for(lambda: int(one("select count(*) from probe where state = 'queued'")) >= 8, 3))
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
        self.assertLess(ninth.seconds, 1)
        self.assertEqual(len(answers), 8)
        for r in answers:
            self.refused(r, 503)
            self.assertLess(r.seconds, 10)
        times.sort()
        self.assertGreater(len(times), 50)
        # A machine under load may stumble once; a request that waits for a cluster would wait for seconds.
        self.assertLess(times[int(len(times) * 0.95)], 0.2, times[-10:])
        self.assertLess(times[-1], 1.0)
        type(self).ninth = ninth

    @unittest.expectedFailure  # conf/nginx.conf.in: location /api/ lacks recursive_error_pages on, so @wait's own refusals are nginx's bare HTML
    def test_the_ninth_is_told_to_come_back(self):
        """The wait pool is full: the refusal is the API's own envelope."""
        self.assertIsNotNone(self.ninth, "runs after the other one")
        self.refused(self.ninth, 429, "few seconds")
        self.assertTrue(self.ninth.headers["Retry-After"])


if __name__ == "__main__":
    unittest.main()
