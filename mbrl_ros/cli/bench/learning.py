"""``mbrl-ros bench learning``: learning curves in lock-step, on all cores.

Each point is the mean return of whole episodes with the model frozen after so many of the
environment's own steps. What was learned before is not learned again.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from mbrl_ros.settings import SettingsError
from mbrl_ros.system.configuration import parse_assignments, read_task

# Where the shipped tasks are looked at, in the environment's own steps.
_POINTS = {
    "cartpole_swingup": (1000, 2000, 3000, 5000, 10_000),
    "pendulum_swingup": (1000, 2000, 3000, 5000),
    "reacher_easy": (1000, 2000, 3000, 5000),
    "cartpole_v1": (500, 1000, 1500),
}
_OTHERWISE = (1000, 2000, 5000)
# The suite's own episodes, where learning has others.
_EVALUATION: dict[str, dict[str, object]] = {"reacher_easy": {"mujoco_sim.time_limit": 0.0}}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--tasks", nargs="+", default=["cartpole_swingup"], help="shipped tasks or parameter files"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument(
        "--points", nargs="+", type=int, default=[], help="env steps after which to evaluate"
    )
    parser.add_argument("--episodes", type=int, default=5, help="of each evaluation")
    parser.add_argument("--json", type=Path, help="file to write the curves to")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/bench-learning"),
        help="folder of curves and figure; curves that are there already are not learned again",
    )  # fmt: skip
    parser.add_argument("parameters", nargs="*", help="further parameters, name:=value")


def run(arguments: argparse.Namespace) -> int:
    """Learn all curves and show them.

    Raises:
        SettingsError: for an argument that does not fit.
        OSError: if a file cannot be written.
    """
    points = tuple(arguments.points)
    if list(points) != sorted(set(points)) or any(point < 1 for point in points):
        raise SettingsError(f"--points: expected rising numbers >= 1, got {arguments.points}")
    if arguments.episodes < 1:
        raise SettingsError(f"--episodes: expected an integer >= 1, got {arguments.episodes}")
    parameters = parse_assignments(arguments.parameters)
    for task in arguments.tasks:
        read_task(task, {**parameters, **_EVALUATION.get(task, {})})
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.json:
        arguments.json.touch()
    # Slow to import, and bad arguments should be refused at once.
    from mbrl_ros.cli.bench.curve import Job
    from mbrl_ros.cli.bench.curve_figure import draw_curves

    jobs = [
        Job(
            task,
            seed,
            points or _POINTS.get(task, _OTHERWISE),
            arguments.episodes,
            parameters,
            _EVALUATION.get(task, {}),
        )
        for task in arguments.tasks
        for seed in dict.fromkeys(arguments.seeds)
    ]
    console = Console(highlight=False)
    rows = _learn_all(jobs, arguments.out, console)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    console.print(_table(rows))
    draw_curves(rows, arguments.out / "curves.png")
    console.print(f"  {arguments.out / 'curves.png'}", soft_wrap=True)
    return 0


def _learn_all(jobs: Sequence[Any], folder: Path, console: Console) -> list[dict[str, Any]]:
    """Learn curves, as many at a time as there are cores; returns them in the jobs' order."""
    from mbrl_ros.cli.bench.curve import learn

    began = time.monotonic()
    # Not forked: threads of this process would be missing there.
    context = multiprocessing.get_context("spawn")
    workers = min(os.cpu_count() or 1, len(jobs))
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        paths = {pool.submit(learn, job, folder): job for job in jobs}
        for done, future in enumerate(as_completed(paths), start=1):
            job, curve = paths[future], json.loads(future.result().read_text(encoding="utf-8"))
            shown = ", ".join(f"{value:.0f} after {steps}" for steps, value in curve)
            console.print(
                f"[{done}/{len(jobs)}, {time.monotonic() - began:.0f} s] "
                f"{Path(job.task).stem}, seed {job.seed}: {shown}",
                markup=False,
            )
    return [
        {
            "task": Path(job.task).stem,
            "seed": job.seed,
            "curve": json.loads(job.path(folder).read_text(encoding="utf-8")),
        }
        for job in jobs
    ]


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(
        "task", "env steps", "median", "each seed", "running maximum of the median",
        title="mean return with the model frozen", title_style="",
    )  # fmt: skip
    for task in dict.fromkeys(row["task"] for row in rows):
        curves = [row["curve"] for row in rows if row["task"] == task]
        best = float("-inf")
        for points in zip(*curves, strict=True):
            values = [value for _, value in points]
            best = max(best, median(values))
            table.add_row(
                task,
                str(max(steps for steps, _ in points)),
                f"{median(values):.0f}",
                ", ".join(f"{value:.0f}" for value in values),
                f"{best:.0f}",
            )
        table.add_section()
    return table
