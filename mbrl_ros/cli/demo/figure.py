"""Figure of the goals and the plant's response over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mbrl_ros.cli.demo.operator import Operator, Result
from mbrl_ros.objectives.objective_manager import Way

_SHADES = {Way.PARAMETERS: "#eef3f8", Way.GOAL: "#fdf3e7", Way.SERVICE: "#edf6ef"}
_BLUE, _RED = "#2a6f97", "#b3392f"


def draw_goals(task: str, operator: Operator, results: Sequence[Result], path: Path) -> None:
    """Draw each dimension of the goals, with its targets.

    Args:
        task: name of the task.
        operator: holds the observations.
        results: results of all phases, at least one.
        path: path of the PNG.

    Raises:
        OSError: if the file cannot be written.
    """
    space, names = operator.space, list(results[0].phase.arrival.goal)
    times, values = np.array(operator.times), np.array(operator.observations)
    ends = [result.began for result in results[1:]] + [times[-1]]
    figure = Figure(figsize=(12.5, 1.2 + 2.6 * len(names)), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    done = sum(result.seconds is not None for result in results)
    figure.suptitle(
        f"{task}: {done} of {len(results)} reached; one run, one model, never reset",
        fontsize=13,
        fontweight="bold",
    )
    rows = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for axes, name in zip(rows, names, strict=True):
        axes.plot(times, values[:, space.index(name)], color=_BLUE, linewidth=1.2)
        for result, end in zip(results, ends, strict=True):
            phase = result.phase
            axes.axvspan(result.began, end, color=_SHADES[phase.way], linewidth=0)
            target, room = phase.arrival.goal[name], phase.arrival.tolerance[name]
            axes.plot([result.began, end], [target, target], color=_RED, linewidth=1.5)
            axes.fill_between(
                [result.began, end], target - room, target + room, color=_RED, alpha=0.15, lw=0
            )
        axes.set_ylabel(name)
        axes.spines[["top", "right"]].set_visible(False)
    for way in _SHADES:
        own = [r.began for r in results if r.phase.way is way]
        if own:
            rows[0].text(own[0], 1.02, f" by {way.value}", transform=rows[0].get_xaxis_transform())
    rows[-1].set_xlabel("time [s]; red: target, with its tolerance")
    rows[-1].set_xlim(max(results[0].began - 20.0, 0.0), times[-1])
    figure.savefig(path, format="png")
