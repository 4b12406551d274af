"""Learning curves beside published ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Returns after 100,000, 200,000 and 500,000 environment steps, of the result tables in the
# repository of TD-MPC2 (Hansen et al. 2024), which has those of SAC and DreamerV3, too.
_STEPS = (100_000, 200_000, 500_000)
_PUBLISHED = {
    "cartpole_swingup": {
        "TD-MPC2": (839, 872, 876),
        "DreamerV3": (500, 775, 853),
        "SAC": (835, 842, 835),
    },
    "pendulum_swingup": {
        "TD-MPC2": (724, 824, 842),
        "DreamerV3": (753, 829, 795),
        "SAC": (96, 268, 408),
    },
    "reacher_easy": {
        "TD-MPC2": (937, 976, 919),
        "DreamerV3": (770, 905, 964),
        "SAC": (540, 715, 918),
    },
}
_BLUE = "#2a6f97"
_OTHERS = {"TD-MPC2": "#d9822b", "DreamerV3": "#2f8f5b", "SAC": "#8a8f98"}


def draw_curves(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw every seed's curve, the running maximum of their median, and the published ones.

    Args:
        rows: ``task``, ``seed`` and ``curve``, as `mbrl-ros bench learning` writes them.
        path: of the PNG.

    Raises:
        OSError: if the file cannot be written.
    """
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    figure = Figure(figsize=(6.2 * len(tasks), 4.4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    for axes, task in zip(figure.subplots(1, len(tasks), squeeze=False)[0], tasks, strict=True):
        curves = np.array([row["curve"] for row in rows if row["task"] == task], dtype=float)
        for i, curve in enumerate(curves):
            label = f"mbrl_ros, {len(curves)} seeds" if i == 0 else None
            axes.plot(curve[:, 0], curve[:, 1], color=_BLUE, alpha=0.4, linewidth=1, label=label)
        steps, middle = curves[0][:, 0], np.median(curves[:, :, 1], axis=0)
        axes.plot(
            steps, np.maximum.accumulate(middle), color=_BLUE, linewidth=2.2,
            label="running maximum of their median",
        )  # fmt: skip
        for name, returns in _PUBLISHED.get(task, {}).items():
            axes.plot(_STEPS, returns, "o--", color=_OTHERS[name], markersize=4, label=name)
        if task in _PUBLISHED:
            # Those begin where ours have long ended.
            axes.set_xscale("log")
        axes.set_title(task, loc="left")
        axes.set_xlabel("environment steps")
        axes.set_ylabel("return, model frozen")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(True, color="#e6e8eb", linewidth=0.8)
        axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, format="png")
