"""Recorded and replayed decisions: a table of figures, and a figure."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mbrl_ros.core.spaces import Space
from mbrl_ros.system.decisions import Decisions

_RECORDED, _REPLAYED = "#8a8f98", "#2a6f97"


def figures(decisions: Decisions, action: Space) -> dict[str, Any]:
    """Return how many differ, from where on and how much, in shares of each action's range."""
    different = decisions.different
    found: dict[str, Any] = {"decisions": len(decisions), "different": len(different)}
    if len(different):
        scale = np.array(action.high) - np.array(action.low)
        apart = np.abs(decisions.replayed - decisions.recorded) / scale
        first = decisions[different[0]]
        found |= {
            "first": f"step {first.step} of episode {first.episode}",
            "largest": dict(zip(action.names, apart.max(axis=0).tolist(), strict=True)),
            "mean": dict(zip(action.names, apart.mean(axis=0).tolist(), strict=True)),
        }
    return found


def write_table(decisions: Decisions, action: Space, path: Path) -> None:
    """Write a CSV file with a row for each decision.

    Raises:
        OSError: if it cannot be written.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        names = [f"{which}.{n}" for which in ("recorded", "replayed") for n in action.names]
        writer.writerow(["episode", "step", "source", "model", *names])
        for d in decisions:
            values = [*d.recorded.tolist(), *d.replayed.tolist()]
            writer.writerow([d.episode, d.step, d.source.name.lower(), d.model, *values])


def draw(decisions: Decisions, action: Space, path: Path) -> None:
    """Draw every action over the decisions, as it was and as it would be.

    Raises:
        OSError: if it cannot be written.
    """
    figure = Figure(figsize=(12.0, 1.0 + 2.2 * action.dim), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(action.dim, 1, sharex=True, squeeze=False)[:, 0]
    episode, recorded, replayed = decisions.episode, decisions.recorded, decisions.replayed
    begins = [0, *(np.flatnonzero(episode[1:] != episode[:-1]) + 1).tolist()]
    for i, (name, each) in enumerate(zip(action.names, axes, strict=True)):
        each.plot(recorded[:, i], color=_RECORDED, lw=2.0, label="recorded")
        each.plot(replayed[:, i], color=_REPLAYED, lw=0.8, label="replayed")
        for begin in begins:
            each.axvline(begin, color="#dddddd", lw=0.8, zorder=0)
        each.set_ylabel(name)
    axes[0].legend(loc="upper right", ncols=2, frameon=False)
    axes[-1].set_xlabel("decision; lines: an episode begins")
    figure.savefig(path, format="png")
