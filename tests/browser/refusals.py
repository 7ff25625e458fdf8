"""Every form filled in wrongly, every kind of error page: each gives a reason in the reader's language, and nothing is changed."""
import os
import re
import signal
import subprocess
import time

NOBODY = "00000000-0000-4000-8000-00000000dead"
EXEC = "apiVersion: v1\nkind: Config\ncurrent-context: x\nclusters: [{name: x, cluster: {server: 'https://127.0.0.1:1', insecure-skip-tls-verify: true}}]\nusers: [{name: x, user: {exec: {command: aws}}}]\ncontexts: [{name: x, context: {cluster: x, user: x}}]\n"
FILES = "apiVersion: v1\nkind: Config\ncurrent-context: x\nclusters: [{name: x, cluster: {server: 'https://127.0.0.1:1', certificate-authority: /etc/ca.crt}}]\nusers: [{name: x, user: {token: abc}}]\ncontexts: [{name: x, context: {cluster: x, user: x}}]\n"
LONG = "x" * 300


class Refusals:
    def __init__(self, guide, stack):
        self.g, self.b, self.stack = guide, guide.b, stack

    def count(self):
        out = []
        for path in ("/infra", "/endpoint", "/federation"):
            self.g.open(path)
            out.append(self.b.js("document.querySelectorAll('main tbody tr').length"))
        self.g.open(self.g.fed)
        return out + [self.b.js("document.querySelectorAll('main td.name').length")]

    def wrong(self, path, field, button="main form button.primary", before=None, **values):
        """The values are put in past the browser's own checks, as any client may."""
        self.g.open(path)
        if before:
            before()
        for k, v in values.items():
            self.b.fill("[name=%s]" % k, v)
        self.b.js("document.querySelectorAll('main form').forEach(function(f){f.noValidate=true})")
        self.b.click(button)
        self.g.refused(*([field] if field else []))

    def forms(self):
        t = self.g.test
        before = []
        t("state before the wrong forms", lambda: before.extend(self.count()))
        t("forms of the account", self.account)
        t("forms of infrastructures", self.infra)
        t("a cluster that does not answer", self.unreachable)
        t("forms of federations", self.federation)
        t("forms of exchange and cluster", self.party)
        t("forms of external participants", self.external)
        t("wrong forms have changed nothing", lambda: self.same(before))

    def same(self, before):
        now = self.count()
        assert now == before, (before, now)

    def account(self):
        form = "main form[action='/account/password'] button"
        good = "Another-Secret-1"
        self.wrong("/account", "current", form, current="nonsense", fresh=good, again=good)
        self.g.look("account-wrong")
        self.g.open("/account")
        self.wrong("/account", "fresh", form, current="admin", fresh="short", again="short")
        self.wrong("/account", "again", form, current="admin", fresh=good, again=good + "x")
        # the language menu leads back to a page that exists
        self.b.click("button[name=lang][value=%s]" % self.b.js("document.documentElement.lang"))
        assert self.b.js("!!document.querySelector('main h1') && !document.querySelector('.err-card')"), self.g.here()

    def infra(self):
        w = self.wrong
        with open(self.g.rig + "/a/admin.kubeconfig") as f:
            good = f.read()
        w("/infra/new", "name", name="", kubeconfig=good, namespaces="default")
        w("/infra/new", "name", name=LONG, kubeconfig=good, namespaces="default")
        w("/infra/new", "kubeconfig", name="n", kubeconfig="")
        w("/infra/new", "kubeconfig", name="n", kubeconfig=EXEC)
        self.g.look("infra-exec", False)
        w("/infra/new", "kubeconfig", name="n", kubeconfig=FILES)
        w("/infra/new", "kubeconfig", name="n", kubeconfig=FILES.replace("current-context: x\n", ""))
        w("/infra/new", "kubeconfig", name="n", kubeconfig="[" * 100)
        w("/infra/new", "kubeconfig", name="n", kubeconfig="just text")
        w("/infra/new", "name", name="lab-a", kubeconfig=good, namespaces="default")
        w("/infra/new", "namespaces", name="n", kubeconfig=good, namespaces="Not A Namespace")
        w("/infra/new", "registry", name="n", kubeconfig=good, use_registry=True, registry="http://x y")
        at = self.g.links("/infra", "[href^=\"/infra-detail/\"]")[0]
        w(at + "/edit", "name", name="")
        w(at + "/edit", "kubeconfig", kubeconfig="users: [")
        self.g.look("infra-edit")

    def unreachable(self):
        """Refused connection, wrong authority: the test fails within ten seconds and says why."""
        with open(self.g.rig + "/a/admin.kubeconfig") as f:
            a = f.read()
        with open(self.g.rig + "/b/admin.kubeconfig") as f:
            b = f.read()
        ca = "certificate-authority-data: "
        wrong_ca = a.replace(re.search(ca + r"(\S+)", a).group(1), re.search(ca + r"(\S+)", b).group(1))
        for name, text in (("unreachable", re.sub(r"https://127\.0\.0\.1:\d+", "https://127.0.0.1:9", a)), ("wrong-ca", wrong_ca)):
            self.g.open("/infra/new")
            self.b.fill("[name=name]", name), self.b.fill("[name=kubeconfig]", text)
            self.b.click("main form button.primary")
            self.b.until("!document.querySelector('[data-poll]') && !!document.querySelector('.err-card')", "answer about " + name)
            self.g.look("infra-" + name)

    def federation(self):
        w = self.wrong
        for domain in ("", "a..b", "x" * 254):
            w("/federation/new", "domain", name="n", domain=domain)
        for name in ("", LONG, "fed"):
            w("/federation/new", "name", name=name, domain="example.org")
        self.g.look("federation-name-taken")

    def party(self):
        fed, w = self.g.fed, self.wrong
        review = "main form button[value=review]"
        cluster = fed + "/cluster/new"
        for party in ("0", "-1", "9999", "99999999999"):
            w(cluster, "party_id", review, party_id=party)
        self.g.look("cluster-party-id")
        w(cluster, "name", review, name="")
        w(cluster, "namespace", review, namespace="Not_Valid")
        w(cluster, "gpu", review, gpu="65")
        w(cluster, "registry", review, use_registry=True, registry="a b")
        create = "main form button[value=create]"
        for text in ("{", "a: b", "x" * 70000):
            self.yaml(cluster, text, create)
        self.yaml(cluster, None, create, lambda s: re.sub(r"(?m)^namespace: .*$", "namespace: elsewhere", s))
        self.g.look("cluster-yaml-wrong")

    def yaml(self, path, text, create, change=None):
        self.g.open(path)
        self.b.click("main form button[value=review]")
        self.b.fill("[name=yaml]", change(self.b.js("document.querySelector('[name=yaml]').value")) if change else text)
        self.b.click(create)
        self.g.refused("yaml")

    def external(self):
        path = self.g.fed + "/cluster/new?external=1"
        create = "main form button[value=create]"
        good = dict(name="n", a_host="10.0.0.7", a_port="30443", nginx_host="10.0.0.7", nginx_port="30093")
        for field, value in (("a_host", "not a host"), ("a_port", "0"), ("nginx_port", "65536"), ("name", ""), ("party_id", "9999")):
            self.wrong(path, field, create, **dict(good, **{field: value}))
        self.g.look("import-wrong")

    # --- error pages ---
    def errors(self):
        t = self.g.test
        t("404, 405", self.not_found)
        t("403 without the form's token", self.csrf)
        t("413", self.too_large)

    def page(self, name, status, narrow=True):
        assert self.b.js("performance.getEntriesByType('navigation')[0].responseStatus") == status, "%s is not %d" % (name, status)
        assert self.b.js("!!document.querySelector('.err-card .lead') && !!document.querySelector('.err-card a.button')"), "no sentence and no way on: " + name
        self.g.look("error-" + name, narrow)

    def not_found(self):
        for path, name in (("/nowhere", "404"), ("/infra-detail/" + NOBODY, "404-infra"), ("/endpoint-detail/" + NOBODY, "404-endpoint"), ("/federation/fate/" + NOBODY, "404-federation"),
                           ("%s/cluster/detail/%s" % (self.g.fed, NOBODY), "404-cluster"), ("/operations/" + NOBODY, "404-operation"), ("/certificate/detail/" + NOBODY, "404-certificate"), ("/chart-detail/" + NOBODY, "404-chart")):
            self.g.open(path)
            self.page(name, 404, name == "404")
        self.g.open("/logout")
        self.page("405", 405, False)

    def csrf(self):
        for path, button in (("/federation/new", "main form button.primary"), ("/account", "main form[action='/account/theme'] button"), (self.g.fed + "/cluster/new", "main form button[value=review]")):
            self.g.open(path)
            self.b.js("document.querySelectorAll('[name=_csrf]').forEach(function(e){e.value='forged'});document.querySelectorAll('main form').forEach(function(f){f.noValidate=true})")
            self.b.click(button)
            self.page("403", 403, path == "/federation/new")

    def too_large(self):
        self.g.open("/federation/new")
        self.b.fill("[name=name]", "n"), self.b.fill("[name=domain]", "example.net")
        self.b.js("document.querySelector('[name=description]').removeAttribute('maxlength');document.querySelector('[name=description]').value='x'.repeat(2000000)")
        self.b.click("main form button.primary")
        self.page("413", 413)

    # --- parts of the product that are gone ---
    def broken(self):
        t = self.g.test
        t("503 while the database is away", lambda: self.away("postgres", "503-database"))
        t("503 while the pages are away", lambda: self.away("web", "503-pages"))
        t("429 after too many logins", self.throttled)

    def parts(self):
        out = subprocess.run([self.stack.run, "status"], env=self.stack.env, capture_output=True, text=True).stdout
        return {line.split()[0]: int(line.split()[1]) for line in out.splitlines() if len(line.split()) > 1 and line.split()[1].isdigit()}

    def away(self, part, name):
        """The launcher is stopped for a moment, so that it does not start the part again at once."""
        victim = self.parts()[part]
        os.kill(self.stack.proc.pid, signal.SIGSTOP)
        try:
            os.kill(victim, signal.SIGINT if part == "postgres" else signal.SIGKILL)
            end = time.time() + 10
            while time.time() < end:
                self.g.open("/infra")
                if self.b.js("performance.getEntriesByType('navigation')[0].responseStatus") == 503:
                    break
                time.sleep(0.1)
            self.page(name, 503)
        finally:
            os.kill(self.stack.proc.pid, signal.SIGCONT)
        end = time.time() + 20
        while time.time() < end:
            self.g.open("/infra")
            if self.b.js("performance.getEntriesByType('navigation')[0].responseStatus") == 200:
                return
            time.sleep(0.2)
        raise AssertionError("%s does not come back" % part)

    def throttled(self):
        self.g.open("/")
        self.b.js("document.querySelector('.user').open = true")
        self.b.click(".user form button")
        for _ in range(12):
            self.g.open("/login")
            self.b.fill("[name=username]", "Admin"), self.b.fill("[name=password]", "wrong")
            self.b.click("main form button.primary")
            if self.b.js("performance.getEntriesByType('navigation')[0].responseStatus") == 429:
                break
        assert self.b.js("performance.getEntriesByType('navigation')[0].responseStatus") == 429, "twelve wrong logins in a row are let through"
        assert self.b.js("!!document.querySelector('.err-card .lead, [role=alert]')")
        self.g.look("error-429")
