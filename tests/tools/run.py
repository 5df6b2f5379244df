# SPDX-License-Identifier: MIT
# Runs the tests of tools/ that need no PyTorch. Writes their report where scripts/lib/gtest-wrapper wants one, so that
# each test counts as a case.
import os
import sys

import pytest

here = os.path.dirname(os.path.abspath(__file__))
report = os.environ.get("GTEST_OUTPUT", "").removeprefix("xml:")
sys.dont_write_bytecode = True
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", here, "--ignore", os.path.join(here, "torch"), *(["--junitxml", report] if report else [])]))
