"""Open-loop errors and calibration of a model, as a PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mbrl_ros.evaluation.accuracy import LEVELS, Accuracy


def draw_accuracy(accuracy: Accuracy, path: Path) -> None:
    """Draw the errors over the horizon, and predicted against true shares of cases.

    Raises:
        OSError: if the file cannot be written.
    """
    figure = Figure(figsize=(12.0, 4.6), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    errors, calibration = figure.subplots(1, 2)
    steps = np.arange(1, len(accuracy.open_loop) + 1)
    for i, name in enumerate(accuracy.names):
        # Relative to predicting no change, so that all dimensions fit one figure.
        share = accuracy.open_loop[:, i] / np.maximum(accuracy.unmoved[:, i], 1e-12)
        (line,) = errors.plot(steps, share, label=name)
        calibration.plot(LEVELS, accuracy.coverage[:, i], "o-", color=line.get_color())
    errors.axhline(1.0, color="#8a8f98", linewidth=1)
    errors.set_yscale("log")
    errors.set_title("Open-loop error, relative to 'nothing changes'", loc="left")
    errors.set_xlabel("steps ahead")
    errors.legend(frameon=False, fontsize=8)
    calibration.plot([0, 1], [0, 1], color="#8a8f98", linewidth=1)
    calibration.set_xlim(0.45, 1.0)
    calibration.set_ylim(0.0, 1.02)
    calibration.set_title("Share of one-step cases within the predicted interval", loc="left")
    calibration.set_xlabel("share that the interval is to hold")
    for axes in (errors, calibration):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(True, color="#e6e8eb", linewidth=0.8)
    figure.savefig(path, format="png")
