"""Learning curves, one point after another, over all seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mbrl_ros.evaluation.interval import share, with_margin

Row = dict[str, Any]


@dataclass(frozen=True)
class Point:
    """What a method returned after some steps.

    Attributes:
        steps: environment steps; 0: without learning.
        values: mean return of each seed.
        shares: of the ceiling of each seed that has one [%].
    """

    steps: int
    values: list[float]
    shares: list[float]

    @property
    def mean(self) -> str:
        """Mean over seeds, with its 95 % interval."""
        return with_margin(self.values)

    @property
    def share(self) -> str:
        """Mean share of the ceiling, with its 95 % interval; empty: not known."""
        known = self.shares and all(map(math.isfinite, self.shares))
        return with_margin(self.shares, " %") if known else ""

    @property
    def each(self) -> str:
        """The mean return of each seed, of several."""
        return ", ".join(f"{v:.0f}" for v in self.values) if len(self.values) > 1 else ""


def points(rows: Sequence[Row], task: str, method: str) -> list[Point]:
    """Return the points of one method's curves for a task, up to the end of the shortest.

    The share of the ceiling is that of the true dynamics in the episodes, from the same starts,
    that both have played.

    Args:
        rows: ``task``, ``method``, ``seed``, ``curve`` and ``returns``, as in the results file;
            without ``returns``, the curve's means stand for them.
        task: of these rows.
        method: of these rows.
    """
    curves = [row for row in rows if (row["task"], row["method"]) == (task, method)]
    ceilings = {
        row.get("seed"): _returns(row)[0]
        for row in rows
        if (row["task"], row["method"]) == (task, "true dynamics")
    }
    made = []
    for number, entries in enumerate(zip(*(row["curve"] for row in curves), strict=False)):
        # Trials of mbrl-lib differ in length.
        steps, values = max(steps for steps, _ in entries), [value for _, value in entries]
        judged = [row for row in curves if steps and row.get("seed") in ceilings]
        shares = [_share(_returns(row)[number], ceilings[row["seed"]]) for row in judged]
        made.append(Point(steps, values, shares))
    return made


def _returns(row: Row) -> list[list[float]]:
    return row.get("returns") or [[value] for _, value in row["curve"]]


def _share(returns: Sequence[float], ceiling: Sequence[float]) -> float:
    both = [p for p in zip(returns, ceiling, strict=False) if all(map(math.isfinite, p))]
    return share(math.fsum(v for v, _ in both), math.fsum(v for _, v in both))
