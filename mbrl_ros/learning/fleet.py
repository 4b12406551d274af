"""One log of several robots' transitions."""

from __future__ import annotations

from dataclasses import replace

from mbrl_ros.core.records import Transition


class Fleet:
    """Puts the transitions of several robots into one log, a stretch of one robot after another.

    A learner's hold-out, history and losses over several steps need consecutive rows of one
    episode, which rows in the order of arrival would hardly ever be.
    """

    def __init__(self, robots: int, stretch: int) -> None:
        """Wait for the first ones.

        Args:
            robots: their number.
            stretch: transitions of a robot that are passed together; fewer where it ends an
                episode.
        """
        self._stretch = stretch
        self._waiting: list[list[Transition]] = [[] for _ in range(robots)]
        self._heard: set[int] = set()

    def add(self, robot: int, transition: Transition) -> list[Transition]:
        """Return the transitions that can be learned from now, in order.

        Args:
            robot: whose it is, from 0.
            transition: its next one. Its episode is renumbered, so that no two robots share one.
        """
        self._heard.add(robot)
        waiting = self._waiting[robot]
        robots = len(self._waiting)
        waiting.append(replace(transition, episode=transition.episode * robots + robot))
        over = transition.terminated or transition.truncated
        if not over and len(waiting) < self._stretch:
            return []
        self._waiting[robot] = []
        return waiting

    def left_over(self) -> list[Transition]:
        """Return what waits of robots that have added nothing since the last call."""
        gone = [robot for robot in range(len(self._waiting)) if robot not in self._heard]
        self._heard.clear()
        found = [transition for robot in gone for transition in self._waiting[robot]]
        for robot in gone:
            self._waiting[robot] = []
        return found
