"""Who is hit when a process of the product is killed or stopped from outside, and how long the work that was hit stands still. What is hit is read from the
lease table; nothing in the product knows of this."""
import os, re, threading, time
from psql import Psql

# What only progress changes; a claim alone does not. Work that is only looked at again and again says so by its operation's version.
SIGNATURE = "md5(concat_ws('/', w.step, w.memo, w.intent_at, w.attempt, w.run_at, w.step_deadline, w.ended, o.version))"
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
            if os.fstat(f.fileno()).st_size < self.at:
                self.at = 0  # the launcher has cut a log that had grown too large
            f.seek(self.at)
            for line in f:
                m = re.search(r"pid=(\d+) module=runner .*msg=started holder=(\S+)", line)
                if m:
                    self.slots[int(m.group(1))] = m.group(2)
            self.at = f.tell()
        return self.slots.get(pid)


class Hit:
    def __init__(self, what, kinds, refs, at):
        self.what, self.kinds, self.waiting, self.at, self.seconds, self.refs = what, kinds, dict(refs), at, 0.0, list(refs)


class Watch:
    """Measures in a thread of its own until stop(). What does not move within 90 s counts as 90 s."""

    def __init__(self, dsn, pause=0.02, patience=0):
        self.db, self.eye, self.pause, self.hits, self.done, self.trouble = Psql(*dsn, patience), Psql(*dsn, patience), pause, [], threading.Event(), None
        self.thread = threading.Thread(target=self.guarded, daemon=True)

    def start(self):
        self.thread.start()

    def stop(self):
        self.done.set()
        self.thread.join()
        assert not self.trouble, self.trouble

    def guarded(self):
        try:
            self.watch()
        except Exception as e:  # told at the end: a dead watch would make every test pass
            self.trouble = "watch: %r" % e

    def watch(self):
        while not self.done.wait(self.pause) or any(h.waiting for h in self.hits):
            open_hits = [h for h in self.hits if h.waiting]
            if not open_hits:
                continue
            now, rows = time.time(), {r[0]: r[3] for r in self.eye.rows(LIVE)}
            for h in open_hits:
                for ref, signature in list(h.waiting.items()):
                    if rows.get(ref) != signature:
                        del h.waiting[ref]
                        h.seconds = max(h.seconds, now - h.at)
                    elif now - h.at > 90:
                        del h.waiting[ref]
                        h.seconds = now - h.at

    def note(self, what, victims):
        """After the deed: what the dead ones had leased (else everything that lives) has to move again."""
        at, rows = time.time(), self.db.rows(LIVE)
        held = [r for r in rows if r[2] and r[2] in victims]
        of = held or rows
        if of:
            self.hits.append(Hit(what, {r[1] for r in of}, {r[0]: r[3] for r in of}, at))

    def standing(self):
        """Seconds for which something that was hit has been standing still by now."""
        return max([time.time() - h.at for h in self.hits if h.waiting], default=0.0)

    def busy(self, names):
        """The values of names, lease holders, that hold an operation's lease right now."""
        return [names[r[2]] for r in self.db.rows(LIVE) if r[2] in names]
