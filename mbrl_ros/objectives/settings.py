"""The parameters of an objective beside its terms."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.core.settings import setting
from mbrl_ros.objectives.limits import LARGEST


@dataclass(frozen=True)
class ObjectiveSettings:
    """What holds for one objective as a whole."""

    name: str = setting("default", "what the objective is called")
    terms: list[str] = setting([], "names of the reward terms; each has parameters of its own")
    combine: str = setting(
        "sum", "how the terms make one reward per step", choices=("sum", "product")
    )
    caution: float = setting(
        0.0, "standard deviations between members taken off a plan's return; negative: curious",
        low=-LARGEST, high=LARGEST, live=True,
    )  # fmt: skip


@dataclass(frozen=True)
class SelectionSettings:
    """Which of the objectives holds."""

    active: str = setting("", "name of the objective to plan for; empty: the first", live=True)
