# SPDX-License-Identifier: MIT
"""Draws the output of build/bench/adaptive-bench, with adaptive pruning and without.

    tools/evaluation/plot_adaptive.py adaptive.csv unpruned.csv docs/adaptive-pruning.png

Shows load and drop number, latency and lost windows over time. Needs matplotlib.
"""

import csv
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402


def read(path):
    """The columns of a CSV file as lists of numbers, by name."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in rows[0]}


def main(adaptive_path, unpruned_path, out):
    adaptive, unpruned = read(adaptive_path), read(unpruned_path)
    figure, (load, latency, lost) = plt.subplots(3, 1, sharex=True, figsize=(8, 6.4), height_ratios=(1.2, 1, 1))

    load.step(adaptive["seconds"], adaptive["load"], where="pre", color="0.45", label="load, of what the model can do unpruned")
    load.axhline(1, color="0.75", linewidth=0.8)
    load.set_ylabel("load")
    load.set_ylim(0, 1.3 * max(adaptive["load"]))
    drop = load.twinx()
    drop.plot(adaptive["seconds"], adaptive["r_mean"], color="tab:blue", label="drop number r, chosen")
    drop.set_ylabel("r", color="tab:blue")
    drop.set_ylim(0, 1.3 * max(adaptive["r_mean"]))
    lines = load.get_lines()[:1] + drop.get_lines()
    load.legend(lines, [line.get_label() for line in lines], loc="upper left", frameon=False, fontsize=8)

    for axes, column, title in ((latency, "latency_ms_median", "latency, ms (median)"), (lost, "lost_per_s", "windows lost a second")):
        axes.plot(unpruned["seconds"], unpruned[column], color="tab:red", label="drop-number=0")
        axes.plot(adaptive["seconds"], adaptive[column], color="tab:blue", label="drop-number=-1 (adaptive)")
        axes.set_ylabel(title, fontsize=9)
        axes.set_ylim(0, None)
        axes.legend(loc="upper left", frameon=False, fontsize=8)
    lost.set_xlabel("seconds")
    for axes in (load, drop, latency, lost):
        axes.spines["top"].set_visible(False)
    figure.tight_layout()
    figure.savefig(out, dpi=90)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
