"""A run in six figures: ``report.png``."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from mbrl_ros.core.whole_file import write_whole
from mbrl_ros.reports.history import History
from mbrl_ros.reports.prediction import main_dimensions, predict

_BLUE, _ORANGE, _GREEN, _RED, _GREY = "#2a6f97", "#d9822b", "#2f8f5b", "#b3392f", "#8a8f98"
_DIMENSIONS = 3


def draw_report(history: History, summary: dict[str, Any], path: Path) -> None:
    """Write the figures as PNG.

    Raises:
        OSError: if the file cannot be written.
    """
    drawn = io.BytesIO()
    report_figure(history, summary).savefig(drawn, format="png")
    write_whole(path, drawn.getvalue())


def report_figure(history: History, summary: dict[str, Any]) -> Figure:
    """Return the figures; those without data contain a note."""
    figure = Figure(figsize=(18.0, 8.2), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(
        f"{summary['task']}, seed {summary['seed']}: {summary['wall_seconds']:.0f} s, "
        f"{summary['env_steps']} environment steps",
        fontsize=13,
        fontweight="bold",
    )
    places: Any = figure.subfigures(2, 3, wspace=0.03, hspace=0.03)
    _returns(places[0, 0], summary)
    _errors(places[0, 1], history)
    _trust(places[0, 2], history)
    _planning(places[1, 0], history, summary)
    _predictions(places[1, 1], history)
    _correction(places[1, 2], history)
    return figure


def _axes(figure: SubFigure, title: str, x: str, y: str) -> Axes:
    axes: Axes = figure.subplots()
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    plain(axes)
    return axes


def plain(axes: Axes) -> None:
    """Leave out what only takes ink."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(True, color="#e6e8eb", linewidth=0.8)
    axes.set_axisbelow(True)


def _nothing(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=_GREY)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)


def _returns(figure: SubFigure, summary: dict[str, Any]) -> None:
    axes = _axes(figure, "Episode returns", "time [s]", "return [sum of rewards]")
    both = zip(summary["episode_seconds"], summary["episode_returns"], strict=True)
    finite = [(second, total) for second, total in both if math.isfinite(total)]
    if not finite:
        unpaid = "the plant pays no rewards"
        _nothing(axes, unpaid if summary["episodes"] else "no episode was completed")
        return
    seconds, returns = zip(*finite, strict=True)
    axes.plot(seconds, returns, "-o", color=_BLUE, markersize=5)
    axes.set_xlim(0, 1.03 * max(summary["wall_seconds"], seconds[-1]))
    axes.set_ylim(min(0.0, 1.1 * min(returns)), max(1.1 * max(returns), 1e-3))
    best = int(np.argmax(returns))
    axes.annotate(
        f"{returns[best]:.0f}",
        (seconds[best], returns[best]),
        xytext=(0, 7),
        textcoords="offset points",
        ha="center",
        color=_BLUE,
    )


def _errors(figure: SubFigure, history: History) -> None:
    axes = _axes(
        figure, "Model error on the hold-out, open loop", "time [s]", "error [standard deviations]"
    )
    if not history.errors:
        _nothing(axes, "no model was judged")
        return
    epochs = dict.fromkeys(epoch for _, epoch, _ in history.errors)
    for number, epoch in enumerate(epochs):
        points = [(time, error) for time, of, error in history.errors if of == epoch]
        axes.plot(*zip(*points, strict=True), "-o", color=_GREEN, markersize=3)
        if number:
            axes.axvline(points[0][0], color=_GREY, linestyle=":")
            axes.annotate(
                "trainer started again",
                (points[0][0], 0.97),
                xycoords=("data", "axes fraction"),
                xytext=(-3, 0),
                textcoords="offset points",
                rotation=90,
                ha="right",
                va="top",
                fontsize=8,
                color=_GREY,
            )
    logarithmic(axes)
    axes.set_xlim(left=0)


