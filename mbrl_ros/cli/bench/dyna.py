"""``mbrl-ros bench dyna``: figures 8.2, 8.4 and 8.5 of Sutton and Barto (2018), reproduced."""

from __future__ import annotations

import argparse
import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from rich.progress import track
from rich.table import Table

from mbrl_ros.cli.bench.table_loop import TableLoop
from mbrl_ros.cli.terminal import Terminal
from mbrl_ros.core.json_text import json_text
from mbrl_ros.core.settings import SettingsError
from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.models.tabular.settings import TabularSettings
from mbrl_ros.simulation import mazes  # registers them

#: Planning steps of figure 8.2.
PLANNING = (0, 5, 50)
#: Steps from start to goal there, and how near to them counts as found.
SHORTEST, NEARLY = 14, 1.05
_EPISODES = 50
_SHOWN = (2, 3, 5, 10, 20, 50)
# Cumulative rewards are told every so many steps.
_EVERY = 50
_BOOK = {"discount": 0.95, "epsilon": 0.1, "unvisited": "self_loop", "retention": 0.0}


@dataclass(frozen=True)
class ChangingMaze:
    """A figure with a maze that changes.

    Attributes:
        title: of the figure.
        environment: its id.
        steps: shown.
        change: step of the change.
        planning: steps of planning.
        bonus: of Dyna-Q+.
    """

    title: str
    environment: str
    steps: int
    change: int
    planning: int
    bonus: float


