"""What reaches the controller and what leaves it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

from mbrl_ros.core.spaces import FloatArray


class CommandSource(IntEnum):
    """How a command came about; the constants of ``msg/Action``."""

    PLANNED = 0
    TRUNCATED = 1
    REUSED = 2
    EXPLORATION = 3
    HOLD = 4
    FALLBACK = 5

    @property
    def safe(self) -> bool:
        """Whether it is the task's safe command."""
        return self in (CommandSource.HOLD, CommandSource.FALLBACK)


@dataclass(frozen=True)
class Command:
    """What to send.

    Attributes:
        episode: of the observation it answers.
        step: of the observation it answers.
        values: shape ``(A,)``, SI units, within the limits.
        source: how it came about.
        reason: why it is not a full plan; empty if it is.
        state_age: age of the observation when the command was ready [s].
        plan_time: spent planning [s].
        model: epoch and sequence of the model planned with; zeros for none.
        expected_return: of the plan, in the objective's unit; NaN without one.
        objective: digest of the objective planned for; empty for none.
        interval: from the beginning of the tick before to the beginning of this one [s]; NaN
            where none was before.
    """

    episode: int
    step: int
    values: FloatArray
    source: CommandSource
    reason: str
    state_age: float
    plan_time: float
    model: tuple[int, int]
    expected_return: float
    objective: str = ""
    interval: float = math.nan
