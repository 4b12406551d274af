"""Learning curves as a table, with references and published ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from rich.table import Table

from mbrl_ros.cli.bench.published import SOURCE, published


def curve_table(rows: Sequence[dict[str, Any]], missing: Mapping[tuple[str, str], str]) -> Table:
    """Return a table with a row for every point of every method's curves.

    Args:
        rows: ``task``, ``method``, ``seed`` and ``curve``, as in the results file.
        missing: task and method to the reason why there is no curve.
    """
    table = Table(title="mean return with the model frozen", title_style="", caption_style="")
    for name in ("task", "method"):
        table.add_column(name, no_wrap=True)
    for name in ("env steps", "median", "each seed", "running maximum of the median"):
        table.add_column(name)
    for task in dict.fromkeys(row["task"] for row in rows):
        others = published(task)
        if others:
            table.caption = SOURCE
        shown = [*(row for row in rows if row["task"] == task), *others]
        lines: list[tuple[str, ...]] = []
        for method in dict.fromkeys(row["method"] for row in shown):
            curves = [row["curve"] for row in shown if row["method"] == method]
            lines += _named(method, _points(curves))
        for (where, method), reason in missing.items():
            if where == task:
                lines += _named(method, [("", "none", reason, "")])
        for line in _named(task, lines):
            table.add_row(*line)
        table.add_section()
    return table


def _named(name: str, lines: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return lines with a name before the first of them."""
    return [("" if i else name, *line) for i, line in enumerate(lines)]


def _points(curves: Sequence[Sequence[tuple[int, float]]]) -> list[tuple[str, ...]]:
    """Return a line for each point of one method's curves."""
    lines: list[tuple[str, ...]] = []
    best = float("-inf")
    # Up to the end of the shortest: trials of mbrl-lib differ in length.
    for points in zip(*curves, strict=False):
        values, steps = [value for _, value in points], max(steps for steps, _ in points)
        best = max(best, median(values))
        each = ", ".join(f"{value:.0f}" for value in values) if len(values) > 1 else ""
        running = f"{best:.0f}" if len(curves[0]) > 1 else ""
        lines.append((str(steps) if steps else "", f"{median(values):.0f}", each, running))
    return lines
