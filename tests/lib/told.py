"""Runs a unittest suite and tells it as every layer of `make test` does: a line for each test with its seconds, what went wrong below it, and the closing line.
A known bug (expectedFailure) counts as skipped and is named; once it is repaired the test fails until its mark is taken away."""
import time
import unittest


class Told(unittest.TestResult):
    """Counts tests, not reports: a test whose parts failed three times has failed once."""

    def __init__(self):
        super().__init__()
        self.passed = self.failed = self.left_out = 0
        self.began, self.bad, self.why = 0.0, [], None

    def startTest(self, test):
        super().startTest(test)
        self.began, self.bad, self.why = time.monotonic(), [], None

    def stopTest(self, test):
        super().stopTest(test)
        self.tell(test, time.monotonic() - self.began)

    def tell(self, test, seconds):
        name = test.id().removeprefix("__main__.")
        if self.bad:
            self.failed += 1
            print("not ok %-70s %5.1f s\n%s" % (name, seconds, "\n".join(self.bad)), flush=True)
        elif self.why:
            self.left_out += 1
            print("skipped %s: %s" % (name, self.why), flush=True)
        else:
            self.passed += 1
            print("ok     %-70s %5.1f s" % (name, seconds), flush=True)

    def note(self, test, err):
        self.bad.append(self._exc_info_to_string(err, test))

    def addError(self, test, err):
        super().addError(test, err)
        self.note(test, err)
        if not isinstance(test, unittest.TestCase):  # what a class or a file needs before its tests
            self.tell(test, 0)
            self.bad = []

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.note(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.bad.append(subtest.id())
            self.note(test, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.why = reason
        if not isinstance(test, unittest.TestCase):
            self.tell(test, 0)

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.why = "known bug"

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.bad.append("a known bug is repaired: take its mark away")


def run(layer, suite):
    """Runs it and prints the closing line; the exit status."""
    result = Told()
    suite.run(result)
    print("%s: %d passed, %d failed, %d skipped" % (layer, result.passed, result.failed, result.left_out), flush=True)
    return 1 if result.failed else 0
