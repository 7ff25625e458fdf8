"""The getting-started guide as a person does it in a browser, step by step; every page that is looked at is held against page_rules and kept as a picture."""
import json
import os
import re
import time

import page_rules
from browser import PICTURES
from rig import ROOT, Kube, set_rules

WIDE, NARROW = 1280, 360
BETWEEN = 620, 980  # just above the widths at which the layout changes: nothing scrolls sideways there either
ZH = "zh-CN"
# Chinese pages are kept in the dark on a desktop and light on a phone, English ones the other way: every page is seen in both.
THEMES = {"en": ("light", "dark"), "zh": ("dark", "light")}


class Failed(Exception):
    pass


class Guide:
    """lang is en or zh; rig the directory of the rig; base the rules of the rig that always hold."""

    def __init__(self, b, url, lang, rig, base, shots, clusters=("a", "b")):
        self.b, self.url, self.lang, self.rig, self.base = b, url, lang, rig, base
        self.n, self.passed, self.failed, self.foreign, self.pale, self.faults = 0, 0, 0, {}, {}, {}
        self.shots = os.path.join(ROOT, "build", "screens", shots)
        os.makedirs(self.shots, exist_ok=True)
        for old in os.listdir(self.shots):
            if PICTURES or old.startswith("failed-"):
                os.remove(os.path.join(self.shots, old))
        self.a, self.c = (Kube(rig, x) for x in clusters)
        self.wide, self.narrow = THEMES[lang]
        b.theme(self.wide)

    # --- tests ---
    def test(self, name, f, needed=False):
        """needed: what follows makes no sense without it."""
        start = time.time()
        try:
            f()
            self.passed += 1
            print("ok     %-60s %5.1f s" % (self.lang + ": " + name, time.time() - start), flush=True)
            return
        except Exception as e:
            self.failed += 1
            print("not ok %s: %s: %s %s" % (self.lang, name, type(e).__name__, e), flush=True)
            try:
                self.b.size(WIDE)
                self.b.picture("%s/failed-%s.png" % (self.shots, name.replace(" ", "-").replace("/", "-")))
                print("  at %s" % self.b.url(), flush=True)
            except RuntimeError:
                pass
        if needed:
            raise Failed(name)

    # --- looking ---
    def picture(self, name):
        if PICTURES:
            self.b.picture("%s/%02d-%s.png" % (self.shots, self.n, name))

    def rules(self, where):
        if self.lang == "zh":
            for t in self.b.js(page_rules.VISIBLE):
                if page_rules.ENGLISH.search(t):
                    self.foreign.setdefault(t, where)
        for t in self.b.js(page_rules.CONTRAST):
            self.pale.setdefault(t, where)
        for t in self.b.js(page_rules.STRUCTURE):
            self.faults.setdefault(t, where)

    def look(self, name, narrow=True):
        self.n += 1
        self.rules(name)
        self.picture(name)
        if not narrow:
            return
        self.b.theme(self.narrow), self.b.size(NARROW, 800)
        try:
            self.rules(name + " at 360")
            over = self.b.js(page_rules.TOO_WIDE)
            if over > 1:
                self.faults.setdefault("%d px too wide" % over, name)
            self.picture(name + "-360")
            for width in BETWEEN:
                self.b.size(width, 800)
                over = self.b.js(page_rules.TOO_WIDE)
                if over > 1:
                    self.faults.setdefault("%d px too wide at %d" % (over, width), name)
        finally:
            self.b.theme(self.wide), self.b.size(WIDE)

    def open(self, path, name=None, narrow=True):
        self.b.goto(self.url + path)
        if name:
            self.look(name, narrow)

    def here(self):
        return self.b.url()[len(self.url):]

    def send(self, button="main form button.primary"):
        self.b.click(button)

    def settle(self, condition, what):
        """Waits for a state; the page's own script brings it."""
        self.b.until(condition, what)

    def pick(self, text):
        assert self.b.js("[].some.call(document.querySelectorAll('.pick label'),function(l){if(l.innerText.indexOf(%s)<0)return false;l.querySelector('input').checked=true;return true})" % json.dumps(text)), "%s cannot be picked" % text

    def says(self, *words):
        text = self.b.text()
        for w in words:
            assert re.search(w, text), "%s is not on the page:\n%s" % (w, text[:2500])

    def refused(self, *fields):
        """The form came back with a reason, and the fields that it is about say so themselves."""
        assert self.b.js("!!document.querySelector('#error-summary')"), "no reason is given on %s:\n%s" % (self.here(), self.b.text()[:800])
        for f in fields:
            assert self.b.js("(function(){var e=document.querySelector('[name=%s]');return !!e&&e.getAttribute('aria-invalid')=='true'})()" % f), "%s is not marked on %s:\n%s" % (f, self.here(), self.b.text("#error-summary"))
        self.rules("refusal on " + re.sub(r"[0-9a-f-]{36}", "…", self.here()))

    # --- the guide ---
    def login(self, pictures=True):
        self.open("/")
        assert "/login" in self.b.url()
        self.b.click("button[name=lang][value=%s]" % (ZH if self.lang == "zh" else "en"))
        assert self.b.js("document.documentElement.lang") == (ZH if self.lang == "zh" else "en")
        if pictures:
            self.look("login")
            self.b.fill("[name=username]", "Admin"), self.b.fill("[name=password]", "wrong")
            self.send()
            assert self.b.js("!!document.querySelector('main .card [role=alert]')"), "a wrong password says nothing"
            self.look("login-wrong")
        self.b.fill("[name=username]", "Admin"), self.b.fill("[name=password]", "admin")
        self.send()
        assert self.b.js("!!document.querySelector('main a[href=\"/account\"]')"), "no banner about the default password"
        if pictures:
            self.look("dashboard-empty")

    def infra(self, name, cluster, pictures=False):
        self.open("/infra/new")
        with open("%s/%s/admin.kubeconfig" % (self.rig, cluster)) as f:
            text = f.read()
        if pictures:
            self.look("infra-new")
            self.b.fill("[name=name]", name), self.b.fill("[name=kubeconfig]", "users: [")
            self.send()
            self.refused("kubeconfig")
            assert self.b.js("document.querySelector('[name=name]').value") == name, "the form lost its name"
            self.look("infra-broken")
        self.b.fill("[name=name]", name), self.b.fill("[name=description]", "测试" if self.lang == "zh" else "test"), self.b.fill("[name=kubeconfig]", text)
        self.send()
        self.settle("!document.querySelector('[data-poll]') && location.pathname.indexOf('/infra/test/') == 0 && !!document.querySelector('.note.ok')", "test of " + name)
        if pictures:
            self.look("infra-test")
        self.send()
        assert name in self.b.text("h1")
        if pictures:
            self.look("infra-detail")
        secret = re.search(r"client-key-data: (\S+)", text)
        assert not secret or secret.group(1)[:40] not in self.b.js("document.documentElement.outerHTML"), "the page holds the key"

    def endpoint(self, infra, pictures=False):
        self.open("/endpoint/new")
        if pictures:
            self.look("endpoint-pick")
        self.pick(infra)
        self.send()
        self.settle("!!document.querySelector('[name=step][value=review]')", "scan of " + infra)
        if pictures:
            self.look("endpoint-form")
        self.send()
        if pictures:
            self.look("endpoint-review")
        self.send()
        if pictures:
            self.look("endpoint-progress")
        self.settle("!document.querySelector('[data-poll]') && !!document.querySelector('main .head .chip.ok')", "endpoint on " + infra)
        if pictures:
            at = self.here()
            self.look("endpoint-ready"), self.open(at + "?tab=events", "endpoint-events"), self.open(at + "?tab=yaml", "endpoint-yaml")
            self.open(at)
            self.send("main .head form button")
            self.settle("!document.querySelector('[data-poll]') && !!document.querySelector('.note.ok')", "check of the endpoint")
            self.look("endpoint-checked", False)

    def workloads(self, at, pictures=False):
        """The tab of a participant or an endpoint: read now, then the log of its first pod."""
        self.open(at + "?tab=workloads", "workloads-unread" if pictures else None)
        self.send("main form[action$='/workloads'] button")
        self.settle("!document.querySelector('[data-poll^=\"/ui/probe/\"]') && !!document.querySelector('main td.act form')", "workloads of " + at)
        if pictures:
            self.look("workloads")
        self.send("main td.act form button")
        self.settle("!document.querySelector('[data-poll^=\"/ui/probe/\"]') && !!document.querySelector('pre.log')", "log of a pod of " + at)
        if pictures:
            self.look("log")

    def federation(self, pictures=False):
        self.open("/federation/new")
        if pictures:
            self.look("federation-new")
            self.b.fill("[name=name]", "fed"), self.b.fill("[name=domain]", "-bad")
            self.send()
            self.refused("domain")
            self.look("federation-bad-domain")
        self.b.fill("[name=name]", "fed"), self.b.fill("[name=domain]", "example.com")
        self.send()
        self.fed = self.here().split("?")[0]
        if pictures:
            self.look("federation-empty")

    def party_form(self, kind, infra, pictures=False, **fields):
        self.open("%s/%s/new" % (self.fed, kind))
        if pictures:
            self.look(kind + "-form")
        self.pick(infra)
        for name, value in fields.items():
            if name == "certificates":
                self.b.tick("[name=certificates][value=%s]" % value)
            else:
                self.b.fill("[name=%s]" % name, value)
        self.send("main form button[value=review]")
        if pictures:
            self.look(kind + "-review")

    def active(self, what):
        self.settle("!document.querySelector('[data-poll]') && !!document.querySelector('main .head .chip.ok')", what + " is not active")

    def held(self, name, component, cause, undo):
        """One component is held back: the page names it, the cause and the deadline, before anybody helps."""
        deadline = r"截止 \d{4}年" if self.lang == "zh" else r"until [A-Z][a-z]{2} \d"
        evidence = "[].some.call(document.querySelectorAll('#live .note, #live td'),function(e){return %s.test(e.innerText)})" % ("/" + cause + "/")
        self.settle(evidence, "the cause of %s" % name)
        self.says(component, cause, deadline)
        self.look(name)
        undo()

    def remove(self, path, name, pictures=True, last="!!document.querySelector('.note.ok')"):
        self.open(path + "/delete")
        if pictures:
            self.look("delete-" + name)
        self.send("main form button.danger")
        if pictures and "/detail/" in path:
            self.look("removing-" + name, False)
        self.settle("!document.querySelector('[data-poll]') && " + last, "removal of " + name)

    def links(self, path, selector):
        self.open(path)
        return self.b.js("[].map.call(document.querySelectorAll(%s),function(a){return a.getAttribute('href').split('?')[0]})" % json.dumps("main td a" + selector))

    def remove_all(self, pictures=True):
        for n, c in enumerate(self.links(self.fed, "[href*=\"/cluster/detail/\"]")):
            self.remove(c, "cluster-%d" % n, pictures=pictures and not n)
        self.remove(self.links(self.fed, "[href*=\"/exchange/detail/\"]")[0], "exchange", pictures=pictures)
        self.remove(self.fed, "federation", pictures=pictures)
        for n, e in enumerate(self.links("/endpoint", "[href^=\"/endpoint-detail/\"]")):
            self.remove(e, "endpoint-%d" % n, pictures=pictures and not n)
        for n, i in enumerate(self.links("/infra", "[href^=\"/infra-detail/\"]")):
            self.remove(i, "infra-%d" % n, pictures=pictures and not n)
        self.open("/infra")
        assert self.b.js("!document.querySelector('main table')"), "an infrastructure is left"

    def inventories(self):
        return self.a.inventory(), self.c.inventory()

    def nothing_left(self, before):
        left = [now - then for now, then in zip(self.inventories(), before)]
        assert left == [set(), set()], left

    def rig_rules(self, cluster, *more):
        set_rules(self.rig, cluster, self.base + list(more))

    def verdicts(self):
        """What every page that was looked at must not show, told once at the end."""
        def none(found):
            assert not found, "\n" + json.dumps(found, ensure_ascii=False, indent=1)
        if self.lang == "zh":
            self.test("no English sentence in the Chinese pages", lambda: none(self.foreign))
        self.test("contrast of every text, light and dark", lambda: none(self.pale))
        self.test("labels, headings, no scrolling sideways", lambda: none(self.faults))
