"""All tests: the layers of tests/layers.py, side by side as far as the machine's cores and memory go. Closes with: N passed, N failed, N skipped

    all.py [LAYER...]     those layers; by default all but the ones that are only for CI or for `make quick`
    JOBS=1                one after the other, in the order of the table; JOBS=N: at most N at a time
    ALSO="LAYER..."       these too
    CI=true               a skipped layer is a failure, and each must have executed its least number of tests

A layer's output is kept together in build/test/LAYER.log. Here its closing line is shown when it ends, and of one that failed its last lines. What failed
stands once more right above the last line. Every test with its seconds: build/test/tests.tsv (layer, outcome, seconds, name).
As root each layer lives in namespaces of its own (network, processes): no port is taken twice, and whatever it started ends with it."""
import ctypes
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.environ.get("TESTS_TABLE") or HERE)
OUT = os.environ.get("TESTS_OUT") or os.path.join(ROOT, "build", "test")

# "ok     a test   1.2 s" is a test of a layer, "name: 1 passed, 0 failed, 0 skipped" closes it.
TEST = re.compile(r"(ok|not ok) +(?:- )?(.*)")
SECONDS = re.compile(r" (\d+\.\d+) s(?:  at .*)?$")
UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]")  # what a terminal would obey
LONGEST_LINE = 1000  # characters of one that are looked at
MARK = ".made-by-tests"  # in a folder for output: it may be deleted
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
SHOWN_OF_A_FAILURE = 60  # lines
SLOW_LAYERS, SLOW_TESTS = 5, 3
HELD = 1.25  # so much more is begun than the cores hold: what a layer keeps busy on average it does not all the time
GRACE = 15  # seconds that an interrupted layer has to put away what it started
# A checkout that lies below /tmp is to be seen in the new one too.
INSIDE = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", """
ip link set lo up && exec 9< "$1" && mount -t tmpfs -o mode=1777 tests /tmp || exit
case $1 in /tmp/*) mkdir -p "$1" && mount -c --bind /proc/self/fd/9 "$1" || exit ;; esac
exec 9<&-
shift
"$@"
exit $?""", "sh", ROOT]


def isolation():
    """The command that starts another one in namespaces of its own, with a /tmp in memory; empty where that is not allowed."""
    if os.getuid() or not shutil.which("unshare") or not shutil.which("ip"):
        return []
    return INSIDE if subprocess.run(INSIDE + ["true"], stderr=subprocess.DEVNULL).returncode == 0 else []


def die_with_parent():
    ctypes.CDLL("libc.so.6").prctl(1, signal.SIGKILL)


def memory_mb():
    with open("/proc/meminfo") as f:
        return int(re.search(r"MemAvailable:\s+(\d+)", f.read()).group(1)) // 1024


class Meter:
    """Processor time and memory of everything that a job starts, where root may make control groups (version 1). Nothing is limited by them."""
    AT, MARK = ("/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup/memory"), "fedlcm-tests-"

    def __init__(self, name):
        self.groups = [os.path.join(d, "%s%d-%s" % (self.MARK, os.getpid(), name)) for d in self.AT]
        try:
            for g in self.groups:
                os.mkdir(g)
        except OSError:
            self.end()

    def enter(self):
        """In the new process."""
        for g in self.groups:
            try:
                with open(g + "/cgroup.procs", "w") as f:
                    f.write("0")
            except OSError:
                pass  # then it is not measured

    def read(self, i, name):
        try:
            with open(os.path.join(self.groups[i], name)) as f:
                return int(f.read())
        except (OSError, IndexError):
            return None

    def told(self):
        """", 12 s of processor time, 300 MB", or nothing."""
        cpu, memory = self.read(0, "cpuacct.usage"), self.read(1, "memory.max_usage_in_bytes")
        return "" if cpu is None or memory is None else ", %d s of processor time, %d MB" % (cpu // 1000000000, memory >> 20)

    def end(self):
        self.remove(self.groups)
        self.groups = []

    @classmethod
    def sweep(cls):
        """What a scheduler that was killed has left."""
        left = [os.path.join(d, n) for d in cls.AT if os.path.isdir(d) for n in os.listdir(d) if n.startswith(cls.MARK)]
        cls.remove([g for g in left if not os.path.exists("/proc/" + os.path.basename(g)[len(cls.MARK):].split("-")[0])])

    @staticmethod
    def remove(groups):
        for g in groups:
            try:
                os.rmdir(g)
            except OSError:
                pass  # was not made, or somebody is still in it


def test_of(line):
    """(outcome, name, seconds), or None."""
    m = TEST.match(line)
    if not m:
        return None
    seconds = SECONDS.search(m.group(2))
    name = m.group(2)[:seconds.start()] if seconds else m.group(2)
    return m.group(1), name.strip(), float(seconds.group(1)) if seconds else 0.0


class Outcome:
    """What a layer's output says. Only its own closing line counts, and a test that is not ok has failed whatever that line says. least: how many tests it
    must have executed under CI; without CI fewer are counted as skipped."""

    def __init__(self, job, text, status, ci):
        least = job.least
        closing = re.findall(r"^%s: (\d+) passed, (\d+) failed, (\d+) skipped$" % re.escape(job.closes or job.name), text, re.M)
        self.passed, self.failed, self.skipped = map(int, closing[-1]) if closing else (0, 0, 0)
        self.tests = [t for t in (test_of(line[:LONGEST_LINE]) for line in text.splitlines() if line.startswith(("ok ", "not ok "))) if t]
        self.failed = self.failed or sum(outcome == "not ok" for outcome, _, _ in self.tests)
        self.why = []
        if not self.failed and (status or not closing):
            self.failed = 1
            self.why = ["ended with status %d%s" % (status, "" if closing else ", without its closing line")]
        if self.passed < least and not self.failed:
            if ci:
                self.failed, self.why = 1, ["executed %d tests, at least %d are demanded" % (self.passed, least)]
            elif not self.skipped:
                self.skipped = 1

    def line(self):
        return "%d passed, %d failed, %d skipped" % (self.passed, self.failed, self.skipped)

    def failures(self):
        return [name for outcome, name, _ in self.tests if outcome == "not ok"] + self.why


class Running:
    """A layer or a build that has been started."""

    def __init__(self, job, enter):
        self.job, self.path, self.began, self.seconds = job, os.path.join(OUT, job.name + ".log"), time.time(), 0.0
        self.log, self.meter, self.told = open(self.path, "w"), Meter(job.name), ""
        self.late_at, self.late = self.began + job.limit, False
        command = ["bash", "-c", "exec " + job.command]
        # Where it has a /tmp of its own, another place for temporary files would be hidden or shared.
        env = {k: v for k, v in os.environ.items() if k != "TMPDIR" or not (enter and job.isolated)}
        self.proc = subprocess.Popen((enter if job.isolated else []) + command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT,
                                     start_new_session=True, preexec_fn=self.prepare)

    def prepare(self):
        die_with_parent()
        self.meter.enter()

    def ended(self):
        if self.log.closed:
            return True
        if self.proc.poll() is None:
            self.end_late()
            return False
        self.tell(signal.SIGKILL)  # what it has left in its process group
        self.seconds, self.told = time.time() - self.began, self.meter.told()
        self.meter.end()
        self.log.close()
        return True

    def end_late(self):
        """Over its limit it may put away what it has started; then it is killed."""
        if time.time() < self.late_at:
            return
        self.tell(signal.SIGKILL if self.late else signal.SIGINT)
        self.late, self.late_at = True, time.time() + GRACE

    def tell(self, sig):
        try:
            os.killpg(self.proc.pid, sig)
        except ProcessLookupError:
            pass

    def text(self):
        with open(self.path, errors="replace") as f:
            return f.read()


class Scheduler:
    """Starts what fits, the longest first; shows what has ended."""

    def __init__(self, builds, layers, jobs, cores, memory, ci, enter):
        self.todo, self.jobs, self.cores, self.memory, self.ci, self.enter = list(layers), jobs, cores, memory, ci, enter
        needed = {n for x in layers for n in x.after}
        for b in reversed(builds):  # a build may need one above it
            needed |= set(b.after) if b.name in needed else set()
        self.builds = [b for b in builds if b.name in needed]
        if jobs != 1:
            # What needs more than a core finds room only before many others have begun; later it would be overtaken to the end.
            self.todo.sort(key=lambda x: (x.cores <= 1, -x.seconds))
        self.running, self.built, self.broken, self.outcomes, self.times = [], set(), [], {}, {}
        self.began, self.width = time.time(), 0

    # --- what may begin ---
    def fits(self, job):
        if not self.running:
            return True
        if self.jobs and len(self.running) >= self.jobs or job.alone or any(r.job.alone for r in self.running):
            return False
        return (sum(r.job.cores for r in self.running) + job.cores <= self.cores * HELD + 0.01
                and sum(r.job.memory for r in self.running) + job.memory <= self.memory)

    def start(self, queue, job):
        queue.remove(job)
        self.running.append(Running(job, self.enter))

    def start_what_fits(self):
        """Others wait for a build; a layer that is alone, or any when one at a time was asked for, is not overtaken either."""
        for b in [b for b in self.builds if self.built.issuperset(b.after)]:
            if not self.fits(b):
                return
            self.start(self.builds, b)
        for x in list(self.todo):
            ready = self.built.issuperset(x.after)
            if ready and self.fits(x):
                self.start(self.todo, x)
            elif self.jobs == 1 or ready and x.alone:
                return

    def give_up(self, build):
        """What needs something that cannot be made."""
        self.broken.append(build.name)
        for b in [b for b in self.builds if build.name in b.after]:
            self.builds.remove(b)
            self.give_up(b)
        for x in [x for x in self.todo if build.name in x.after]:
            self.todo.remove(x)
            self.show(x, Outcome(x, "", 1, self.ci), 0, "", "needs %s, which cannot be made" % build.name)

    # --- what has ended ---
    def take(self, r):
        self.running.remove(r)
        self.times[r.job.name] = r.seconds
        if r.job.least is None:
            if r.proc.returncode == 0:
                self.built.add(r.job.name)
                self.say("-- %s: made in %.0f s%s" % (r.job.name, r.seconds, r.told))
            else:
                why = "not ended after %d s" % r.job.limit if r.late else "status %d" % r.proc.returncode
                self.say("-- %s: cannot be made (%s)\n%s" % (r.job.name, why, self.end_of(r.text())))
                self.give_up(r.job)
            return
        text = r.text()
        outcome = Outcome(r.job, text, r.proc.returncode, self.ci)
        if r.late:
            outcome.failed, outcome.why = outcome.failed or 1, ["not ended after %d s, so it was ended: something in it hangs" % r.job.limit]
        self.show(r.job, outcome, r.seconds, r.told, self.end_of(text) if outcome.failed else self.reasons(text) if outcome.skipped else "")

    def show(self, layer, outcome, seconds, told, more):
        self.outcomes[layer.name], self.times[layer.name] = outcome, seconds
        self.say("== %s: %s, %.0f s%s%s" % (layer.name, outcome.line(), seconds, told, "\n" + more if more else ""))

    @staticmethod
    def end_of(text):
        return "\n".join(x[:900] for x in text.splitlines()[-SHOWN_OF_A_FAILURE:])

    @staticmethod
    def reasons(text):
        """Why something was skipped: lines that say so, else what stands before the closing line."""
        lines = [x for x in text.splitlines() if x.startswith(("skipped", "known bug"))] or text.splitlines()[-2:-1]
        return "\n".join("   " + x[:300] for x in lines[:10])

    # --- the screen ---
    def say(self, text):
        text = UNSEEN.sub("?", text)
        self.put(("\r" + " " * self.width + "\r" if self.width else "") + text + "\n")
        self.width = 0

    @staticmethod
    def put(text):
        """Whoever read it may be gone (`| tee` dies of the same Ctrl-C): the layers are still ended in order."""
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError:
            sys.stdout = open(os.devnull, "w")

    def progress(self):
        """One line that is written over, for whoever looks on."""
        if not sys.stdout.isatty():
            return
        now = time.time()
        text = "%3.0f s  %s%s" % (now - self.began, ", ".join("%s %.0f" % (r.job.name, now - r.began) for r in self.running), "; %d to come" % len(self.todo) if self.todo else "")
        text = text[:shutil.get_terminal_size().columns - 1]
        self.put("\r" + text.ljust(self.width))
        self.width = len(text)

    # --- all of it ---
    def run(self):
        while self.todo or self.running:
            self.start_what_fits()
            time.sleep(0.1)
            for r in [r for r in self.running if r.ended()]:
                self.take(r)
            self.progress()

    def interrupt(self):
        self.say("interrupted: %s" % ", ".join(r.job.name for r in self.running))
        for r in self.running:
            r.tell(signal.SIGINT)
        end = time.time() + GRACE
        while time.time() < end and not all([r.ended() for r in self.running]):
            time.sleep(0.1)
        for r in self.running:
            if not r.ended():
                r.tell(signal.SIGKILL)
                r.proc.wait()
            r.meter.end()

    def conclude(self):
        """The closing lines; whether all is well."""
        slow = sorted(self.outcomes, key=lambda n: -self.times[n])[:SLOW_LAYERS]
        self.say("\nslowest layers (%.0f s in all):" % (time.time() - self.began))
        for n in slow:
            tests = sorted(self.outcomes[n].tests, key=lambda t: -t[2])[:SLOW_TESTS]
            self.say("  %-10s %4.0f s   %s" % (n, self.times[n], "; ".join("%s %.1f s" % (name[:60], s) for _, name, s in tests if s)))
        with open(os.path.join(OUT, "tests.tsv"), "w") as f:
            for n, outcome in self.outcomes.items():
                f.writelines("%s\t%s\t%.1f\t%s\n" % (n, o, s, name) for o, name, s in outcome.tests)
        bad = [(n, o) for n, o in self.outcomes.items() if o.failed]
        for n, o in bad:
            for x in o.failures() or ["see its output"]:
                self.say("not ok  %s: %s  (%s)" % (n, x[:300], os.path.relpath(os.path.join(OUT, n + ".log"), ROOT)))
        total = [sum(getattr(o, k) for o in self.outcomes.values()) for k in ("passed", "failed", "skipped")]
        self.say("%d passed, %d failed, %d skipped" % tuple(total))
        return not total[1] and not (self.ci and total[2])


def chosen(layers, words, also):
    by_name = {x.name: x for x in layers}
    unknown = [w for w in words + also if w not in by_name]
    if unknown:
        sys.exit("There is no layer %s. There are: %s" % (", ".join(unknown), " ".join(by_name)))
    return [x for x in layers if x.name in words + also or not words and x.usual]


def take_folder():
    """The folder for the output is emptied, if it is ours and nobody else's run uses it. What has to stay open until the end."""
    os.makedirs(os.path.dirname(os.path.abspath(OUT)), exist_ok=True)
    lock = open(os.path.abspath(OUT) + ".lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit("Tests of this checkout are running already: %s is theirs. Wait for their end, or give these another folder: TESTS_OUT=DIR" % OUT)
    known = "TESTS_OUT" not in os.environ or os.path.exists(os.path.join(OUT, MARK))
    if os.path.lexists(OUT) and not known and (not os.path.isdir(OUT) or os.listdir(OUT)):
        sys.exit("%s is there and was not made by tests; it would be deleted. Name a folder that is new or empty: TESTS_OUT=DIR" % OUT)
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT, exist_ok=True)
    open(os.path.join(OUT, MARK), "w").close()
    return lock


def main():
    if {"-h", "--help"} & set(sys.argv[1:]):
        sys.exit(print(__doc__))
    sys.stdout = sys.stdout or open(os.devnull, "w")
    sys.stdout.reconfigure(errors="backslashreplace")
    from layers import BUILDS, LAYERS
    unknown = {n for x in BUILDS + LAYERS for n in x.after} - {b.name for b in BUILDS}
    if unknown:
        sys.exit("The table of layers needs %s, which nothing builds." % ", ".join(sorted(unknown)))
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
        os.environ.pop(name, None)
    text = os.environ.pop("JOBS", "") or "0"
    if not re.fullmatch("[0-9]+", text):
        sys.exit("JOBS is %s; it is the number of layers at a time, 1 for one after the other." % text)
    layers = chosen(LAYERS, sys.argv[1:], os.environ.pop("ALSO", "").split())
    Meter.sweep()
    try:
        lock = take_folder()
    except OSError as e:
        sys.exit("There is no place for the output of the tests: %s. Give another one: TESTS_OUT=DIR" % e)
    for sig in ENDS:  # the first one too: a shell's background job has it ignored, and hands that on
        signal.signal(sig, signal.default_int_handler)
    s = Scheduler(BUILDS, layers, int(text), len(os.sched_getaffinity(0)), memory_mb(), os.environ.get("CI") == "true", isolation())
    try:
        s.run()
    except KeyboardInterrupt:
        for sig in ENDS:
            signal.signal(sig, signal.SIG_IGN)
        s.interrupt()
        return 130
    ok = s.conclude()
    lock.close()
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
