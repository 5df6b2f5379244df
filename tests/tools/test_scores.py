# SPDX-License-Identifier: MIT
"""Tests the statistics that the evaluations share."""

import pytest
from evaluation.scores import confusion, confusion_table, interval95


# Wilson's interval with z = 1.96, computed by hand.
@pytest.mark.parametrize("right, count, low, high", [(50, 100, 0.40383, 0.59617), (0, 10, 0.0, 0.27754), (10, 10, 0.72246, 1.0), (1, 4, 0.04559, 0.69936)])
def test_interval(right, count, low, high):
    assert interval95(right, count) == pytest.approx((low, high), abs=1e-5)


def test_interval_of_nothing_says_nothing():
    assert interval95(0, 0) == (0.0, 1.0)


def test_confusion_counts_each_pair():
    table = confusion([0, 0, 1, 2, 2, 2], [0, 1, 1, 2, 2, 0], 3)
    assert table.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 2]]


def test_confusion_table_tells_recall():
    lines = confusion_table(["a", "b", "c"], [[1, 1, 0], [0, 0, 0], [1, 0, 2]]).splitlines()
    assert lines[0].startswith("| true") and len(lines) == 5
    assert lines[2].endswith("| 50.0 % |") and lines[3].endswith("| - |") and lines[4].endswith("| 66.7 % |")
