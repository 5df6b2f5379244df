# SPDX-License-Identifier: MIT
"""Tests of tools/: its rooms are importable, and the project's root is at hand."""

import os
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))


@pytest.fixture
def root():
    return ROOT
