"""The scheduler of `make test` (tests/all.py) on tables of pretended layers. Last line: scheduler: N passed, N failed, N skipped"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[:0] = [os.path.join(TESTS, "lib"), TESTS]
import all as everything
import layers
import told

CORES = len(os.sched_getaffinity(0)) * everything.HELD
ROOT = os.getuid() == 0


def processes(mark):
    """Those whose command holds the mark."""
    out = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                if mark.encode() in f.read():
                    out.append(int(pid))
        except OSError:
            continue
    return [p for p in out if p != os.getpid()]


def soon(what, seconds=20):
    end = time.time() + seconds
    while time.time() < end:
        if what():
            return True
        time.sleep(0.05)
    return what()


class Case(unittest.TestCase):
    def setUp(self):
        work = os.path.join(TESTS, "../build")  # not /tmp: a layer has one of its own
        os.makedirs(work, exist_ok=True)
        self.dir = tempfile.mkdtemp(prefix="fsched.", dir=os.path.abspath(work))
        self.book = self.dir + "/book"
        self.addCleanup(shutil.rmtree, self.dir, True)

    def table(self, *lines):
        """The table's rows, and a program that writes down when it begins and ends, and closes as a layer does."""
        with open(self.dir + "/work.sh", "w") as f:
            f.write('echo "$1 begin" >> %s; sleep "$2"; echo "ok     the only test of $1   0.1 s"; echo "$1 end" >> %s\n' % (self.book, self.book))
            f.write('echo "$1: ${3:-1 passed, 0 failed, 0 skipped}"; exit "${4:-0}"\n')
        with open(self.dir + "/layers.py", "w") as f:
            with open(os.path.join(TESTS, "layers.py")) as real:
                f.write(real.read().split("MAKE = ")[0])
            f.write("BUILDS = [%s]\n" % ", ".join(x for x in lines if x.startswith("build")))
            f.write("LAYERS = [%s]\n" % ", ".join(x for x in lines if x.startswith("layer")))

    def work(self, name, pause=0.3, least=1, close="", status=0, **more):
        return "layer(%r, %d, %r, **%r)" % (name, least, "bash %s/work.sh %s %s '%s' %d" % (self.dir, name, pause, close, status), dict(dict(memory=10), **more))

    def command(self, name, text, least=1, **more):
        with open("%s/%s.sh" % (self.dir, name), "w") as f:
            f.write(text)
        return "layer(%r, %d, %r, **%r)" % (name, least, "bash %s/%s.sh" % (self.dir, name), dict(dict(memory=10, cores=0.1), **more))

    def start(self, *words, **env):
        keep = {k: v for k, v in os.environ.items() if k not in ("CI", "JOBS", "ALSO")}
        return subprocess.Popen([sys.executable, "-B", os.path.join(TESTS, "all.py"), *words], env=dict(keep, TESTS_TABLE=self.dir, TESTS_OUT=self.dir + "/out", **env),
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))

    def run_all(self, *words, **env):
        p = self.start(*words, **env)
        try:
            self.out = p.communicate(timeout=60)[0]
        finally:
            p.kill()  # one that hangs is not left behind
        self.status = p.returncode
        return self.out.splitlines()

    def booked(self):
        with open(self.book) as f:
            return f.read().split("\n")[:-1]

    def most_at_once(self):
        now = most = 0
        for x in self.booked():
            now += 1 if x.endswith("begin") else -1
            most = max(most, now)
        return most


