"""One log of several robots' transitions."""

from __future__ import annotations

from dataclasses import replace

from mbrl_ros.core.records import Transition

# Silence after which a robot has left, at least: [s], and in control periods.
_SILENCE, _PERIODS = 1.0, 3.0


class Fleet:
    """Puts the transitions of several robots into one log, a stretch of one robot after another.

    A learner keeps and holds out segments of consecutive rows, which rows in the order of arrival
    would hardly ever be. Stretches begin where its segments do, but where a robot has left.

    Attributes:
        patience: time between two calls of `left_over` [s].
    """

    def __init__(self, robots: int, stretch: int, period: float) -> None:
        """Wait for the first ones.

        Args:
            robots: their number.
            stretch: transitions that are passed together: several segments of the learner's, for
                what it had before or leaves out shifts where they begin.
            period: of a control step [s].
        """
        self._stretch = stretch
        self.patience = max(_SILENCE, _PERIODS * period)
        self._waiting: list[list[Transition]] = [[] for _ in range(robots)]
        self._heard: set[int] = set()
        self._passed = 0

    def add(self, robot: int, transition: Transition) -> list[Transition]:
        """Return the transitions that can be learned from now, in order.

        Args:
            robot: whose it is, from 0.
            transition: its next one. Its episode is renumbered, so that no two robots share one.
        """
        self._heard.add(robot)
        waiting = self._waiting[robot]
        episode = transition.episode * len(self._waiting) + robot
        waiting.append(replace(transition, episode=episode))
        missing = self._stretch - self._passed % self._stretch
        return self._pass_on(robot, missing) if len(waiting) >= missing else []

    def left_over(self) -> list[Transition]:
        """Return what waits of robots that have added nothing since the last call."""
        gone = [robot for robot in range(len(self._waiting)) if robot not in self._heard]
        self._heard.clear()
        return [each for robot in gone for each in self._pass_on(robot, self._stretch)]

    def _pass_on(self, robot: int, most: int) -> list[Transition]:
        waiting = self._waiting[robot]
        self._waiting[robot] = waiting[most:]
        passed = waiting[:most]
        self._passed += len(passed)
        return passed
