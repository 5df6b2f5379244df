# SPDX-License-Identifier: MIT
"""Tables and the plot of a pruning curve."""

from .measure import ABLATIONS


def _percent(value):
    return f"{100 * value:.1f}"


def tables(result):
    """Markdown: the curve, the parts of STA, the groups of clips at some drop numbers."""
    rows, out = result["rows"], []
    out += ["| r | GMACs | of r = 0 | STA top-1 | by chance (± standard error) | STA - chance (± standard error) | clips/s |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        rest = [f"{_percent(row['random'])} ± {_percent(row['random_error'])}", f"{100 * row['difference']:+.1f} ± {_percent(row['difference_error'])}"] if row["r"] else ["-", "-"]
        out.append(f"| {row['r']} | {row['gmacs']:.3f} | {100 * row['gmacs'] / rows[0]['gmacs']:.0f} % | {_percent(row['sta'])} | {rest[0]} | {rest[1]} | {row['clips_per_second']:.0f} |")
    parts = [row for row in rows if ABLATIONS[0] in row]
    out += ["", "| r | STA | without the semantic score | without the temporal score | first group by chance |", "|---|---|---|---|---|"]
    out += [f"| {row['r']} | {_percent(row['sta'])} | " + " | ".join(_percent(row[a]) for a in ABLATIONS) + " |" for row in parts]
    shown = [row["r"] for row in parts] or [rows[-1]["r"]]
    out += ["", "| clips | number | r = 0 | " + " | ".join(f"r = {r}: STA, chance, difference" for r in shown) + " |", "|---" * (3 + len(shown)) + "|"]
    for group in result["groups"]:
        cells = [next(row for row in group["rows"] if row["r"] == r) for r in shown]
        out.append(f"| {group['group']} | {group['clips']} | {_percent(group['dense'])} | "
                   + " | ".join(f"{_percent(c['sta'])}, {_percent(c['random'])}, {100 * c['difference']:+.1f} ± {_percent(c['difference_error'])}" for c in cells) + " |")
    return "\n".join(out)


def plot(results, path):
    """One panel for each (title, result)."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    figure, panels = plt.subplots(1, len(results), figsize=(5.2 * len(results), 3.9), dpi=110, squeeze=False)
    for axes, (title, result) in zip(panels[0], results):
        rows = result["rows"]
        compute = [row["gmacs"] for row in rows]
        axes.plot(compute, [100 * row["sta"] for row in rows], "o-", label="STA")
        axes.errorbar(compute, [100 * row.get("random", row["sta"]) for row in rows], [100 * row.get("random_error", 0) for row in rows], fmt="s--", capsize=3,
                      label=f"by chance, {result['seeds']} times")
        for row in rows:
            axes.annotate(f"r={row['r']}", (row["gmacs"], 100 * max(row["sta"], row.get("random", 0))), textcoords="offset points", xytext=(0, 7), fontsize=8, ha="center")
        axes.set_xlabel("GMACs per window")
        axes.set_ylabel("top-1, %")
        axes.set_title(f"{title}, {result['clips']} held-out clips", fontsize=10)
        axes.margins(x=0.08, y=0.12)
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(path)