def logarithmic(axes: Axes) -> None:
    """Give the vertical axis a logarithmic scale, with plain numbers."""
    # Where no error was made, there is nothing to show on such a scale.
    if math.isinf(axes.dataLim.minposy):
        return
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def _trust(figure: SubFigure, history: History) -> None:
    title = "Recent prediction errors"
    axes = _axes(figure, title, "time [s]", "error [multiple of the expected one]")
    found = history.confidence
    if not any(math.isfinite(c.one_step_z) for c in found):
        _nothing(axes, "no prediction was compared with what came")
        return
    times = [c.time for c in found]
    axes.plot(times, [c.one_step_z for c in found], color=_BLUE, label="one step")
    axes.plot(times, [c.open_loop_z for c in found], color=_ORANGE, label="several steps")
    axes.axhline(1.0, color=_GREY, linewidth=1)
    for level, colour in (("cautious", _GREY), ("doubtful", _ORANGE), ("none", _RED)):
        if any(c.trust == level for c in found):
            here = [c.trust == level for c in found]
            label = "no trust" if level == "none" else level
            axes.fill_between(
                times, 0, 1, where=here, step="post", transform=axes.get_xaxis_transform(),
                color=colour, alpha=0.2, linewidth=0, label=label,
            )  # fmt: skip
    logarithmic(axes)
    axes.set_xlim(left=0)
    axes.legend(frameon=False, fontsize=8, ncols=2)


def _correction(figure: SubFigure, history: History) -> None:
    title = "Online correction of the model"
    axes = _axes(figure, title, "time [s]", "relative to its last layer")
    found = [(c.time, c.correction) for c in history.confidence if math.isfinite(c.correction)]
    if not found:
        _nothing(axes, "nothing was corrected")
        return
    axes.plot(*zip(*found, strict=True), color=_GREEN)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)


def _planning(figure: SubFigure, history: History, summary: dict[str, Any]) -> None:
    axes = _axes(figure, "Planning time", "time for a plan [ms]", "plans")
    if not history.plan_ms:
        _nothing(axes, "nothing was planned")
        return
    budget = summary["budget_ms"]
    longest = max(*history.plan_ms, budget or 0.0)
    axes.hist(history.plan_ms, bins=np.linspace(0, 1.05 * longest, 60).tolist(), color=_BLUE)
    for value, style, label in (
        (summary["plan_ms_p50"], "-", "median"),
        (summary["plan_ms_p99"], "--", "99 % within"),
    ):
        axes.axvline(value, color="black", linestyle=style, linewidth=1.2)
        axes.plot([], [], color="black", linestyle=style, label=f"{label} {value:.1f} ms")
    if budget is not None:
        axes.axvline(budget, color=_RED, linewidth=1.6, label=f"budget {budget:.1f} ms")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, loc="upper left")


def _predictions(figure: SubFigure, history: History) -> None:
    prediction = predict(history)
    if prediction is None:
        axes = _axes(figure, "Predicted against actual", "", "")
        _nothing(axes, "no model, or no stretch of data that is long enough")
        return
    period = history.task.period
    dimensions = main_dimensions(history, _DIMENSIONS)
    rows = figure.subplots(len(dimensions), 1, sharex=True, squeeze=False)[:, 0]
    rows[0].set_title(
        f"Predicted {prediction.horizon * period:.2g} s ahead, episode {prediction.episode}",
        loc="left",
        fontsize=11,
    )
    times = (prediction.first + np.arange(len(prediction.actual))) * period
    for axes, dimension in zip(rows, dimensions, strict=True):
        plain(axes)
        axes.plot(times, prediction.actual[:, dimension], color="black", linewidth=1.4)
        for start, means, stds in zip(
            prediction.starts, prediction.means, prediction.stds, strict=True
        ):
            span = times[start : start + prediction.horizon + 1]
            mean, std = means[:, dimension], stds[:, dimension]
            axes.plot(span, mean, color=_ORANGE, linewidth=1.6)
            axes.fill_between(span, mean - std, mean + std, color=_ORANGE, alpha=0.25, linewidth=0)
            axes.plot(span[0], mean[0], "o", color=_ORANGE, markersize=4)
        axes.set_ylabel(history.task.observation.names[dimension].replace("_", "\n"), fontsize=9)
        axes.yaxis.set_major_locator(MaxNLocator(4))
    rows[-1].set_xlabel("time in the episode [s]; newest model, also trained on it")
    rows[0].plot([], [], color="black", label="measured")
    rows[0].plot([], [], color=_ORANGE, label="predicted ± spread")
    rows[0].legend(
        frameon=False,
        fontsize=8,
        loc="lower right",
        ncols=2,
        handlelength=1.2,
        bbox_to_anchor=(1.02, 0.95),
    )
    figure.align_ylabels(list(rows))