class Order(Case):
    def test_one_at_a_time_goes_by_the_table(self):
        self.table(self.work("c", 0.1), self.work("a", 0.1, seconds=9), self.work("b", 0.1, seconds=5))
        lines = self.run_all(JOBS="1")
        self.assertEqual(self.booked(), ["c begin", "c end", "a begin", "a end", "b begin", "b end"])
        self.assertEqual((lines[-1], self.status), ("3 passed, 0 failed, 0 skipped", 0))

    def test_the_longest_begin_first(self):
        self.table(self.work("a", 0.2, seconds=1, cores=CORES), self.work("b", 0.2, seconds=3, cores=CORES), self.work("c", 0.2, seconds=2, cores=CORES))
        self.run_all()
        self.assertEqual([x for x in self.booked() if "begin" in x], ["b begin", "c begin", "a begin"])

    def test_what_needs_more_than_a_core_begins_before_what_is_longer(self):
        one_at_a_time = {"memory": 1 << 30}
        self.table(self.work("a", 0.1, seconds=9, cores=0.5, **one_at_a_time), self.work("b", 0.1, seconds=2, cores=1.1, **one_at_a_time))
        self.run_all()
        self.assertEqual(self.booked(), ["b begin", "b end", "a begin", "a end"])

    def test_as_many_as_the_cores_hold(self):
        self.table(*[self.work(x, 1.5, cores=CORES / 2) for x in "abcd"])
        self.run_all()
        self.assertEqual(self.most_at_once(), 2)

    def test_as_many_as_the_memory_holds(self):
        self.table(*[self.work(x, 0.4, cores=0.01, memory=1 << 30) for x in "abc"])
        lines = self.run_all()
        self.assertEqual((self.most_at_once(), lines[-1]), (1, "3 passed, 0 failed, 0 skipped"))

    def test_as_many_as_were_asked_for(self):
        self.table(*[self.work(x, 1.5, cores=0.01) for x in "abcdef"])
        self.run_all(JOBS="2")
        self.assertEqual(self.most_at_once(), 2)

    def test_what_measures_time_is_alone(self):
        self.table(self.work("a", 0.4, cores=0.01), self.work("b", 0.4, cores=0.01, alone=True), self.work("c", 0.4, cores=0.01), self.work("d", 0.2, cores=0.01))
        self.run_all()
        book = self.booked()
        self.assertEqual(book[book.index("b begin") + 1], "b end")
        begun = [x for x in book[:book.index("b begin")] if x.endswith("begin")]
        self.assertEqual(len(begun), len([x for x in book[:book.index("b begin")] if x.endswith("end")]))

    def test_a_layer_waits_for_what_it_needs_and_others_do_not(self):
        self.table("build('tool', 'bash -c \"sleep 1; touch %s/tool\"', cores=0.1, memory=10)" % self.dir, self.work("a", 0.1, cores=0.1),
                   self.command("b", "[ -e %s/tool ] && echo 'b: 1 passed, 0 failed, 0 skipped'" % self.dir, after=("tool",)))
        lines = self.run_all()
        order = [x for x in lines if x.startswith(("--", "=="))]
        self.assertEqual([x.split()[1] for x in order], ["a:", "tool:", "b:"])
        self.assertEqual(lines[-1], "2 passed, 0 failed, 0 skipped")

    def test_a_build_is_not_overtaken(self):
        """Small layers would always find room before a large build."""
        self.table("build('first', 'sleep 0.5', cores=0.1, memory=10)", "build('tool', 'touch %s/tool', cores=%s, memory=10, after=('first',))" % (self.dir, CORES),
                   self.work("a", 1.5, seconds=9, cores=CORES * 0.4), *[self.work(x, 0.5, cores=CORES * 0.4, after=("first",)) for x in "bcdef"], self.work("z", 0.1, after=("tool",)))
        lines = self.run_all()
        self.assertEqual([x.split()[1] for x in lines if x.startswith(("--", "=="))][:3], ["first:", "a:", "tool:"])

    def test_nothing_is_built_that_nobody_needs(self):
        self.table("build('tool', 'touch %s/tool')" % self.dir, self.work("a", 0.1), self.work("b", 0.1, after=("tool",)))
        self.run_all("a")
        self.assertFalse(os.path.exists(self.dir + "/tool"))

    def test_named_layers_only_and_those_that_are_not_usual_when_named(self):
        self.table(self.work("a", 0.1), self.work("b", 0.1), self.work("c", 0.1, usual=False))
        self.run_all()
        self.assertEqual({x.split()[0] for x in self.booked()}, {"a", "b"})
        os.remove(self.book)
        self.run_all("b")
        self.assertEqual({x.split()[0] for x in self.booked()}, {"b"})
        os.remove(self.book)
        self.run_all(ALSO="c")
        self.assertEqual({x.split()[0] for x in self.booked()}, {"a", "b", "c"})

    def test_a_layer_that_is_none_is_named(self):
        self.table(self.work("a", 0.1))
        self.run_all("nobody")
        self.assertIn("There is no layer nobody. There are: a", self.out)
        self.assertNotEqual(self.status, 0)


