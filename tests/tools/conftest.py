# SPDX-License-Identifier: MIT
"""Fixtures for the tests of tools/: makes its rooms importable, and gives the project's root."""

import os
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))


@pytest.fixture
def root():
    return ROOT
