"""Kills the poller's processes from outside, at random moments, and measures how long the work that was hit stands still (tests/lib/blows.py).

A moment is random in two ways: the pause since the last kill, and how far the victim's work has come meanwhile."""
import os, signal, threading
from blows import Watch


# Where the machine has too much to do, runners could be killed faster than one of them can begin. Then nobody is killed until what was hit has moved again.
BREATH_S = 15


class Assassin(threading.Thread):
    """Runs until stop(). count() counts SIGKILL of runners and supervisors only."""

    def __init__(self, random, poller, dsn):
        super().__init__(daemon=True)
        self.random, self.poller, self.watch = random, poller, Watch(dsn)
        self.done, self.paused, self.trouble = threading.Event(), threading.Event(), None

    @property
    def hits(self):
        return self.watch.hits

    def run(self):
        self.watch.start()
        try:
            self.work()
        except Exception as e:  # told at the end: a dead assassin would make every test pass
            self.trouble = "work: %r" % e

    def stop(self):
        self.done.set()
        self.join()
        self.watch.stop()
        assert not self.trouble, self.trouble

    def count(self, word):
        """Kills while an operation of this sort lived."""
        return sum(1 for h in self.hits if h.what.startswith("kill") and any(k.startswith(word) for k in h.kinds))

    def victim(self, runners):
        """Mostly one that holds an operation's lease right now, because those are few and short."""
        busy = self.watch.busy({self.poller.holder(p): p for p in runners})
        return self.random.choice(busy) if busy and self.random.random() < 0.75 else self.random.choice(sorted(runners))

    def strike(self):
        supervisors, runners = self.poller.look()
        if not supervisors or not runners:
            return
        dice = self.random.random()
        if dice < 0.06:
            os.kill(self.random.choice(supervisors), signal.SIGKILL)
            self.watch.note("kill supervisor", {self.poller.holder(p) for p in runners})
            return
        pid = self.victim(runners)
        if dice < 0.20:
            self.freeze(pid, self.random.uniform(0.2, 3))
        else:
            os.kill(pid, signal.SIGKILL)
            self.watch.note("kill runner", {self.poller.holder(pid)})

    def freeze(self, pid, seconds):
        """Stopped and continued: it wakes up in the middle of what it did, perhaps with a lease that is not its own any more."""
        try:
            os.kill(pid, signal.SIGSTOP)
            self.watch.note("stop runner", {self.poller.holder(pid)})
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
            if self.paused.is_set() or self.watch.standing() > BREATH_S:
                continue
            try:
                self.strike()
            except ProcessLookupError:
                pass  # somebody died before us
