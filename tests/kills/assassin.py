"""Kills the poller's processes from outside, at random moments, and measures how long the work that was hit stands still.

What is hit is read from the lease table; nothing in the product knows of this. A moment is random in two ways: the pause since the last kill, and how
far the victim's work has come meanwhile."""
import os, re, signal, threading, time
from psql import Psql

SIGNATURE = "md5(concat_ws('/', step, memo, intent_at, attempt, run_at, step_deadline, ended))"  # what only progress changes; a claim alone does not
LIVE = ("select w.ref, o.kind, case when w.lease_until > now() then w.lease_by else '' end, %s from work w join operation o on o.id = w.ref "
        "where w.class = 'operation' and not w.ended" % SIGNATURE)


def processes():
    """pid: (parent, name) of everything that lives."""
    out = {}
    for d in os.listdir("/proc"):
        if d.isdigit():
            try:
                with open("/proc/%s/stat" % d) as f:
                    s = f.read()
            except OSError:
                continue
            rest = s[s.rindex(")") + 2:].split()
            if rest[0] != "Z":
                out[int(d)] = (int(rest[1]), s[s.index("(") + 1:s.rindex(")")])
    return out


class Poller:
    """The poller's processes: the supervisor is a child of the launcher, the runners are the supervisor's."""

    def __init__(self, launcher, log):
        self.launcher, self.log, self.at, self.slots = launcher, log, 0, {}

    def look(self):
        all_of_them = processes()
        supervisors = [p for p, (parent, name) in all_of_them.items() if parent == self.launcher and name == "fedlcm-poller"]
        runners = [p for p, (parent, name) in all_of_them.items() if parent in supervisors]
        return supervisors, runners

    def holder(self, pid):
        """The lease holder's name of a runner, from its own first log line."""
        with open(self.log, errors="replace") as f:
            f.seek(self.at)
            for line in f:
                m = re.search(r"pid=(\d+) module=runner .*msg=started holder=(\S+)", line)
                if m:
                    self.slots[int(m.group(1))] = m.group(2)
            self.at = f.tell()
        return self.slots.get(pid)


class Hit:
    def __init__(self, what, kinds, refs, at):
        self.what, self.kinds, self.waiting, self.at, self.seconds = what, kinds, dict(refs), at, 0.0


class Assassin(threading.Thread):
    """Runs until stop(). kills counts SIGKILL of runners and supervisors only."""

    def __init__(self, random, poller, dsn):
        super().__init__(daemon=True)
        self.random, self.poller, self.db, self.eye = random, poller, Psql(*dsn), Psql(*dsn)
        self.hits, self.done, self.paused, self.trouble = [], threading.Event(), threading.Event(), None
        self.watcher = threading.Thread(target=self.guarded, args=(self.watch,), daemon=True)

    def run(self):
        self.watcher.start()
        self.guarded(self.work)

    def guarded(self, body):
        try:
            body()
        except Exception as e:  # told at the end: a dead assassin would make every test pass
            self.trouble = self.trouble or "%s: %r" % (body.__name__, e)

    def stop(self):
        self.done.set()
        self.join()
        self.watcher.join()
        assert not self.trouble, self.trouble

    def count(self, word):
        """Kills while an operation of this sort lived."""
        return sum(1 for h in self.hits if h.what.startswith("kill") and any(k.startswith(word) for k in h.kinds))

    # --- measuring ---
    def watch(self):
        while not self.done.wait(0.02) or any(h.waiting for h in self.hits):
            now, rows = time.time(), {r[0]: r[3] for r in self.eye.rows(LIVE)}
            for h in self.hits:
                for ref, signature in list(h.waiting.items()):
                    if rows.get(ref) != signature:
                        del h.waiting[ref]
                        h.seconds = max(h.seconds, now - h.at)
                    elif now - h.at > 90:
                        del h.waiting[ref]
                        h.seconds = now - h.at

    def note(self, what, victims):
        """After the deed: what the dead one had leased (else everything that lives) has to move again."""
        rows = self.db.rows(LIVE)
        held = [r for r in rows if r[2] and r[2] in victims]
        of = held or rows
        if of:
            self.hits.append(Hit(what, {r[1] for r in of}, {r[0]: r[3] for r in of}, time.time()))

    # --- killing ---
    def victim(self, runners):
        """Mostly one that holds an operation's lease right now, because those are few and short."""
        names = {self.poller.holder(p): p for p in runners}
        busy = [names[r[2]] for r in self.db.rows(LIVE) if r[2] in names]
        return self.random.choice(busy) if busy and self.random.random() < 0.75 else self.random.choice(sorted(runners))

    def strike(self):
        supervisors, runners = self.poller.look()
        if not supervisors or not runners:
            return
        dice = self.random.random()
        if dice < 0.06:
            os.kill(self.random.choice(supervisors), signal.SIGKILL)
            self.note("kill supervisor", {self.poller.holder(p) for p in runners})
            return
        pid = self.victim(runners)
        if dice < 0.20:
            self.freeze(pid, self.random.uniform(0.2, 3))
        else:
            os.kill(pid, signal.SIGKILL)
            self.note("kill runner", {self.poller.holder(pid)})

    def freeze(self, pid, seconds):
        """Stopped and continued: it wakes up in the middle of what it did, perhaps with a lease that is not its own any more."""
        try:
            os.kill(pid, signal.SIGSTOP)
            self.note("stop runner", {self.poller.holder(pid)})
            threading.Timer(seconds, self.wake, (pid,)).start()
        except ProcessLookupError:
            pass

    @staticmethod
    def wake(pid):
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass

    def work(self):
        while not self.done.wait(self.random.uniform(0.2, 1.5)):
            if self.paused.is_set():
                continue
            try:
                self.strike()
            except ProcessLookupError:
                pass  # somebody died before us
