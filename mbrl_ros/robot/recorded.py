"""A robot's own topics as they were recorded, paired by time into control steps."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from mbrl_ros.core.records import Observation
from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.robot.backwards import CommandReader
from mbrl_ros.robot.fields import FindClass
from mbrl_ros.robot.plant import RobotPlant
from mbrl_ros.robot.rhythm import Rhythm
from mbrl_ros.robot.settings import BridgeSettings

# Shares of a step that are missing from a sum of all.
_ROUNDING = 1e-6
# In a reason, what differs each time.
_HOW_LONG = re.compile(r" for [\d.]+ s$")


class RecordedRobot(RobotPlant):
    """The bridge's plant, of what was recorded while anyone commanded the robot.

    Each source counts with its newest message, unless that is older than its ``max_age``. In a step
    acts what was commanded in it on average, or in its middle where actions are choices; a command
    is in effect until the next one, for ``command_timeout`` at most. With ``applied``, the robot's
    own word counts instead. An action that is not known is NaN, of which no transition is made.

    Attributes:
        commands: names of the commands that are read.
        without: why steps have no observation, or commands are no actions; how often.
    """

    def __init__(self, task: TaskSettings, settings: BridgeSettings, find: FindClass) -> None:
        """Make a robot that was not heard yet; see `RobotPlant`.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        super().__init__(task, settings, find)
        self.without: Counter[str] = Counter()
        self._oldest = settings.oldest_command(task.period)
        told = bool(self.of_actions["applied"])
        self._reader = None if told else CommandReader(self.writers, self._action)
        self.commands = () if told else tuple(self.writers)
        # When each action came into effect.
        self._acting: deque[tuple[float, FloatArray]] = deque()
        self._step_began = -np.inf

    def hear_command(self, name: str, message: Any, now: float) -> None:
        """Take in a command that somebody sent; see `Listener.hear`."""
        assert self._reader is not None
        self._reader.hear(name, message)
        try:
            action = self._reader.read()
        except ValueError as error:
            self.without[str(error)] += 1
            action = np.full(self._action.dim, np.nan)
        self._acting.append((now, action))

    def observe(self, now: float, stamp: int) -> Observation | None:
        """Take a control step; None: there is no observation; see `tick`."""
        seen = self.tick(now, stamp).observation
        if seen is None:
            self.without[_HOW_LONG.sub("", self.problem)] += 1
        # Nobody knows how long it took to bring the robot back.
        self.restored()
        self._step_began = now
        while len(self._acting) > 1 and self._acting[1][0] <= now:
            self._acting.popleft()
        return seen

    def acted(self, now: float) -> FloatArray:
        """See `RobotPlant.acted`: what was commanded, or the robot's own word."""
        if self._reader is None:
            told = self._told(now)
            return np.full(self._action.dim, np.nan) if told is None else told
        begin, end = self._step_began, now
        if self._action.discrete:
            # Choices have no mean.
            begin = end = (begin + end) / 2
        mean, known = np.zeros(self._action.dim), 0.0
        ends = [*(start for start, _ in self._acting), np.inf][1:]
        for (start, action), over in zip(self._acting, ends, strict=True):
            first, last = max(start, begin), min(over, start + self._oldest, end)
            share = (last - first) / (end - begin) if end > begin else float(first <= end < over)
            if share > 0.0:
                mean += share * action
                known += share
        return mean if known > 1.0 - _ROUNDING else np.full(self._action.dim, np.nan)

    def check_begin(self, resting: FloatArray) -> None:
        """Let it begin wherever it is: nothing is sent."""

    def send(self, action: FloatArray, now: float) -> dict[str, Any]:
        """Send nothing; the action is in effect all the same."""
        self._in_effect = action
        return {}


def observations(
    robot: RecordedRobot, messages: Iterable[tuple[str, Any, int]], leader: str
) -> Iterator[Observation]:
    """Yield what the bridge would have observed.

    Args:
        robot: new.
        messages: name of the source or command, message, and time since 1970 [ns], in order.
        leader: the source or command whose messages steps begin with; see `Rhythm`.
    """
    start: int | None = None
    now, rhythm = 0.0, Rhythm(robot.period, np.inf)
    begun = False

    def due(until: float) -> Iterator[Observation]:
        """Take the steps that begin by then."""
        nonlocal now
        while True:
            left, followed = rhythm.left(now)
            if now + left > until:
                now = until
                return
            now += max(0.0, left)
            if left <= 0.0:
                seen = robot.observe(now, (start or 0) + round(1e9 * now))
                rhythm.stepped(now, followed, now)
                if seen is not None:
                    yield seen

    for name, message, time in messages:
        start = time if start is None else start
        heard = max(now, 1e-9 * (time - start))
        yield from due(heard)
        if name == leader:
            if not begun:
                begun = True
                rhythm.begin(heard - robot.period)
            rhythm.hear(heard)
        if name in robot.commands:
            # It acts in the step that begins with it.
            yield from due(heard)
            robot.hear_command(name, message, heard)
        else:
            robot.hear(name, message, heard)
            yield from due(heard)
