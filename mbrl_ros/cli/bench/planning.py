"""``mbrl-ros bench planning``: planning speed, compared with others and with the limit.

All engines take turns in one run, so that a noisy machine is noisy for all of them. A model
evaluation is one network predicting one step of one candidate; only the operations of predicting
a mean count. The limit is the fastest large matrix product on the same threads, whichever library
and type of number makes it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from rich.table import Table

from mbrl_ros.cli.terminal import Terminal
from mbrl_ros.core.json_text import json_text
from mbrl_ros.core.settings import SettingsError

if TYPE_CHECKING:
    from mbrl_ros.cli.bench.engines import Plan, Setting

_OURS = "mbrl_ros "
_OTHERS = ("torch", "mbrl-lib", "pytorch_mppi")
_WARM_UP = 2
# mbrl-lib's plan at its own settings takes seconds.
_SLOW = 0.5
_FEW = 3


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--repetitions", type=int, default=30, help="plans to time")
    parser.add_argument("--threads", type=int, default=1, help="threads of every engine")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print the table.

    Raises:
        SettingsError: for an invalid argument.
        OSError: if the file cannot be written.
    """
    for name in ("repetitions", "threads"):
        if getattr(arguments, name) < 1:
            value = getattr(arguments, name)
            raise SettingsError(f"--{name}: expected an integer >= 1, got {value}")
    if arguments.json:
        arguments.json.touch()
    import torch

    from mbrl_ros.cli.bench.engines import Setting

    torch.set_num_threads(arguments.threads)
    settings = [Setting("small", (128, 128), n, 3, 25, 5) for n in (64, 512, 2048)]
    settings.append(Setting("pets", (200,) * 4, 350, 5, 15, 20))
    console, rows = Terminal(), []
    table = Table(
        "setting", "N", "engine", "evals/s", "GFLOP/s", "of limit", "ms/plan",
        title="planning with N candidates",
        title_style="",
    )  # fmt: skip
    # Other programs on the machine slow an engine down less by its own computing time.
    clock = time.thread_time if arguments.threads == 1 else time.perf_counter
    for setting in settings:
        for row in measure(setting, arguments.repetitions, console.print, clock):
            rows.append(row)
            table.add_row(
                row["setting"],
                str(row["candidates"]),
                row["engine"],
                f"{row['model_evals_per_s']:,.0f}",
                f"{row['gflops']:.1f}",
                f"{100 * row['fraction_of_limit']:.0f} %",
                f"{row['ms_per_plan']:.2f}",
            )
        table.add_section()
    console.print(table)
    if arguments.json:
        arguments.json.write_text(json_text(rows), encoding="utf-8")
    return 0


def measure(
    setting: Setting,
    repetitions: int,
    say: Callable[[str], object],
    clock: Callable[[], float] = time.perf_counter,
) -> list[dict[str, Any]]:
    """Time the plans of all engines that are installed, in turns.

    Args:
        setting: the problem's size.
        repetitions: plans of each engine.
        say: called with a line about each engine that is not installed, and one about the limit.
        clock: what plans are timed by [s].
    """
    from mbrl_ros.cli.bench.engines import matrix_products, our_engines

    products, operations = matrix_products()
    plans: dict[str, Plan] = {**products}
    evaluations = {}
    for name in (*(_OURS + engine for engine in our_engines(setting)), *_OTHERS):
        try:
            plans[name], evaluations[name] = _engine(name, setting)
        except ImportError as error:
            say(f"{setting.name}: {name} is not installed ({error.name}): make bench installs it")
    times = _in_turns(plans, repetitions, clock)
    fastest = min(products, key=times.__getitem__)
    limit = operations / times[fastest]
    rates = ", ".join(f"{name} {1e-9 * operations / times[name]:.0f}" for name in products)
    say(f"{setting.name} {setting.candidates}: the limit is {fastest} (GFLOP/s: {rates})")
    rows = []
    for name, count in evaluations.items():
        rate = count / times[name]
        rows.append(
            {
                "engine": name,
                "setting": setting.name,
                "candidates": setting.candidates,
                "model_evals_per_s": rate,
                "gflops": 1e-9 * rate * setting.flops,
                "fraction_of_limit": rate * setting.flops / limit,
                "ms_per_plan": 1e3 * times[name],
            }
        )
    return rows


def _engine(name: str, setting: Setting) -> tuple[Plan, int]:
    from mbrl_ros.cli.bench import engines, peers

    if name == "mbrl-lib":
        return peers.mbrl_lib(setting)
    if name == "pytorch_mppi":
        return peers.pytorch_mppi(setting)
    if name == "torch":
        return engines.ours(setting, plain=True)
    return engines.ours(setting, name.removeprefix(_OURS))


def _in_turns(
    plans: dict[str, Plan], repetitions: int, clock: Callable[[], float]
) -> dict[str, float]:
    """Return the median time of each [s]; slow ones get fewer turns."""
    times: dict[str, list[float]] = {name: [] for name in plans}
    for turn in range(_WARM_UP + repetitions):
        for name, plan in plans.items():
            slow = times[name] and min(times[name]) > _SLOW
            if slow and len(times[name]) >= min(_FEW, repetitions):
                continue
            began = clock()
            plan()
            took = clock() - began
            if turn >= _WARM_UP or took > _SLOW:
                times[name].append(took)
    return {name: median(each) for name, each in times.items()}
