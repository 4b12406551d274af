"""Figure of learning curves, with references and published ones."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mbrl_ros.cli.bench.published import published
from mbrl_ros.evaluation.interval import margin

_COLUMNS = 3
_BLUE = "#2a6f97"
_OTHERS = {"TD-MPC2": "#d9822b", "DreamerV3": "#2f8f5b", "SAC": "#8a8f98"}
_PEER = "#8e5aa8"
_REFERENCES = {"random": ("#8a8f98", ":"), "true dynamics": ("#1b1f24", "-.")}


def draw_curves(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw every seed's curve, their mean with its 95 % interval, and those to compare with.

    Args:
        rows: ``task``, ``method``, ``seed`` and ``curve``, as in the results file.
        path: path of the PNG.

    Raises:
        OSError: if the file cannot be written.
    """
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    columns = min(len(tasks), _COLUMNS)
    rows_of_axes = math.ceil(len(tasks) / columns)
    size = (6.2 * columns, 4.4 * rows_of_axes)
    figure = Figure(figsize=size, dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    places = figure.subplots(rows_of_axes, columns, squeeze=False).ravel()
    for unused in places[len(tasks) :]:
        unused.set_axis_off()
    for axes, task in zip(places, tasks, strict=False):
        methods: dict[str, list[Any]] = {}
        for row in rows:
            if row["task"] == task:
                methods.setdefault(row["method"], []).append(row["curve"])
        _draw_ours(axes, np.array(methods.pop("mbrl_ros"), dtype=float))
        for method, curves in methods.items():
            if method in _REFERENCES:
                colour, style = _REFERENCES[method]
                axes.axhline(
                    np.mean([value for ((_, value),) in curves]),
                    color=colour,
                    linestyle=style,
                    linewidth=1.2,
                    label=method,
                )
            else:
                _draw_seeds(axes, curves, _PEER, method)
        others = published(task)
        for row in others:
            method = row["method"]
            axes.plot(*zip(*row["curve"], strict=True), "o--", color=_OTHERS[method], markersize=4,
                      label=f"{method}, published")  # fmt: skip
        if others:
            # Those start long after ours end.
            axes.set_xscale("log")
        axes.set_title(task, loc="left")
        axes.set_xlabel("environment steps")
        axes.set_ylabel("return, model frozen")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(True, color="#e6e8eb", linewidth=0.8)
        axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, format="png")


def _draw_ours(axes: Axes, curves: np.ndarray[Any, Any]) -> None:
    seeds = f"{len(curves)} seeds" if len(curves) > 1 else "1 seed"
    _draw_seeds(axes, curves, _BLUE, f"mbrl_ros, {seeds}")
    steps, mean = curves[0][:, 0], curves[:, :, 1].mean(axis=0)
    axes.plot(steps, mean, color=_BLUE, linewidth=2.2, label="their mean, 95 % interval")
    half = np.array([margin(values) for values in curves[:, :, 1].T])
    if np.isfinite(half).all():
        axes.fill_between(steps, mean - half, mean + half, color=_BLUE, alpha=0.15, linewidth=0)


def _draw_seeds(axes: Axes, curves: Iterable[Any], colour: str, label: str) -> None:
    for i, curve in enumerate(curves):
        axes.plot(
            *zip(*curve, strict=True), "o-", color=colour, alpha=0.5, linewidth=1, markersize=3,
            label=None if i else label,
        )  # fmt: skip
