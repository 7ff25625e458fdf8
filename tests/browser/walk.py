#!/usr/bin/env python3
"""Walks the getting-started guide in a browser, from a clean database to a clean cluster, and keeps a picture of every page. Runs inside the rig's network namespace.

    walk.py RIG_DIR en|zh [VERSION]

In Chinese the whole rendered text is searched for three English words in a row outside code, YAML and user data. Prints "ok NAME" or "not ok NAME: why" per test."""
import json
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib")), sys.path.insert(0, os.path.join(HERE, "..", "flow"))
from browser import Browser
from inside import Stack
from rig import ROOT, Kube

RIG, LANG = sys.argv[1], sys.argv[2]
SHOTS = os.path.join(ROOT, "build", "screens", LANG)
WIDE, NARROW = 1280, 360
# Text that a person reads: no code, no YAML, no user data; the language menu names languages in their own words.
VISIBLE = """(function(){var out=[],w=document.createTreeWalker(document.body,NodeFilter.SHOW_TEXT),n;
while(n=w.nextNode()){var p=n.parentElement;if(!p||p.closest('code,pre,textarea,script,style,noscript,option,.lang'))continue;var t=n.textContent.replace(/\\s+/g,' ').trim();if(t)out.push(t)}
document.querySelectorAll('[placeholder],[title],[aria-label]').forEach(function(e){if(e.closest('svg'))return;['title','aria-label'].forEach(function(a){if(e.getAttribute(a))out.push(e.getAttribute(a))})});
return out})()"""
ENGLISH = re.compile(r"[A-Za-z][A-Za-z'-]*(?:[ ,.;:]+[A-Za-z][A-Za-z'-]*){2,}")


