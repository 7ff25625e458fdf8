"""The whole guide in one language, with everything that may go wrong on the way: components held back, forms filled in wrongly, pages that do not exist."""
import json
import time

import chart
from steps import Guide
from refusals import Refusals

CAUSE = {"pull": {"en": "image .*cannot be pulled|cannot be pulled", "zh": "镜像"}, "schedule": {"en": "no node|schedul", "zh": "调度|节点"}, "secret": {"en": "[Ss]ecret", "zh": "密钥|Secret|secret"}}


class Walk(Guide):
    def empties(self):
        for path in ("infra", "endpoint", "federation", "operations", "certificate"):
            self.open("/" + path, path + "-empty")
        self.open("/chart", "charts"), self.open("/help", "help"), self.open("/account", "account"), self.open("/events", "events-empty", False)
        self.open("/chart"), self.b.click("main table a")
        self.look("chart")

    def charts(self):
        """The chart that is proposed for an exchange goes into the store; a wrong file is refused at its field. One endpoint is given it by hand, the other one by the deployment that comes."""
        files = {name: "%s/%s.tgz" % (self.rig, name) for name in ("fate-exchange", "fate")}
        for name, path in files.items():
            with open(path, "wb") as f:
                f.write(chart.archive(name, "v1.11.2"))
        self.open("/chart")
        at = self.b.js("[].find.call(document.querySelectorAll('main table a'),function(a){return a.innerText=='fate-exchange v1.11.2'}).getAttribute('href')")
        form = "main form[action$='/archive'] button"
        self.open(at)
        self.b.upload("[name=file]", files["fate"])
        self.send(form)
        self.look("chart-refused")
        self.says("fate v1.11.2")
        assert self.b.js("document.querySelector('[name=file]').getAttribute('aria-invalid')=='true'"), "the field does not say that it is wrong"
        self.b.upload("[name=file]", files["fate-exchange"])
        self.send(form)
        assert self.b.js("!!document.querySelector('.note.ok') && !!document.querySelector('form[action$=\"/archive/delete\"]')"), self.b.text()[:600]
        self.look("chart-stored")
        self.open("/chart", "charts-stored")
        endpoint = [e for e in self.links("/endpoint", "[href^=\"/endpoint-detail/\"]") if "lab-b" in (self.open(e), self.b.text("h1"))[1]][0]
        self.open(endpoint, "endpoint-charts")
        self.send("main form[action*='/chart/'] button")
        self.settle("!!document.querySelector('main section table .chip.ok')", "hand-over of the chart")
        self.look("endpoint-chart-given")

    def chart_given(self):
        """By the deployment of the exchange."""
        endpoint = [e for e in self.links("/endpoint", "[href^=\"/endpoint-detail/\"]") if "lab-a" in (self.open(e), self.b.text("h1"))[1]][0]
        self.open(endpoint)
        assert self.b.js("!!document.querySelector('main section table .chip.ok')"), self.b.text()[:1200]
        self.open(endpoint + "?tab=events")
        self.says("fate-exchange v1.11.2")
        self.open("/operations?kind=chart_upload", "operations-chart", False)
        self.b.click("main table a"), self.look("operation-chart", False)

    def exchange(self):
        """Its nginx cannot be pulled at first."""
        self.rig_rules("a", {"image": "federatedai/nginx", "fail": "ImagePullBackOff", "message": "Back-off pulling image \"federatedai/nginx\""})
        self.party_form("exchange", "lab-a", True)
        self.b.js("window.__mark = 1")
        self.send_twice("main form button[value=create]")
        self.open(self.fed)
        assert self.b.js("document.querySelectorAll('main td a[href*=\"/exchange/detail/\"]').length") == 1, "sent twice is not made once"
        self.look("federation-deploying")
        self.open("/", "dashboard-busy")
        self.b.goto(self.url + self.links(self.fed, "[href*=\"/exchange/detail/\"]")[0])
        self.look("exchange-progress")
        self.b.js("window.__mark = 1")
        self.held("exchange-held", "nginx", CAUSE["pull"][self.lang], lambda: self.rig_rules("a"))
        assert self.b.js("window.__mark === 1"), "the page was loaded again while it only had to show progress"
        self.active("exchange")
        assert self.b.js("window.__mark === undefined"), "the finished page is not loaded as a whole"
        at = self.here()
        self.look("exchange-active")
        for tab in ("access", "certificates", "yaml", "events"):
            self.open(at + "?tab=" + tab, "exchange-" + tab)

    def send_twice(self, button):
        """Both at once, as two clicks without script would; then on to the page that the first answer names."""
        where = self.b.js("""(async function(){var b=document.querySelector(%s),f=b.form,d=new URLSearchParams(new FormData(f));d.append(b.name,b.value);
          var r=await Promise.all([1,2].map(function(){return fetch(f.action,{method:'POST',body:d})}));return r.map(function(x){return x.status+' '+x.url})})()""" % json.dumps(button))
        assert any("/detail/" in w for w in where), where
        return where

    def clusters(self):
        """The first waits for a secret that its owner must make, the second for a node."""
        self.party_form("cluster", "lab-a", True, certificates="skip")
        self.send("main form button[value=create]")
        self.held("cluster-held-secret", "pulsar", CAUSE["secret"][self.lang], lambda: (self.operation("held-secret", "pulsar", CAUSE["secret"][self.lang]), self.make_secret()))
        self.look("cluster-progress", False)
        self.active("first cluster")
        at = self.here()
        self.look("cluster-active")
        for tab in ("access", "certificates", "yaml", "events"):
            self.open(at + "?tab=" + tab, "cluster-" + tab)
        self.cordon(True)
        self.party_form("cluster", "lab-b")
        self.send("main form button[value=create]")
        self.held("cluster-held-node", "mysql|client|python|namenode|datanode|pulsar|spark|nginx|fateboard", CAUSE["schedule"][self.lang], lambda: self.cordon(False))
        self.active("second cluster")

    def operation(self, name, *words):
        """The page of the operation that is shown says the same as the object's, who holds what besides, and what has happened; back again."""
        at = self.here()
        self.open(self.b.js("document.querySelector('#live h2 a').getAttribute('href')"), "operation-" + name)
        self.says(*words + (("占用情况", "共享", "时间线", "剩") if self.lang == "zh" else ("Who holds what", "shared", "Timeline", "left")))
        self.open(at)

    def make_secret(self):
        code, v = self.a.call("POST", "/api/v1/namespaces/fate-9999/secrets", {"metadata": {"name": "pulsar-cert"}, "data": {"ca.cert.pem": "eA==", "broker.cert.pem": "eA==", "broker.key-pk8.pem": "eA=="}})
        assert code == 201, v

    def cordon(self, on):
        for node in self.c.items("/api/v1/nodes"):
            code, v = self.c.call("PATCH", "/api/v1/nodes/" + node["metadata"]["name"], {"spec": {"unschedulable": on}}, "application/merge-patch+json")
            assert code == 200, v

    def everything(self):
        self.open(self.fed, "federation")
        self.says("9999", "10000", "traffic-server", "fate-exchange")
        assert self.b.js("document.querySelectorAll('main td .chip.ok').length") >= 5, "routes or statuses are not all good"
        for tab in ("access", "test", "events"):
            self.open(self.fed + "?tab=" + tab, "federation-" + tab)
        self.open(self.fed + "?tab=test")
        self.says("flow test toy -gid 9999 -hid 10000")
        for path in ("", "infra", "endpoint", "federation", "operations", "certificate", "events"):
            self.open("/" + path, "full-" + (path or "dashboard"))
        self.open("/operations"), self.b.click("main table a"), self.look("operation")
        self.open("/certificate"), self.b.click("main a[href^='/certificate/detail/']"), self.look("certificate-detail")

    def blocked(self):
        exchange = self.links(self.fed, "[href*=\"/exchange/detail/\"]")[0]
        endpoint, infra = self.links("/endpoint", "[href^=\"/endpoint-detail/\"]")[0], self.links("/infra", "[href^=\"/infra-detail/\"]")[0]
        for path, name in ((self.fed, "federation"), (exchange, "exchange"), (endpoint, "endpoint"), (infra, "infra")):
            self.open(path + "/delete", "blocked-" + name)
            one = "main form[action$='/delete']"  # a federation offers the removal of everything instead, by name
            assert not self.b.js("!!document.querySelector(%s)" % json.dumps(one)), "%s can be deleted while something needs it" % name
            assert self.b.js("!!document.querySelector('main form[action$=\"/remove\"] [name=confirm]')") == (name == "federation"), name
            assert self.b.js("!!document.querySelector('main .note.err a, main .plan a')"), "what is in the way of %s is not linked" % name

    def imports(self):
        """A federation of external parts: recorded, shown, removed."""
        self.open("/federation/new")
        self.b.fill("[name=name]", "外部" if self.lang == "zh" else "outside"), self.b.fill("[name=domain]", "outside.example.com")
        self.send()
        fed = self.here().split("?")[0]
        for kind in ("exchange", "cluster"):
            self.open("%s/%s/new?external=1" % (fed, kind), "import-" + kind)
            for f, v in (("a_host", "10.0.0.7"), ("a_port", "30443"), ("nginx_host", "10.0.0.7"), ("nginx_port", "30093")):
                self.b.fill("[name=%s]" % f, v)
            if self.b.js("document.querySelector('[name=name]').value == ''"):
                self.b.fill("[name=name]", "theirs")
            self.send("main form button[value=create]")
        self.open(fed, "federation-imported")
        for kind in ("cluster", "exchange"):
            at = self.links(fed, "[href*=\"/%s/detail/\"]" % kind)[0]
            self.open(at, "imported-" + kind, False)
            self.remove(at, "imported-" + kind, pictures=False)
        self.remove(fed, "outside", pictures=False)

    def watched(self):
        """A log of its own for a pod, so that there is something to see; the endpoint's is KubeFATE's."""
        self.workloads(self.links(self.fed, "[href*=\"/cluster/detail/\"]")[0], True)
        self.workloads(self.links("/endpoint", "[href^=\"/endpoint-detail/\"]")[0])

    def away(self):
        """An infrastructure whose circuit is open, as its page, the list and the pages of what is on it tell."""
        endpoint, infra = self.links("/endpoint", "[href^=\"/endpoint-detail/\"]")[0], self.links("/infra", "[href^=\"/infra-detail/\"]")[0]
        self.stack.sql("update infra set circuit_failures = 7, circuit_since = now() - interval '3 minutes', circuit_until = now() + interval '1 minute', circuit_class = 'net.refused', circuit_args = '[\"Pod\", \"connection refused by 10.0.0.4:6443\"]'")
        try:
            self.open(infra, "away-infra"), self.open("/infra", "away-infras"), self.open(endpoint, "away-endpoint", False), self.open(self.links(self.fed, "[href*=\"/cluster/detail/\"]")[0], "away-cluster")
            assert self.b.js("!!document.querySelector('main .note.warn a[href^=\"/infra-detail/\"]')"), "the page of a cluster does not say that its infrastructure is away"
        finally:
            self.stack.sql("update infra set circuit_failures = 0, circuit_since = null, circuit_until = null, circuit_class = '', circuit_args = '[]'")

    def mended(self):
        """A workload that somebody scaled down, a KubeFATE whose Service somebody deleted: each page says what is wrong, and its button mends what is ours."""
        exchange = self.links(self.fed, "[href*=\"/exchange/detail/\"]")[0]
        endpoint = self.links("/endpoint", "[href^=\"/endpoint-detail/\"]")
        endpoint = [e for e in endpoint if "lab-a" in (self.open(e), self.b.text("h1"))[1]][0]
        nginx = "/apis/apps/v1/namespaces/fate-exchange/deployments/nginx"
        scale = lambda n: self.a.call("PATCH", nginx, {"spec": {"replicas": n}}, "application/merge-patch+json")  # noqa: E731
        assert scale(0)[0] == 200
        try:
            self.broken(exchange, "exchange-broken", "Deployment/nginx")
        finally:
            assert scale(1)[0] == 200
        self.repair()
        self.active("exchange after its repair")
        assert self.a.call("DELETE", "/api/v1/namespaces/kube-fate/services/kubefate")[0] == 200
        self.broken(endpoint, "endpoint-broken", 'services "kubefate" not found')
        self.repair()
        self.settle("!document.querySelector('[data-poll]') && !!document.querySelector('main .head .chip.ok')", "repair of the endpoint")
        check = self.b.js("[...document.querySelectorAll('dt')].find(t => /Last check|最近检查/.test(t.textContent)).nextElementSibling.innerHTML")
        assert "chip ok" in check, "the repair has just seen it work, the last check says " + check
        self.look("endpoint-mended", False)

    def broken(self, at, name, *words):
        """The health checks find it, two looks in a row."""
        end = time.time() + 60
        while time.time() < end:
            self.open(at)
            if self.b.js("!!document.querySelector('main .note.err form[action$=\"/repair\"]')"):
                break
            time.sleep(1)
        self.says(*words)
        self.look(name)
        assert self.b.js("!!document.querySelector('main .head .chip.err')"), "it is not shown as broken"

    def repair(self):
        self.send("main form[action$='/repair'] button")
        assert self.b.js("!!document.querySelector('#live') && !document.querySelector('.err-card')"), self.b.text()[:600]

    def stop_and_force(self):
        """An installation is stopped by its button; what is left of it goes like anything else, or by force, which asks for the name."""
        self.rig_rules("b", {"image": "federatedai/nginx", "fail": "ImagePullBackOff", "message": "no such image"})
        self.party_form("cluster", "lab-b", party_id="10001", name="third")
        self.send("main form button[value=create]")
        at = self.here()
        self.settle("!!document.querySelector('#live td .chip.busy')", "components of the third cluster")
        self.open(at + "?tab=workloads")
        self.send("main form[action$='/workloads'] button")
        self.settle("!document.querySelector('[data-poll^=\"/ui/probe/\"]') && !!document.querySelector('main td .chip.warn')", "workloads of the third cluster")
        self.says("ImagePullBackOff")
        self.look("workloads-held")
        self.open(at)
        self.send("main form[action$='/cancel'] button")
        assert self.b.js("!!document.querySelector('.note.ok') && !document.querySelector('.err-card')"), self.b.text()[:600]
        self.settle("!document.querySelector('[data-poll]') && !!document.querySelector('main .head .chip.err')", "stopping")
        self.look("cluster-stopped")
        self.rig_rules("b")
        self.open(at + "/delete", "delete-stopped")
        assert self.b.js("!!document.querySelector('details.force:not([open])')"), "a stopped one needs no force"
        self.b.js("document.querySelector('details.force').open = true")
        self.b.fill("[name=force]", True), self.b.fill("[name=confirm]", "wrong")
        self.send("main form button.danger")
        self.refused("confirm")
        self.look("delete-force-name")
        self.b.fill("[name=force]", True), self.b.fill("[name=confirm]", "third")
        self.send("main form button.danger")
        self.gone("third")

    def fail_and_retry(self):
        """Somebody's object under a chart's name makes Helm refuse; the page says so, and its button goes on once the object is away."""
        self.a.call("POST", "/api/v1/namespaces", {"metadata": {"name": "fate-10003"}})
        self.a.call("POST", "/api/v1/namespaces/fate-10003/configmaps", {"metadata": {"name": "nginx-config"}, "data": {"theirs": "1"}})
        self.party_form("cluster", "lab-a", party_id="10003", name="again")
        self.send("main form button[value=create]")
        at = self.here()
        retry = "main form[action$='/retry'] button"
        self.settle("!!document.querySelector(\"%s\")" % retry, "failure of the installation")
        self.says("nginx-config")
        self.look("cluster-failed")
        self.open("/", "dashboard-failed"), self.open("/operations?state=open", "operations-failed")
        self.open("/operations?state=failed&subject=again", "operations-filtered")
        self.b.click("main table a")
        self.look("operation-failed")
        self.says("nginx-config", "处理方法" if self.lang == "zh" else "What to do")
        assert self.b.js("!!document.querySelector('main .head a.danger[href$=\"/delete\"]')"), "the way to a removal by force is not linked"
        self.a.call("DELETE", "/api/v1/namespaces/fate-10003/configmaps/nginx-config")
        self.open(at)
        self.send(retry)
        assert self.b.js("!!document.querySelector('.note.ok') && !document.querySelector('.err-card')"), self.b.text()[:600]
        self.active("cluster after a retry")
        self.open(at + "/delete", "delete-kept-namespace")
        self.send("main form button.danger")
        assert self.b.js("!!document.querySelector('form[action$=\"/cancel\"]') || !document.querySelector('[data-poll]')"), "a removal can be stopped, but its page has no button"
        self.gone("again")
        self.a.call("DELETE", "/api/v1/namespaces/fate-10003")

    def gone(self, name):
        self.settle("!document.querySelector('[data-poll]') && !!document.querySelector('.note.ok') && location.pathname.indexOf('/detail/') < 0", "removal of " + name)

    def run(self, stack):
        self.stack, before = stack, self.inventories()
        r = Refusals(self, stack)
        self.test("login and language", self.login, True)
        self.test("empty pages", self.empties)
        self.test("two infrastructures", lambda: (self.infra("lab-a", "a", True), self.infra("lab-b", "b")), True)
        self.test("two endpoints", lambda: (self.endpoint("lab-a", True), self.endpoint("lab-b")), True)
        self.test("federation", lambda: self.federation(True), True)
        self.test("a chart of the store, handed over by hand", self.charts)
        self.test("exchange, its image held back, sent twice", self.exchange, True)
        self.test("its chart was handed over before", self.chart_given)
        self.test("two clusters, one without its secret, one without a node", self.clusters, True)
        self.test("every page with everything there", self.everything)
        self.test("workloads and a log", self.watched)
        self.test("a cluster that does not answer", self.away)
        self.test("a broken exchange and a broken endpoint are repaired", self.mended)
        self.test("deleting in the wrong order is explained", self.blocked)
        self.test("external exchange and cluster", self.imports)
        self.test("a stopped installation, force", self.stop_and_force)
        self.test("a failed installation, retry", self.fail_and_retry)
        r.forms()
        r.errors()
        self.test("removal in order", self.remove_all, True)
        self.test("nothing of ours is left", lambda: self.nothing_left(before))
        r.broken()
