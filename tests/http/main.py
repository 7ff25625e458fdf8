"""Runs the test files of this folder, or those named: main.py [test_file[.Class[.method]]...]. Closes with one line: http: N passed, N failed, N skipped"""
import os
import sys
import unittest

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "..", "lib")]
import told

loader = unittest.TestLoader()
sys.exit(told.run("http", loader.loadTestsFromNames(sys.argv[1:]) if sys.argv[1:] else loader.discover(here, "test_*.py")))
