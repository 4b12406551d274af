"""Draws the episodes of runs, with the step at which a policy took over from the planner.

python benchmarks/handover.py RUN --switch 1000 --out docs/figures/handover.png
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import matplotlib.pyplot as plt


def main() -> None:
    """Draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of mbrl-ros learn")
    parser.add_argument("--switch", type=int, required=True, help="environment steps")
    parser.add_argument("--out", type=Path, required=True, help="PNG file")
    arguments = parser.parse_args()
    with (arguments.run / "curve.csv").open(encoding="utf-8") as file:
        rows = [(int(row["env_steps"]), float(row["return"])) for row in csv.DictReader(file)]
    steps, returns = zip(*rows, strict=True)
    figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
    axes.plot(steps, returns, marker="o")
    axes.axvline(arguments.switch, color="grey", linestyle="--", label="the policy takes over")
    axes.set(xlabel="environment steps", ylabel="return of the episode, while learning")
    axes.legend(frameon=False)
    figure.savefig(arguments.out, dpi=120)


if __name__ == "__main__":
    main()
