"""What each part is worth: the same learning curves without it, with more of it, or with another.

    .venv/bin/python benchmarks/ablations.py [--task cartpole_swingup] [--points 2000 3000 5000]
        [--seeds 0 1 2] [--only NAME …] [--out runs/ablations] [--json FILE] [--figure FILE]

Each row is learned in lock-step and judged with the model frozen. What was measured before is not
measured again.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mbrl_ros.cli.bench.curve import Job
from mbrl_ros.cli.bench.kept import Curve, Measurement, keep
from mbrl_ros.core.cpu_quota import usable_cores
from mbrl_ros.system.lock_step import LockStepSystem

VARIANTS: dict[str, dict[str, Any]] = {
    "as shipped": {},
    "no mirror images": {"model.mirrored": []},
    "1 member": {"model.members": 1},
    "2 members": {"model.members": 2},
    "deterministic members": {"model.likelihood": "deterministic"},
    "history 3": {"model.history": 3},
    "loss over 4 steps": {"optimizer.steps": 4},
    "no hold-out gate": {"gate.first_error": 1e9, "gate.good_error": 1e9},
    "white noise": {"planner.noise_beta": 0.0, "exploration.noise_beta": 0.0},
    "no fine candidates": {"planner.icem.finest_scale": 1.0},
    "restart at growth 2": {"optimizer.restart_growth": 2.0},
    "no adaptation": {"adaptation.enabled": False},
    "no trust governor": {"trust.enabled": False},
    "2 updates a transition": {"optimizer.updates_per_transition": 2.0},
    **{
        planner: {"planner.type": planner}
        for planner in ("cem", "mppi", "random_shooting", "gradient", "ilqr")
    },
}
RANDOM = "random data only"


@dataclass(frozen=True)
class RandomData(Job):
    """A curve whose data is that of exploration only, however good the model is by then."""

    data: str = RANDOM

    def measure(self, threads: int) -> Curve:
        """Learn from random actions, and judge what a planner makes of the model."""
        evaluation, system = self.evaluation, LockStepSystem(self.learning)
        system.on_policy = False
        curve = []
        for point in self.points:
            system.run(point)
            played = evaluation.model(system.published)
            curve.append((system.simulator.env_steps, played.returns))
        return curve


def draw(rows: list[dict[str, Any]], names: list[str], path: Path) -> None:
    """Draw the median of each variant's curves, with all of them around it."""
    figure = Figure(figsize=(7.0, 4.4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for name in names:
        curves = np.array([row["curve"] for row in rows if row["variant"] == name])
        steps, returns = curves[0, :, 0], curves[:, :, 1]
        (line,) = axes.plot(steps, np.median(returns, axis=0), "o-", label=name)
        spread = returns.min(axis=0), returns.max(axis=0)
        axes.fill_between(steps, *spread, color=line.get_color(), alpha=0.2, linewidth=0)
    axes.set_xlabel("environment steps")
    axes.set_ylabel("return, model frozen: median and range of the seeds")
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(True, color="#e6e8eb", linewidth=0.8)
    axes.legend(frameon=False)
    figure.savefig(path, format="png")


def main() -> None:
    """Measure all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="cartpole_swingup")
    parser.add_argument("--points", type=int, nargs="+", default=[2000, 3000, 5000])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--episodes", type=int, default=3, help="of each evaluation")
    parser.add_argument("--only", nargs="+", default=[*VARIANTS, RANDOM], help="names of rows")
    parser.add_argument("--out", type=Path, default=Path("runs/ablations"), help="keeps the curves")
    parser.add_argument("--json", type=Path, help="file to write every curve to")
    parser.add_argument("--figure", type=Path, help="PNG to draw the curves to")
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    jobs: list[tuple[str, Measurement]] = []
    for seed in a.seeds:
        for name in a.only:
            kind = RandomData if name == RANDOM else Job
            parameters = VARIANTS.get(name, {})
            jobs.append((name, kind(a.task, seed, a.episodes, parameters, tuple(a.points))))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(usable_cores(), mp_context=context) as pool:
        for future in [pool.submit(keep, job, a.out, 1) for _, job in jobs]:
            future.result()
    rows = [{"variant": name, **job.row(a.out)} for name, job in jobs]
    if a.json:
        a.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    if a.figure:
        draw(rows, a.only, a.figure)
    print(f"{'':<24}" + "".join(f"{point:>22}" for point in a.points))
    for name in a.only:
        curves = [row["curve"] for row in rows if row["variant"] == name]
        cells = []
        for column in zip(*curves, strict=True):
            returns = [value for _, value in column]
            each = " ".join(f"{value:.0f}" for value in returns)
            cells.append(f"{median(returns):.0f} ({each})".rjust(22))
        print(
            f"{name:<24}" + "".join(cells) + f"   mean {fmean(v for c in curves for _, v in c):.0f}"
        )


if __name__ == "__main__":
    main()
