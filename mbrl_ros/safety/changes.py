"""Safety rules for how fast a command changes, and how far a target may be."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mbrl_ros.core.records import Observation
from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.safety.command_latch import ReceivedCommand

# Control steps over which a command may change at once, where those between had none: they may be
# lost on the way. After a longer silence it still changes no faster, as motors do not know of it.
_MOST_STEPS = 3


class Sent:
    """What was sent, one command for each control step.

    Attributes:
        newest: (step, values) of an episode, oldest first.
    """

    def __init__(self) -> None:
        self.newest: deque[tuple[int, FloatArray]] = deque(maxlen=3)

    def begin(self, values: FloatArray) -> None:
        """Begin an episode with what acts then."""
        self.newest.clear()
        self.newest.append((-1, values))

    def note(self, step: int, values: FloatArray) -> None:
        """Take in what was sent in answer to a step, in place of an earlier answer to it."""
        while self.newest and self.newest[-1][0] >= step:
            self.newest.pop()
        self.newest.append((step, values))

    def before(self, step: int) -> list[tuple[int, FloatArray]]:
        """Return what was sent in answer to earlier steps, oldest first."""
        return [(k, values) for k, values in self.newest if k < step]


class ChangesSlowly:
    """Limits how fast a command changes, and how fast that changes."""

    def __init__(
        self, action: Space, rate: Sequence[float], jerk: Sequence[float], period: float, sent: Sent
    ) -> None:
        """Make a rule.

        Args:
            action: A dimensions.
            rate: of each [its unit / s]; infinity: any.
            jerk: of each [its unit / s^2]; infinity: any.
            period: between two commands, in plant time [s].
            sent: what was sent.
        """
        self._action, self._sent = action, sent
        self._rate = period * np.asarray(rate)
        self._jerk = period * period * np.asarray(jerk)

    def apply(
        self, command: ReceivedCommand | None, observation: Observation, now: float
    ) -> tuple[ReceivedCommand | None, str]:
        """See `SafetyRule.apply`."""
        if command is None or command.safe:
            return command, ""
        earlier = self._sent.before(command.step)
        if not earlier:
            return command, ""
        last, base = earlier[-1]
        steps = min(command.step - last, _MOST_STEPS)
        low, high = base - steps * self._rate, base + steps * self._rate
        if len(earlier) > 1:
            change = steps * (base - earlier[-2][1]) / (last - earlier[-2][0])
            most = steps * steps * self._jerk
            # A rate that was broken, as by a safe command, is come back to as fast as it goes.
            low = np.clip(base + change - most, low, high)
            high = np.clip(base + change + most, low, high)
        return _changed(
            command, np.clip(command.values, low, high), self._action, "changed too fast"
        )


class StaysNear:
    """Keeps the target of a servo near to where it is."""

    def __init__(self, action: Space, reach: Sequence[float], moves: Sequence[int | None]) -> None:
        """Make a rule.

        Args:
            action: A dimensions.
            reach: most distance of each [its unit]; infinity: any.
            moves: the observation dimension of which each is the target; None: of none.
        """
        self._action = action
        self._capped = [
            (i, dim, most)
            for i, (dim, most) in enumerate(zip(moves, reach, strict=True))
            if dim is not None and most < math.inf
        ]

    def apply(
        self, command: ReceivedCommand | None, observation: Observation, now: float
    ) -> tuple[ReceivedCommand | None, str]:
        """See `SafetyRule.apply`."""
        if command is None or command.safe:
            return command, ""
        values = command.values.copy()
        for i, dim, most in self._capped:
            measured = observation.values[dim]
            values[i] = np.clip(values[i], measured - most, measured + most)
        return _changed(command, values, self._action, "target too far")


def _changed(
    command: ReceivedCommand, values: FloatArray, action: Space, what: str
) -> tuple[ReceivedCommand, str]:
    """Return a command with other values, and why."""
    different = values != command.values
    if not different.any():
        return command, ""
    names = ", ".join(np.array(action.names)[different])
    return replace(command, values=values), f"{what}: {names}"
