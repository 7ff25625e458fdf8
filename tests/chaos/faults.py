"""What is done to the product and to what it talks to. Which fault comes when, how long it lasts and what share of the dice it gets is drawn from the seed
alone; whom it meets depends on who is there (the n-th of those, n from the seed too)."""
import os, random, signal, threading, time
import proxy as P
from blows import Poller, processes

ROUND = 20  # faults from one liveness point to the next
# A round holds each kind, in an order of its own. The last card is one of RARE in turn.
DECK = (["runner killed"] * 3 + ["runner stopped"] * 2 + ["poller's supervisor killed", "poller's supervisor stopped", "web worker killed", "web worker stopped", "backend killed", "backend stopped",
        "postmaster killed", "postmaster stopped", "API server cut", "API server slow", "API server erring", "answers lost", "KubeFATE killed", "KubeFATE killed"])
RARE = ("KubeFATE lost its database", "runner stopped", "API server away")
LEASE = 30


class Fault:
    """One card: number, kind, seconds since the fault before, and what the dice said: pick (whom) and size (how long, how bad), both from 0 to 1."""

    def __init__(self, number, kind, gap, pick, size, late):
        self.number, self.kind, self.gap, self.pick, self.size, self.late = number, kind, gap, pick, size, late
        self.at, self.detail, self.ends_at = None, "", None

    def told(self):
        return {"number": self.number, "kind": self.kind, "at": self.at, "detail": self.detail, "until": self.ends_at}

    def one_of(self, things):
        things = sorted(things)
        return things[int(self.pick * len(things))] if things else None

    def between(self, least, most):
        return least + self.size * (most - least)


def schedule(seed):
    """All faults, for ever."""
    dice, number, turn = random.Random("faults/%s" % seed), 0, 0
    while True:
        cards = DECK + [RARE[turn % len(RARE)]]
        turn += 1
        dice.shuffle(cards)
        slept = dice.randrange(2)  # one of the two stopped runners sleeps over its lease
        for kind in cards:
            number += 1
            late = kind == "runner stopped" and slept % 2 == 0 or kind.endswith("stopped") and not kind.startswith(("runner", "postmaster", "backend")) and dice.random() < 0.15
            slept += kind == "runner stopped"
            yield Fault(number, kind, dice.uniform(5, 10), dice.random(), dice.random(), late)


def send(pid, sig):
    try:
        os.kill(pid, sig)
        return True
    except ProcessLookupError:
        return False


