"""The parameters of an objective besides its terms."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.core.settings import setting
from mbrl_ros.objectives.limits import LARGEST


@dataclass(frozen=True)
class ObjectiveSettings:
    """Parameters of an objective as a whole."""

    name: str = setting("default", "name of the objective")
    terms: list[str] = setting([], "names of the reward terms; each has its own parameters")
    combine: str = setting(
        "sum", "how the terms combine to the reward of a step", choices=("sum", "product")
    )
    caution: float = setting(
        0.0, "standard deviations between members subtracted from a return; negative: curiosity",
        low=-LARGEST, high=LARGEST, live=True,
    )  # fmt: skip
    tail: float = setting(
        1.0,
        "share of the members, those with the least returns, whose mean counts (CVaR); 1: all",
        low=0.01, high=1.0, live=True,
    )  # fmt: skip


@dataclass(frozen=True)
class SelectionSettings:
    """Which objective is active."""

    active: str = setting("", "name of the objective to plan for; empty: the first", live=True)
