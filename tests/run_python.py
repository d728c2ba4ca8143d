#!/usr/bin/env python3
"""Runs the Python tests of a directory and sums up as `cargo test` does: run_python.py DIRECTORY [PATTERN]"""

import sys
import unittest


class Result(unittest.TextTestResult):
    """One line a test as it ends, so that a long run can be followed."""

    def getDescription(self, test):
        return test.id()


def main():
    directory, *patterns = sys.argv[1:]
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{pattern}*" for pattern in patterns] or None
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result)
    result = runner.run(loader.discover(directory))
    # A test counts once, however many of its rows failed.
    failed = len({getattr(test, "test_case", test).id() for test, _ in result.failures + result.errors})
    passed = result.testsRun - failed - len(result.skipped)
    word = "FAILED" if failed else "ok"
    print(f"test result: {word}. {passed} passed; {failed} failed; {len(result.skipped)} ignored")
    # A run without a test shows nothing.
    return 0 if result.wasSuccessful() and passed else 1


if __name__ == "__main__":
    sys.exit(main())
