"""The newcomer's first ten minutes: `make demo`, its page, the guided start from the first item to the last, a fault and its mending, removal. Only what the
screen offers is used: every step begins with the one button that the checklist makes the next one.

    tour.py en|zh      English on a desktop, Chinese on a phone without script; needs no rig, neither root nor Go

Pictures of every step: build/screens/tour-LANG; those of the README: build/screens/readme/LANG-NAME.png"""
import os, re, shutil, signal, subprocess, sys, tempfile, time
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
from browser import Browser
from plain import Plain
from rig import ROOT, free_ports
from steps import NARROW, PICTURES, WIDE, Failed, Guide

PASSWORD = "Another-Secret-1"
DEMO = [sys.executable, "-B", os.path.join(ROOT, "tests/demo/demo.py")]
README_SIZE = 1000, 700


class Demo:
    """`make demo` on free ports, with a state of its own."""

    def __init__(self, lang):
        self.dir = tempfile.mkdtemp(prefix="tour.")
        os.chmod(self.dir, 0o755)
        port = free_ports(2, 1)
        self.env = dict(os.environ, FEDLCM_DEMO_STATE=self.dir + "/demo", FEDLCM_KEYS_AHEAD="0", FEDLCM_DEMO_PORT=str(port), FEDLCM_DEMO_PAGE_PORT=str(port + 1), FEDLCM_DEMO_KUBE_PORT=str(free_ports(2) + 3), LC_ALL="zh_CN.UTF-8" if lang == "zh" else "C.UTF-8")

    def __enter__(self):
        self.out = open(self.dir + "/out", "w")
        began = time.time()
        self.proc = subprocess.Popen(DEMO + ["up"], env=self.env, stdout=self.out, stderr=subprocess.STDOUT)
        while self.said().count("admin.kubeconfig") < 2:
            if self.proc.poll() is not None or time.time() > began + 60:
                raise RuntimeError("the demo did not start:\n" + self.said())
            time.sleep(0.05)
        self.seconds = time.time() - began
        self.urls = re.findall(r"https?://\S+?/(?=\s|$|。|，)", self.said())
        return self

    def __exit__(self, *_):
        self.proc.send_signal(signal.SIGTERM)
        self.proc.wait()
        self.out.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def said(self):
        with open(self.dir + "/out") as f:
            return f.read()

    def order(self, *words):
        p = subprocess.run(DEMO + list(words), env=self.env, capture_output=True, text=True)
        assert p.returncode == 0, p.stdout + p.stderr
        return p.stdout


