# SPDX-License-Identifier: MIT
"""Statistics that all evaluations share: intervals of proportions and confusion matrices."""

import math

import numpy as np


def interval95(right, count):
    """Wilson's 95 % interval of a proportion."""
    if count == 0:
        return 0.0, 1.0
    z, p = 1.96, right / count
    middle = (p + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(p * (1 - p) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return middle - half, middle + half


def confusion(truth, guess, classes):
    """Counts [true class, predicted class]; truth, guess: class numbers [n]; classes: how many there are."""
    table = np.zeros((classes, classes), int)
    np.add.at(table, (truth, guess), 1)
    return table


def confusion_table(labels, table, columns=None):
    """Markdown of counts [true class, predicted class] with the recall of each class. columns: shorter names for the
    head."""
    lines = ["| true \\ predicted | " + " | ".join(columns or labels) + " | recall |", "|---" * (len(labels) + 2) + "|"]
    for k, (name, row) in enumerate(zip(labels, table)):
        recall = f"{100 * row[k] / sum(row):.1f} %" if sum(row) else "-"
        lines.append(f"| {name} | " + " | ".join(str(v) if v else "·" for v in row) + f" | {recall} |")
    return "\n".join(lines)
