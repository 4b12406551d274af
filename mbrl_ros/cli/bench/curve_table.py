"""Learning curves as a table, with references and published ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from mbrl_ros.cli.bench.published import SOURCE, published
from mbrl_ros.evaluation.interval import share, with_margin


def curve_table(rows: Sequence[dict[str, Any]], missing: Mapping[tuple[str, str], str]) -> Table:
    """Return a table with a row for every point of every method's curves.

    A return is the mean over seeds with its 95 % interval; its share of the ceiling, that of the
    true dynamics from the same starts, is taken for each seed.

    Args:
        rows: ``task``, ``method``, ``seed`` and ``curve``, as in the results file.
        missing: task and method to the reason why there is no curve.
    """
    table = Table(title="mean return with the model frozen", title_style="", caption_style="")
    for name in ("task", "method"):
        table.add_column(name, no_wrap=True)
    for name in ("env steps", "return", "of the ceiling", "each seed"):
        table.add_column(name)
    for task in dict.fromkeys(row["task"] for row in rows):
        others = published(task)
        if others:
            table.caption = SOURCE
        of_task = [row for row in rows if row["task"] == task]
        ceilings = {
            row["seed"]: row["curve"][0][1] for row in of_task if row["method"] == "true dynamics"
        }
        lines: list[tuple[str, ...]] = []
        for method in dict.fromkeys(row["method"] for row in [*of_task, *others]):
            curves = {
                row.get("seed"): row["curve"]
                for row in [*of_task, *others]
                if row["method"] == method
            }
            lines += _named(method, _points(curves, ceilings))
        for (where, method), reason in missing.items():
            if where == task:
                lines += _named(method, [("", "none", "", reason)])
        for line in _named(task, lines):
            table.add_row(*line)
        table.add_section()
    return table


def _named(name: str, lines: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return lines with a name before the first of them."""
    return [("" if i else name, *line) for i, line in enumerate(lines)]


def _points(
    curves: Mapping[int | None, Sequence[tuple[int, float]]], ceilings: Mapping[int | None, float]
) -> list[tuple[str, ...]]:
    """Return a line for each point of one method's curves, given by seed as the ceilings are."""
    lines: list[tuple[str, ...]] = []
    # Up to the end of the shortest: trials of mbrl-lib differ in length.
    for points in zip(*curves.values(), strict=False):
        values, steps = [value for _, value in points], max(steps for steps, _ in points)
        each = ", ".join(f"{value:.0f}" for value in values) if len(values) > 1 else ""
        of = [share(v, ceilings.get(s, 0.0)) for s, v in zip(curves, values, strict=True)]
        shares = with_margin(of, " %") if steps and all(map(math.isfinite, of)) else ""
        lines.append((str(steps) if steps else "", with_margin(values), shares, each))
    return lines
