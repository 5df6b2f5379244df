# SPDX-License-Identifier: MIT
# Runs one file of these tests. Writes its report where scripts/lib/gtest-wrapper wants one, so that each test counts as
# a case. Usage: run.py TESTFILE
import os
import sys

import pytest

report = os.environ.get("GTEST_OUTPUT", "").removeprefix("xml:")
sys.dont_write_bytecode = True
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:], *(["--junitxml", report] if report else [])]))