class Tour(Plain):
    def __init__(self, b, demo, lang):
        super().__init__(b, demo.env_url, lang, demo.dir + "/demo/clusters", [], "tour-" + lang, ("lab-a", "lab-b"))
        self.demo, self.script = demo, lang == "en"
        self.only = None if self.script else NARROW
        os.makedirs(os.path.join(ROOT, "build/screens/readme"), exist_ok=True)
        if self.only:
            b.theme(self.narrow), b.size(NARROW, 800)

    # --- a desktop with script, or a phone without ---
    def settle(self, condition, what):
        return (Guide if self.script else Plain).settle(self, condition, what)

    def look(self, name, narrow=True, readme=False):
        if self.only:
            self.n += 1
            self.rules(name + " at 360")
            over = self.b.js("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if over > 1:
                self.faults.setdefault("%d px too wide" % over, name)
            self.picture(name)
        else:
            super().look(name, narrow)
        if readme and PICTURES:
            self.b.theme("light"), self.b.size(*README_SIZE)
            self.b.picture(os.path.join(ROOT, "build/screens/readme/%s-%s.png" % (self.lang, name)), README_SIZE[1], True)
            self.b.theme(self.narrow if self.only else self.wide), self.b.size(*((NARROW, 800) if self.only else (WIDE, 900)))

    # --- the checklist leads ---
    def next(self, picture=None):
        """From wherever one is, back to the checklist by the line on top, and on by its one main button."""
        back = ".guide a[href='/setup']"
        self.b.click(back) if self.b.js("!!document.querySelector(\"%s\")" % back) else self.open("/setup")
        if picture:
            self.look(picture, False, readme=picture == "checklist")
        assert self.b.js("document.querySelectorAll('.check-list a.primary').length") == 1, "not exactly one next step:\n" + self.b.text()
        self.b.click(".check-list .now a.primary")

    def start(self):
        self.login(False)
        self.look("first-page")
        self.open("/setup", None)

    def demo_page(self):
        at = self.url
        self.b.goto(self.demo.page + "?lang=" + self.lang)
        self.look("demo-page")
        for name in ("lab-a", "lab-b"):
            assert self.b.js("!!document.querySelector('a[href=\"/kubeconfig-%s.yaml\"]')" % name)
        self.b.goto(at + "/setup")

    def password(self):
        self.next("checklist")
        for k, v in (("current", "admin"), ("fresh", PASSWORD), ("again", PASSWORD)):
            self.b.fill("[name=%s]" % k, v)
        self.send("main form[action='/account/password'] button")
        self.look("password-changed", False)

    def infra(self, name, pasted):
        self.next()
        path = "%s/%s/admin.kubeconfig" % (self.rig, name)
        self.b.fill("[name=name]", name)
        if pasted:
            with open(path) as f:
                self.b.fill("[name=kubeconfig]", f.read())
        else:
            self.b.upload("[name=file]", path)
            self.look("infra-form", False)
        self.send()
        self.settle("!document.querySelector('[data-poll]') && location.pathname.indexOf('/infra/test/') == 0 && !!document.querySelector('.note.ok')", "test of " + name)
        self.look("infra-tested-" + name, False, readme=not pasted) if not pasted else None
        self.send()
        assert name in self.b.text("h1")

    def endpoint(self, number):
        self.next("checklist-endpoints" if not number else None)
        self.send()
        self.settle("!!document.querySelector('[name=step][value=review]')", "scan")
        self.look("endpoint-form", False) if not number else None
        self.send()
        self.look("endpoint-manifest", False) if not number else None
        self.send()
        self.look("endpoint-installing", False) if not number else None
        self.settle("!document.querySelector('[data-poll]') && !!document.querySelector('main .head .chip.ok')", "endpoint")
        self.look("endpoint-ready", False) if not number else None

    def federation(self):
        self.next()
        self.b.fill("[name=name]", "示例" if self.lang == "zh" else "research"), self.b.fill("[name=domain]", "example.com")
        self.look("federation-form", False)
        self.send()
        self.fed = self.here().split("?")[0]
        self.look("federation-empty", False)

    def deploy(self, kind, name, halfway, pictures):
        self.next()
        self.look(name + "-form", False) if pictures else None
        self.send("main form button[value=review]")
        self.look(name + "-review", False) if pictures else None
        self.send("main form button[value=create]")
        self.settle("document.querySelectorAll('#live td .chip.ok, td .chip.ok').length >= %d" % halfway, "first components of " + name)
        self.look(name + "-progress", False, readme=pictures and kind == "cluster") if pictures else None
        began = time.time()
        self.active(name)
        print("# %s: %.0f s after its first components" % (name, time.time() - began), flush=True)
        self.look(name + "-active", False) if pictures else None

    def confirm(self):
        """The two items that nobody can see from here."""
        self.next("checklist-nearly")
        self.look("access", False, readme=True)
        for item, action in (("names", "access"), ("test", "test")):
            self.open("/setup")
            if item == "test":
                self.b.click(".check-list .now a.primary")
                self.says("flow test toy -gid 9999 -hid 10000")
                self.look("toy-test", False)
                self.open("/setup")
            self.send("main .check-list .now form button")
        self.look("all-done", False)
        assert not self.b.js("!!document.querySelector('.check-list .now')")
        self.open("/")
        assert not self.b.js("!!document.querySelector('main ol.check-list')"), "the checklist is still on the dashboard"
        self.look("dashboard-full", False)
        self.open(self.fed)
        self.look("federation-full", True, readme=True)

    def fault(self):
        """An image that cannot be pulled: the pods of a running party go, and the page says why."""
        self.demo.order("break", "IMAGE=fateboard", "CLUSTER=lab-b")
        party = self.links(self.fed, "[href*=\"/cluster/detail/\"]")[1]
        self.open(party)
        words = "fateboard.*(ImagePullBackOff|toomanyrequests|镜像|cannot be pulled)"
        Plain.settle(self, "/%s/s.test((document.querySelector('main')||{}).innerText)" % words, "the cause on the party's page")
        self.look("broken", False, readme=True)
        self.demo.order("mend")
        Plain.settle(self, "!!document.querySelector('main .head .chip.ok')", "the party is well again")
        self.look("mended", False)

    def removal(self):
        self.remove_all(True)
        self.open("/setup", "removed", False)

    def run(self):
        before = self.inventories()
        t = self.test
        t("tour: login", self.start, True)
        t("tour: the demo's own page", self.demo_page)
        t("tour: password", self.password, True)
        t("tour: first cluster by file, second by paste", lambda: (self.infra("lab-a", False), self.infra("lab-b", True)), True)
        t("tour: KubeFATE on both", lambda: (self.endpoint(0), self.endpoint(1)), True)
        t("tour: federation", self.federation, True)
        t("tour: exchange", lambda: self.deploy("exchange", "exchange", 1, True), True)
        t("tour: parties 9999 and 10000", lambda: (self.deploy("cluster", "cluster-9999", 4, True), self.deploy("cluster", "cluster-10000", 4, False)), True)
        t("tour: addresses, toy test, everything done", self.confirm, True)
        t("tour: a fault is explained, and mended", self.fault)
        t("tour: removal in order", self.removal, True)
        t("tour: nothing is left in the clusters", lambda: self.nothing_left(before))


def main(lang):
    with Demo(lang) as demo, Browser(WIDE, script=lang == "en") as b:
        print("# demo ready after %.1f s" % demo.seconds, flush=True)
        product, page = demo.urls[:2]
        demo.env_url, demo.page = product.rstrip("/"), page
        tour = Tour(b, demo, lang)
        try:
            tour.run()
        except Failed as e:
            print("the rest needs it: %s" % e, flush=True)
        tour.verdicts()
    print("part: %d passed, %d failed" % (tour.passed, tour.failed), flush=True)
    return tour.failed != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
