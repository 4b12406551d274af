"""``mbrl-ros bench tables``: the real steps until a policy is as good as the best one."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import gymnasium
import numpy as np
from rich.progress import track
from rich.table import Column, Table

from mbrl_ros.cli.bench.table_loop import TableLoop
from mbrl_ros.cli.terminal import Terminal
from mbrl_ros.core.json_text import json_text
from mbrl_ros.core.settings import SettingsError, build
from mbrl_ros.evaluation.true_table import TrueTable
from mbrl_ros.models.tabular.settings import TabularSettings
from mbrl_ros.system.configuration import read_task

#: Shipped tasks, and the steps that are made.
TASKS = {"frozen_lake": 8000, "frozen_lake_8x8": 50_000, "cliff_walking": 1500, "taxi": 8000}
_MODEL = "model."
# What counts as the best, and how often it is looked at: at first, and in shares of the steps.
_ENOUGH, _FIRST, _GROWTH = 0.99, 25, 1.04
# Q-learning as in the book, from the same hope.
_Q_LEARNING: dict[str, str | int | float] = {
    "method": "dyna_q",
    "planning_steps": 0,
    "learning_rate": 0.1,
    "epsilon": 0.1,
}


@dataclass(frozen=True)
class Curve:
    """What a policy is worth as it is learned.

    Attributes:
        steps: at which it was looked at.
        worth: share of the optimum then; see `share`.
    """

    steps: list[int]
    worth: list[float]

    @property
    def first(self) -> float:
        """Steps until it was enough for the first time; infinity: never."""
        return next(
            (s for s, w in zip(self.steps, self.worth, strict=True) if w >= _ENOUGH), math.inf
        )

    @property
    def lasting(self) -> float:
        """Steps from which on it was enough at every look; infinity: not at the last."""
        bad = [i for i, w in enumerate(self.worth) if w < _ENOUGH]
        after = bad[-1] + 1 if bad else 0
        return self.steps[after] if after < len(self.steps) else math.inf

    def at(self, steps: float) -> float:
        """Return the worth at the last look until some steps."""
        return self.worth[max(0, int(np.searchsorted(self.steps, steps, side="right")) - 1)]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS), help="to learn")
    parser.add_argument("--seeds", type=int, default=10, help="seeds, from 0 on")
    parser.add_argument("--json", type=Path, help="file to write the curves to")


def run(arguments: argparse.Namespace) -> int:
    """Learn and print.

    Raises:
        SettingsError: for an invalid argument.
        OSError: if the file cannot be written.
    """
    if arguments.seeds < 1:
        raise SettingsError(f"--seeds: expected an integer >= 1, got {arguments.seeds}")
    if arguments.json:
        arguments.json.touch()
    table = Table(
        Column("task", no_wrap=True), "within 1 %", "all seeds", "for good", "Q-learning then",
        "Q-learning within 1 %", title="real steps, median over seeds", title_style="",
        caption="within 1 %: the policy's value in the true table is, for the first time; for "
        "good: it is at all later looks, too; then: its share of the optimum after as many steps",
    )  # fmt: skip
    curves: dict[str, dict[str, list[Curve]]] = {}
    for task in arguments.tasks:
        both: dict[str, list[Curve]] = {"value_iteration": [], "q_learning": []}
        for seed in track(range(arguments.seeds), task, transient=True):
            both["value_iteration"].append(learn(task, seed, TASKS[task]))
            both["q_learning"].append(learn(task, seed, TASKS[task], _Q_LEARNING))
        curves[task] = both
        ours, theirs = both.values()
        first = _median([curve.first for curve in ours])
        table.add_row(
            task, _number(first),
            f"{_number(min(c.first for c in ours))} to {_number(max(c.first for c in ours))}",
            _number(_median([curve.lasting for curve in ours])),
            f"{100 * _median([curve.at(first) for curve in theirs]):.0f} %",
            _number(_median([curve.first for curve in theirs])),
        )  # fmt: skip
    Terminal().print(table)
    if arguments.json:
        told = {
            task: {name: [vars(curve) for curve in each] for name, each in both.items()}
            for task, both in curves.items()
        }
        arguments.json.write_text(json_text(told), encoding="utf-8")
    return 0


def learn(
    task: str, seed: int, steps: int, further: dict[str, str | int | float] | None = None
) -> Curve:
    """Learn a shipped task, and look at what the policy is worth in the environment's true table.

    Args:
        task: its name.
        seed: of everything random.
        steps: to make.
        further: settings of the model, other than the task's.
    """
    configuration = read_task(task)
    trainer = configuration.own("model_trainer")
    model = {n.removeprefix(_MODEL): v for n, v in trainer.items() if n.startswith(_MODEL)}
    settings = build(TabularSettings, {**model, **(further or {})})
    name = configuration.own("mujoco_sim")["environment"]
    environment = gymnasium.make(name, disable_env_checker=True)
    true, loop = TrueTable(environment, settings.discount), TableLoop(environment, settings, seed)
    looks, worth, due = [], [], float(_FIRST)
    while loop.steps < steps:
        loop.step()
        if loop.steps >= due or loop.steps == steps:
            looks.append(loop.steps)
            worth.append(share(true.worth(loop.greedy), true.optimum))
            due = max(due + _FIRST, due * _GROWTH)
    return Curve(looks, worth)


def share(worth: float, optimum: float) -> float:
    """Return 1 less what is missing to an optimum, relative to its size; 0 for as much or more."""
    return max(0.0, 1 - (optimum - worth) / abs(optimum))


def _median(values: list[float]) -> float:
    return float(np.percentile(values, 50, method="nearest"))


def _number(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else "not"
