"""``mbrl-ros bench learning``: learning curves in lock-step, on all cores.

Each point is the mean return of whole episodes with the model frozen after that many environment
steps; every seed has starts of its own. For comparison: the same episodes with random actions, and
with the same planner on the plant's true dynamics in place of a model, which is the ceiling. What
was measured before is not measured again.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import time
from collections.abc import Sequence
from concurrent.futures import as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mbrl_ros.cli.terminal import Terminal
from mbrl_ros.core.cpu_quota import usable_cores
from mbrl_ros.core.json_text import json_text
from mbrl_ros.core.settings import SettingsError
from mbrl_ros.core.workers import workers
from mbrl_ros.system.configuration import parse_assignments, read_task

if TYPE_CHECKING:
    from mbrl_ros.cli.bench.kept import Curve, Measurement

# Evaluation points of the shipped tasks, in environment steps.
_POINTS = {
    "cartpole_swingup": (1000, 2000, 3000, 5000, 10_000),
    "pendulum_swingup": (1000, 2000, 3000, 5000),
    "reacher_easy": (1000, 2000, 3000, 5000),
    "cartpole_v1": (500, 1000, 1500),
    "acrobot_swingup": (10_000, 25_000, 50_000),
    "cheetah_run": (10_000, 25_000, 50_000),
    "mbrl_cartpole": (200, 400, 600, 1000),
}
_OTHERWISE = (1000, 2000, 5000)
_REFERENCES = ("random", "true dynamics")
_MBRL_MODULE = "mbrl_ros.cli.bench.mbrl_cartpole"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--tasks", nargs="+", default=["cartpole_swingup"], help="shipped tasks or parameter files"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument(
        "--points", nargs="+", type=int, default=[], help="env steps after which to evaluate"
    )
    parser.add_argument("--episodes", type=int, default=30, help="episodes per evaluation")
    parser.add_argument(
        "--mbrl", action="store_true",
        help="also have mbrl-lib learn its own cart-pole, benchmarks/mbrl_cartpole.yaml; "
        "most of an hour per seed",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, help="file to write the curves to")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/bench-learning"),
        help="folder of curves and figure; existing curves are not measured again",
    )  # fmt: skip
    parser.add_argument(
        "--ray", default="", metavar="ADDRESS",
        help="measure on a Ray cluster instead of on this machine's cores: auto for one started "
        "here, or HOST:PORT of its head, such as head:6379",
    )  # fmt: skip
    parser.add_argument("parameters", nargs="*", help="further parameters, name:=value")


def run(arguments: argparse.Namespace) -> int:
    """Measure all curves and show them.

    Raises:
        SettingsError: for an invalid argument.
        OSError: if a file cannot be written.
    """
    points = tuple(arguments.points)
    if list(points) != sorted(set(points)) or any(point < 1 for point in points):
        raise SettingsError(f"--points: expected rising numbers >= 1, got {arguments.points}")
    if arguments.episodes < 1:
        raise SettingsError(f"--episodes: expected an integer >= 1, got {arguments.episodes}")
    # Otherwise, a bad one would be refused only when its turn comes.
    for seed in arguments.seeds:
        read_task(arguments.tasks[0], {"seed": seed})
    parameters = parse_assignments(arguments.parameters, {"seed": "--seeds", "run_dir": "--out"})
    _check_mbrl([task for task in arguments.tasks if _is_mbrls(task, parameters)], arguments.mbrl)
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.json:
        arguments.json.touch()
    # Slow to import, and bad arguments should be refused at once.
    from mbrl_ros.cli.bench.curve_figure import draw_curves
    from mbrl_ros.cli.bench.curve_table import curve_table

    measurements = [
        measurement
        for task in arguments.tasks
        for measurement in _measurements(task, arguments, parameters)
    ]
    console = Terminal()
    rows, missing = _measure_all(measurements, arguments.out, console, arguments.ray)
    if arguments.json:
        arguments.json.write_text(json_text(rows), encoding="utf-8")
    console.print(curve_table(rows, missing))
    draw_curves(rows, arguments.out / "curves.png")
    console.print(f"  {arguments.out / 'curves.png'}")
    return 0


def _is_mbrls(task: str, parameters: dict[str, object]) -> bool:
    """Return whether a task uses mbrl-lib's own cart-pole; checks its parameters."""
    configuration = read_task(task, parameters)
    return str(configuration.own("mujoco_sim").get("environment", "")).startswith(_MBRL_MODULE)


def _check_mbrl(tasks: Sequence[str], asked: bool) -> None:
    if tasks and importlib.util.find_spec("mbrl") is None:
        raise SettingsError(
            f"task '{tasks[0]}': needs mbrl-lib, which is not installed here: "
            "make bench-learning installs it"
        )
    if asked and not tasks:
        raise SettingsError("--mbrl: expected benchmarks/mbrl_cartpole.yaml among --tasks")


def _measurements(
    task: str, arguments: argparse.Namespace, parameters: dict[str, object]
) -> list[Measurement]:
    from mbrl_ros.cli.bench.curve import Job
    from mbrl_ros.cli.bench.reference import Reference

    seeds, episodes = dict.fromkeys(arguments.seeds), arguments.episodes
    points = tuple(arguments.points) or _POINTS.get(Path(task).stem, _OTHERWISE)
    made: list[Measurement] = [Job(task, seed, episodes, parameters, points) for seed in seeds]
    made += [
        Reference(task, seed, episodes, parameters, kind) for kind in _REFERENCES for seed in seeds
    ]
    if arguments.mbrl and _is_mbrls(task, parameters):
        from mbrl_ros.cli.bench.mbrl_cartpole import MbrlLib

        made += [MbrlLib(task, seed, points[-1]) for seed in seeds]
    return made


def _measure_all(
    measurements: Sequence[Measurement], folder: Path, console: Terminal, ray: str
) -> tuple[list[dict[str, Any]], dict[tuple[str, str], str]]:
    """Measure curves, one per core at a time.

    Returns:
        rows in the order of the measurements; task and method to the reason for a missing one.
    """
    from mbrl_ros.cli.bench.kept import store
    from mbrl_ros.simulation.true_dynamics import NoTrueDynamicsError

    began, missing = time.monotonic(), {}
    # What lies in the working folder is none of the children's business.
    os.environ["PYTHONSAFEPATH"] = "1"
    cores = usable_cores()
    jobs = min(cores, len(measurements))
    threads = 1 if ray else cores // jobs
    with workers(jobs, ray) as pool:
        running = {
            pool.submit(_measured, m, m.kept(folder) is not None, threads): m for m in measurements
        }
        for done, future in enumerate(as_completed(running), start=1):
            measurement = running[future]
            try:
                if (found := future.result()) is not None:
                    store(measurement, folder, found)
                curve = measurement.row(folder)["curve"]
                shown = ", ".join(f"{value:.0f} after {steps}" for steps, value in curve)
            except NoTrueDynamicsError as error:
                shown = str(error)
                missing[measurement.name, measurement.method] = shown
            console.print(
                f"[{done}/{len(measurements)}, {time.monotonic() - began:.0f} s] "
                f"{measurement.name}, {measurement.method}, seed {measurement.seed}: {shown}",
            )
    rows = [m.row(folder) for m in measurements if (m.name, m.method) not in missing]
    return rows, missing


def _measured(measurement: Measurement, known: bool, threads: int) -> Curve | None:
    """Return a curve, wherever it is measured; None: it is known."""
    return None if known else measurement.measure(threads)
