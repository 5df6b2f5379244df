# SPDX-License-Identifier: MIT
# Runs the tests of the Python package with the Python in which it is installed. Writes their report where
# scripts/lib/gtest-wrapper wants one. scripts/package --wheel --test and test_wheel.sh call it. Exit status 77 =
# skipped.
import importlib.util
import os
import sys

if not importlib.util.find_spec("sta") or not importlib.util.find_spec("pytest"):
    print("skipped: this Python has not the wheel and pytest (scripts/package --wheel --test makes one that has)")
    sys.exit(77)

import pytest  # noqa: E402

here = os.path.dirname(os.path.abspath(__file__))
report = os.environ.get("GTEST_OUTPUT", "").removeprefix("xml:")
sys.dont_write_bytecode = True
sys.exit(
    pytest.main(["-q", "-p", "no:cacheprovider", here, *(["--junitxml", report] if report else []), *sys.argv[1:]])
)