class Injector:
    def __init__(self, world, watch):
        self.w, self.watch, self.launcher = world, watch, world.stack.proc.pid
        self.poller = Poller(self.launcher, os.path.join(world.stack.state, "log", "poller.log"))
        self.open, self.lock, self.kubefate_deaths, self.slept = {}, threading.Lock(), [], []

    # --- what ends again ---
    def until(self, fault, key, seconds, undo):
        """undo() after that time, or at calm(). Something that is hit anew meanwhile is first undone."""
        with self.lock:
            old = self.open.pop(key, None)
        if old:
            old[0].cancel()
            old[1]()
        timer = threading.Timer(seconds, self.close, (key,))
        with self.lock:
            self.open[key] = (timer, undo)
        fault.ends_at = time.time() + seconds
        timer.daemon = True
        timer.start()

    def close(self, key):
        with self.lock:
            entry = self.open.pop(key, None)
        if entry:
            entry[1]()

    def calm(self):
        """Nothing is stopped, slow or cut any more."""
        with self.lock:
            entries, self.open = list(self.open.values()), {}
        for timer, undo in entries:
            timer.cancel()
            undo()

    # --- whom ---
    def children(self, parents, named=None):
        return [p for p, (parent, name) in processes().items() if parent in parents and named in (None, name)]

    def web_workers(self):
        return self.children(self.children([self.launcher], "fedlcm-web"))

    def postmaster(self):
        return self.children([self.launcher], "postgres")

    def backends(self):
        """Those of the product, not ours."""
        out = []
        for pid in self.children(self.postmaster()):
            try:
                with open("/proc/%d/cmdline" % pid, "rb") as f:
                    if b"fedlcm_app" in f.read():
                        out.append(pid)
            except OSError:
                continue
        return out

    # --- the deeds ---
    def strike(self, fault):
        fault.at = time.time()
        what, _, how = fault.kind.rpartition(" ")
        if fault.kind.startswith(("API", "answers")):
            self.api(fault)
        elif fault.kind.startswith("KubeFATE"):
            self.kubefate(fault)
        else:
            targets = {"runner": lambda: self.poller.look()[1], "poller's supervisor": lambda: self.poller.look()[0], "web worker": self.web_workers, "backend": self.backends, "postmaster": self.postmaster}[what]()
            if what == "runner" and fault.size < 0.75:  # mostly one that has something in hand
                targets = self.watch.busy({self.poller.holder(p): p for p in targets}) or targets
            pid = fault.one_of(set(targets))
            fault.detail = "nobody there" if pid is None else "process %d" % pid
            if pid is not None:
                (self.kill if how == "killed" else self.stop)(fault, what, pid)
        return fault

    def victims(self, what, pid):
        """Lease holders that die or stand still with it."""
        if what == "runner":
            return {self.poller.holder(pid)}
        return {self.poller.holder(p) for p in self.poller.look()[1]} if what.startswith("poller") else set()

    def kill(self, fault, what, pid):
        victims = self.victims(what, pid)
        if send(pid, signal.SIGKILL) and what != "web worker":
            self.watch.note("kill " + what, victims)

    def stop(self, fault, what, pid):
        seconds = LEASE + fault.between(3, 12) if fault.late else fault.between(1, 8)
        fault.detail += ", %.1f s" % seconds
        victims = self.victims(what, pid)
        if not send(pid, signal.SIGSTOP):
            return
        if what == "runner":
            self.watch.note("stop runner", victims)
            if fault.late:
                self.slept.append({"at": fault.at, "holder": sorted(x or "" for x in victims), "seconds": seconds})
        self.until(fault, ("stopped", pid), seconds, lambda: send(pid, signal.SIGCONT))

    def api(self, fault):
        c, seconds = fault.one_of("ab"), fault.between(3, 15)
        p = self.w.proxy[c]
        if fault.kind == "API server away":
            seconds = fault.between(35, 50)  # longer than the patience of a removal by force: what it cannot reach it leaves
        if fault.kind in ("API server cut", "API server away"):
            fault.detail = "%s, %.1f s" % (c, seconds)
            self.until(fault, ("cut", c), seconds, p.accept)
            p.refuse()
            return
        kind, pattern, options = self.way(fault)
        fault.detail = "%s: %s %s, %.1f s" % (c, kind, options or "", seconds)
        f = p.fault(kind, pattern, **options)
        self.until(fault, ("faulty", c), seconds, f.end)

    @staticmethod
    def way(fault):
        """How the proxy misbehaves: kind, for which requests, with what."""
        if fault.kind == "API server slow":
            return P.SLOW, ".", {"seconds": fault.between(1, 14)}
        writes = "^(POST|PUT|PATCH|DELETE) "
        ways = {"API server erring": [(P.STATUS, ".", {"code": 500, "reason": "InternalError"}), (P.STATUS, ".", {"code": 503, "reason": "ServiceUnavailable"}), (P.STATUS, ".", {"code": 429, "reason": "TooManyRequests", "retry_after": 3}),
                                      (P.GATEWAY, ".", {}), (P.HTML, ".", {}), (P.RESET, ".", {})],
                "answers lost": [(P.LOST, writes, {}), (P.CUT, ".", {}), (P.HALF, ".", {}), (P.LATE, writes, {"seconds": 12})]}[fault.kind]
        return ways[int(fault.pick * 997) % len(ways)]

    def kubefate(self, fault):
        target = fault.one_of(self.w.kubefates.alive())
        if not target:
            fault.detail = "nobody there"
            return
        cluster, namespace, folder, pid = target
        lost = fault.kind.endswith("database")
        if lost:
            open(os.path.join(folder, "forget"), "w").close()
        fault.detail = "%s, namespace %s" % (cluster, namespace)
        if send(pid, signal.SIGKILL):
            self.kubefate_deaths.append({"at": time.time(), "pod": folder, "on": cluster, "namespace": namespace, "lost": lost})
