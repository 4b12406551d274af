"""Learning curves as a table, with references and published ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from mbrl_ros.cli.bench.curve_points import points
from mbrl_ros.cli.bench.published import SOURCE, TOLD, published


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
    told: list[str] = []
    for task in dict.fromkeys(row["task"] for row in rows):
        others = published(task)
        if others:
            told.append(f"{task}: {TOLD[task]}.")
        of_task = [row for row in rows if row["task"] == task]
        lines: list[tuple[str, ...]] = []
        for method in dict.fromkeys(row["method"] for row in [*of_task, *others]):
            made = points([*of_task, *others], task, method)
            lines += _named(method, [(str(p.steps or ""), p.mean, p.share, p.each) for p in made])
        for (where, method), reason in missing.items():
            if where == task:
                lines += _named(method, [("", "none", "", reason)])
        for line in _named(task, lines):
            table.add_row(*line)
        table.add_section()
    if told:
        table.caption = "\n".join([SOURCE, "What mbrl_ros is told and they are not:", *told])
    return table


def _named(name: str, lines: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return lines with a name before the first of them."""
    return [("" if i else name, *line) for i, line in enumerate(lines)]
