"""Runs cmocka programs, as many at a time as there are cores, and tells their tests as every layer does:  unit.py FOLDER [PROGRAM...]"""
import concurrent.futures
import os
import pty
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TIME_LIMIT = 600  # seconds for one program
LONGEST = ("test_converge", "test_crypt", "test_interleave")  # begin first, or one of them runs on when all others have ended
# cmocka's own lines; one may stand behind what a test wrote without ending its line.
EVENT = re.compile(r"\[ (RUN     |      OK| FAILED | SKIPPED| ERROR  ) +\] ?(\w+)?")
WORD = {"      OK": "ok", " FAILED ": "not ok", " ERROR  ": "not ok", " SKIPPED": "skipped"}
SHOWN = 40  # lines of a program that failed


class Program:
    """One program's run, read line by line as it writes: a terminal makes it write so."""

    def __init__(self, path):
        self.path, self.name, self.lines, self.tests, self.began = path, os.path.basename(path), [], [], None

    def take(self, line):
        self.lines.append(line)
        m = EVENT.search(line)
        if not m or not m.group(2):
            return
        word, test = m.groups()
        if word == "RUN     ":
            self.began = time.monotonic()
        elif self.began:  # the summary names the failed ones once more
            self.tests.append((WORD[word], test, time.monotonic() - self.began))
            self.began = None

    def run(self):
        began = time.monotonic()
        ours, its = pty.openpty()
        proc = subprocess.Popen(["timeout", "-k", "10", str(TIME_LIMIT), self.path], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=its, stderr=its)
        os.close(its)
        with os.fdopen(ours, "rb") as out:
            try:
                for line in out:
                    self.take(line.decode(errors="replace").rstrip("\r\n"))
            except OSError:
                pass  # so a terminal ends
        self.status, self.seconds = proc.wait(), time.monotonic() - began
        return self

    def told(self):
        """Its lines. A crash, a sanitizer's report or a failed set-up is a failed test of its own."""
        if self.status and not self.count("not ok"):
            self.tests.append(("not ok", "(ended with status %d)" % self.status, self.seconds))
        out = ["%-6s %-70s %5.1f s" % (outcome, "%s: %s" % (self.name, test), seconds) for outcome, test, seconds in self.tests]
        if self.status:
            out += ["--- %s (status %d)" % (self.path, self.status)] + [x for x in self.lines if not re.match(r"\[ (RUN|      OK)", x)][-SHOWN:]
        return "\n".join(out)

    def count(self, outcome):
        return sum(1 for o, _, _ in self.tests if o == outcome)


def programs(folder, words):
    """Those that have a source: another may have been built from a file that is gone."""
    sources = {f[:-2] for f in os.listdir(os.path.join(ROOT, "tests/unit")) if f.startswith("test_") and f.endswith(".c")}
    missing = [n for n in sorted(sources) if not os.access(os.path.join(folder, n), os.X_OK)]
    if missing:
        print("not built: %s" % " ".join(missing))
    return [os.path.join(folder, n) for n in sorted(sources - set(missing)) if not words or n in words], missing


def main():
    paths, missing = programs(sys.argv[1], sys.argv[2:])
    done = []
    paths.sort(key=lambda p: os.path.basename(p) not in LONGEST)
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for f in concurrent.futures.as_completed([pool.submit(Program(p).run) for p in paths]):
            done.append(f.result())
            print(done[-1].told(), flush=True)
    passed, failed, skipped = (sum(p.count(o) for p in done) for o in ("ok", "not ok", "skipped"))
    print("unit: %d passed, %d failed, %d skipped" % (passed, failed + len(missing), skipped))
    return 1 if failed or missing else 0


if __name__ == "__main__":
    sys.exit(main())
