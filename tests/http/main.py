"""Runs the test files of this folder and closes with one line: http: N passed, N failed, N skipped. A known bug (expectedFailure) counts as skipped and is
named; once it is repaired the test fails until its mark is taken away."""
import os
import sys
import unittest

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "..", "lib")]
loader = unittest.TestLoader()
suite = loader.loadTestsFromNames(sys.argv[1:]) if sys.argv[1:] else loader.discover(here, "test_*.py")
result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
failed = len({t.id().split(" (")[0] for t, _ in result.failures + result.errors}) + len(result.unexpectedSuccesses)
for t, _ in result.expectedFailures:
    print("known bug: %s" % t.id())
skipped = len(result.skipped) + len(result.expectedFailures)
print("http: %d passed, %d failed, %d skipped" % (result.testsRun - failed - skipped, failed, skipped))
sys.exit(failed != 0)
