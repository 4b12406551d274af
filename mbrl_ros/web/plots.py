"""The curves of a page."""

from __future__ import annotations

from typing import Any

from viser import uplot

from mbrl_ros.web.watched import Watched, columns

_BLUE, _ORANGE, _GREEN, _RED = "#1971c2", "#f08c00", "#2b8a3e", "#e03131"
_PURPLE = "#9c36b5"
_BAND = "rgba(47, 158, 68, 0.2)"
_PAST, _AHEAD = "s from now", "s ahead"
# Title, horizontal axis, and curves with their colors; the last is drawn above the others.
_OBSERVED = "observed", _PAST, {"predicted one step before": _ORANGE, "observed": _BLUE}
_PLANNED = (
    "planned",
    _AHEAD,
    {"-2 std": _BAND, "+2 std": _BAND, "what if": _PURPLE, "mean of the members": _GREEN},
)
_RETURNS = "return of each episode", "episode", {"return": _BLUE}
_ERRORS = "model's error on held-out data", "s", {"one step": _ORANGE, "open loop": _BLUE}
_PLANNING = "planning time [ms]", _PAST, {"budget": _RED, "plan": _BLUE}
_TRUST = "prediction error over expected", _PAST, {"open loop": _ORANGE, "one step": _BLUE}
_GUARDED = "guard: commands per second", _PAST, {"changed": _ORANGE, "replaced": _RED}
_HEIGHT = 110
# Above and beside the axes, so that their last numbers are whole [px].
_PADDING = (10, 10, 0, 0)
# On a logarithmic scale its lines are too many.
_WITHOUT_GRID = (
    uplot.Axis(ticks={"show": False}),
    uplot.Axis(grid={"show": False}, ticks={"show": False}),
)


class Plots:
    """The curves, one below the other, drawn from what is watched."""

    def __init__(self, gui: Any) -> None:
        """Add them where the gui adds now."""
        self._gui = gui
        self._choice = gui.add_dropdown("observation", ("…",), initial_value="…")
        self._observed = self._plot(*_OBSERVED)
        self._planned = self._plot(*_PLANNED, bands=(uplot.Band(series=(2, 1), fill=_BAND),))
        self._returns = self._plot(*_RETURNS, dots=True)
        self._errors = self._plot(*_ERRORS, logarithmic=True)
        self._planning, self._trust, self._guarded = (
            self._plot(*told) for told in (_PLANNING, _TRUST, _GUARDED)
        )

    def draw(self, watched: Watched, now: float) -> None:
        """Show the newest points."""
        names = watched.names
        if names and tuple(self._choice.options) != names:
            self._choice.options = names
        chosen = names.index(self._choice.value) if self._choice.value in names else 0
        self._observed.data = tuple(watched.observed(chosen, now))
        self._planned.data = tuple(watched.planned(chosen))
        self._returns.data = tuple(watched.returns())
        self._errors.data = tuple(watched.errors())
        self._planning.data = tuple(watched.planning(now))
        self._trust.data = tuple(watched.trust(now))
        self._guarded.data = tuple(watched.guarded(now))

    def _plot(
        self,
        title: str,
        across: str,
        curves: dict[str, str],
        dots: bool = False,
        logarithmic: bool = False,
        **options: Any,
    ) -> Any:
        series = [
            uplot.Series(label=label, stroke=color, width=1.5, points={"show": dots})
            for label, color in curves.items()
        ]
        return self._gui.add_uplot(
            tuple(columns([], 1 + len(curves))),
            (uplot.Series(label=across), *series),
            title=title,
            scales={"x": uplot.Scale(time=False), "y": uplot.Scale(distr=3 if logarithmic else 1)},
            axes=_WITHOUT_GRID if logarithmic else None,
            legend=uplot.Legend(show=True),
            height=_HEIGHT,
            padding=_PADDING,
            **options,
        )
