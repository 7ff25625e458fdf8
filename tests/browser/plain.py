"""The guide again without script, and forms by keyboard alone."""
import json

from patience import PATIENCE, looks
from steps import Guide


class Plain(Guide):
    """No script runs in the pages: whatever changes is seen by loading the page again, which the page offers and does by itself."""

    def settle(self, condition, what):
        for n in looks(0.4):
            if n:
                self.b.js("window.__left = 1")
                self.b.cmd("Page.reload")
                self.b.loaded()
            if self.b.js(condition.replace("!document.querySelector('[data-poll]')", "!document.querySelector('#live[data-poll],[data-poll]')")):
                return
        raise AssertionError("%s: not within %d s; the page says:\n%s" % (what, PATIENCE, self.b.text()[:2000]))

    def run(self):
        before = self.inventories()
        self.test("no script: login", lambda: self.login(False), True)
        self.test("no script: infrastructure", lambda: self.infra("plain-a", "a"), True)
        self.test("no script: endpoint", lambda: self.endpoint("plain-a"), True)
        self.test("no script: federation", self.federation, True)
        self.test("no script: exchange", self.exchange, True)
        self.test("no script: cluster", self.cluster, True)
        self.test("no script: workloads and a log", lambda: self.workloads(self.links(self.fed, "[href*=\"/cluster/detail/\"]")[0]))
        self.test("no script: delete", lambda: self.remove_all(False), True)
        self.test("no script: nothing is left", lambda: self.nothing_left(before))

    def exchange(self):
        """While it is held back the page loads itself again, and lets a reader stop that."""
        self.rig_rules("a", {"image": "federatedai/nginx", "delay_ms": 13000})
        self.party_form("exchange", "plain-a")
        self.send("main form button[value=create]")
        assert self.b.js("!!document.querySelector('meta[http-equiv=refresh]')"), "a page of something that runs does not load itself again"
        self.look("exchange-no-script")
        self.b.js("window.__mark = 1")
        self.b.until("window.__mark !== 1", "the page loads itself again")
        stop = "a[href*='refresh=off']"
        if self.b.js("!!document.querySelector(%s)" % json.dumps(stop)):
            self.b.click(stop)
            assert not self.b.js("!!document.querySelector('meta[http-equiv=refresh]')"), "it cannot be stopped"
        self.rig_rules("a")
        self.active("exchange")

    def cluster(self):
        self.party_form("cluster", "plain-a")
        self.send("main form button[value=create]")
        self.active("cluster")


class Keyboard(Guide):
    def run(self):
        self.test("keyboard: login, skip link, visible focus", self.keys_login, True)
        self.test("keyboard: order of a form, Enter sends it", self.keys_form)
        self.test("keyboard: menus", self.keys_menus)
        self.test("keyboard: the filter of the operations", self.keys_filter)

    def focus(self):
        return self.b.js("""(function(){var e=document.activeElement,s=getComputedStyle(e),r=e.getBoundingClientRect();
          return{tag:e.tagName,name:e.name||'',text:(e.innerText||e.value||'').trim().slice(0,40),outline:s.outlineStyle!='none'&&parseFloat(s.outlineWidth)>=2,
          seen:r.width>0&&r.height>0&&r.bottom>0&&r.top<innerHeight&&r.right>0&&r.left<innerWidth,skip:e.className=='skip',main:e.id=='main'}})()""")

    def tab(self):
        self.b.key("Tab")
        f = self.focus()
        assert f["outline"] and f["seen"], "the focus cannot be seen: %s on %s" % (f, self.here())
        return f

    def walk_to(self, name, limit=40):
        names = []
        for _ in range(limit):
            f = self.tab()
            names.append(f["name"] or f["text"])
            if f["name"] == name:
                return names
        raise AssertionError("%s is not reached by Tab: %s" % (name, names))

    def keys_login(self):
        self.open("/login")
        assert self.focus()["name"] == "username", "the login does not start in its first field"
        self.b.type("Admin")
        assert self.tab()["name"] == "password"
        self.b.type("admin")
        self.b.enter()
        assert "/login" not in self.here(), "Enter in the password does not log in"
        self.open("/help")
        first = self.tab()
        assert first["skip"], "the first stop is no link past the head: %s" % first
        self.b.key("Enter")
        assert self.focus()["main"], "the skip link does not lead to the content"

    def keys_form(self):
        self.open("/federation/new")
        names = self.walk_to("domain")
        assert names[-3:] == ["name", "description", "domain"], names
        self.b.type("keys.example.com")
        for _ in range(2):
            self.b.key("Tab", shift=True)
        assert self.focus()["name"] == "name"
        self.b.type("by keyboard")
        self.b.enter()
        assert "by keyboard" in self.b.text("h1"), self.b.text()[:300]
        at = self.here().split("?")[0]
        self.open(at + "/delete")
        for _ in range(40):
            if "danger" in (self.b.js("document.activeElement.className") or ""):
                break
            self.tab()
        self.b.enter()
        assert self.b.js("!!document.querySelector('.note.ok')"), "Enter on the button does not delete"

    def keys_menus(self):
        """The account menu opens with Enter, and every stop of the page is seen."""
        self.open("/account")
        opened, seen = False, []
        for _ in range(45):
            f = self.tab()
            seen.append(f["text"] or f["name"])
            if f["tag"] == "SUMMARY" and f["text"] == "Admin" and not opened:
                self.b.key("Enter")
                opened = self.b.js("document.querySelector('.user').open")
            if f["name"] == "theme":
                break
        assert opened, seen

    def keys_filter(self):
        """Each of its fields is reached in order, and Enter in one of them shows the list."""
        self.open("/operations?kind=routes_push")
        names = self.walk_to("actor")
        assert names[-6:] == ["Filter", "state", "kind", "subject", "federation", "actor"], names
        self.b.type("nobody")
        self.b.enter()
        assert "actor=nobody" in self.here() and "kind=routes_push" in self.here() and self.b.js("!!document.querySelector('main .empty') && document.querySelector('main details').open"), self.here()
