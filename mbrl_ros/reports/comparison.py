"""What runs have in common, and what differs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mbrl_ros.core.settings import SettingsError
from mbrl_ros.reports.figure import logarithmic, plain
from mbrl_ros.reports.history import History
from mbrl_ros.system.configuration import read_task

#: Differs in every run.
_OWN = {"run_dir"}
_ABSENT = "-"


def differences(
    columns: Sequence[Mapping[str, Mapping[str, Any]]],
) -> list[tuple[str, list[str]]]:
    """Return the parameters that are not the same everywhere.

    Args:
        columns: for each configuration, node name, or ``**``, to flat parameters.

    Returns:
        name, with its node, and the value in each configuration as text.
    """
    flat = [
        {
            f"{node}: {name}" if node != "**" else name: str(value)
            for node, values in nodes.items()
            for name, value in values.items()
            if name not in _OWN
        }
        for nodes in columns
    ]
    names = sorted({name for values in flat for name in values})
    rows = [(name, [values.get(name, _ABSENT) for values in flat]) for name in names]
    return [(name, values) for name, values in rows if len(set(values)) > 1]


def shipped(histories: Sequence[History]) -> Mapping[str, Mapping[str, Any]] | None:
    """Return the task's own parameters; None: the runs' tasks differ, or it is no shipped one."""
    tasks = {history.task.task for history in histories}
    if len(tasks) > 1 or not (task := tasks.pop()):
        return None
    try:
        return read_task(task).nodes
    except SettingsError:
        return None


def comparison_figure(
    histories: Sequence[History], summaries: Sequence[dict[str, Any]], labels: Sequence[str]
) -> Figure:
    """Return returns, model errors and planning times of several runs."""
    figure = Figure(figsize=(15.0, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    returns, errors, planning = figure.subplots(1, 3)
    for axes, title, x, y in (
        (returns, "Episode returns", "environment steps", "return [sum of rewards]"),
        (errors, "Model error on the hold-out, open loop", "time [s]", "[standard deviations]"),
        (planning, "Planning time", "", "[ms]; box: quartiles, whiskers: 1 and 99 %"),
    ):
        axes.set_title(title, loc="left", fontsize=11)
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        plain(axes)
    for history, summary, label in zip(histories, summaries, labels, strict=True):
        returns.plot(
            summary["episode_env_steps"],
            summary["episode_returns"],
            "-o",
            markersize=3,
            label=label,
        )
        errors.plot(
            [time for time, _, _ in history.errors],
            [error if error > 0 else math.nan for _, _, error in history.errors],
            "-o", markersize=2, label=label,
        )  # fmt: skip
    if any(history.errors for history in histories):
        logarithmic(errors)
    else:
        errors.text(0.5, 0.5, "none was recorded", transform=errors.transAxes, ha="center")
    times = [history.plan_ms or [math.nan] for history in histories]
    planning.boxplot(times, whis=(1, 99), showfliers=False)
    planning.set_xticklabels(labels, rotation=20, ha="right", fontsize=8)
    returns.legend(frameon=False, fontsize=8)
    return figure