class Walk:
    def __init__(self, b, stack):
        self.b, self.url, self.n, self.failed, self.passed, self.foreign = b, stack.url, 0, 0, 0, {}
        self.a, self.c = Kube(RIG, "a", 1), Kube(RIG, "b", 2)

    def scan(self, where):
        if LANG == "zh":
            for t in self.b.js(VISIBLE):
                if ENGLISH.search(t):
                    self.foreign.setdefault(t, where)

    def look(self, name, narrow=False):
        """Picture and text of the page that is there; horizontal scrolling of the whole page is a fault at any width."""
        self.n += 1
        self.scan(name)
        self.b.picture("%s/%02d-%s.png" % (SHOTS, self.n, name))
        if not narrow:
            return
        self.b.size(NARROW, 800)
        self.b.picture("%s/%02d-%s-360.png" % (SHOTS, self.n, name))
        over = self.b.js("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        self.b.size(WIDE)
        assert over <= 1, "%s is %d px too wide at %d px" % (name, over, NARROW)

    def open(self, path, name=None, narrow=False):
        self.b.goto(self.url + path)
        if name:
            self.look(name, narrow)

    def test(self, name, f):
        start = time.time()
        try:
            f()
            self.passed += 1
            print("ok %s (%.1f s)" % (name, time.time() - start), flush=True)
        except Exception as e:
            self.failed += 1
            print("not ok %s: %s" % (name, e), flush=True)
            self.b.size(WIDE)
            try:
                self.b.picture("%s/failed-%s.png" % (SHOTS, name.replace(" ", "-")))
            except RuntimeError:
                pass
            raise

    # --- the guide ---
    def login(self):
        self.open("/")
        assert "/login" in self.b.url()
        self.b.click("button[name=lang][value=%s]" % ("zh-CN" if LANG == "zh" else "en"))
        self.look("login", True)
        self.b.fill("[name=username]", "Admin"), self.b.fill("[name=password]", "wrong")
        self.b.click("main button.primary")
        assert self.b.js("!!document.querySelector('[role=alert]')"), "a wrong password says nothing"
        self.look("login-wrong")
        self.b.fill("[name=password]", "admin")
        self.b.click("main button.primary")
        assert self.b.js("document.documentElement.lang") == ("zh-CN" if LANG == "zh" else "en")
        self.look("dashboard-empty", True)

    def empties(self):
        for path in ("infra", "endpoint", "federation", "operations", "certificate"):
            self.open("/" + path, path + "-empty")
        self.open("/chart", "charts", True), self.open("/help", "help", True), self.open("/account", "account", True)
        self.b.click("main a[href], nav.side a[href='/chart']"), self.b.click("main table a")
        self.look("chart", True)

    def infra(self, name, cluster, broken=False):
        self.open("/infra")
        self.b.click("main a[href='/infra/new']")
        with open("%s/%s/admin.kubeconfig" % (RIG, cluster)) as f:
            text = f.read()
        if broken:
            self.look("infra-new", True)
            self.b.fill("[name=name]", name), self.b.fill("[name=kubeconfig]", "users: [")
            self.b.click("main form button.primary")
            assert self.b.js("!!document.querySelector('.note.err')"), "a broken kubeconfig says nothing"
            assert self.b.js("document.querySelector('[name=name]').value") == name, "the form lost its name"
            self.look("infra-broken")
        self.b.fill("[name=name]", name), self.b.fill("[name=description]", "测试" if LANG == "zh" else "test"), self.b.fill("[name=kubeconfig]", text)
        self.b.click("main form button.primary")
        self.b.until("!document.querySelector('[data-poll]') && location.pathname.indexOf('/infra/test/') == 0", 15, "test of " + name)
        if broken:
            self.look("infra-test", True)
        self.b.click("main form button.primary")
        self.look("infra-detail", broken)
        assert name in self.b.text("h1")
        secret = re.search(r"client-key-data: (\S+)", text)
        assert not secret or secret.group(1)[:40] not in self.b.js("document.documentElement.outerHTML"), "the page holds the key"

    def endpoint(self, infra, first):
        self.open("/endpoint/new")
        if first:
            self.look("endpoint-pick", True)
        self.b.js("[].forEach.call(document.querySelectorAll('.pick label'),function(l){if(l.innerText.indexOf(%s)>=0)l.querySelector('input').checked=true})" % json.dumps(infra))
        self.b.click("main form button.primary")
        self.b.until("!!document.querySelector('[name=hostname]')", 15, "scan of " + infra)
        if first:
            self.look("endpoint-form", True)
        self.b.click("main form button.primary")
        if first:
            self.look("endpoint-review", True)
        self.b.click("main form button.primary")
        if first:
            self.look("endpoint-progress", True)
        self.b.until("!document.querySelector('[data-poll]') && !!document.querySelector('main .head .chip.ok')", 90, "endpoint on " + infra)
        if first:
            self.look("endpoint-ready", True), self.open(self.b.url().split(self.url)[1] + "?tab=events", "endpoint-events")

    def federation(self):
        self.open("/federation/new", "federation-new", True)
        self.b.fill("[name=name]", "fed"), self.b.fill("[name=domain]", "-bad")
        self.b.click("main form button.primary")
        assert self.b.js("!!document.querySelector('[role=alert]')"), "a bad domain says nothing"
        self.look("federation-bad-domain")
        self.b.fill("[name=domain]", "example.com")
        self.b.click("main form button.primary")
        self.fed = self.b.url().split(self.url)[1]
        self.look("federation-empty", True)

    def party(self, kind, infra, first):
        self.open("%s/%s/new" % (self.fed, kind))
        if first:
            self.look(kind + "-form", True)
        self.b.js("[].forEach.call(document.querySelectorAll('.pick label'),function(l){if(l.innerText.indexOf(%s)>=0)l.querySelector('input').checked=true})" % json.dumps(infra))
        self.b.click("main form button[value=review]")
        if first:
            self.look(kind + "-review", True)
        self.b.click("main form button[value=create]")
        if first:
            self.look(kind + "-progress", True), self.open(self.fed, "federation-deploying"), self.open("/", "dashboard-busy", True), self.b.cmd("Page.navigateToHistoryEntry", entryId=self.history(-2)), self.b.loaded()
        self.b.until("!document.querySelector('[data-poll]') && !!document.querySelector('main .head .chip.ok')", 120, "%s on %s" % (kind, infra))
        if first:
            self.look(kind + "-active", True)
            here = self.b.url().split(self.url)[1]
            for tab in ("access", "certificates", "yaml", "events"):
                self.open(here + "?tab=" + tab, "%s-%s" % (kind, tab), tab in ("access", "events"))

    def history(self, step):
        h = self.b.cmd("Page.getNavigationHistory")
        return h["entries"][h["currentIndex"] + step]["id"]

    def everything(self):
        self.open(self.fed, "federation", True)
        text = self.b.text()
        for word in ("9999", "10000", "traffic-server", "fate-exchange"):
            assert word in text, "%s is not on the federation's page" % word
        assert self.b.js("document.querySelectorAll('main td .chip.ok').length") >= 5, "routes or statuses are not all good"
        self.open(self.fed + "?tab=access", "federation-access", True), self.open(self.fed + "?tab=test", "federation-test", True)
        assert "flow test toy -gid 9999 -hid 10000" in self.b.text()
        for path in ("", "infra", "endpoint", "federation", "operations", "certificate", "events"):
            self.open("/" + path, "full-" + (path or "dashboard"), True)
        self.open("/operations"), self.b.click("main table a"), self.look("operation", True)
        self.open("/certificate"), self.b.click("main a[href^='/certificate/detail/']"), self.look("certificate-detail")

    def delete(self, path, name, wait=True):
        self.open(path + "/delete")
        self.look("delete-" + name, True)
        self.b.click("main form button.danger")
        if wait:
            self.look("removing-" + name)
            self.b.until("!document.querySelector('[data-poll]') && !!document.querySelector('.note.ok')", 120, "removal of " + name)

    def remove(self):
        links = "[].map.call(document.querySelectorAll('%s'),function(a){return a.getAttribute('href').split('?')[0]})"
        self.open(self.fed + "/delete", "delete-blocked")
        self.open(self.fed)
        clusters = self.b.js(links % "main td a[href*=\"/cluster/detail/\"]")
        exchange = self.b.js(links % "main td a[href*=\"/exchange/detail/\"]")
        self.open(exchange[0] + "/delete", "delete-exchange-blocked")
        assert not self.b.js("!!document.querySelector('main form')"), "an exchange with clusters can be deleted"
        for n, c in enumerate(clusters):
            self.delete(c, "cluster-%d" % n)
        self.delete(exchange[0], "exchange"), self.delete(self.fed, "federation", False)
        self.open("/endpoint")
        for n, e in enumerate(self.b.js(links % "main td a[href^=\"/endpoint-detail/\"]")):
            self.delete(e, "endpoint-%d" % n)
        self.open("/infra")
        for n, i in enumerate(self.b.js(links % "main td a[href^=\"/infra-detail/\"]")):
            self.delete(i, "infra-%d" % n, False)
        self.open("/infra")
        assert self.b.js("!document.querySelector('main table')"), "an infrastructure is left"

    def run(self):
        before = self.a.inventory(), self.c.inventory()
        self.test("login and language", self.login)
        self.test("empty pages", self.empties)
        self.test("two infrastructures", lambda: (self.infra("lab-a", "a", True), self.infra("lab-b", "b")))
        self.test("two endpoints", lambda: (self.endpoint("lab-a", True), self.endpoint("lab-b", False)))
        self.test("federation", self.federation)
        self.test("exchange", lambda: self.party("exchange", "lab-a", True))
        self.test("two clusters", lambda: (self.party("cluster", "lab-a", True), self.party("cluster", "lab-b", False)))
        self.test("every page with everything there", self.everything)
        self.test("removal in order", self.remove)
        self.test("nothing of ours is left", lambda: self.nothing_left(before))
        if LANG == "zh":
            self.test("no English sentence in the Chinese pages", self.all_chinese)

    def nothing_left(self, before):
        left = self.a.inventory() - before[0], self.c.inventory() - before[1]
        assert left == (set(), set()), left

    def all_chinese(self):
        assert not self.foreign, json.dumps(self.foreign, ensure_ascii=False, indent=1)


if __name__ == "__main__":
    os.makedirs(SHOTS, exist_ok=True)
    for old in os.listdir(SHOTS):
        os.remove(os.path.join(SHOTS, old))
    with Stack(port=9081 if LANG == "zh" else 9080) as stack, Browser(WIDE) as browser:
        walk = Walk(browser, stack)
        try:
            walk.run()
        except Exception:
            os.system("tail -qn 25 %s.state/log/poller.log; grep -v 'status=[23]' %s.state/log/web.log | tail -5" % (RIG, RIG))
    print("walk: %d passed, %d failed" % (walk.passed, walk.failed))
    sys.exit(walk.failed != 0)