class Output(Case):
    def test_output_stays_together_and_a_failure_is_shown_last(self):
        bad = "for i in 1 2 3 4; do echo \"line $i of bad\"; sleep 0.2; done; echo 'ok     fine   0.2 s'; echo 'not ok the broken one   1.2 s'; echo 'bad: 1 passed, 1 failed, 0 skipped'; exit 1"
        self.table(self.command("bad", bad), self.work("good", 0.5, cores=0.1))
        lines = self.run_all()
        at = lines.index("line 1 of bad")
        self.assertEqual(lines[at:at + 4], ["line %d of bad" % i for i in (1, 2, 3, 4)])
        self.assertTrue(lines[at - 1].startswith("== bad: 1 passed, 1 failed, 0 skipped"), lines[at - 1])
        self.assertRegex(lines[-2], r"^not ok  bad: the broken one  \(.*bad\.log\)$")
        self.assertEqual((lines[-1], self.status), ("2 passed, 1 failed, 0 skipped", 1))
        self.assertNotIn("the only test of good", "\n".join(x for x in lines if not x.startswith("  ")))

    def test_seconds_of_layers_and_of_their_slowest_tests(self):
        text = "sleep 1; for i in 1 2 3 4 5; do echo \"ok     test $i   $i.5 s  at 7.0 s\"; done; echo 'a: 5 passed, 0 failed, 0 skipped'"
        self.table(self.command("a", text), *[self.work(x, 0.1, cores=0.01) for x in "bcdefg"])
        lines = self.run_all()
        self.assertTrue([x for x in lines if re.match(r"== a: 5 passed, 0 failed, 0 skipped, [1-9]\d* s", x)], self.out)
        slow = lines[[i for i, x in enumerate(lines) if x.startswith("slowest layers")][0] + 1:-1]
        self.assertEqual(len(slow), 5)
        self.assertRegex(slow[0], r"^  a +[1-9]\d* s   test 5 5\.5 s; test 4 4\.5 s; test 3 3\.5 s$")
        with open(self.dir + "/out/tests.tsv") as f:
            self.assertIn("a\tok\t3.5\ttest 3\n", f.readlines())

    def test_a_layer_that_dies_without_its_closing_line_has_failed(self):
        self.table(self.command("a", "echo 'ok     one   0.1 s'; kill -9 $$"), self.command("b", "echo nothing"), self.command("c", "echo 'c: 3 passed, 0 failed, 0 skipped'; exit 3"))
        lines = self.run_all()
        self.assertEqual((lines[-1], self.status), ("3 passed, 3 failed, 0 skipped", 1))
        self.assertEqual(len([x for x in lines if x.startswith("not ok  ")]), 3, self.out)

    def test_only_the_layers_own_closing_line_counts(self):
        text = "echo 'a: 1 passed, 1 failed, 0 skipped'; echo 'http: 257 passed, 0 failed, 0 skipped'"
        self.table(self.command("a", text), self.command("b", "echo 'other: 2 passed, 0 failed, 0 skipped'"), self.work("c", close="3 passed, 0 failed, 0 skipped"),
                   self.command("d", "echo 'word: 4 passed, 0 failed, 0 skipped'", closes="word"))
        lines = self.run_all()
        self.assertEqual((lines[-1], self.status), ("8 passed, 2 failed, 0 skipped", 1), self.out)

    def test_a_test_that_is_not_ok_has_failed_whatever_the_closing_line_says(self):
        self.table(self.command("a", "echo ok; echo 'not ok the true name   1.2 s'; echo 'a: 5 passed, 0 failed, 0 skipped'"))
        lines = self.run_all()
        self.assertEqual((lines[-1], self.status), ("5 passed, 1 failed, 0 skipped", 1))
        self.assertRegex(lines[-2], "^not ok  a: the true name  ")

    def test_long_lines_are_read_quickly(self):
        self.table(self.command("a", "python3 -c 'print(\"ok a\" + 200000 * \" \" + \"x\"); print(\"ok \" + 200000 * \"a 1 \")'; echo 'a: 2 passed, 0 failed, 0 skipped'"))
        self.assertEqual(self.run_all()[-1], "2 passed, 0 failed, 0 skipped")

    def test_a_reader_that_is_gone_or_closed_changes_nothing(self):
        self.table(self.work("a", 0.2), self.work("b", 0.2))
        for redirect in (">&-", "> /dev/full", "| true"):
            subprocess.run(["bash", "-c", "timeout -s KILL 60 %s -B %s/all.py %s" % (sys.executable, TESTS, redirect)], env=dict(os.environ, TESTS_TABLE=self.dir, TESTS_OUT=self.dir + "/out"), timeout=60)
            with open(self.dir + "/out/tests.tsv") as f:
                self.assertEqual(len(f.readlines()), 2, redirect)

    def test_a_layers_words_do_not_steer_the_terminal(self):
        self.table(self.command("a", "printf 'not ok red \\033[2J name\\0\\n'; echo 'a: 0 passed, 1 failed, 0 skipped'"))
        self.run_all()
        self.assertFalse(set("\033\0") & set(self.out), repr(self.out))
        self.assertIn("not ok  a: red ?[2J name?", self.out)

    def test_names_in_any_alphabet_on_any_terminal(self):
        self.table(self.command("a", "echo 'not ok 一个'; echo 'a: 0 passed, 1 failed, 0 skipped'"))
        self.assertEqual(self.run_all(PYTHONIOENCODING="ascii")[-1], "0 passed, 1 failed, 0 skipped", self.out)

    def test_what_is_not_its_own_is_not_deleted(self):
        self.table(self.work("a", 0.1))
        os.makedirs(self.dir + "/out")
        with open(self.dir + "/out/mine", "w") as f:
            f.write("precious")
        lines = self.run_all()
        self.assertEqual((self.status, os.listdir(self.dir + "/out")), (1, ["mine"]), lines)
        self.assertIn("TESTS_OUT=DIR", lines[-1])

    def test_a_second_run_is_refused_while_the_first_one_uses_its_folder(self):
        self.table(self.work("a", 3))
        first = self.start()
        self.assertTrue(soon(lambda: os.path.exists(self.dir + "/out/a.log")))
        lines = self.run_all()
        self.assertEqual(self.status, 1)
        self.assertIn("running already", lines[-1])
        self.assertTrue(first.communicate(timeout=60)[0].endswith("1 passed, 0 failed, 0 skipped\n"))

    def test_a_table_that_needs_what_nothing_builds_is_refused(self):
        self.table(self.work("a", 0.1, after=("nosuch",)))
        self.assertIn("nosuch", self.run_all()[-1])
        self.assertEqual(self.status, 1)

    def test_a_build_that_fails_fails_who_needs_it(self):
        self.table("build('tool', 'bash -c \"echo compiler says no; exit 2\"', memory=10)", "build('more', 'true', after=('tool',))", self.work("a", 0.1), self.work("b", 0.1, after=("tool",)), self.work("c", 0.1, after=("more",)))
        lines = self.run_all()
        self.assertIn("compiler says no", lines)
        self.assertEqual((lines[-1], self.status), ("1 passed, 2 failed, 0 skipped", 1))
        self.assertEqual({x.split()[0] for x in self.booked()}, {"a"})

    def test_a_skipped_layer_fails_under_ci_only_and_its_reason_is_told(self):
        self.table(self.command("a", "echo 'skipped - no such machine'; echo 'a: 4 passed, 0 failed, 1 skipped'", least=3))
        lines = self.run_all()
        self.assertEqual((lines[-1], self.status), ("4 passed, 0 failed, 1 skipped", 0))
        self.assertIn("   skipped - no such machine", lines)
        self.run_all(CI="true")
        self.assertEqual(self.status, 1)

    def test_fewer_tests_than_demanded(self):
        self.table(self.work("a", 0.1, least=2))
        lines = self.run_all()
        self.assertEqual((lines[-1], self.status), ("1 passed, 0 failed, 1 skipped", 0))
        lines = self.run_all(CI="true")
        self.assertEqual((lines[-1], self.status), ("1 passed, 1 failed, 0 skipped", 1))
        self.assertIn("executed 1 tests, at least 2 are demanded", lines[-2])


