"""Sequences of goals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from mbrl_ros.core.numbers import shown
from mbrl_ros.core.spaces import FloatArray, Space


@dataclass(frozen=True)
class Waypoint:
    """One goal of a sequence.

    Attributes:
        goal: dimension to target.
        tolerance: dimension to the distance from its target that counts as reached [its unit].
        dwell: time to stay within tolerance [s].
        timeout: maximum time until then [s]; 0: unlimited.
    """

    goal: Mapping[str, float]
    tolerance: Mapping[str, float]
    dwell: float = 0.0
    timeout: float = 0.0


class Progress(Enum):
    """Progress of a sequence."""

    UNDER_WAY = "under way"
    DWELLING = "dwelling"
    REACHED = "reached"
    TIMED_OUT = "timed out"


class GoalSequence:
    """The state of a goal sequence.

    It ends when the last goal is reached or a goal times out; that goal stays active.

    Attributes:
        waypoints: all of them.
        index: of the present one.
        progress: towards it.
    """

    def __init__(self, waypoints: Sequence[Waypoint], observation: Space, index: int = 0) -> None:
        """Start with the first goal.

        Args:
            waypoints: at least one.
            observation: the space of observations.
            index: of the goal to start with instead.

        Raises:
            ValueError: naming the problem, if there is no goal, or a tolerance or time is not
                positive.
        """
        if not waypoints:
            raise ValueError("goal_sequence.goals: expected at least one, got none")
        for i, waypoint in enumerate(waypoints):
            _check(f"goal_sequence.goals[{i}]", waypoint, observation)
        self.waypoints = tuple(waypoints)
        self.index = index
        self.progress = Progress.UNDER_WAY
        self._observation = observation
        self._elapsed = self._stayed = 0.0

    @property
    def goal(self) -> Mapping[str, float]:
        """The active goal."""
        return self.waypoints[self.index].goal

    @property
    def over(self) -> bool:
        """Whether the sequence has ended."""
        return self.progress in (Progress.REACHED, Progress.TIMED_OUT)

    def observe(self, values: FloatArray, elapsed: float) -> bool:
        """Update with an observation.

        Args:
            values: the observation, shape ``(O,)``.
            elapsed: since the previous one [s].

        Returns:
            whether the active goal changed.
        """
        if self.over:
            return False
        waypoint = self.waypoints[self.index]
        self._elapsed += elapsed
        if self._within(waypoint, values):
            # The time before the first observation within tolerance does not count.
            self._stayed += elapsed if self.progress is Progress.DWELLING else 0.0
            self.progress = Progress.DWELLING
            if self._stayed >= waypoint.dwell:
                return self._next()
        else:
            self.progress, self._stayed = Progress.UNDER_WAY, 0.0
        if waypoint.timeout and self._elapsed >= waypoint.timeout:
            self.progress = Progress.TIMED_OUT
        return False

    def _within(self, waypoint: Waypoint, values: FloatArray) -> bool:
        if len(values) != self._observation.dim:
            return False
        for name, target in waypoint.goal.items():
            off = float(values[self._observation.index(name)]) - target
            if name in self._observation.angles:
                off = math.remainder(off, 2 * math.pi)
            # NaN is never within tolerance.
            if not abs(off) <= waypoint.tolerance[name]:
                return False
        return True

    def _next(self) -> bool:
        if self.index + 1 == len(self.waypoints):
            self.progress = Progress.REACHED
            return False
        self.index += 1
        self.progress = Progress.UNDER_WAY
        self._elapsed = self._stayed = 0.0
        return True


def _check(where: str, waypoint: Waypoint, observation: Space) -> None:
    if not waypoint.goal:
        raise ValueError(f"{where}.names: expected at least one dimension, got none")
    for name in waypoint.goal:
        observation.index(name)
        tolerance = waypoint.tolerance.get(name, math.nan)
        if not (math.isfinite(tolerance) and tolerance > 0.0):
            raise ValueError(
                f"{where}.tolerances: expected a number above 0 for '{name}', "
                f"got {shown(tolerance)}"
            )
    for field, value in (("dwell", waypoint.dwell), ("timeout", waypoint.timeout)):
        if not (math.isfinite(value) and value >= 0.0):
            raise ValueError(f"{where}.{field}: expected a number >= 0 [s], got {shown(value)}")