CHANGING = (
    ChangingMaze("figure 8.4: blocking", "mbrl_ros/BlockingMaze-v0", 3000, 1000, 10, 1e-4),
    ChangingMaze("figure 8.5: shortcut", "mbrl_ros/ShortcutMaze-v0", 6000, 3000, 50, 1e-3),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--runs", type=int, default=30, help="runs of each curve")
    parser.add_argument("--plot", type=Path, help="PNG to plot the figures to")
    parser.add_argument("--json", type=Path, help="file to write the figures to")


def run(arguments: argparse.Namespace) -> int:
    """Learn the mazes and print what came of it.

    Raises:
        SettingsError: for an invalid argument.
        OSError: if a file cannot be written.
    """
    if arguments.runs < 1:
        raise SettingsError(f"--runs: expected an integer >= 1, got {arguments.runs}")
    for path in (arguments.plot, arguments.json):
        if path:
            path.touch()
    seeds = range(arguments.runs)
    lengths, found = {}, {}
    for planning in PLANNING:
        shown = track(seeds, f"{planning} planning steps", transient=True)
        each = [learn_maze(planning, seed, _EPISODES) for seed in shown]
        lengths[planning] = np.array([curve for curve, _ in each])
        found[planning] = [first for _, first in each]
    paid = {
        maze.title: {
            name: np.array(
                [follow(maze, bonus, seed) for seed in track(seeds, name, transient=True)]
            )
            for name, bonus in (("Dyna-Q", 0.0), ("Dyna-Q+", maze.bonus))
        }
        for maze in CHANGING
    }
    _tell(lengths, found, paid)
    if arguments.plot:
        _plot(lengths, paid, arguments.plot)
    if arguments.json:
        figures = {
            "steps_per_episode": {n: curve.tolist() for n, curve in lengths.items()},
            "episode_found": found,
            "cumulative_reward": {
                title: {name: curves.tolist() for name, curves in both.items()}
                for title, both in paid.items()
            },
        }
        arguments.json.write_text(json_text(figures), encoding="utf-8")
    return 0


def learn_maze(planning: int, seed: int, episodes: int) -> tuple[list[int], float]:
    """Learn the maze of figure 8.2 by Dyna-Q.

    Args:
        planning: imagined steps for each real one.
        seed: of everything random.
        episodes: to make.

    Returns:
        the steps of each episode, and the number of the first after which the best known actions
        lead to the goal in at most `NEARLY` times the fewest steps; infinity: none.
    """
    settings = TabularSettings(
        method="dyna_q",
        planning_steps=planning,
        learning_rate=0.1,
        **_BOOK,  # type: ignore[arg-type]
    )
    loop = TableLoop(_made("mbrl_ros/DynaMaze-v0"), settings, seed)
    found = math.inf
    while len(loop.lengths) <= episodes:
        before = len(loop.lengths)
        loop.step()
        if len(loop.lengths) > before and found == math.inf and _way(loop) <= NEARLY * SHORTEST:
            found = before
    return loop.lengths[:episodes], found


def follow(maze: ChangingMaze, bonus: float, seed: int) -> FloatArray:
    """Return the cumulative reward in a maze that changes, every `_EVERY` steps from 0 on.

    Args:
        maze: to learn.
        bonus: for what was not tried for long.
        seed: of everything random.
    """
    settings = TabularSettings(
        method="dyna_q",
        planning_steps=maze.planning,
        learning_rate=1.0,
        bonus=bonus,
        **_BOOK,  # type: ignore[arg-type]
    )
    loop, totals = TableLoop(_made(maze.environment), settings, seed), [0.0]
    while loop.steps < maze.steps:
        loop.step()
        if loop.steps % _EVERY == 0:
            totals.append(loop.total)
    return np.array(totals)


def _made(name: str) -> gymnasium.Env[Any, Any]:
    return gymnasium.make(name, disable_env_checker=True)


def _way(loop: TableLoop) -> float:
    """Return the steps from start to goal by the best known actions; infinity: they do not lead."""
    maze = copy.copy(loop.environment.unwrapped)
    assert isinstance(maze, mazes.Maze)
    (cell, _), choices = maze.reset(), loop.greedy
    for step in range(1, 100):
        cell, _, there, _, _ = maze.step(int(choices[cell]))
        if there:
            return step
    return math.inf


def _tell(
    lengths: dict[int, FloatArray],
    found: dict[int, list[float]],
    paid: dict[str, dict[str, FloatArray]],
) -> None:
    console = Terminal()
    table = Table(
        "planning steps", "found in", "quartiles", *(f"in {k}" for k in _SHOWN),
        title="figure 8.2: steps in episodes", title_style="",
        caption="found in: median of the episode after which the best known actions lead the "
        "shortest way",
    )  # fmt: skip
    for planning, curves in lengths.items():
        quartiles = " to ".join(_episode(q, found[planning]) for q in (25, 75))
        means = [f"{curves[:, k - 1].mean():.0f}" for k in _SHOWN]
        table.add_row(str(planning), _episode(50, found[planning]), quartiles, *means)
    console.print(table)
    table = Table("maze", "method", "at the change", "at the end", title="reward", title_style="")
    for maze in CHANGING:
        for name, curves in paid[maze.title].items():
            at = curves[:, maze.change // _EVERY], curves[:, -1]
            table.add_row(maze.title, name, *(f"{v.mean():.0f} ± {_error(v):.0f}" for v in at))
    console.print(table)


def _episode(percent: float, found: Sequence[float]) -> str:
    value = float(np.percentile(found, percent, method="nearest"))
    return f"{value:.0f}" if math.isfinite(value) else "none"


def _error(values: FloatArray) -> float:
    """Return the standard error of a mean."""
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def _plot(
    lengths: dict[int, FloatArray], paid: dict[str, dict[str, FloatArray]], path: Path
) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (first, *others) = pyplot.subplots(1, 3, figsize=(14, 4), layout="constrained")
    for planning, curves in lengths.items():
        episodes = np.arange(2, curves.shape[1] + 1)
        first.plot(episodes, curves[:, 1:].mean(axis=0), label=f"{planning} planning steps")
    first.axhline(SHORTEST, color="0.6", linestyle=":", linewidth=1)
    first.set(title="figure 8.2", xlabel="episode", ylabel="steps", ylim=(0, 800))
    for axes, maze in zip(others, CHANGING, strict=True):
        for name, curves in paid[maze.title].items():
            mean, times = curves.mean(axis=0), np.arange(curves.shape[1]) * _EVERY
            error = curves.std(axis=0) / math.sqrt(len(curves))
            (line,) = axes.plot(times, mean, label=name)
            axes.fill_between(
                times, mean - error, mean + error, color=line.get_color(), alpha=0.2, linewidth=0
            )
        axes.axvline(maze.change, color="0.6", linestyle=":", linewidth=1)
        axes.set(title=maze.title, xlabel="steps", ylabel="cumulative reward")
    for axes in (first, *others):
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