class Ends(Case):
    STUBBORN = "trap '' INT TERM; setsid bash -c 'trap \"\" INT TERM; while :; do sleep 1; done' %s & while :; do sleep 1; done"

    def begun(self, mark):
        self.table(self.command("a", self.STUBBORN % mark), self.command("b", "python3 -c 'import time; time.sleep(500)' %s" % mark))
        p = self.start()
        self.assertTrue(soon(lambda: len(processes(mark)) >= 2))
        return p

    def test_interrupted_it_ends_all(self):
        if not ROOT:
            self.skipTest("who has left the process group is only ended as root")
        mark = "mark-%d-of-interrupt" % os.getpid()
        p = self.begun(mark)
        p.send_signal(signal.SIGINT)
        out = p.communicate(timeout=60)[0]
        self.assertEqual(p.returncode, 130)
        self.assertIn("interrupted: ", out)
        self.assertTrue(soon(lambda: not processes(mark)), processes(mark))

    def test_killed_it_leaves_nothing(self):
        if not ROOT:
            self.skipTest("namespaces of processes need root")
        mark = "mark-%d-of-kill" % os.getpid()
        p = self.begun(mark)
        p.kill()
        p.communicate(timeout=60)
        self.assertTrue(soon(lambda: not processes(mark)), processes(mark))

    def test_a_layer_that_hangs_is_ended_and_named(self):
        self.table(self.command("a", "trap 'touch %s/tidy; exit 0' INT; echo 'a: 1 passed, 0 failed, 0 skipped'; while :; do sleep 0.1; done" % self.dir, limit=2), self.work("b", 0.1))
        lines = self.run_all()
        self.assertEqual((lines[-1], self.status), ("2 passed, 1 failed, 0 skipped", 1), self.out)
        self.assertRegex(lines[-2], "^not ok  a: not ended after 2 s")
        self.assertTrue(os.path.exists(self.dir + "/tidy"))

    def test_a_build_that_hangs_is_ended_and_named(self):
        self.table("build('x', 'sleep 600', memory=10, limit=1)", self.work("b", 0.1, after=("x",)))
        self.assertEqual(self.run_all()[-1], "0 passed, 1 failed, 0 skipped", self.out)
        self.assertIn("x: cannot be made (not ended after 1 s)", self.out)

    def test_more_interrupts_do_not_end_the_putting_away(self):
        self.table(self.command("a", "trap 'sleep 2; touch %s/tidy; exit 1' INT; touch %s/begun; while :; do sleep 0.1; done" % (self.dir, self.dir)))
        p = self.start()
        self.assertTrue(soon(lambda: os.path.exists(self.dir + "/begun")))
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            p.send_signal(sig)
            time.sleep(0.2)
        p.communicate(timeout=60)
        self.assertEqual(p.returncode, 130)
        self.assertTrue(os.path.exists(self.dir + "/tidy"))

    def test_an_interrupted_layer_may_put_away_what_it_made(self):
        self.table(self.command("a", "trap 'touch %s/tidy; exit 1' INT; touch %s/begun; while :; do sleep 0.1; done" % (self.dir, self.dir)))
        p = self.start()
        self.assertTrue(soon(lambda: os.path.exists(self.dir + "/begun")))
        p.send_signal(signal.SIGTERM)
        p.communicate(timeout=60)
        self.assertTrue(os.path.exists(self.dir + "/tidy"))

    def test_layers_do_not_meet(self):
        """One port for both, and what one started ends with it."""
        if not ROOT:
            self.skipTest("network namespaces need root")
        mark = "mark-%d-of-port" % os.getpid()
        text = "(setsid sleep 77.%d &) ; python3 -c 'import socket,time; s=socket.create_server((\"127.0.0.1\", 8)); time.sleep(1)' && echo '%s: 1 passed, 0 failed, 0 skipped' # %s"
        self.table(*[self.command(n, text % (os.getpid(), n, mark)) for n in "ab"])
        lines = self.run_all()
        self.assertEqual(lines[-1], "2 passed, 0 failed, 0 skipped", self.out)
        self.assertEqual(processes("77.%d" % os.getpid()), [])

    def test_a_layer_has_a_folder_for_temporary_files_of_its_own(self):
        """In memory, and gone with it. What belongs to the checkout it sees all the same."""
        if not ROOT:
            self.skipTest("namespaces of mounts need root")
        text = "touch /tmp/%s && test -e %s/layers.py && df --output=fstype /tmp | tail -n 1 | grep -q %s && echo '%s: 1 passed, 0 failed, 0 skipped'"
        name = "fsched-%d" % os.getpid()
        text = "test -z \"${TMPDIR:-}\" && " + text
        self.table(self.command("a", text % (name, self.dir, "tmpfs", "a")))
        self.assertEqual(self.run_all(TMPDIR="/nonexistent")[-1], "1 passed, 0 failed, 0 skipped", self.out)
        self.assertFalse(os.path.exists("/tmp/" + name))


class Table(unittest.TestCase):
    def test_names_commands_and_needs_are_in_order(self):
        names = [x.name for x in layers.BUILDS + layers.LAYERS]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual({n for x in layers.BUILDS + layers.LAYERS for n in x.after} - {b.name for b in layers.BUILDS}, set())
        for x in layers.LAYERS:
            script = re.search(r"\bbash (tests/\S+)", x.command).group(1)
            self.assertTrue(os.path.exists(os.path.join(os.path.dirname(TESTS), script)), script)
            self.assertGreater(x.seconds, 0, x.name)


if __name__ == "__main__":
    load = unittest.defaultTestLoader.loadTestsFromTestCase
    sys.exit(told.run("scheduler", unittest.TestSuite(map(load, (Order, Output, Ends, Table)))))
