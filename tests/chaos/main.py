"""Runs inside the rig's network namespace: main.py RIG_DIR SEED MINUTES. See run.sh."""
import os, sys, time, traceback
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
import world
from blows import Watch
from book import RESUMPTION_LIMIT, Book
from clusters import Clusters
from faults import ROUND, Injector, schedule
from invariants import WAITING, Safety
from population import FEDERATIONS, Federation, Guest, Librarian
from rig import ROOT

SETTLE_SECONDS, END_SECONDS = 120, 360
FAULTS_A_MINUTE = 7  # at least: on a machine that does other things too it takes longer
RUNNING = ("select o.uuid, o.kind, o.subject_name, o.state, o.cause, o.evidence_class, o.evidence_args, s.key as step, round(extract(epoch from now() - o.created_at)) age from operation o join work w on w.class = 'operation' and w.ref = o.id "
           "left join operation_step s on s.operation_id = o.id and s.ord = w.step where o.state in ('queued', 'running') order by o.id")


class Chaos:
    def __init__(self, rig, seed, minutes, stack):
        self.seed, self.minutes = seed, minutes
        self.w = world.World(rig, stack)
        self.book = Book(self.w, seed, minutes, os.path.join(ROOT, "build", "chaos", seed))
        self.watch = Watch(self.w.dsn, 0.1, world.PATIENCE)
        self.injector = Injector(self.w, self.watch)
        self.safety, self.clusters, self.db = Safety(self.w, self.book), Clusters(self.w, self.book, self.injector), self.w.psql()
        self.actors = [Federation(self.w, i, seed) for i in range(FEDERATIONS)] + [Guest(self.w, c, seed) for c in "ab"] + [Librarian(self.w, seed)]
        self.passed = self.failed = 0

    def say(self, text):
        print("%6.1f s  %s" % (time.time() - self.book.began, text), flush=True)

    def check(self, name, good, detail=""):
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        print("%s %s%s" % ("ok    " if good else "not ok", name, "" if good else ": %s" % (detail,)), flush=True)

    def look(self):
        self.safety.look()
        self.clusters.look()

    # --- faults ---
    def faults(self):
        end = time.time() + self.minutes * 60
        cards, due = schedule(self.seed), time.time()
        for f in cards:
            due = max(due + f.gap, time.time())
            if due > end and len(self.book.faults) >= self.minutes * FAULTS_A_MINUTE:
                break
            time.sleep(max(0, due - time.time()))
            self.injector.strike(f)
            self.book.faults.append(f)
            self.say("%4d  %s (%s)" % (f.number, f.kind, f.detail))
            self.look()
            if f.number % ROUND == 0:
                began = time.time()
                self.liveness("after %d faults" % f.number)
                end, due = end + time.time() - began, time.time()

    # --- liveness ---
    def unsettled(self):
        return self.db.dicts(RUNNING), self.clusters.settled()

    def liveness(self, name, seconds=SETTLE_SECONDS):
        """Nothing disturbs and nobody wants anything new: everything ends, or says what it waits for."""
        self.injector.calm()
        for a in self.actors:
            a.resting.set()
        began = told = time.time()
        while True:
            running, wrong = self.unsettled()
            if not running and not wrong or time.time() - began > seconds:
                break
            if time.time() - told > 15:
                told = time.time()
                for x in running:
                    self.say("      %(kind)s %(subject_name)s, %(age)s s old, in %(step)s: %(cause)s %(evidence_class)s %(evidence_args)s" % x)
                for x in wrong:
                    self.say("      not yet: %s, %s" % (x[2], x[3]))
            time.sleep(1)
        took = time.time() - began
        for x in running:  # nothing disturbs it now, and it has had the time to say what it waits for
            if not x["cause"] and not x["evidence_class"]:
                self.book.violation(WAITING, "at rest %s" % x["uuid"], "does not say what it waits for", x, operation=x["uuid"])
        for c, key, what, detail, subject in wrong:
            self.book.violation(c, key, what, detail, subject=subject)
        self.look()
        self.clusters.complete()
        self.say("%s: %s after %.0f s, %d operations still wait" % (name, "settled" if not running and not wrong else "looked at", took, len(running)))
        passed, failed = self.book.point(name, took, running)
        self.passed, self.failed = self.passed + passed, self.failed + failed
        for a in self.actors:
            a.resting.clear()

    # --- the end ---
    def harvest(self):
        """Everybody removes everything, now undisturbed; nothing may be left but what forced removals said they leave."""
        for a in self.actors:
            a.hurry.set()
        end = time.time() + END_SECONDS
        while time.time() < end and not all(a.finished.is_set() for a in self.actors):
            self.look()
            time.sleep(2)
        left = [a.name for a in self.actors if not a.finished.is_set()]
        self.check("everything could be removed within %d s" % END_SECONDS, not left, left)
        for a in self.actors:
            a.finished.set()
        self.check("nobody who used the product was stopped by it", not any(a.trouble for a in self.actors), [a.trouble for a in self.actors if a.trouble])
        for c in "ab":
            self.w.api.call("DELETE", "/endpoint/%s?uninstall=true" % self.w.endpoint[c])
            self.w.api.until("/endpoint/" + self.w.endpoint[c], [404])

    def inventory(self):
        """What is in the clusters now and was not before. What a forced removal could not reach is known."""
        declared = {(c, "Namespace /" + p.rpartition("/")[2]) for c, p in self.book.leftovers if p.startswith("/api/v1/namespaces/") and p.count("/") == 4}
        spaces = {(c, x.partition("/")[2]) for c, x in declared}
        out = []
        for c, kube in self.w.kube.items():
            for x in sorted(kube.inventory() - self.w.before[c]):
                kind, _, place = x.partition(" ")
                ns, _, name = place.partition("/")
                if (c, ns or name) not in spaces and (ns or name) not in ("guest-a", "guest-b"):
                    out.append("%s: %s" % (c, x))
        return out

    def run(self):
        for a in self.actors:
            if isinstance(a, (Guest, Librarian)):
                a.prepare()
        self.watch.start()
        for a in self.actors:
            a.start()
        self.faults()
        self.liveness("after the last fault")
        self.harvest()
        self.liveness("at the end")
        left = self.inventory()
        self.check("no object of ours is left in the clusters", not left, left)
        self.watch.stop()

    def conclude(self):
        s = self.book.write(self.watch, self.injector)
        longest = s["resumption"]["max"]
        self.check("killed work moved again within %d s" % RESUMPTION_LIMIT, longest <= RESUMPTION_LIMIT, s["slowest"])
        self.check("no violation", not self.book.violations, "%d" % len(self.book.violations))
        print(self.book.text(dict(s, violations=[])), flush=True)
        print("report: %s" % os.path.relpath(os.path.join(self.book.out, "report.txt"), ROOT))


def main():
    rig, seed, minutes = sys.argv[1], sys.argv[2], float(sys.argv[3])
    failed, passed = 0, 0
    with world.stack(rig) as stack:
        chaos = None
        try:
            chaos = Chaos(rig, seed, minutes, stack)
            chaos.run()
        except BaseException:
            traceback.print_exc(file=sys.stdout)
            print("\n".join(stack.log("poller").splitlines()[-40:]))
            failed = 1
        finally:
            if chaos:
                chaos.injector.calm()
                chaos.conclude()
                passed, failed = chaos.passed, chaos.failed + failed
    print("chaos: %d passed, %d failed, 0 skipped" % (passed, failed), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
