"""What reaches the controller and what leaves it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

from mbrl_ros.spaces import FloatArray


class Outcome(IntEnum):
    """How a command came about; the constants of ``msg/Action``."""

    PLANNED = 0
    TRUNCATED = 1
    REUSED = 2
    EXPLORATION = 3
    HOLD = 4
    FALLBACK = 5


@dataclass(frozen=True)
class Reading:
    """An observation as it reached the controller.

    Attributes:
        episode: counts resets.
        step: control steps since the reset.
        values: shape ``(O,)``, SI units.
        applied: the action in effect since the observation before, as the plant tells it; shape
            ``(A,)``, SI units, or anything else where it tells none.
        action_step: the step answered by that action; -1: none.
        ended: whether the episode ends here.
        received: on ``time.monotonic`` [s].
    """

    episode: int
    step: int
    values: FloatArray
    applied: FloatArray
    action_step: int
    ended: bool
    received: float


@dataclass(frozen=True)
class Command:
    """What to send.

    Attributes:
        episode: of the reading it answers.
        step: of the reading it answers.
        values: shape ``(A,)``, SI units, within the limits.
        outcome: how it came about.
        reason: why it is not a full plan; empty if it is.
        state_age: age of the reading when the command was ready [s].
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
    outcome: Outcome
    reason: str
    state_age: float
    plan_time: float
    model: tuple[int, int]
    expected_return: float
    objective: str = ""
    interval: float = math.nan
